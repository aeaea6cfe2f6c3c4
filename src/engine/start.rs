//! Start of the measured window: when all connections stand, or at an agreed instant.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::measure::timestamp_of;

/// Interval at which a file is read that will hold the start.
pub(super) const READ_INTERVAL: Duration = Duration::from_millis(100);

/// Start of the measured window. Connections and the warm-up come before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Start {
    /// After the warm-up, which begins when all connections stand.
    #[default]
    Soon,
    /// At this instant of the wall clock, so that several processes start together.
    At(SystemTime),
    /// At the instant that this file will hold.
    File {
        /// The file. It may be missing or empty at first.
        path: PathBuf,
        /// Longest wait for an instant in it, once all connections stand.
        patience: Duration,
    },
}

/// Error of a start that is not possible. No call was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The start has passed, or leaves no room for the warm-up.
    #[error(
        "the start at {at} was {when} when all connections ({connections}) stood, with {warm_up} of warm-up still to come; nothing was sent; give a later --start-at"
    )]
    Passed {
        /// The instant.
        at: String,
        /// Distance from the time at which all connections stood.
        when: String,
        /// Number of connections.
        connections: usize,
        /// Length of the warm-up.
        warm_up: String,
    },
    /// The file did not get an instant in time.
    #[error(
        "`{path}` held no start {patience} after all connections stood; nothing was sent; --start-wait waits longer"
    )]
    NoInstant {
        /// The file.
        path: String,
        /// Length of the wait.
        patience: String,
    },
    /// The file holds something else.
    #[error(
        "`{path}` holds `{text}`, which is no instant; write it by RFC 3339 with its zone, such as 2026-11-30T12:00:05Z"
    )]
    NotAnInstant {
        /// The file.
        path: String,
        /// The first bytes of the file.
        text: String,
    },
}

/// Reads the instant in a file; `None` while the file is missing or empty.
///
/// # Errors
/// The file holds something else.
pub(super) fn read(path: &Path) -> Result<Option<SystemTime>, StartError> {
    let Ok(text) = fs::read_to_string(path) else { return Ok(None) };
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    timestamp_of(text).map(Some).ok_or_else(|| StartError::NotAnInstant {
        path: path.display().to_string(),
        text: text.chars().take(60).flat_map(char::escape_debug).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_no_start_until_it_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("at");
        assert_eq!(read(&path), Ok(None));
        fs::write(&path, " \n").expect("writable");
        assert_eq!(read(&path), Ok(None));
        fs::write(&path, "1970-01-01T01:00:01+01:00\n").expect("writable");
        assert_eq!(read(&path), Ok(Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1))));
        fs::write(&path, "soon").expect("writable");
        let error = read(&path).expect_err("no instant").to_string();
        assert!(error.contains("holds `soon`") && error.contains("RFC 3339"), "{error}");
    }
}
