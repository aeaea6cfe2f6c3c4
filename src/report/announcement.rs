//! Where a server listens, for whoever started it.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use schemars::JsonSchema;
use serde::Serialize;

use crate::result::DocumentKind;

/// A server that has begun to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Announcement {
    /// That of `DocumentKind::Announcement`.
    pub schema: &'static str,
    /// Where it listens, with the ports that the system gave.
    pub listening: Vec<SocketAddr>,
    /// Its process.
    pub process: u32,
}

impl Announcement {
    /// Of a process.
    #[must_use]
    pub fn new(listening: Vec<SocketAddr>, process: u32) -> Self {
        Self { schema: DocumentKind::Announcement.schema(), listening, process }
    }
}

/// Writes the addresses on one line.
///
/// # Errors
/// Those of the writer.
pub fn write(announcement: &Announcement, mut out: impl Write) -> io::Result<()> {
    let addresses: Vec<String> = announcement.listening.iter().map(ToString::to_string).collect();
    writeln!(out, "plimsoll: listening on {}", addresses.join(", "))?;
    out.flush()
}
