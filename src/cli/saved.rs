//! Input documents of a command: files, or stdin.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, Result, bail};

use super::output::is_stdout;

/// Largest document, in bytes. Documents of this program are smaller; an endless file, such as `/dev/zero`,
/// is larger.
const LARGEST: u64 = 1 << 30;

/// Reads a document; of any other file, only the beginning.
fn read_from(mut reader: impl Read) -> io::Result<Vec<u8>> {
    let mut document = Vec::new();
    reader.by_ref().take(4_096).read_to_end(&mut document)?;
    if document.trim_ascii_start().starts_with(b"{") {
        reader.take(LARGEST).read_to_end(&mut document)?;
    }
    Ok(document)
}

/// Reads a document; `-` is stdin.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let context = || format!("cannot open `{}`", path.display());
    let document = if is_stdout(Some(path)) {
        read_from(io::stdin().lock())
    } else {
        File::open(path).and_then(read_from)
    };
    let document = document.with_context(context)?;
    if document.len() as u64 > LARGEST {
        bail!("cannot use `{}`: it is larger than 1 GiB, the limit for documents", path.display());
    }
    Ok(document)
}
