//! Values as they are written on the command line.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

use crate::{
    plan::{Pair, PairError},
    units::Count,
};

/// A count as it is written: `2000`, `10k`.
pub(super) fn count(text: &str) -> Result<u64, String> {
    text.parse().map(|Count(count)| count).map_err(|error| error.to_string())
}

/// Metadata as it is written: `name: value`.
pub(super) fn pair(text: &str) -> Result<Pair, String> {
    text.parse().map_err(|error: PairError| error.to_string())
}

/// A text from a file.
pub(super) fn read_text(path: &PathBuf) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read the text of `{}`", path.display()))?;
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        anyhow::anyhow!(
            "`{}` is not UTF-8: its first wrong byte is number {offset}, counted from 0; a protobuf string must be UTF-8",
            path.display()
        )
    })
}
