//! The kernel's accounts of CPU time and memory.

use std::{collections::BTreeMap, ffi::OsString, fs, time::Duration};

use procfs_core::{CpuTime, FromRead, FromReadSI, KernelStats, process::Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::proc_files::SYSTEM;
use crate::units::{as_f64, nanoseconds};

/// CPU time of the whole machine since its start, in ticks of all its cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachineTicks {
    busy: u64,
    stolen: u64,
    total: u64,
    cores: usize,
}

/// Time that a thread has run, and time that it was ready but had no core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
pub struct ThreadTime {
    /// Time on a core.
    #[serde(rename = "running_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub running: Duration,
    /// Time ready to run, with no core free.
    #[serde(rename = "waiting_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub waiting: Duration,
}

impl MachineTicks {
    /// Reads the current account of all cores.
    #[must_use]
    pub fn now() -> Option<Self> {
        Self::of(&KernelStats::from_file("/proc/stat", &SYSTEM).ok()?)
    }

    /// Sums the account. Interrupts do not count as busy: over loopback they are the packets of the run
    /// itself, and no process's account contains them.
    fn of(stats: &KernelStats) -> Option<Self> {
        let &CpuTime { user, nice, system, idle, iowait, irq, softirq, steal, .. } = &stats.total;
        let (busy, stolen) = (user + nice + system, steal?);
        let total = busy + idle + iowait? + irq? + softirq? + stolen;
        Some(Self { busy, stolen, total, cores: stats.cpu_time.len() })
    }

    /// Cores of the machine, including those that this process may not use.
    #[must_use]
    pub fn cores(self) -> usize {
        self.cores
    }

    /// Makes an account without busy ticks, for a machine with this number of cores.
    #[cfg(test)]
    pub(crate) fn of_cores(cores: usize) -> Self {
        Self { busy: 0, stolen: 0, total: 1, cores }
    }

    /// Ticks since `earlier`; `None` if there are none.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            busy: self.busy.saturating_sub(earlier.busy),
            stolen: self.stolen.saturating_sub(earlier.stolen),
            total: self.total.checked_sub(earlier.total).filter(|ticks| *ticks > 0)?,
            cores: self.cores,
        })
    }

    /// Adds the ticks of another machine, or of another time on the same machine.
    #[must_use]
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            busy: self.busy.saturating_add(other.busy),
            stolen: self.stolen.saturating_add(other.stolen),
            total: self.total.saturating_add(other.total),
            cores: self.cores.saturating_add(other.cores),
        }
    }

    /// Shares of all cores (0 to 1): the share that processes used, and the share that the hypervisor gave to
    /// other machines while this one had work.
    #[must_use]
    pub fn shares(self) -> (f64, f64) {
        let share = |ticks: u64| as_f64(ticks) / as_f64(self.total.max(1));
        (share(self.busy), share(self.stolen))
    }
}

/// CPU time of this process, including ended threads.
#[must_use]
pub fn own_cpu() -> Option<Duration> {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).try_into().ok()
}

/// CPU time of the calling thread.
#[must_use]
pub fn own_thread_cpu() -> Option<Duration> {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).try_into().ok()
}

/// CPU times of other processes, by thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessTimes(BTreeMap<(u32, OsString), ThreadTime>);

impl ProcessTimes {
    /// Reads the current accounts; `None` if there are no processes, or the system does not report them.
    #[must_use]
    pub fn of(processes: &[u32]) -> Option<Self> {
        let mut times = BTreeMap::new();
        for process in processes {
            for task in fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten() {
                // A thread may end while the folder is read.
                if let Ok(text) = fs::read_to_string(task.path().join("schedstat")) {
                    times.insert((*process, task.file_name()), thread_time(&text)?);
                }
            }
        }
        (!times.is_empty()).then_some(Self(times))
    }

    /// Time of each thread since `earlier`. Returns `None` if a thread has ended, because its account is then
    /// gone.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<Vec<ThreadTime>> {
        let all_are_left = earlier.0.keys().all(|thread| self.0.contains_key(thread));
        let before = |thread| earlier.0.get(thread).copied().unwrap_or_default();
        let used = self.0.iter().map(|(thread, now)| now.since(before(thread)));
        all_are_left.then(|| used.collect())
    }
}

impl ThreadTime {
    /// Returns the increase since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            running: self.running.saturating_sub(earlier.running),
            waiting: self.waiting.saturating_sub(earlier.waiting),
        }
    }
}

/// Time that the machine has been suspended since its start, if the system reports it. A run's clock does not
/// contain this time.
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

/// Time of the calling thread.
#[must_use]
pub fn own_thread_time() -> Option<ThreadTime> {
    thread_time(&fs::read_to_string("/proc/thread-self/schedstat").ok()?)
}

/// Parses `running waiting slices`, the first two in ns, as in the kernel's `sched-stats.rst`. It allocates
/// nothing, unlike procfs-core's reader.
pub(super) fn thread_time(text: &str) -> Option<ThreadTime> {
    let mut words = text.split_whitespace().map(|word| word.parse().ok().map(Duration::from_nanos));
    Some(ThreadTime { running: words.next()??, waiting: words.next()?? })
}

/// Peak memory of this process, in bytes.
#[must_use]
pub fn own_peak_memory_bytes() -> Option<u64> {
    peak_memory_bytes("self")
}

/// Sum of the peak memory of these processes, in bytes. `None` if there are none, or the system does not
/// report it.
#[must_use]
pub fn peak_memory_bytes_of(processes: &[u32]) -> Option<u64> {
    let peaks = processes.iter().map(|process| peak_memory_bytes(&process.to_string()));
    if processes.is_empty() { None } else { peaks.sum() }
}

fn peak_memory_bytes(process: &str) -> Option<u64> {
    let status = Status::from_file(format!("/proc/{process}/status")).ok()?;
    status.vmhwm?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{environment::Environment, processes::listeners_at};

    #[test]
    fn the_kernels_accounts_are_read_as_documented() {
        let ticks = |total: &str| {
            let text = format!("cpu {total}\ncpu0 1 0 0 0\ncpu1 1 0 0 0\nctxt 2\nbtime 3\nprocesses 4\n");
            MachineTicks::of(&KernelStats::from_read(text.as_bytes(), &SYSTEM).ok()?)
        };
        let before = ticks(" 100 0 100 700 100 0 0 0 0 0").expect("well formed");
        let after = ticks(" 140 0 140 750 100 0 20 50 0 0").expect("well formed");
        assert_eq!(before.cores(), 2);
        let (busy, stolen) = after.since(before).expect("later").shares();
        assert!((busy - 0.4).abs() < 1e-9 && (stolen - 0.25).abs() < 1e-9, "{busy} {stolen}");
        assert_eq!((ticks("1 2"), ticks("1 2 3 4 5 6 7")), (None, None));
        let time = thread_time("384248 88825 3\n").expect("well formed");
        assert_eq!((time.running.as_nanos(), time.waiting.as_nanos()), (384_248, 88_825));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_found_by_its_socket_and_has_used_time() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound");
        // A process that another test is starting has this one's sockets for a moment.
        let found = (0..1_000).map(|_| listeners_at(address)).find(|found| found.len() == 1).expect("one");
        assert_eq!(found, [std::process::id()]);
        let times = ProcessTimes::of(&found).expect("accounts");
        let threads = times.since(&ProcessTimes(BTreeMap::new())).expect("accounts");
        assert!(threads.iter().any(|thread| thread.running > Duration::ZERO));
        assert_eq!(ProcessTimes(BTreeMap::new()).since(&times), None, "threads have ended");
        assert!(own_cpu().expect("accounts") > Duration::ZERO);
        assert!(own_thread_time().is_some());
        assert_eq!(peak_memory_bytes_of(&[]), None);
        assert_eq!(ProcessTimes::of(&[]), None);
    }

    /// The peak may grow from one look to the next, so that no two of them need be equal.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_peak_of_memory_has_at_least_what_is_held_and_several_are_a_sum() {
        const HELD: u64 = 16 << 20;
        let held = vec![1_u8; 16 << 20];
        let own = std::process::id();
        let sum = peak_memory_bytes_of(&[own, own]).expect("status");
        assert!(own_peak_memory_bytes().expect("status") >= HELD);
        assert!(sum >= 2 * HELD, "{sum}");
        // In bytes: no test needs a thousandth of what the unit above KiB would make of it.
        assert!(sum < 1 << 40, "{sum}");
        drop(held);
    }

    #[test]
    fn the_machine_has_a_core() {
        assert!(Environment::now().cores >= 1);
    }
}
