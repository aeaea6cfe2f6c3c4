//! Part of a run, and the start of its window, as typed.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use crate::{
    load::{Shard, ShardError},
    measure::timestamp_of,
    units::parse_duration,
};

/// Part of a run, as typed.
#[derive(Debug, Clone, Copy)]
pub(super) enum ShardAt {
    Exactly(Shard),
    /// Shard of the launcher, with this number of shards.
    Auto(Option<u64>),
}

pub(super) fn shard_at(text: &str) -> Result<ShardAt, String> {
    match text.strip_prefix("auto") {
        Some("") => Ok(ShardAt::Auto(None)),
        Some(rest) if rest.starts_with('/') => match rest[1..].parse() {
            Ok(of) if of > 0 => Ok(ShardAt::Auto(Some(of))),
            _ => Err(format!("`{text}` has no number of shards behind the /; write auto/8, for instance")),
        },
        _ => text.parse().map(ShardAt::Exactly).map_err(|error: ShardError| error.to_string()),
    }
}

/// Start of the measured window, as typed.
#[derive(Debug, Clone)]
pub(super) enum StartAt {
    /// An instant.
    At(SystemTime),
    /// Time from now.
    In(Duration),
    /// File that will hold an instant.
    File(PathBuf),
}

pub(super) fn start_at(text: &str) -> Result<StartAt, String> {
    if let Some(file) = text.strip_prefix('@') {
        return if file.is_empty() {
            Err("no file is named behind the @".to_owned())
        } else {
            Ok(StartAt::File(file.into()))
        };
    }
    if let Some(length) = text.strip_prefix('+') {
        return parse_duration(length).map(StartAt::In).map_err(|error| error.to_string());
    }
    timestamp_of(text).map(StartAt::At).ok_or_else(|| {
        format!(
            "`{text}` is no instant; write it by RFC 3339 with its zone, such as 2026-11-30T12:00:05Z, or as +20s, or @FILE"
        )
    })
}
