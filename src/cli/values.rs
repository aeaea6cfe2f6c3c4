//! Values as they are written on the command line.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::{plan::Pair, soundness::Verdict, units::Count};

/// A count as it is written: `2000`, `10k`.
pub(super) fn count(text: &str) -> Result<u64, String> {
    text.parse().map(|Count(count)| count).map_err(|error| error.to_string())
}

/// Metadata as it is written: `name: value`.
pub(super) fn pair(text: &str) -> Result<Pair, String> {
    let (name, value) = text
        .split_once(':')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("`{text}` is not metadata; write `name: value`, such as `ip: 127.0.0.1`"))?;
    let name = name.trim().to_ascii_lowercase();
    if name.starts_with("grpc-") || matches!(name.as_str(), "te" | "content-type" | "user-agent" | "host") {
        return Err(format!(
            "`{name}` belongs to gRPC itself; use another name, or --timeout for a deadline"
        ));
    }
    Ok(Pair { name, value: value.trim().to_owned() })
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

/// The least verdict of soundness that `--strict` ends with status 3 for.
pub(super) fn verdict() -> impl TypedValueParser<Value = Verdict> {
    let worst = [Verdict::Unsound, Verdict::Disturbed];
    PossibleValuesParser::new(worst.map(Verdict::name)).map(move |name| {
        // One of the two, as the parser before has seen to.
        worst.into_iter().find(|verdict| verdict.name() == name).unwrap_or(Verdict::Unsound)
    })
}
