//! Links of a worker over real sockets, with a poller and the driver's waker.

use std::{
    io::{self, Read},
    ops::Range,
    os::unix::net::UnixStream,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::links::{LinkAccount, Links};
use crate::{
    client::{
        Call, Completion, Connections, OpenError, check_metadata,
        lean::{
            reconnecting::{Io, Reconnecting, link_of},
            request::Requests,
        },
    },
    endpoint::Located,
    load::Plan,
};

/// Key of the driver's waker in the poller; no link has this key.
const WAKER: u64 = u64::MAX;

/// Links of a worker, with the poller that waits for them.
#[derive(Debug)]
pub(super) struct Polling {
    io: Io,
    links: Vec<Reconnecting>,
    /// Socket that becomes readable on a new order.
    waker: UnixStream,
    has_rung: bool,
    /// Time for which the worker polls before it blocks.
    spin: Duration,
    /// Deadline of a call, relative to its start.
    timeout: Option<Duration>,
    /// Links with completed calls that were not taken.
    ended: Vec<usize>,
    /// Links that may have bytes to write.
    touched: Vec<usize>,
    /// Lower bound for the time of the next due action of any link.
    next_turn: Option<Instant>,
    /// Time with nothing to do.
    idle: Duration,
}

/// Error of a worker that cannot start.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrepareError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Setup(#[from] io::Error),
}

impl Polling {
    /// Opens the worker's connections.
    ///
    /// # Errors
    /// Fails if the server does not accept a connection, or the system provides no descriptor.
    pub(super) fn open(
        plan: &Arc<Plan>,
        index: usize,
        target: &Located,
        waker: UnixStream,
    ) -> Result<Self, PrepareError> {
        check_metadata(&plan.options.metadata)?;
        let mut io = Io::new();
        waker.set_nonblocking(true)?;
        io.poller.add(&waker, WAKER, false)?;
        let requests = Arc::new(Requests::new(plan, target.origin()));
        let connections = plan.connections as u64;
        let in_flight = plan.most_in_flight().div_ceil(connections.max(1));
        let mut links = Vec::new();
        for link in 0..usize::try_from(plan.share_of(connections, index)).unwrap_or(usize::MAX) {
            links.push(Reconnecting::open(target, Arc::clone(&requests), link, in_flight, &mut io)?);
        }
        Ok(Self {
            io,
            links,
            waker,
            has_rung: true,
            spin: plan.options.spin,
            timeout: plan.options.timeout,
            ended: Vec::new(),
            touched: Vec::new(),
            next_turn: Some(Instant::now()),
            idle: Duration::ZERO,
        })
    }

    /// Waits until the server's SETTINGS have arrived on every connection, or the connection has failed.
    ///
    /// # Errors
    /// Fails if the system cannot wait.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        let mut now = Instant::now();
        while !self.links.iter().all(Reconnecting::is_settled) {
            now = self.serve(now)?;
        }
        Ok(())
    }

    /// Performs an action on a link, and notes its effects.
    fn with_link(&mut self, index: usize, act: impl FnOnce(&mut Reconnecting, &mut Io)) {
        let Some(link) = self.links.get_mut(index) else { return };
        let was_well = link.is_well();
        act(link, &mut self.io);
        if link.has_completions() && self.ended.last() != Some(&index) {
            self.ended.push(index);
        }
        if !(was_well && link.is_well()) {
            self.next_turn = self.next_turn.into_iter().chain(link.next_turn()).min();
        }
    }
}

impl Links for Polling {
    fn count(&self) -> usize {
        self.links.len()
    }

    fn is_up(&self, link: usize) -> bool {
        self.links.get(link).is_some_and(Reconnecting::is_up)
    }

    fn start(&mut self, link: usize, call: Call) {
        if self.next_turn.is_none()
            && let Some(timeout) = self.timeout
        {
            // Calls that start later have later deadlines.
            self.next_turn = call.sent.checked_add(timeout);
        }
        self.with_link(link, |link, _| link.start(call));
        if self.touched.last() != Some(&link) {
            self.touched.push(link);
        }
    }

    fn turn(&mut self, now: Instant) {
        if self.next_turn.is_none_or(|next| now < next) {
            return;
        }
        for index in 0..self.links.len() {
            self.with_link(index, |link, io| link.turn(now, io));
            self.touched.push(index);
        }
        self.next_turn = self.links.iter().filter_map(Reconnecting::next_turn).min();
    }

    fn write(&mut self) {
        while let Some(index) = self.touched.pop() {
            self.with_link(index, Reconnecting::write);
        }
    }

    fn wait(&mut self, until: Option<Instant>) -> io::Result<Instant> {
        let since = Instant::now();
        let until =
            if self.ended.is_empty() { until.into_iter().chain(self.next_turn).min() } else { Some(since) };
        let mut now = since;
        loop {
            let left = until.map(|until| until.saturating_duration_since(now));
            let spins = now.saturating_duration_since(since) < self.spin;
            self.io.poller.wait(if spins { Some(Duration::ZERO) } else { left })?;
            let had_time = left != Some(Duration::ZERO);
            now = Instant::now();
            if !spins || !had_time || self.io.poller.ready(0).is_some() {
                break;
            }
        }
        if until.is_none_or(|until| until > since) {
            self.idle += now.saturating_duration_since(since);
        }
        Ok(now)
    }

    fn take_ready(&mut self, event: usize) -> Option<Range<usize>> {
        let ready = self.io.poller.ready(event)?;
        if ready.key == WAKER {
            // One look at the orders serves any number of wake-ups.
            let _ = (&self.waker).read(&mut [0; 64]);
            self.has_rung = true;
            return Some(0..0);
        }
        let index = link_of(ready.key);
        self.with_link(index, |link, io| link.take(ready, io));
        self.touched.push(index);
        Some(index..index + 1)
    }

    fn take_ring(&mut self) -> bool {
        std::mem::take(&mut self.has_rung)
    }

    fn has_completions(&self) -> bool {
        !self.ended.is_empty()
    }

    fn drain(&mut self, mut take: impl FnMut(usize, Completion)) {
        for index in self.ended.drain(..) {
            if let Some(link) = self.links.get_mut(index) {
                link.drain(|completion| take(index, completion));
            }
        }
    }

    fn account(&self, now: Instant) -> LinkAccount {
        let mut connections = Connections::default();
        for link in &self.links {
            connections.add(link.connections());
        }
        let stalls = self.links.iter().map(|link| link.stalls(now)).collect();
        let handshakes = self.links.iter().flat_map(Reconnecting::handshakes).copied().collect();
        LinkAccount { idle: self.idle, stalls, connections, handshakes }
    }
}
