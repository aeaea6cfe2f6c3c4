//! The kernel's accounts of CPU time and memory.

use std::{collections::BTreeMap, ffi::OsString, fs, time::Duration};

use serde::{Deserialize, Serialize};

use super::proc_files::{kibibytes, read};
use crate::units::nanoseconds;

/// How busy the whole machine has been since it was started, in ticks of all its cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineTicks {
    busy: u64,
    stolen: u64,
    total: u64,
    cores: usize,
}

/// How long a thread has run, and how long it could have run but had to wait for a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct ThreadTime {
    /// On a core.
    #[serde(rename = "running_ns", with = "nanoseconds")]
    pub running: Duration,
    /// Ready to run, with no core free.
    #[serde(rename = "waiting_ns", with = "nanoseconds")]
    pub waiting: Duration,
}

impl MachineTicks {
    /// The account of all cores, now.
    #[must_use]
    pub fn now() -> Option<Self> {
        read("/proc/stat").and_then(|text| Self::parse(&text))
    }

    /// `cpu user nice system idle iowait irq softirq steal ...`, as proc(5) has it.
    ///
    /// Interrupts are not counted as busy: over loopback they are the packets of the run itself, and no
    /// process has them in its account.
    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = line.split_whitespace().take(8).map_while(|word| word.parse().ok()).collect();
        let &[user, nice, system, _idle, _iowait, _irq, _softirq, steal] = ticks.as_slice() else {
            return None;
        };
        let is_core = |line: &&str| {
            line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        Some(Self {
            busy: user + nice + system,
            stolen: steal,
            total: ticks.iter().sum(),
            cores: text.lines().filter(is_core).count(),
        })
    }

    /// Cores of the machine, also those that this process may not use.
    #[must_use]
    pub fn cores(self) -> usize {
        self.cores
    }

    /// No tick of a machine with so many cores.
    #[cfg(test)]
    pub(crate) fn of_cores(cores: usize) -> Self {
        Self { busy: 0, stolen: 0, total: 1, cores }
    }

    /// Ticks since `earlier`; `None` where none has passed.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            busy: self.busy.saturating_sub(earlier.busy),
            stolen: self.stolen.saturating_sub(earlier.stolen),
            total: self.total.checked_sub(earlier.total).filter(|ticks| *ticks > 0)?,
            cores: self.cores,
        })
    }

    /// Ticks of two machines, or of one machine twice.
    #[must_use]
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            busy: self.busy.saturating_add(other.busy),
            stolen: self.stolen.saturating_add(other.stolen),
            total: self.total.saturating_add(other.total),
            cores: self.cores.saturating_add(other.cores),
        }
    }

    /// The shares of all cores (0..1) that processes used, and that the hypervisor gave to other machines while
    /// this one had work for them.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "ticks of 10 ms")]
    pub fn shares(self) -> (f64, f64) {
        let share = |ticks: u64| ticks as f64 / self.total.max(1) as f64;
        (share(self.busy), share(self.stolen))
    }
}

/// CPU time of this process, ended threads included.
#[must_use]
pub fn own_cpu() -> Option<Duration> {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).try_into().ok()
}

/// CPU time of other processes, by thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessTimes(BTreeMap<(u32, OsString), ThreadTime>);

impl ProcessTimes {
    /// The accounts now; `None` where there are no processes, or the system does not tell.
    #[must_use]
    pub fn of(processes: &[u32]) -> Option<Self> {
        let mut times = BTreeMap::new();
        for process in processes {
            for task in fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten() {
                // A thread may end while its folder is read.
                if let Ok(text) = fs::read_to_string(task.path().join("schedstat")) {
                    times.insert((*process, task.file_name()), thread_time(&text)?);
                }
            }
        }
        (!times.is_empty()).then_some(Self(times))
    }

    /// The time of each thread since `earlier`; `None` when one has ended, and taken its account along.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<Vec<ThreadTime>> {
        let all_are_left = earlier.0.keys().all(|thread| self.0.contains_key(thread));
        let before = |thread| earlier.0.get(thread).copied().unwrap_or_default();
        let used = self.0.iter().map(|(thread, now)| now.since(before(thread)));
        all_are_left.then(|| used.collect())
    }
}

impl ThreadTime {
    /// What it grew by since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            running: self.running.saturating_sub(earlier.running),
            waiting: self.waiting.saturating_sub(earlier.waiting),
        }
    }
}

/// How long the machine has been suspended since it was started, where the system tells: time that the clock of
/// a run does not have.
#[must_use]
pub(crate) fn suspended_time() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    {
        use rustix::time::{ClockId, clock_gettime};
        let time = |clock| -> Option<Duration> { clock_gettime(clock).try_into().ok() };
        time(ClockId::Boottime)?.checked_sub(time(ClockId::Monotonic)?)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// The time of the thread that calls.
#[must_use]
pub fn own_thread_time() -> Option<ThreadTime> {
    read("/proc/thread-self/schedstat").and_then(|text| thread_time(&text))
}

/// `running waiting slices`, the first two in ns, as the kernel's `sched-stats.rst` has it.
pub(super) fn thread_time(text: &str) -> Option<ThreadTime> {
    let mut words = text.split_whitespace().map(|word| word.parse().ok().map(Duration::from_nanos));
    Some(ThreadTime { running: words.next()??, waiting: words.next()?? })
}

/// The largest amount of memory that this process has had at any time.
#[must_use]
pub fn own_peak_memory_bytes() -> Option<u64> {
    read("/proc/self/status").and_then(|text| kibibytes(&text, "VmHWM"))
}

/// The largest amount of memory that these processes have had, each at any time: the sum. `None` where there
/// are none, or the system does not tell.
#[must_use]
pub fn peak_memory_bytes_of(processes: &[u32]) -> Option<u64> {
    let peaks = processes
        .iter()
        .map(|process| read(&format!("/proc/{process}/status")).and_then(|text| kibibytes(&text, "VmHWM")));
    if processes.is_empty() { None } else { peaks.sum() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{environment::Environment, processes::listeners_at};

    #[test]
    fn the_kernels_accounts_are_read_as_documented() {
        let before = MachineTicks::parse("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1\ncpu1 1\nctxt 2");
        let after = MachineTicks::parse("cpu  140 0 140 750 100 0 20 50 0 0").expect("well formed");
        let before = before.expect("well formed");
        assert_eq!(before.cores(), 2);
        let (busy, stolen) = after.since(before).expect("later").shares();
        assert!((busy - 0.4).abs() < 1e-9 && (stolen - 0.25).abs() < 1e-9, "{busy} {stolen}");
        assert_eq!(MachineTicks::parse("cpu 1 2"), None);
        let time = thread_time("384248 88825 3\n").expect("well formed");
        assert_eq!((time.running.as_nanos(), time.waiting.as_nanos()), (384_248, 88_825));
        assert_eq!(kibibytes("VmHWM:\t    2048 kB\n", "VmHWM"), Some(2 << 20));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_found_by_its_socket_and_has_used_time() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let found = listeners_at(listener.local_addr().expect("bound"));
        assert_eq!(found, [std::process::id()]);
        let times = ProcessTimes::of(&found).expect("accounts");
        let threads = times.since(&ProcessTimes(BTreeMap::new())).expect("accounts");
        assert!(threads.iter().any(|thread| thread.running > Duration::ZERO));
        assert_eq!(ProcessTimes(BTreeMap::new()).since(&times), None, "threads have ended");
        assert!(own_cpu().expect("accounts") > Duration::ZERO);
        assert!(own_thread_time().is_some());
        assert!(own_peak_memory_bytes().expect("status") > 0);
        assert_eq!(peak_memory_bytes_of(&found), own_peak_memory_bytes());
        assert_eq!(peak_memory_bytes_of(&[]), None);
        assert_eq!(ProcessTimes::of(&[]), None);
    }

    #[test]
    fn the_machine_has_a_core() {
        assert!(Environment::now().cores >= 1);
    }
}
