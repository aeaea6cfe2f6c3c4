//! The machine, this build, and the wall clock.

use std::{fs, sync::OnceLock, time::SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use procfs_core::{CpuInfo, FromRead, Meminfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine, and what else it was doing when the run began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Operating system and its version.
    pub os: String,
    /// The processor's architecture.
    pub architecture: String,
    /// The processor's model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Main memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Runnable processes, averaged over the minute before the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_average: Option<f64>,
}

/// The version and commit that this program was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Build {
    /// Of the package.
    pub version: String,
    /// Of the source, where it was built from a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl Environment {
    /// The machine that this runs on, now. All but the load is read once: a machine with many cores takes
    /// milliseconds to describe them.
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

fn cpu_model() -> Option<String> {
    CpuInfo::from_file("/proc/cpuinfo").ok()?.model_name(0).map(str::to_owned)
}

/// The first word of the file, in full: procfs-core reads it as `f32`, with other digits.
fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

impl Build {
    /// This program's.
    #[must_use]
    pub fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("PLIMSOLL_COMMIT").map(str::to_owned),
        }
    }
}

/// Now, by the wall clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the owner of the wall clock")]
pub fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// An instant of the wall clock as RFC 3339 has it, in UTC, to the millisecond.
#[must_use]
pub fn timestamp(instant: SystemTime) -> String {
    DateTime::<Utc>::from(instant).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Cores that this process may use: at least one.
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
        let end_of_a_millisecond = SystemTime::UNIX_EPOCH + Duration::from_nanos(999_999_999);
        assert_eq!(timestamp(end_of_a_millisecond), "1970-01-01T00:00:00.999Z");
    }
}
