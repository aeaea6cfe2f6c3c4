//! Flags about the metadata of calls.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};

use super::values::MetadataParser;
use crate::rpc::metadata::{Pair, PairError};

#[derive(Debug, Args)]
pub(super) struct MetadataFlags {
    /// Metadata to send with each call; `@FILE` reads the value from a file. Outputs hide credentials. Repeatable
    #[arg(short, long, value_name = "'NAME: VALUE | NAME: @FILE'", value_parser = MetadataParser)]
    metadata: Vec<Pair>,

    /// File with metadata: one `name: value` in each line; lines that begin with # are comments. Outputs hide the values
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    metadata_file: Option<PathBuf>,

    /// Replace `${NAME}` in --metadata and --reflect-metadata with the environment variable NAME. Outputs hide such values
    #[arg(long)]
    expand_env: bool,
}

impl MetadataFlags {
    /// The file with metadata.
    pub(super) fn file(&self) -> Option<(&'static str, &Path)> {
        Some(("the metadata to send", self.metadata_file.as_deref()?))
    }

    /// Returns the pairs of all flags.
    ///
    /// # Errors
    /// The file cannot be read or has another form, or a variable is not set.
    pub(super) fn pairs(&self) -> Result<Vec<Pair>> {
        let mut pairs = self.expanded(&self.metadata)?;
        if let Some(path) = &self.metadata_file {
            let shown = path.display();
            let text =
                fs::read_to_string(path).with_context(|| format!("cannot read the metadata of `{shown}`"))?;
            for (number, line) in (1..).zip(text.lines()) {
                let line = line.trim();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                // The error does not repeat the line, which may be a secret.
                let pair = Pair::unchecked(line)
                    .and_then(|pair| pair.check().map(|()| pair).map_err(PairError::from))
                    .with_context(|| format!("line {number} of `{shown}` is no metadata"))?;
                pairs.push(Pair { hidden: true, ..pair });
            }
        }
        Ok(pairs)
    }

    /// Returns the pairs, with their environment variables replaced if that was requested.
    ///
    /// # Errors
    /// A variable is not set.
    pub(super) fn expanded(&self, pairs: &[Pair]) -> Result<Vec<Pair>> {
        pairs.iter().map(|pair| if self.expand_env { expanded(pair) } else { Ok(pair.clone()) }).collect()
    }
}

/// Replaces each `${NAME}` in a value. A value that comes from the environment is hidden in outputs.
fn expanded(pair: &Pair) -> Result<Pair> {
    let mut value = String::new();
    let mut rest = pair.value.as_str();
    while let Some((before, behind)) = rest.split_once("${") {
        let Some((name, after)) = behind.split_once('}') else {
            bail!("the value of metadata `{}` has `${{` without `}}`; write `${{NAME}}`", pair.name);
        };
        let Ok(variable) = env::var(name) else {
            bail!("metadata `{}` needs the environment variable {name}, which is not set", pair.name);
        };
        value += before;
        value += &variable;
        rest = after;
    }
    value += rest;
    let hidden = pair.hidden || value != pair.value;
    let pair = Pair { value, hidden, ..pair.clone() };
    pair.check()?;
    Ok(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_lines_of_metadata_that_are_hidden() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("metadata");
        fs::write(&path, "# a comment\n\nteam: core\n authorization: Bearer abc\n").expect("writable");
        let flags =
            MetadataFlags { metadata: Vec::new(), metadata_file: Some(path.clone()), expand_env: false };
        let pairs = flags.pairs().expect("two pairs");
        let shown: Vec<String> = pairs.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["team: (hidden)", "authorization: (hidden)"]);
        assert_eq!(pairs[1].value, "Bearer abc");
        fs::write(&path, "a: b\nsecret-line\n").expect("writable");
        let error = format!("{:#}", flags.pairs().expect_err("no colon"));
        assert!(error.contains("line 2 of") && !error.contains("secret-line"), "{error}");
    }

    #[test]
    fn variables_are_replaced_and_must_be_set() {
        let home = env::var("PATH").expect("it is always set");
        let pair = expanded(&Pair::new("x", "a ${PATH} b")).expect("it is set");
        assert_eq!((pair.value, pair.hidden), (format!("a {home} b"), true));
        assert_eq!(expanded(&Pair::new("x", "plain")).expect("nothing to do"), Pair::new("x", "plain"));
        let error = expanded(&Pair::new("x", "${PLIMSOLL_NOT_SET}")).expect_err("not set").to_string();
        assert!(error.contains("PLIMSOLL_NOT_SET, which is not set"), "{error}");
        assert!(expanded(&Pair::new("x", "${OPEN")).is_err());
    }
}
