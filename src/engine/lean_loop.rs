//! A worker whose calls are streams of the lean client: one thread, one loop, no runtime.
//!
//! Each turn of the loop takes what has come, starts the calls that are due, writes them out, and waits
//! until something comes or the next call is due. Nothing on the path of a call locks or, once the
//! buffers have grown to their size, allocates.

use std::{
    io::{self, Read},
    ops::Range,
    os::unix::net::UnixStream,
    sync::Arc,
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{
    sequencer::{Sequencer, Start},
    window::{Account, CallAccount, Window},
    worker::{Order, Work, WorkerResult},
};
use crate::{
    client::{
        Connections, OpenError, check_metadata,
        lean::{
            connection::Over,
            reconnecting::{Io, Reconnecting, link_of},
            request::Requests,
            streams::Call,
        },
    },
    endpoint::Located,
    load::Plan,
};

/// Under which the driver's waker is known to the poller; no link has this key.
const WAKER: u64 = u64::MAX;

/// Arrivals that are started in one go when they are overdue. After these the sockets have their turn.
const BATCH: usize = 256;

/// The links of a worker, and what it waits with.
#[derive(Debug)]
pub(crate) struct Polling {
    io: Io,
    links: Vec<Reconnecting>,
    /// Slots of a closed loop without a call, by link.
    free: Vec<u64>,
    /// Becomes readable when there is a new order.
    waker: UnixStream,
    has_rung: bool,
    /// How long it looks for something to do before it blocks.
    spin: Duration,
    /// Ends that nobody has recorded yet.
    over: Vec<Over>,
    /// Links that may have something to write.
    touched: Vec<usize>,
    /// When a link may have something to do by itself. Never later than that.
    next_turn: Option<Instant>,
    /// The link of the next arrival.
    next_link: usize,
    /// Time with nothing to do.
    idle: Duration,
}

/// Why a worker cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Setup(#[from] io::Error),
}

impl Polling {
    /// Connects.
    ///
    /// # Errors
    /// When the server does not accept a connection, or the system gives no descriptor.
    pub(crate) fn open(
        plan: &Arc<Plan>,
        index: usize,
        target: &Located,
        waker: UnixStream,
    ) -> Result<Self, PrepareError> {
        check_metadata(&plan.options.metadata)?;
        let mut io = Io::new();
        waker.set_nonblocking(true)?;
        io.poller.add(&waker, WAKER, false)?;
        let requests = Arc::new(Requests::new(plan, &target.authority));
        let connections = plan.connections as u64;
        let in_flight = plan.most_in_flight().div_ceil(connections.max(1));
        let mut links = Vec::new();
        for link in 0..usize::try_from(plan.share_of(connections, index)).unwrap_or(usize::MAX) {
            links.push(Reconnecting::open(target, Arc::clone(&requests), link, in_flight, &mut io)?);
        }
        Ok(Self {
            io,
            free: vec![0; links.len()],
            links,
            waker,
            has_rung: true,
            spin: plan.options.spin,
            over: Vec::new(),
            touched: Vec::new(),
            next_turn: Some(Instant::now()),
            next_link: 0,
            idle: Duration::ZERO,
        })
    }

    /// Returns when every server has said how it wants to be spoken to, or has failed to.
    ///
    /// # Errors
    /// When the system does not let it wait.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        let mut now = Instant::now();
        while !self.links.iter().all(Reconnecting::is_settled) {
            self.turn_links(now);
            now = self.wait_and_take(self.next_turn)?;
        }
        Ok(())
    }

    /// Makes this worker's share of the plan's calls.
    ///
    /// # Errors
    /// When the system does not let it wait.
    pub(crate) fn run(mut self, mut work: Work) -> io::Result<WorkerResult> {
        let start = self.wait_for_order(&mut work.orders)?;
        let mut order = *work.orders.borrow();
        let mut round = Window::new(Sequencer::new(&work, start), start);
        if order != Order::Run(start) {
            round.sequencer.end = Some(start);
        }
        let links = self.links.len() as u64;
        let slots = round.sequencer.slots();
        self.free = (0..links).map(|link| slots / links + u64::from(link < slots % links)).collect();
        let mut now = Instant::now();
        loop {
            if std::mem::take(&mut self.has_rung) {
                order = *work.orders.borrow_and_update();
            }
            round.record(&mut self.over);
            round.keep_time(now, order, || self.account(now));
            if round.is_drained(now, order) {
                return Ok(round.finish());
            }
            if now >= round.warm {
                self.start_calls(&mut round.sequencer, 0..self.links.len());
            }
            self.turn_links(now);
            self.write();
            let event = round.next_event(now).into_iter().chain(self.next_turn).min();
            now = self.wait(if self.over.is_empty() { event } else { Some(now) })?;
            // One link after the other: none waits for the replies of the others to be read.
            for event in 0.. {
                let Some(index) = self.take_ready(event) else { break };
                round.record(&mut self.over);
                if now >= round.warm {
                    self.start_calls(&mut round.sequencer, index);
                }
                self.write();
            }
        }
    }

    /// Serves the connections until the driver says when to start.
    fn wait_for_order(&mut self, orders: &mut watch::Receiver<Order>) -> io::Result<Instant> {
        let mut now = Instant::now();
        loop {
            let order = *orders.borrow_and_update();
            match order {
                Order::Run(start) => return Ok(start),
                Order::Wait if orders.has_changed().is_ok() => {}
                // Interrupted before anything began, or the driver is gone.
                _ => return Ok(now),
            }
            self.turn_links(now);
            now = self.wait_and_take(self.next_turn)?;
        }
    }

    /// Starts the calls that are due, and those that these links have free slots for.
    fn start_calls(&mut self, sequencer: &mut Sequencer, links: Range<usize>) {
        let sent = Instant::now();
        if sequencer.plan.is_open() {
            for _ in 0..BATCH {
                // A call that has ended already is in flight until it is recorded.
                if !self.over.is_empty() || sequencer.next_arrival().is_none_or(|intended| intended > sent) {
                    break;
                }
                if let Some(start) = sequencer.take_arrival() {
                    let index = self.next_link;
                    self.next_link = (index + 1) % self.links.len();
                    self.start(index, start, sent);
                }
            }
        } else {
            for index in links {
                // Those that are free now: a call that the client itself refuses frees its slot at once.
                for _ in 0..self.free[index] {
                    if !self.links[index].is_up() {
                        break;
                    }
                    let Some(start) = sequencer.next_call(sent) else { break };
                    self.free[index] -= 1;
                    self.start(index, start, sent);
                }
            }
        }
        if let Some(timeout) = sequencer.plan.options.timeout
            && self.next_turn.is_none()
        {
            // Calls that start later have later deadlines.
            self.next_turn = sent.checked_add(timeout);
        }
    }

    fn start(&mut self, index: usize, start: Start, sent: Instant) {
        let Start { message, is_planned, intended } = start;
        let call = Call { message, is_planned, intended, sent, returned: 0 };
        self.with_link(index, |link, _, over| link.start(call, over));
        if self.touched.last() != Some(&index) {
            self.touched.push(index);
        }
    }

    /// Lets a link do something, and keeps account of the calls that ended with it.
    fn with_link(&mut self, index: usize, act: impl FnOnce(&mut Reconnecting, &mut Io, &mut Vec<Over>)) {
        let Some(link) = self.links.get_mut(index) else { return };
        let before = self.over.len();
        let was_well = link.is_well();
        act(link, &mut self.io, &mut self.over);
        self.free[index] += (self.over.len() - before) as u64;
        if !(was_well && link.is_well()) {
            self.next_turn = self.next_turn.into_iter().chain(link.next_turn()).min();
        }
    }

    /// Lets links do what is due.
    fn turn_links(&mut self, now: Instant) {
        if self.next_turn.is_none_or(|next| now < next) {
            return;
        }
        for index in 0..self.links.len() {
            self.with_link(index, |link, io, over| link.turn(now, io, over));
            self.touched.push(index);
        }
        self.next_turn = self.links.iter().filter_map(Reconnecting::next_turn).min();
    }

    fn write(&mut self) {
        while let Some(index) = self.touched.pop() {
            self.with_link(index, Reconnecting::write);
        }
    }

    /// Waits until sockets are ready, or until that time. Returns the time then.
    fn wait(&mut self, until: Option<Instant>) -> io::Result<Instant> {
        let since = Instant::now();
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

    /// Takes what the last wait brought, number `event` of it. Returns the link that it was for; none where
    /// it was the driver; `None` where there is no such event.
    fn take_ready(&mut self, event: usize) -> Option<Range<usize>> {
        let ready = self.io.poller.ready(event)?;
        if ready.key == WAKER {
            // One look at the orders answers any number of rings.
            let _ = (&self.waker).read(&mut [0; 64]);
            self.has_rung = true;
            return Some(0..0);
        }
        let index = link_of(ready.key);
        self.with_link(index, |link, io, over| link.take(ready, io, over));
        self.touched.push(index);
        Some(index..index + 1)
    }

    /// The same where no call is under way.
    fn wait_and_take(&mut self, until: Option<Instant>) -> io::Result<Instant> {
        self.write();
        let now = self.wait(until)?;
        let mut event = 0;
        while self.take_ready(event).is_some() {
            event += 1;
        }
        Ok(now)
    }

    fn account(&self, now: Instant) -> Account {
        Account {
            idle: self.idle,
            stalls: self.links.iter().map(|link| link.stalls(now)).collect(),
            connections: self.links.iter().map(Reconnecting::connections).fold(
                Connections::default(),
                |mut sum, link| {
                    sum.add(link);
                    sum
                },
            ),
            calls: CallAccount::default(),
        }
    }
}
