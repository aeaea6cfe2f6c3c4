//! Types of a method's request and reply.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, OnceLock},
};

use prost_reflect::{DynamicMessage, MessageDescriptor};

use super::{
    check::{Check, CheckError, Scalar},
    encode::{encode, has_maps},
    json::{self, JsonError},
    skeleton, tables,
};
use crate::rpc::{outcome::Difference, shape::Shape};

/// Types of a method's request and reply.
#[derive(Clone)]
pub struct Types {
    request: MessageDescriptor,
    reply: MessageDescriptor,
    /// Full names of fields without presence, in files in editions.
    implicit: Arc<HashSet<String>>,
    has_maps: bool,
    shape: OnceLock<Arc<Shape>>,
}

impl Types {
    pub(super) fn new(
        request: MessageDescriptor,
        reply: MessageDescriptor,
        implicit: Arc<HashSet<String>>,
    ) -> Self {
        let has_maps = has_maps(&request);
        Self { request, reply, implicit, has_maps, shape: OnceLock::new() }
    }

    /// Full name of the request's type.
    #[must_use]
    pub fn request_name(&self) -> &str {
        self.request.full_name()
    }

    /// Full name of the reply's type.
    #[must_use]
    pub fn reply_name(&self) -> &str {
        self.reply.full_name()
    }

    /// Tables of the reply's type, for its check.
    #[must_use]
    pub fn reply_shape(&self) -> Arc<Shape> {
        Arc::clone(self.shape.get_or_init(|| Arc::new(tables::shape_of(&self.reply))))
    }

    /// Encodes a request that is written as JSON.
    ///
    /// # Errors
    /// Fails if the text is no JSON, or no message of this type. Fields that the type does not have are a
    /// fault, unless `allows_unknown` is set.
    pub fn request_of_json(&self, text: &str, allows_unknown: bool) -> Result<Vec<u8>, JsonError> {
        let mut message = json::parse(&self.request, text, allows_unknown)?;
        Ok(encode(&mut message, &self.implicit, self.has_maps))
    }

    /// Writes an encoded reply as JSON. With `emits_defaults`, fields that hold their default are written too.
    ///
    /// # Errors
    /// Fails if the bytes are no message of the reply's type, or hold a value that JSON cannot express.
    pub fn json_of_reply(&self, bytes: &[u8], emits_defaults: bool) -> Result<String, String> {
        let message = DynamicMessage::decode(self.reply.clone(), bytes).map_err(|error| error.to_string())?;
        json::written(&message, emits_defaults).map_err(|error| error.to_string())
    }

    /// Encodes a reply that is written as JSON.
    ///
    /// # Errors
    /// Fails if the text is no JSON, or no message of the reply's type.
    pub fn reply_of_json(&self, text: &str) -> Result<Vec<u8>, JsonError> {
        let mut message = json::parse(&self.reply, text, false)?;
        Ok(encode(&mut message, &self.implicit, has_maps(&self.reply)))
    }

    /// Returns the first difference between two encoded replies as JSON; `None` if they are the same message.
    pub(crate) fn difference(&self, expected: &[u8], got: &[u8]) -> Option<Difference> {
        let decoded = |bytes: &[u8]| DynamicMessage::decode(self.reply.clone(), bytes).ok();
        let (left, right) = (decoded(expected), decoded(got));
        if left.is_some() && left == right {
            return None;
        }
        let shown = |message: &Option<DynamicMessage>, bytes: &[u8]| {
            let json = message.as_ref().and_then(|message| json::written(message, false).ok());
            json.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
        };
        let in_bytes = Difference::of_bytes(expected, got)?;
        let in_json = Difference::between(&shown(&left, expected), &shown(&right, got));
        // The contents as JSON, the sizes as they were sent.
        Some(match in_json {
            Some(Difference { expected, got, .. }) => Difference { expected, got, ..in_bytes },
            None => in_bytes,
        })
    }

    /// Reads a check of replies: `PATH OP VALUE`. A value of the request is `request.PATH`.
    ///
    /// # Errors
    /// Fails if a path does not lead to a value, or if the values cannot be compared.
    pub fn check(&self, text: &str) -> Result<Check, CheckError> {
        Check::parse(text, &self.request, &self.reply)
    }

    /// Returns the values that these checks expect of the reply to an encoded request.
    pub(crate) fn expected_values(&self, checks: &[Check], request: &[u8]) -> Vec<Scalar> {
        let request = DynamicMessage::decode(self.request.clone(), request);
        let request = request.unwrap_or_else(|_| DynamicMessage::new(self.request.clone()));
        checks.iter().map(|check| check.expected(&request)).collect()
    }

    /// Returns true if the bytes decode as a reply.
    #[must_use]
    pub fn is_reply(&self, bytes: &[u8]) -> bool {
        DynamicMessage::decode(self.reply.clone(), bytes).is_ok()
    }

    /// A request with every field, as JSON to start from.
    #[must_use]
    pub fn request_skeleton(&self) -> serde_json::Value {
        skeleton::skeleton(&self.request)
    }

    /// Paths of the request's fields that can make it larger: strings and bytes.
    #[must_use]
    pub fn growable_fields(&self) -> Vec<String> {
        skeleton::growable(&self.request)
    }
}

impl PartialEq for Types {
    fn eq(&self, other: &Self) -> bool {
        self.request_name() == other.request_name() && self.reply_name() == other.reply_name()
    }
}

impl fmt::Debug for Types {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} -> {}", self.request_name(), self.reply_name())
    }
}
