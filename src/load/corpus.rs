//! Requests from the user's data: encoded, with their origin and the condition that their replies must meet.

use std::{fmt, path::PathBuf, sync::Arc};

use prost::bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::payload_error::{LARGEST_MIX, MOST_MESSAGES, PayloadError};
use crate::{
    rpc::{Expectation, ExpectedReply, FirstReply, LARGEST_MESSAGE, Method, schema::Check},
    units::{hexadecimal, named},
};

/// Longest inline data that a result keeps, in bytes.
const KEPT_BYTES: usize = 4 << 10;

/// Requests to send, in the order of the user's data.
#[derive(Clone, PartialEq)]
pub struct Corpus {
    requests: Arc<[Bytes]>,
    origin: DataOrigin,
    pick: Pick,
    expect: Expect,
    /// The expected reply, encoded.
    reply: Option<Bytes>,
    /// Checks of values of the reply.
    checks: Arc<[Check]>,
}

/// Choice of the message for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Pick {
    /// In the order of the data, over all workers; after the last message, the first one again.
    #[default]
    Cycle,
    /// At random; the seed and the number of the call decide.
    Random,
}

named!(Pick, "choice of messages", {
    Cycle => "cycle": "In the order of the data, then again from the first",
    Random => "random": "At random, repeatable by --seed",
});

/// Condition that makes the reply of another method verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expect {
    /// The expected text, upper-cased: the built-in method.
    Upper,
    /// One message, as long as its prefix says.
    Ok,
    /// One message that decodes as the reply's type.
    Decodes,
    /// One message that equals the first reply to the same message.
    Same,
    /// One message that equals a given one.
    Message,
    /// One message that decodes as the reply's type, and passes checks of its values.
    Checks,
}

named!(Expect, "check of replies", {
    Upper => "upper": "The request's text in upper case (DoFormat)",
    Ok => "ok": "One message with the status OK; the contents are not read",
    Decodes => "decodes": "One message that decodes as the method's reply type",
    Same => "same": "The first reply to the same message",
    Message => "message": "A given message",
    Checks => "checks": "A message that passes checks of its values",
});

/// Origin of the user's data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataOrigin {
    /// No data was given: one empty message.
    Empty,
    /// Given on the command line; empty if a result must not have it.
    Inline(String),
    /// Read from this file.
    File(PathBuf),
    /// Read from standard input.
    Stdin,
}

/// Data of a run, as documents describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedData {
    /// Origin of the data: `empty`, `inline`, `file` or `stdin`.
    pub source: String,
    /// The file; absent for other origins.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    /// Inline data, up to 4 KiB, unless it was left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub inline: Option<String>,
    /// Number of messages.
    pub messages: u64,
    /// Choice of the message for a call.
    pub pick: Pick,
    /// Message bytes of the smallest message.
    pub smallest_bytes: u64,
    /// Message bytes of the largest message.
    pub largest_bytes: u64,
    /// SHA-256 of all messages, each behind its length as 8 bytes, big-endian.
    pub sha256: String,
    /// Checks of values of the reply, as written.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub checks: Vec<String>,
    /// SHA-256 of the expected reply; absent if none was given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected_reply_sha256: Option<String>,
}

impl Corpus {
    /// Makes a corpus of these encoded requests.
    ///
    /// # Errors
    /// Fails if there is no request, if there are more than a million, or if they are too large.
    pub fn new(
        requests: Vec<Vec<u8>>,
        origin: DataOrigin,
        pick: Pick,
        expect: Expect,
    ) -> Result<Self, PayloadError> {
        if requests.is_empty() {
            return Err(PayloadError::NoMessages);
        }
        if requests.len() > MOST_MESSAGES {
            return Err(PayloadError::TooMany(requests.len() as u64));
        }
        let largest = requests.iter().map(Vec::len).max().unwrap_or(0) as u64;
        if largest > LARGEST_MESSAGE {
            return Err(PayloadError::TooLarge(largest));
        }
        let total = requests.iter().map(|request| request.len() as u64).sum();
        if total > LARGEST_MIX {
            return Err(PayloadError::MixTooLarge(total));
        }
        let requests = requests.into_iter().map(|request| Bytes::from(request.into_boxed_slice())).collect();
        Ok(Self { requests, origin, pick, expect, reply: None, checks: [].into() })
    }

    /// Expects replies that decode and pass these checks.
    #[must_use]
    pub fn checking(self, checks: Vec<Check>) -> Self {
        Self { expect: Expect::Checks, checks: checks.into(), ..self }
    }

    /// Checks of values of the reply.
    pub(super) fn checks(&self) -> &Arc<[Check]> {
        &self.checks
    }

    /// Expects this encoded reply to each message.
    #[must_use]
    pub fn expecting(self, reply: Vec<u8>) -> Self {
        Self { expect: Expect::Message, reply: Some(reply.into()), ..self }
    }

    /// The encoded requests.
    #[must_use]
    pub fn requests(&self) -> &Arc<[Bytes]> {
        &self.requests
    }

    /// Choice of the message for a call.
    #[must_use]
    pub fn pick(&self) -> Pick {
        self.pick
    }

    /// Condition that makes a reply verified.
    #[must_use]
    pub fn expect(&self) -> Expect {
        self.expect
    }

    /// Returns the condition for replies of this method; `None` if it cannot be checked for this method.
    pub(super) fn expectation(&self, method: &Method) -> Option<Expectation> {
        let types = || method.shared_types().cloned();
        match self.expect {
            Expect::Upper => None,
            Expect::Ok => Some(Expectation::Any),
            Expect::Decodes => Some(Expectation::Decodes(method.types()?.reply_shape())),
            // Made for each message: the request may be a part of the check.
            Expect::Checks => method.types().map(|_| Expectation::Any),
            Expect::Same => Some(Expectation::Same(Arc::new(FirstReply::new(types())))),
            Expect::Message => {
                Some(Expectation::Equal(Arc::new(ExpectedReply::new(self.reply.clone()?, types()))))
            }
        }
    }

    /// Describes the data for a document.
    pub(super) fn document(&self) -> PlannedData {
        let mut hash = Sha256::new();
        for request in self.requests.iter() {
            hash.update((request.len() as u64).to_be_bytes());
            hash.update(request);
        }
        let sha256 = hexadecimal(&hash.finalize());
        let expected_reply_sha256 = self.reply.as_ref().map(|reply| hexadecimal(&Sha256::digest(reply)));
        let (source, file, inline) = match &self.origin {
            DataOrigin::Empty => ("empty", None, None),
            DataOrigin::Inline(text) => {
                let is_kept = |text: &String| (1..=KEPT_BYTES).contains(&text.len());
                ("inline", None, Some(text.clone()).filter(is_kept))
            }
            DataOrigin::File(path) => ("file", Some(path.to_string_lossy().into_owned()), None),
            DataOrigin::Stdin => ("stdin", None, None),
        };
        let sizes = || self.requests.iter().map(|request| request.len() as u64);
        PlannedData {
            source: source.to_owned(),
            file,
            inline,
            messages: self.requests.len() as u64,
            pick: self.pick,
            smallest_bytes: sizes().min().unwrap_or(0),
            largest_bytes: sizes().max().unwrap_or(0),
            sha256,
            checks: self.checks.iter().map(ToString::to_string).collect(),
            expected_reply_sha256,
        }
    }
}

impl fmt::Debug for Corpus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Corpus of {} messages", self.requests.len())
    }
}
