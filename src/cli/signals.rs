//! Signals that ask a process to end. Only the command line listens to them: a library leaves them to its host.

use std::{
    fs::File,
    io::{self, Read},
    thread,
};

use anyhow::Context as _;
use procfs_core::{FromRead, process::Status};

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

/// Whether a process ignores SIGHUP, by its status below `/proc`; false where the system does not tell.
fn ignores_hangup(status: io::Result<impl Read>) -> bool {
    // The first signal is the lowest bit.
    status.is_ok_and(|status| Status::from_read(status).is_ok_and(|status| status.sigign & 1 == 1))
}

impl Signals {
    /// Listens from now on: a signal does not end the process any more.
    pub(crate) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let status = File::open("/proc/self/status");
        let hangup = if ignores_hangup(status) { None } else { Some(signal(SignalKind::hangup())?) };
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
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_ignores_the_hangup_goes_on_doing_so() {
        // The shell makes itself deaf to a signal, and the program that takes its place stays so.
        let status = |signal: &str| {
            let script = format!("trap '' {signal}; exec cat /proc/self/status");
            Command::new("sh").args(["-c", &script]).output().expect("it runs").stdout
        };
        if cfg!(target_os = "linux") {
            assert!(ignores_hangup(Ok(status("HUP").as_slice())));
            // Where the tests themselves run under `nohup`, every child is deaf to it.
            let is_deaf = ignores_hangup(File::open("/proc/self/status"));
            assert_eq!(ignores_hangup(Ok(status("TERM").as_slice())), is_deaf);
        }
        assert!(!ignores_hangup(Ok(io::empty())));
        assert!(!ignores_hangup(Err::<File, _>(io::ErrorKind::NotFound.into())));
    }
}
