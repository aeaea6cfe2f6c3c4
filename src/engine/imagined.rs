//! An imagined server in paused time, for tests of both loops: as a [`Caller`], and over [`Links`].

use std::{collections::VecDeque, future::Future, io, ops::Range, pin::pin, task::Context, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, advance, sleep_until},
};

use super::{
    links::{LinkAccount, Links},
    worker::Order,
};
use crate::{
    client::{
        Call, Caller, Completion, Loss,
        lean::reconnecting::{Backoff, Stalls},
    },
    rpc::{Message, Outcome},
};

/// A server that answers each call after a delay, and answers nothing while it is stopped.
#[derive(Clone)]
pub(super) struct ImaginedServer {
    started: Instant,
    delay: Duration,
    /// Start and end of the time in which the server is stopped, since its creation.
    pub(super) stopped: (Duration, Duration),
    pub(super) outcome: Outcome,
    /// Message bytes of each reply: as many as the default message expects.
    reply_bytes: u64,
    pub(super) loss: Option<Loss>,
}

impl ImaginedServer {
    pub(super) fn new(delay: Duration) -> Self {
        let stopped = (Duration::MAX, Duration::MAX);
        Self {
            started: Instant::now(),
            delay,
            stopped,
            outcome: Outcome::Answered,
            reply_bytes: 64,
            loss: None,
        }
    }

    /// End time of a call that is sent at `sent`.
    fn end_of(&self, sent: Instant) -> Instant {
        let arrives = sent + self.delay;
        let (from, to) = self.stopped;
        match arrives - self.started {
            time if time >= from && time < to => self.started + to + self.delay,
            _ => arrives,
        }
    }
}

impl Caller for ImaginedServer {
    async fn call(&mut self, call: Call, _: &Message) -> Completion {
        let sent = Instant::now();
        sleep_until(self.end_of(sent)).await;
        let call = Call { sent, ..call };
        let reply_bytes = self.reply_bytes;
        Completion { loss: self.loss, reply_bytes, ..call.end(self.outcome.clone(), Instant::now()) }
    }
}

/// One link to the imagined server. Time advances during waits.
pub(super) struct ImaginedLinks {
    server: ImaginedServer,
    /// Calls in the order of their ends.
    calls: VecDeque<(Instant, Call)>,
    completions: Vec<Completion>,
    /// End of the current pause without a connection, and the length of the next one.
    down_until: Option<Instant>,
    backoff: Backoff,
    /// True if the next wait reports a new connection.
    is_connected_anew: bool,
    paused: Duration,
    /// Channel and time at which the driver ends the window.
    order: watch::Sender<Order>,
    interrupt: Option<Instant>,
    has_rung: bool,
    /// True if the last wait reported an event.
    is_ready: bool,
}

impl ImaginedLinks {
    pub(super) fn to(
        server: ImaginedServer,
        order: watch::Sender<Order>,
        interrupt: Option<Instant>,
    ) -> Self {
        Self {
            server,
            calls: VecDeque::new(),
            completions: Vec::new(),
            down_until: None,
            backoff: Backoff::new(),
            is_connected_anew: false,
            paused: Duration::ZERO,
            order,
            interrupt,
            has_rung: true,
            is_ready: false,
        }
    }

    /// Time of the next event that happens without a call.
    fn next_event(&self) -> Option<Instant> {
        let reply = self.calls.front().map(|(end, _)| *end);
        [reply, self.interrupt, self.down_until].into_iter().flatten().min()
    }
}

impl Links for ImaginedLinks {
    fn count(&self) -> usize {
        1
    }

    fn is_up(&self, _: usize) -> bool {
        self.down_until.is_none()
    }

    fn start(&mut self, _: usize, call: Call) {
        let end = self.server.end_of(Instant::now());
        let place = self.calls.partition_point(|(other, _)| *other <= end);
        self.calls.insert(place, (end, call));
    }

    fn turn(&mut self, now: Instant) {
        self.is_connected_anew = self.down_until.take_if(|until| now >= *until).is_some();
    }

    fn write(&mut self) {}

    fn wait(&mut self, until: Option<Instant>) -> io::Result<Instant> {
        let event = if self.is_connected_anew { Some(Instant::now()) } else { self.next_event() };
        let until = until.into_iter().chain(event).min().expect("a test never waits for nothing");
        pass(until.saturating_duration_since(Instant::now()));
        let now = Instant::now();
        if self.interrupt.take_if(|at| now >= *at).is_some() {
            self.order.send_replace(Order::Drain);
            self.has_rung = true;
        }
        while let Some((done, call)) = self.calls.pop_front_if(|(end, _)| now >= *end) {
            let reply_bytes = self.server.reply_bytes;
            self.completions.push(Completion { reply_bytes, ..call.end(self.server.outcome.clone(), done) });
            if matches!(self.server.loss, Some(Loss::NotConnected | Loss::Other)) {
                let pause = self.backoff.take();
                self.down_until = Some(now + pause);
                self.paused += pause;
            }
        }
        self.is_ready = event.is_some_and(|event| now >= event);
        Ok(now)
    }

    fn take_ready(&mut self, event: usize) -> Option<Range<usize>> {
        (event == 0 && self.is_ready).then_some(0..1)
    }

    fn take_ring(&mut self) -> bool {
        std::mem::take(&mut self.has_rung)
    }

    fn has_completions(&self) -> bool {
        !self.completions.is_empty()
    }

    fn drain(&mut self, mut take: impl FnMut(usize, Completion)) {
        self.completions.drain(..).for_each(|completion| take(0, completion));
    }

    fn account(&self, _: Instant) -> LinkAccount {
        let stalls = vec![Stalls { paused: self.paused, ..Stalls::default() }];
        LinkAccount { stalls, ..LinkAccount::default() }
    }
}

/// Advances paused time, even where nothing can be awaited: the first poll moves the clock.
fn pass(time: Duration) {
    let mut context = Context::from_waker(std::task::Waker::noop());
    let _ = pin!(advance(time)).poll(&mut context);
}
