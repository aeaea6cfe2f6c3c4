//! Text of the reply to one call, for a person.

use std::{
    io::{self, Write},
    time::Duration,
};

use super::outside::{in_lines, on_one_line};
use crate::{
    client::Reply,
    units::{counted, format_duration},
};

/// Writes the reply and nothing else: the text unchanged, byte by byte; another method's reply as JSON, or its bytes
/// where there is no schema.
///
/// # Errors
/// Errors of the writer.
pub fn write(reply: &Reply, mut out: impl Write) -> io::Result<()> {
    match (&reply.text, &reply.message, &reply.bytes) {
        (Some(text), _, _) => writeln!(out, "{text}")?,
        (None, Some(json), _) => writeln!(out, "{json}")?,
        (None, None, Some(bytes)) => out.write_all(bytes)?,
        (None, None, None) => {}
    }
    out.flush()
}

/// Writes the reply's text for a terminal: line breaks and tabs stay, and other control characters are escaped.
///
/// # Errors
/// Errors of the writer.
pub fn write_to_terminal(reply: &Reply, mut out: impl Write) -> io::Result<()> {
    match (&reply.text, &reply.message, &reply.bytes) {
        (Some(text), _, _) => writeln!(out, "{}", in_lines(text))?,
        (None, Some(json), _) => writeln!(out, "{}", in_lines(json.get()))?,
        (None, None, Some(bytes)) => {
            writeln!(out, "{} (give a schema to see the contents)", counted(bytes.len() as u64, "byte"))?;
        }
        (None, None, None) => {}
    }
    out.flush()
}

/// Writes the metadata, the status and the service time.
///
/// # Errors
/// Errors of the writer.
pub fn details(reply: &Reply, mut out: impl Write) -> io::Result<()> {
    let sections =
        [("initial metadata", &reply.initial_metadata), ("trailing metadata", &reply.trailing_metadata)];
    for (title, pairs) in sections {
        writeln!(out, "{title}: {}", if pairs.is_empty() { "none" } else { "" })?;
        for pair in pairs {
            writeln!(out, "  {}", on_one_line(&pair.to_string()))?;
        }
    }
    writeln!(out, "status: {}", on_one_line(&reply.status.to_string()))?;
    writeln!(out, "service time: {}", format_duration(Duration::from_nanos(reply.service_ns)))
}
