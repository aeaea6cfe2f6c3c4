//! Facts about this system that the parsers of `/proc` ask for.

use procfs_core::ExplicitSystemInfo;

/// The order of bytes is all that matters to the files that are read here: their times stay in the kernel's ticks.
pub(super) const SYSTEM: ExplicitSystemInfo = ExplicitSystemInfo {
    boot_time_secs: 0,
    ticks_per_second: 100,
    page_size: 4_096,
    is_little_endian: cfg!(target_endian = "little"),
};
