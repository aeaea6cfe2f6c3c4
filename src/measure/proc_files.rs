//! Files below `/proc`.

use std::fs;

pub(super) fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// The text behind `name` and its colon.
pub(super) fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

pub(super) fn kibibytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}
