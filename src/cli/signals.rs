//! Signals that end a process. Only the command line handles them: a library leaves them to its host.

use std::{
    fs::File,
    io::{self, Read},
    thread,
};

use anyhow::Context as _;
use procfs_core::{FromRead, process::Status};

use crate::{endpoint, stop::Stop};

/// Returns a stop that signals raise until the process ends: the first drains, the second aborts.
///
/// # Errors
/// The operating system refuses a descriptor or a thread.
pub(super) fn stop_on_signals() -> anyhow::Result<Stop> {
    endpoint::check().context("cannot listen for signals")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot listen for signals")?;
    let mut signals = runtime.block_on(async { Signals::new() }).context("cannot listen for signals")?;
    let stop = Stop::new();
    let raised = stop.clone();
    // The thread ends with the process, and leaves nothing behind.
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

/// Ctrl-C, SIGTERM, and SIGHUP, which a closing terminal sends.
pub(crate) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    /// `None` if the process ignores SIGHUP, as under `nohup`.
    hangup: Option<tokio::signal::unix::Signal>,
}

/// Returns true if a process ignores SIGHUP, by its status file in `/proc`; false where there is no such
/// file.
fn ignores_hangup(status: io::Result<impl Read>) -> bool {
    // The first signal is the lowest bit.
    status.is_ok_and(|status| Status::from_read(status).is_ok_and(|status| status.sigign & 1 == 1))
}

impl Signals {
    /// Starts to handle signals: a signal no longer ends the process.
    pub(crate) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let status = File::open("/proc/self/status");
        let hangup = if ignores_hangup(status) { None } else { Some(signal(SignalKind::hangup())?) };
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, hangup })
    }

    /// Returns at the next signal.
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
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_ignores_the_hangup_goes_on_doing_so() {
        // The shell ignores a signal, and the program that replaces it by exec keeps ignoring it.
        let status = |signal: &str| {
            let script = format!("trap '' {signal}; exec cat /proc/self/status");
            Command::new("sh").args(["-c", &script]).output().expect("it runs").stdout
        };
        if cfg!(target_os = "linux") {
            assert!(ignores_hangup(Ok(status("HUP").as_slice())));
            // If the tests run under `nohup`, every child ignores SIGHUP.
            let is_deaf = ignores_hangup(File::open("/proc/self/status"));
            assert_eq!(ignores_hangup(Ok(status("TERM").as_slice())), is_deaf);
        }
        assert!(!ignores_hangup(Ok(io::empty())));
        assert!(!ignores_hangup(Err::<File, _>(io::ErrorKind::NotFound.into())));
    }
}
