//! gRPC status codes.

use std::fmt;

/// A gRPC status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(i32);

/// The names of the codes, in the order of their numbers.
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
    /// 1: cancelled, mostly by the caller.
    pub const CANCELLED: Self = Self(1);
    /// 2: unknown.
    pub const UNKNOWN: Self = Self(2);
    /// 4: the deadline passed.
    pub const DEADLINE_EXCEEDED: Self = Self(4);
    /// 7: the caller may not do this.
    pub const PERMISSION_DENIED: Self = Self(7);
    /// 8: a resource is used up; the code that most implementations refuse messages with.
    pub const RESOURCE_EXHAUSTED: Self = Self(8);
    /// 11: out of range; the code that tonic refuses messages with.
    pub const OUT_OF_RANGE: Self = Self(11);
    /// 12: there is no such method.
    pub const UNIMPLEMENTED: Self = Self(12);
    /// 13: something is broken inside.
    pub const INTERNAL: Self = Self(13);
    /// 14: unavailable.
    pub const UNAVAILABLE: Self = Self(14);
    /// 16: the caller did not say who it is.
    pub const UNAUTHENTICATED: Self = Self(16);

    /// The code of this number; `UNKNOWN` where gRPC has none.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        if (0..=16).contains(&number) { Self(number) } else { Self::UNKNOWN }
    }

    /// The code of this name, as the specification writes it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        (0..=16).map(Self).find(|code| code.name() == name)
    }

    /// The code's number, from 0 to 16.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }

    /// The code's name, as the specification writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        usize::try_from(self.0).ok().and_then(|number| NAMES.get(number)).unwrap_or(&"UNKNOWN")
    }
}

/// A status for people, such as `UNAVAILABLE: closed`; without a colon where the server gave no message.
#[must_use]
pub fn status_words(status: impl fmt::Display, message: &str) -> String {
    if message.is_empty() { status.to_string() } else { format!("{status}: {message}") }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
