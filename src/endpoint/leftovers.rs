//! Leftover processes: processes that a server started in sessions of their own. They leave the server's
//! process group and outlive it.

use std::{
    collections::BTreeSet,
    process,
    time::{Duration, Instant},
};

use super::processes::processes;

/// Longest wait for leftovers to exit after SIGTERM, and again after SIGKILL.
const PATIENCE: Duration = Duration::from_secs(2);

/// Adopts the processes that servers leave behind, in place of init (Linux; no effect elsewhere).
///
/// Use only in a process that starts nothing else meanwhile: every new child counts as a leftover.
#[derive(Debug)]
pub struct Leftovers {
    /// Children from before the adoption, such as those of a shell that became this program.
    others: BTreeSet<u32>,
}

impl Leftovers {
    /// Adopts orphans from now on, until the value is dropped.
    #[must_use]
    pub fn adopt() -> Self {
        #[cfg(target_os = "linux")]
        // If the call fails, init adopts the orphans, as usual.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        Self { others: children() }
    }

    /// Ends all adopted processes and waits for them, for a few seconds at most. Servers that must stay alive
    /// must not be running.
    pub fn end(&self) {
        for signal in Signal::IN_TURN {
            let until = Instant::now() + PATIENCE;
            let mut signalled = BTreeSet::new();
            loop {
                let left = self.unreaped();
                if left.is_empty() {
                    return;
                }
                // The end of one process may bring its children here.
                for process in left {
                    if signalled.insert(process) {
                        signal.send(process);
                    }
                }
                if Instant::now() >= until {
                    break;
                }
                crate::endpoint::program::pause();
            }
        }
    }

    /// Adopted processes that are alive.
    fn unreaped(&self) -> BTreeSet<u32> {
        children().difference(&self.others).copied().filter(|process| !reap(*process)).collect()
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        self.end();
        #[cfg(target_os = "linux")]
        let _ = rustix::process::set_child_subreaper(None);
    }
}

#[derive(Debug, Clone, Copy)]
enum Signal {
    Term,
    Kill,
}

impl Signal {
    const IN_TURN: [Self; 2] = [Self::Term, Self::Kill];

    fn send(self, process: u32) {
        if let Some(process) = id(process) {
            let signal = match self {
                Self::Term => rustix::process::Signal::TERM,
                Self::Kill => rustix::process::Signal::KILL,
            };
            // The process may have ended already.
            let _ = rustix::process::kill_process(process, signal);
        }
    }
}

fn id(process: u32) -> Option<rustix::process::Pid> {
    i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw)
}

/// Collects the exit status of a child. Returns true if it has ended.
fn reap(process: u32) -> bool {
    let Some(process) = id(process) else { return true };
    let ended = rustix::process::waitpid(Some(process), rustix::process::WaitOptions::NOHANG);
    // An error means that the process is no longer a child.
    !matches!(ended, Ok(None))
}

/// Children of this process; empty where the system does not list processes.
fn children() -> BTreeSet<u32> {
    processes().filter(|process| process.parent == process::id()).map(|process| process.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn children_are_seen_until_they_are_waited_for() {
        let mut child = process::Command::new("sleep").arg("60").spawn().expect("it runs");
        assert!(children().contains(&child.id()));
        assert!(!reap(child.id()), "it is alive");
        child.kill().expect("it is there");
        child.wait().expect("it ends");
        assert!(!children().contains(&child.id()) && reap(child.id()));
    }
}
