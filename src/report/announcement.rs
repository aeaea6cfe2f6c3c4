//! Announcement of a server's addresses, for the program that started it.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use crate::result::DocumentKind;

/// Announcement of a server that has started to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Announcement {
    /// Schema of the document: the value of `DocumentKind::Announcement.schema()`.
    pub schema: &'static str,
    /// Addresses of the listening sockets, with the ports that the operating system assigned; `unix:PATH` or
    /// `unix-abstract:NAME` for Unix sockets.
    pub listening: Vec<String>,
    /// Process id of the server.
    pub process: u32,
}

impl Announcement {
    /// Creates the announcement of a process.
    #[must_use]
    pub fn new(listening: Vec<String>, process: u32) -> Self {
        Self { schema: DocumentKind::Announcement.schema(), listening, process }
    }
}

/// Writes the addresses on one line.
///
/// # Errors
/// Errors of the writer.
pub fn write(announcement: &Announcement, mut out: impl Write) -> io::Result<()> {
    writeln!(out, "plimsoll: listening on {}", announcement.listening.join(", "))?;
    out.flush()
}
