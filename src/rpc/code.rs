//! gRPC status codes.

use std::fmt;

/// A gRPC status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(i32);

/// Names of the codes, in the order of their numbers.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl Code {
    /// Code 1: the call was cancelled, usually by the caller.
    pub const CANCELLED: Self = Self(1);
    /// Code 2: the cause is unknown.
    pub const UNKNOWN: Self = Self(2);
    /// Code 4: the deadline passed before the call ended.
    pub const DEADLINE_EXCEEDED: Self = Self(4);
    /// Code 7: the caller has no permission for this call.
    pub const PERMISSION_DENIED: Self = Self(7);
    /// Code 8: a resource is exhausted. Most implementations refuse messages over a size limit with this
    /// code.
    pub const RESOURCE_EXHAUSTED: Self = Self(8);
    /// Code 11: a value is out of range. Tonic refuses messages over a size limit with this code.
    pub const OUT_OF_RANGE: Self = Self(11);
    /// Code 12: the server does not implement the method.
    pub const UNIMPLEMENTED: Self = Self(12);
    /// Code 13: an internal error.
    pub const INTERNAL: Self = Self(13);
    /// Code 14: the service is unavailable.
    pub const UNAVAILABLE: Self = Self(14);
    /// Code 16: the call has no valid credentials.
    pub const UNAUTHENTICATED: Self = Self(16);

    /// Returns the code with this number, or `UNKNOWN` if gRPC defines none.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        if (0..=16).contains(&number) { Self(number) } else { Self::UNKNOWN }
    }

    /// Returns the code with this name, in the specification's spelling.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        (0..=16).map(Self).find(|code| code.name() == name)
    }

    /// The code's number, from 0 to 16.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }

    /// The code's name, in the specification's spelling.
    #[must_use]
    pub fn name(self) -> &'static str {
        usize::try_from(self.0).ok().and_then(|number| NAMES.get(number)).unwrap_or(&"UNKNOWN")
    }
}

/// Formats a status for display, such as `UNAVAILABLE: closed`; without the colon if the message is empty.
#[must_use]
pub fn status_words(status: impl fmt::Display, message: &str) -> String {
    if message.is_empty() { status.to_string() } else { format!("{status}: {message}") }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
