//! Ctrl-C, SIGTERM and SIGHUP while something goes on that blocks: noted, so that it can end in order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::{Context as _, Result};

use crate::{endpoint, engine::Signals};

/// Whether somebody wants an end.
#[derive(Debug, Clone)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on, for as long as this process lives.
    pub(super) fn listen() -> Result<Self> {
        endpoint::check().context("cannot listen for signals")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot listen for signals")?;
        let mut signals = runtime.block_on(async { Signals::new() }).context("cannot listen for signals")?;
        let own = Self(Arc::default());
        let seen = own.clone();
        // Ends with the process: there is nothing that it could leave behind.
        thread::spawn(move || {
            runtime.block_on(async {
                signals.next().await;
                seen.0.store(true, Ordering::Relaxed);
            });
        });
        Ok(own)
    }

    pub(super) fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
