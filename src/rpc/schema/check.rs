//! Checks of single values of a reply: `header.revision > 0`, `content == request.content`.

use std::{cmp::Ordering, fmt};

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value};

use super::json;
use crate::units::nearest;

/// Most steps of a path.
pub(crate) const MOST_STEPS: usize = 8;

/// A check of one value of a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The check as written.
    text: String,
    pub(crate) path: Path,
    operator: Operator,
    right: Right,
}

/// Place of a value in a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    pub(crate) steps: Vec<Step>,
    pub(crate) reads: Reads,
}

/// A field on the way to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) number: u32,
    /// Index of one value of a repeated field, from 0.
    pub(crate) index: Option<u32>,
}

/// The value at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// The number of values of a repeated field.
    Length,
    /// A signed integer or an enum's number.
    Signed,
    /// A signed integer in zigzag encoding.
    Zigzag,
    /// An unsigned integer.
    Unsigned,
    /// True or false.
    Bool,
    /// Four bytes: a signed integer.
    Signed32,
    /// Eight bytes: a signed integer.
    Signed64,
    /// Four bytes: a float.
    Float,
    /// Eight bytes: a double.
    Double,
    /// A string or bytes.
    Bytes,
}

/// A value that can be compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Integer(i128),
    Float(f64),
    Bool(bool),
    Bytes(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    AtMost,
    AtLeast,
    Less,
    Greater,
}

/// Two-character operators come first: they begin with the others.
const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// The right side of a check.
#[derive(Debug, Clone, PartialEq)]
enum Right {
    Constant(Scalar),
    /// A value of the request.
    Request(String),
}

/// Error of a check that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the check `{text}`: {why}")]
pub struct CheckError {
    text: String,
    why: String,
}

impl Check {
    /// Reads `PATH OP VALUE` for a reply of this type. A value of the request is `request.PATH`.
    pub(super) fn parse(
        text: &str,
        request: &MessageDescriptor,
        reply: &MessageDescriptor,
    ) -> Result<Self, CheckError> {
        let error = |why: String| CheckError { text: text.to_owned(), why };
        let form = || {
            "write PATH OP VALUE, such as `header.revision > 0` or `content == request.content`; OP is ==, !=, <, <=, > or >="
                .to_owned()
        };
        let (at, (sign, operator)) = (0..text.len())
            .filter(|at| text.is_char_boundary(*at))
            .find_map(|at| Some((at, *OPERATORS.iter().find(|(sign, _)| text[at..].starts_with(sign))?)))
            .ok_or_else(|| error(form()))?;
        let (left, right) = (text[..at].trim(), text[at + sign.len()..].trim());
        if left.is_empty() || right.is_empty() {
            return Err(error(form()));
        }
        let (path, last) = resolved(left, reply).map_err(error)?;
        let right = if let Some(path_of_request) = right.strip_prefix("request.") {
            let (of_request, _) = resolved(path_of_request, request).map_err(error)?;
            if of_request.reads.family() != path.reads.family() {
                return Err(error(format!("{left} and {right} are values of different kinds")));
            }
            Right::Request(path_of_request.to_owned())
        } else {
            Right::Constant(constant(right, path.reads, &last).map_err(error)?)
        };
        let is_ordered = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if is_ordered && path.reads == Reads::Bool {
            return Err(error("true and false have no order; use == or !=".to_owned()));
        }
        Ok(Self { text: text.to_owned(), path, operator, right })
    }

    /// Returns the value to compare with, for this request.
    pub(super) fn expected(&self, request: &DynamicMessage) -> Scalar {
        match &self.right {
            Right::Constant(scalar) => scalar.clone(),
            Right::Request(path) => value_of(request, path).unwrap_or(Scalar::Integer(0)),
        }
    }

    /// Returns true if a value of the reply passes whose order to the expected one is this; `None` for values that
    /// have no order.
    pub(crate) fn passes(&self, order: Option<Ordering>) -> bool {
        match self.operator {
            Operator::Equal => order == Some(Ordering::Equal),
            Operator::NotEqual => order != Some(Ordering::Equal),
            Operator::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Operator::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            Operator::Less => order == Some(Ordering::Less),
            Operator::Greater => order == Some(Ordering::Greater),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Kinds of values that can be compared with each other.
#[derive(Debug, PartialEq, Eq)]
enum Family {
    Number,
    Bool,
    Bytes,
}

impl Reads {
    fn family(self) -> Family {
        match self {
            Self::Bool => Family::Bool,
            Self::Bytes => Family::Bytes,
            _ => Family::Number,
        }
    }

    /// Value of a field that is absent.
    pub(crate) fn default_value(self) -> Scalar {
        match self {
            Self::Bool => Scalar::Bool(false),
            Self::Bytes => Scalar::Bytes(Vec::new()),
            Self::Float | Self::Double => Scalar::Float(0.0),
            _ => Scalar::Integer(0),
        }
    }

    /// Value of a number on the wire.
    #[expect(
        clippy::cast_possible_wrap,
        clippy::cast_possible_truncation,
        reason = "the encoding's own form"
    )]
    pub(crate) fn value_of(self, raw: u64) -> Scalar {
        match self {
            Self::Bool => Scalar::Bool(raw != 0),
            Self::Signed | Self::Signed64 => Scalar::Integer(i128::from(raw as i64)),
            Self::Signed32 => Scalar::Integer(i128::from(raw as u32 as i32)),
            Self::Zigzag => {
                let value = (raw >> 1) as i64 ^ -((raw & 1) as i64);
                Scalar::Integer(i128::from(value))
            }
            Self::Float => Scalar::Float(f64::from(f32::from_bits(raw as u32))),
            Self::Double => Scalar::Float(f64::from_bits(raw)),
            Self::Unsigned | Self::Length | Self::Bytes => Scalar::Integer(i128::from(raw)),
        }
    }
}

impl Scalar {
    #[expect(clippy::cast_precision_loss, reason = "a float is compared as a float")]
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => Some(left.cmp(right)),
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(right),
            (Self::Integer(left), Self::Float(right)) => (*left as f64).partial_cmp(right),
            (Self::Float(left), Self::Integer(right)) => left.partial_cmp(&(*right as f64)),
            (Self::Bool(left), Self::Bool(right)) => Some(left.cmp(right)),
            (Self::Bytes(left), Self::Bytes(right)) => Some(left.cmp(right)),
            _ => None,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::Float(number) => write!(formatter, "{number}"),
            Self::Bool(is_true) => write!(formatter, "{is_true}"),
            Self::Bytes(bytes) => write!(formatter, "\"{}\"", String::from_utf8_lossy(bytes)),
        }
    }
}

/// Resolves a path such as `kvs[0].key` or `kvs.len` in this type. Also returns the last field.
fn resolved(path: &str, of_type: &MessageDescriptor) -> Result<(Path, FieldDescriptor), String> {
    let words: Vec<&str> = path.split('.').collect();
    let mut of_type = of_type.clone();
    let mut steps = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let is_last = place + 1 == words.len();
        let (name, index) = match word.split_once('[') {
            None => (*word, None),
            Some((name, index)) => {
                let index = index.strip_suffix(']').and_then(|index| index.parse::<u32>().ok());
                (name, Some(index.ok_or_else(|| format!("`{word}` has no whole number between [ and ]"))?))
            }
        };
        let field = of_type.get_field_by_name(name).or_else(|| of_type.get_field_by_json_name(name));
        let field = field.ok_or_else(|| {
            let known: Vec<FieldDescriptor> = of_type.fields().collect();
            let near = nearest(name, known.iter().map(FieldDescriptor::name));
            let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            format!("{} has no field {name}{near}", of_type.full_name())
        })?;
        if steps.len() == MOST_STEPS {
            return Err(format!("{path} has more than {MOST_STEPS} steps"));
        }
        steps.push(Step { number: field.number(), index });
        let is_length = words.get(place + 1) == Some(&"len") && place + 2 == words.len() && field.is_list();
        if is_length && index.is_none() {
            return Ok((Path { steps, reads: Reads::Length }, field));
        }
        if field.is_map() {
            return Err(format!("{name} is a map, which has no order; its values cannot be checked"));
        }
        if field.is_list() != index.is_some() {
            return Err(if field.is_list() {
                format!("{name} is repeated; write {name}[0] or {name}.len")
            } else {
                format!("{name} is not repeated; leave out the brackets")
            });
        }
        match (field.kind(), is_last) {
            (Kind::Message(inner), false) => of_type = inner,
            (Kind::Message(_), true) => return Err(format!("{name} is a message; name one of its fields")),
            (_, false) => return Err(format!("{name} is no message and has no fields")),
            (kind, true) => {
                let reads = reads(&kind);
                if index.is_some() && reads != Reads::Bytes {
                    return Err(format!("{name} is a list of numbers; only {name}.len can be checked"));
                }
                return Ok((Path { steps, reads }, field));
            }
        }
    }
    Err(format!("{path} is no path"))
}

fn reads(kind: &Kind) -> Reads {
    match kind {
        Kind::Int32 | Kind::Int64 | Kind::Enum(_) => Reads::Signed,
        Kind::Sint32 | Kind::Sint64 => Reads::Zigzag,
        Kind::Sfixed32 => Reads::Signed32,
        Kind::Sfixed64 => Reads::Signed64,
        Kind::Uint32 | Kind::Uint64 | Kind::Fixed32 | Kind::Fixed64 => Reads::Unsigned,
        Kind::Bool => Reads::Bool,
        Kind::Float => Reads::Float,
        Kind::Double => Reads::Double,
        Kind::String | Kind::Bytes | Kind::Message(_) => Reads::Bytes,
    }
}

/// Reads a constant as JSON would write it for this field; quotes around a word may be left out.
fn constant(text: &str, reads: Reads, field: &FieldDescriptor) -> Result<Scalar, String> {
    if reads == Reads::Length {
        return text.parse().map(Scalar::Integer).map_err(|_| format!("`{text}` is no whole number"));
    }
    let is_word =
        !text.starts_with('"') && matches!(field.kind(), Kind::String | Kind::Bytes | Kind::Enum(_));
    let is_number = text.parse::<i64>().is_ok() && matches!(field.kind(), Kind::Enum(_));
    let value =
        if is_word && !is_number { serde_json::Value::from(text).to_string() } else { text.to_owned() };
    let value = if field.is_list() { format!("[{value}]") } else { value };
    let json = format!("{{\"{}\":{value}}}", field.name());
    let message = json::parse(field.parent_message(), &json, false)
        .map_err(|error| format!("`{text}` is no value of {}: {}", field.name(), error.what))?;
    let value = message.get_field(field).into_owned();
    let value = value.as_list().and_then(<[Value]>::first).cloned().unwrap_or(value);
    Ok(scalar(&value))
}

fn scalar(value: &Value) -> Scalar {
    match value {
        Value::Bool(value) => Scalar::Bool(*value),
        Value::I32(value) | Value::EnumNumber(value) => Scalar::Integer(i128::from(*value)),
        Value::I64(value) => Scalar::Integer(i128::from(*value)),
        Value::U32(value) => Scalar::Integer(i128::from(*value)),
        Value::U64(value) => Scalar::Integer(i128::from(*value)),
        Value::F32(value) => Scalar::Float(f64::from(*value)),
        Value::F64(value) => Scalar::Float(*value),
        Value::String(text) => Scalar::Bytes(text.clone().into_bytes()),
        Value::Bytes(bytes) => Scalar::Bytes(bytes.to_vec()),
        Value::Message(_) | Value::List(_) | Value::Map(_) => Scalar::Integer(0),
    }
}

/// Returns the value at a resolved path of a message; the default of its type where it is absent.
fn value_of(message: &DynamicMessage, path: &str) -> Option<Scalar> {
    let mut message = message.clone();
    let mut words = path.split('.').peekable();
    while let Some(word) = words.next() {
        let (name, index) = word.split_once('[').map_or((word, None), |(name, rest)| {
            (name, rest.strip_suffix(']').and_then(|index| index.parse::<usize>().ok()))
        });
        let of_type = message.descriptor();
        let field = of_type.get_field_by_name(name).or_else(|| of_type.get_field_by_json_name(name))?;
        let value = message.get_field(&field).into_owned();
        if words.peek() == Some(&"len") && field.is_list() && index.is_none() {
            return Some(Scalar::Integer(value.as_list().map_or(0, <[Value]>::len) as i128));
        }
        let value = match (index, value.as_list()) {
            (Some(index), Some(values)) => {
                values.get(index).cloned().unwrap_or_else(|| Value::default_value(&field.kind()))
            }
            _ => value,
        };
        match value {
            Value::Message(inner) => message = inner,
            value => return Some(scalar(&value)),
        }
    }
    None
}
