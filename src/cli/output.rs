//! Output flags, and writing to stdout.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::bail;

use super::values::one_of;
use crate::report::{
    Format, Writable,
    destination::{Destination, STDOUT},
};

/// Output flags of every command.
#[derive(Debug, clap::Args)]
pub(super) struct OutputArguments {
    /// Also write the result as JSON to this file, atomically. `-` is stdout, instead of the text
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,

    /// Format on stdout [default: text]
    #[arg(short = 'O', long, value_name = "FORMAT", value_parser = one_of(&[Format::Text, Format::Json]))]
    pub(super) format: Option<Format>,

    /// No progress and no messages on stderr
    #[arg(short, long)]
    pub(super) quiet: bool,
}

impl OutputArguments {
    /// Reserves the file for the JSON document; `None` without a file, and where the document goes to stdout.
    pub(super) fn reserve(&self) -> anyhow::Result<Option<Destination>> {
        if !is_stdout(self.output.as_deref()) {
            return Ok(self.output.as_deref().map(Destination::reserve).transpose()?);
        }
        if self.format == Some(Format::Text) {
            bail!(BOTH_ON_STDOUT);
        }
        Ok(None)
    }

    /// Returns the format on stdout.
    pub(super) fn format(&self) -> Format {
        let default = if is_stdout(self.output.as_deref()) { Format::Json } else { Format::Text };
        self.format.unwrap_or(default)
    }
}

/// Text of the error for two contradicting flags.
pub(super) const BOTH_ON_STDOUT: &str = "`-o -` writes JSON to stdout, and -O asks for another format there; leave out one of the two, or give -o a file (`./-` is one)";

/// Flag for a file in this format.
pub(super) fn flag(format: Format) -> String {
    format!("--{}", format.name())
}

pub(super) fn is_stdout(path: Option<&Path>) -> bool {
    path == Some(Path::new(STDOUT))
}

/// Prints a document.
pub(super) fn print(document: &impl Writable, format: Format) -> anyhow::Result<()> {
    print_with(format, |out| document.write(format, out))
}

/// Writes to stdout in this format, with colours only for text.
pub(super) fn print_with(
    format: Format,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    if format == Format::Text { to_coloured_stdout(write) } else { to_stdout(write) }
}

/// Writes to stdout unchanged, byte by byte. A reader that has left, such as `head`, or a closed terminal, is
/// not an error.
pub(super) fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    written(write(&mut io::stdout().lock()))
}

/// Writes a text with colours to stdout. Colours are left out where stdout is not a terminal, and where
/// `NO_COLOR`, `CLICOLOR` or `TERM` disable them.
fn to_coloured_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    written(write(&mut anstream::stdout().lock()))
}

fn written(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if !has_left(&error) => Err(anyhow::Error::new(error).context("cannot write to stdout")),
        _ => Ok(()),
    }
}

/// Returns true if stdout has no reader: a pipe whose reader has gone, or a closed terminal.
fn has_left(error: &io::Error) -> bool {
    if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) {
        let kind =
            rustix::fs::fstat(io::stdout()).map(|file| rustix::fs::FileType::from_raw_mode(file.st_mode));
        return kind == Ok(rustix::fs::FileType::CharacterDevice);
    }
    error.kind() == io::ErrorKind::BrokenPipe
}
