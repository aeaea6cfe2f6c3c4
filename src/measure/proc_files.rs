//! Facts about this system for the parsers of `/proc`.

use procfs_core::ExplicitSystemInfo;

/// System facts for procfs-core. Only the byte order matters for the files that are read here: their times
/// stay in the kernel's ticks.
pub(super) const SYSTEM: ExplicitSystemInfo = ExplicitSystemInfo {
    boot_time_secs: 0,
    ticks_per_second: 100,
    page_size: 4_096,
    is_little_endian: cfg!(target_endian = "little"),
};
