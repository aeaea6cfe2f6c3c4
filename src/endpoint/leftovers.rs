//! Processes that a server started in sessions of their own: they leave its process group, and outlive it.

use std::{
    collections::BTreeSet,
    process,
    time::{Duration, Instant},
};

use super::processes::processes;

/// Time for them to go when they are asked to, and again when they are killed.
const PATIENCE: Duration = Duration::from_secs(2);

/// This process in the place of init, for all that its servers leave behind (Linux; nothing elsewhere).
///
/// For a process that starts nothing else meanwhile: every child that it does not have yet is taken for a leftover.
#[derive(Debug)]
pub struct Leftovers {
    /// Children from before, such as those that a shell had when it became this program.
    others: BTreeSet<u32>,
}

impl Leftovers {
    /// Adopts orphans from now on, for as long as the value lives.
    #[must_use]
    pub fn adopt() -> Self {
        #[cfg(target_os = "linux")]
        // Without it they are left to init, as before.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        Self { others: children() }
    }

    /// Ends all that were adopted, and waits for them: some seconds at most. No server may be alive that is not to
    /// end.
    pub fn end(&self) {
        for signal in Signal::IN_TURN {
            let until = Instant::now() + PATIENCE;
            let mut signalled = BTreeSet::new();
            loop {
                let left = self.unreaped();
                if left.is_empty() {
                    return;
                }
                // The end of one may bring its children here.
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

    /// Those that are alive.
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
            // It may have gone already.
            let _ = rustix::process::kill_process(process, signal);
        }
    }
}

fn id(process: u32) -> Option<rustix::process::Pid> {
    i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw)
}

/// Takes the status of a child that has ended. Whether it had.
fn reap(process: u32) -> bool {
    let Some(process) = id(process) else { return true };
    let ended = rustix::process::waitpid(Some(process), rustix::process::WaitOptions::NOHANG);
    // An error: it is no child any more.
    !matches!(ended, Ok(None))
}

/// The children of this process; none where the system does not tell.
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
