//! The user's data, read into encoded requests: JSON by the method's schema, or bytes as they are.

use serde_json::value::RawValue;

use crate::{
    rpc::schema::Types,
    units::{grouped, named},
};

/// Format of the user's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DataFormat {
    /// One JSON object, several in a row (NDJSON), or an array of them.
    #[default]
    Json,
    /// One encoded message.
    Binary,
    /// Encoded messages, each behind its length as a varint.
    Delimited,
}

named!(DataFormat, "format of data", {
    Json => "json": "JSON objects: one, several in a row, or an array",
    Binary => "binary": "One encoded message",
    Delimited => "delimited": "Encoded messages, each behind its length as a varint",
});

/// Error of data that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// JSON needs a schema.
    #[error(
        "JSON needs the method's schema; give --proto or --protoset, or encoded messages with --data-binary"
    )]
    NoSchema,
    /// JSON must be UTF-8.
    #[error("{name} is not UTF-8: its first wrong byte is number {offset}, counted from 0; JSON is UTF-8")]
    NotUtf8 {
        /// The data's name.
        name: String,
        /// Offset of the first wrong byte.
        offset: usize,
    },
    /// There is no message.
    #[error("{0} has no message; give at least one (in JSON, `{{}}` is the empty message)")]
    Empty(String),
    /// A message cannot be read.
    #[error("message {number} of {name} (line {line}, column {column}): {what}")]
    Message {
        /// Number of the message, from 1.
        number: String,
        /// The data's name.
        name: String,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
        /// The fault.
        what: String,
    },
    /// A length of delimited messages is wrong.
    #[error(
        "message {number} of {name} (byte {offset}): {what}; in this format a varint with its length stands before each message"
    )]
    Delimiter {
        /// Number of the message, from 1.
        number: String,
        /// The data's name.
        name: String,
        /// Offset of the message in the data, from 0.
        offset: usize,
        /// The fault.
        what: &'static str,
    },
}

/// Reads encoded requests from the user's data. `name` names the data in errors.
///
/// # Errors
/// Fails for the first message that cannot be read, and if there is none.
pub fn requests_of(
    data: &[u8],
    name: &str,
    format: DataFormat,
    types: Option<&Types>,
    allows_unknown: bool,
) -> Result<Vec<Vec<u8>>, DataError> {
    match format {
        DataFormat::Binary => Ok(vec![data.to_vec()]),
        DataFormat::Delimited => delimited(data, name),
        DataFormat::Json => {
            let text = std::str::from_utf8(data)
                .map_err(|error| DataError::NotUtf8 { name: name.to_owned(), offset: error.valid_up_to() })?;
            // Some editors put a mark before the text.
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            json(text, name, types.ok_or(DataError::NoSchema)?, allows_unknown)
        }
    }
}

fn delimited(data: &[u8], name: &str) -> Result<Vec<Vec<u8>>, DataError> {
    let mut requests = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let offset = data.len() - rest.len();
        let wrong = |what| DataError::Delimiter {
            number: grouped(requests.len() as u64 + 1),
            name: name.to_owned(),
            offset,
            what,
        };
        let length =
            prost::encoding::decode_varint(&mut rest).map_err(|_| wrong("its length is no varint"))?;
        let length = usize::try_from(length).ok().filter(|length| *length <= rest.len());
        let (message, behind) = rest.split_at(length.ok_or_else(|| wrong("the data ends within it"))?);
        requests.push(message.to_vec());
        rest = behind;
    }
    if requests.is_empty() { Err(DataError::Empty(name.to_owned())) } else { Ok(requests) }
}

fn json(text: &str, name: &str, types: &Types, allows_unknown: bool) -> Result<Vec<Vec<u8>>, DataError> {
    let values = values(text).map_err(|(number, offset, error)| {
        let (line, column) = position(text, offset, error.line(), error.column());
        let said = error.to_string();
        let what = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said).to_owned();
        DataError::Message { number: grouped(number), name: name.to_owned(), line, column, what }
    })?;
    if values.is_empty() {
        return Err(DataError::Empty(name.to_owned()));
    }
    let encode = |(index, value): (usize, &&str)| {
        types.request_of_json(value, allows_unknown).map_err(|error| {
            let offset = value.as_ptr() as usize - text.as_ptr() as usize;
            let (line, column) = position(text, offset, error.line, error.column);
            let number = grouped(index as u64 + 1);
            DataError::Message { number, name: name.to_owned(), line, column, what: error.what }
        })
    };
    values.iter().enumerate().map(encode).collect()
}

/// Splits the text into JSON values. The error has the number of the value and the offset that its position
/// counts from.
fn values(text: &str) -> Result<Vec<&str>, (u64, usize, serde_json::Error)> {
    if text.trim_start().starts_with('[') {
        let values: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| (1, 0, error))?;
        return Ok(values.into_iter().map(RawValue::get).collect());
    }
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        values.push(value.map_err(|error| (values.len() as u64 + 1, 0, error))?.get());
    }
    Ok(values)
}

/// Converts a position in the text from `offset` on to a position in the whole text.
fn position(text: &str, offset: usize, line: usize, column: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or_default();
    let lines = before.matches('\n').count();
    let in_line = before.rsplit('\n').next().map_or(0, str::len);
    (lines + line.max(1), if line <= 1 { in_line + column.max(1) } else { column })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_alone_in_a_row_in_lines_or_in_an_array() {
        for text in ["{\"a\":1}{\"b\":2}", "{\"a\":1}\n{\"b\":2}\n", " [{\"a\":1}, {\"b\":2}]"] {
            assert_eq!(values(text).expect(text), ["{\"a\":1}", "{\"b\":2}"]);
        }
        assert!(values("").expect("no value").is_empty());
        let (number, _, error) = values("{}\n{\"a\" 1}").expect_err("a colon is missing");
        assert_eq!((number, error.line()), (2, 2));
    }

    #[test]
    fn delimited_messages_need_true_lengths() {
        assert_eq!(delimited(b"\x02ab\x00\x01c", "x"), Ok(vec![b"ab".to_vec(), vec![], b"c".to_vec()]));
        for (data, words) in [
            (b"\x02ab\x09c".as_slice(), "message 2 of x (byte 3): the data ends within it"),
            (b"\xff", "no varint"),
            (b"", "has no message"),
        ] {
            let error = delimited(data, "x").expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn positions_count_from_the_whole_text() {
        assert_eq!(position("{}\n{\"x\":1}", 3, 1, 5), (2, 5));
        assert_eq!(position("[{}, {\"x\":1}]", 5, 1, 5), (1, 10));
        assert_eq!(position("{}\n{\n\"x\":1}", 3, 2, 3), (3, 3));
    }
}
