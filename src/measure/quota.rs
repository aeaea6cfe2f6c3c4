//! Time that a thread did not get, because other threads had the core or a CPU quota was used up.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
    time::Duration,
};

use procfs_core::{FromRead, ProcessCGroups};

use super::accounts::{ThreadTime, thread_time};

/// CPU account of the thread that opened it, for frequent reads: reading allocates nothing.
#[derive(Debug)]
pub(crate) struct OwnAccount(Option<File>);

impl OwnAccount {
    /// Opens the account of the calling thread.
    pub(crate) fn open() -> Self {
        Self(File::open("/proc/thread-self/schedstat").ok())
    }

    /// Reads the thread's time until now.
    pub(crate) fn read(&mut self) -> Option<ThreadTime> {
        use std::io::Seek;
        let file = self.0.as_mut()?;
        file.rewind().ok()?;
        let mut text = [0; 96];
        let length = file.read(&mut text).ok()?;
        thread_time(std::str::from_utf8(&text[..length]).ok()?)
    }
}

/// Time for which this process's control group, or a group above it, could not run because its CPU quota was
/// used up. `None` if there is no such group.
#[must_use]
pub(crate) fn throttled_time() -> Option<Duration> {
    let ProcessCGroups(groups) = ProcessCGroups::from_file("/proc/self/cgroup").ok()?;
    // Version 1 has one group per controller. Version 2 has one group, with the number 0 and no controllers.
    let first = groups.iter().find(|group| group.controllers.iter().any(|controller| controller == "cpu"));
    let group = first.map(|group| format!("/sys/fs/cgroup/cpu{}", group.pathname)).or_else(|| {
        let second = groups.iter().find(|group| group.hierarchy == 0 && group.controllers.is_empty())?;
        Some(format!("/sys/fs/cgroup{}", second.pathname))
    })?;
    let times = Path::new(&group)
        .ancestors()
        .filter_map(|group| throttled(&fs::read_to_string(group.join("cpu.stat")).ok()?));
    times.reduce(|sum, time| sum + time)
}

/// Parses `throttled_usec 5` (version 2) or `throttled_time 5000` (version 1).
fn throttled(stat: &str) -> Option<Duration> {
    stat.lines().find_map(|line| match line.split_once(' ')? {
        ("throttled_usec", time) => time.parse().ok().map(Duration::from_micros),
        ("throttled_time", time) => time.parse().ok().map(Duration::from_nanos),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_can_be_read_again_and_does_not_go_back() {
        let mut account = OwnAccount::open();
        let (first, second) = (account.read(), account.read());
        assert_eq!(first.is_some(), crate::measure::accounts::own_thread_time().is_some());
        if let (Some(first), Some(second)) = (first, second) {
            assert!(second.running >= first.running && second.waiting >= first.waiting);
        }
    }

    #[test]
    fn throttled_time_is_read_in_both_versions() {
        assert_eq!(
            throttled("nr_periods 9\nnr_throttled 2\nthrottled_usec 1500\n"),
            Some(Duration::from_micros(1_500))
        );
        assert_eq!(throttled("nr_throttled 2\nthrottled_time 1500\n"), Some(Duration::from_nanos(1_500)));
        assert_eq!(throttled("usage_usec 5\n"), None);
    }
}
