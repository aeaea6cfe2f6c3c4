//! A result as JSON.

use std::io::{self, Write};

use serde::Serialize;

/// Writes a document, indented, with a line break at its end.
///
/// # Errors
/// Those of the writer.
pub fn write(document: &impl Serialize, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, document)?;
    writeln!(out)?;
    out.flush()
}
