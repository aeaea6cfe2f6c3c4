//! The machine, this build, and the wall clock.

use std::{fs, sync::OnceLock, time::SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use procfs_core::{CpuInfo, FromRead, Meminfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine, and its load when the run began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Operating system and its version.
    pub os: String,
    /// Architecture of the processor.
    pub architecture: String,
    /// Model of the processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Main memory, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Number of runnable processes, averaged over the minute before the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_average: Option<f64>,
}

/// Version and commit of this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Build {
    /// Version of the package.
    pub version: String,
    /// Commit of the source, if it was built from a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl Environment {
    /// Describes the current machine. All values except the load are read once, because a machine with many
    /// cores takes milliseconds to describe them.
    #[must_use]
    pub fn now() -> Self {
        static MACHINE: OnceLock<Environment> = OnceLock::new();
        Self { load_average: load_average(), ..MACHINE.get_or_init(Self::of_machine).clone() }
    }

    fn of_machine() -> Self {
        let os = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        let name = std::env::consts::OS;
        Self {
            os: os.map_or_else(|| name.to_owned(), |release| format!("{name} {}", release.trim())),
            architecture: std::env::consts::ARCH.to_owned(),
            cpu_model: cpu_model(),
            cores: cores(),
            memory_bytes: Meminfo::from_file("/proc/meminfo").ok().map(|memory| memory.mem_total),
            load_average: None,
        }
    }
}

/// Name of this machine.
pub(super) fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    (!name.is_empty()).then_some(name)
}

fn cpu_model() -> Option<String> {
    CpuInfo::from_file("/proc/cpuinfo").ok()?.model_name(0).map(str::to_owned)
}

/// Reads the first word of the file in full: procfs-core parses it as `f32`, with other digits.
fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

impl Build {
    /// Version and commit of this program.
    #[must_use]
    pub fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("PLIMSOLL_COMMIT").map(str::to_owned),
        }
    }
}

/// Current time of the wall clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the owner of the wall clock")]
pub fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// Formats a time of the wall clock by RFC 3339, in UTC, to the millisecond.
#[must_use]
pub fn timestamp(instant: SystemTime) -> String {
    DateTime::<Utc>::from(instant).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Parses a time of the wall clock by RFC 3339, with its zone. Returns `None` for any other text.
#[must_use]
pub fn timestamp_of(text: &str) -> Option<SystemTime> {
    DateTime::parse_from_rfc3339(text).ok().map(Into::into)
}

/// Number of cores that this process may use: at least one.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_stamp_has_milliseconds_and_names_utc() {
        let at = |milliseconds| timestamp(SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
        for text in ["2024-02-29T12:34:56.789Z", "2024-02-29T13:34:56.789+01:00"] {
            assert_eq!(timestamp_of(text).map(timestamp).as_deref(), Some("2024-02-29T12:34:56.789Z"));
        }
        for text in ["2024-02-29T12:34:56", "12:34:56Z", "", "2024-13-01T00:00:00Z"] {
            assert_eq!(timestamp_of(text), None, "{text}: no zone, no date, nothing, no such month");
        }
        let end_of_a_millisecond = SystemTime::UNIX_EPOCH + Duration::from_nanos(999_999_999);
        assert_eq!(timestamp(end_of_a_millisecond), "1970-01-01T00:00:00.999Z");
    }
}
