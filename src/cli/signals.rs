//! Signals that ask a process to end. Only the command line listens to them: a library leaves them to its host.

use std::{io, thread};

use anyhow::Context as _;

use crate::{endpoint, stop::Stop};

/// A stop that signals raise from now on, for as long as this process lives: the first drains, the second aborts.
///
/// # Errors
/// When the system gives no descriptor or thread.
pub(super) fn stop_on_signals() -> anyhow::Result<Stop> {
    endpoint::check().context("cannot listen for signals")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot listen for signals")?;
    let mut signals = runtime.block_on(async { Signals::new() }).context("cannot listen for signals")?;
    let stop = Stop::new();
    let raised = stop.clone();
    // Ends with the process: there is nothing that it could leave behind.
    thread::spawn(move || {
        runtime.block_on(async {
            loop {
                signals.next().await;
                raised.more();
            }
        });
    });
    Ok(stop)
}

/// Ctrl-C, SIGTERM and SIGHUP, which a terminal sends that is closed.
pub(crate) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    /// `None` where the process was told to ignore it, as by `nohup`.
    hangup: Option<tokio::signal::unix::Signal>,
}

/// Whether this process ignores SIGHUP, as proc(5) shows it; false where the system does not tell.
fn ignores_hangup(status: &str) -> bool {
    // The first signal is the lowest bit.
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

impl Signals {
    /// Listens from now on: a signal does not end the process any more.
    pub(crate) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let hangup = if ignores_hangup(&status) { None } else { Some(signal(SignalKind::hangup())?) };
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, hangup })
    }

    /// Returns with the next signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            Some(()) = async { self.hangup.as_mut()?.recv().await } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ignores_the_hangup_goes_on_doing_so() {
        assert!(ignores_hangup("Name:\tplimsoll\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_hangup("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangup(""));
    }
}
