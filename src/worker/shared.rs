//! What the tasks of a worker share: where the run stands, what is in flight, and the recorder.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    task::{spawn_local, yield_now},
    time::{Instant, sleep_until, timeout_at},
};

use super::{Counters, Order, Report, Second, Work, Worked, drain_ordered};
use crate::{
    alarm::Alarm,
    client::{Caller, Ended},
    environment::ThreadTime,
    plan::{Plan, PlannedLoad},
    record::{Finished, Recorder},
    schedule::{Arrival, Arrivals, Schedule, Share},
};

/// Arrivals that are sent in one go when they are overdue. After these the sockets have their turn.
const BATCH: u32 = 32;

/// What ended a worker's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its time was over.
    Time,
    /// The last call of a counted plan was started.
    Count,
    /// The driver said so.
    Order,
}

/// Arrivals, of which the next is known.
pub(super) struct Queue {
    pub(super) next: Option<Arrival>,
    further: Share,
}

/// What the tasks of a worker share.
pub(super) struct Shared {
    pub(super) plan: Arc<Plan>,
    pub(super) index: u64,
    pub(super) workers: u64,
    /// Of the measured window.
    pub(super) start: Instant,
    /// Of the measured window, as far as it is known.
    pub(super) end: Cell<Option<Instant>>,
    pub(super) all: Arc<Counters>,
    /// Calls that this worker started, for the choice of their messages.
    own_started: Cell<u64>,
    in_flight: Cell<u64>,
    /// Planned calls in flight, by message.
    planned_in_flight: RefCell<Vec<u64>>,
    /// Slots that still run, and the arrivals' task.
    pub(super) sources: Cell<u64>,
    /// Arrivals that were not dispatched yet; none in a closed loop.
    pub(super) arrivals: RefCell<Queue>,
    /// Arrivals that were dispatched since the last wait.
    batch: Cell<u32>,
    /// Set once the last call of a counted plan was started; in an open loop to the time that its
    /// calls have by their rate.
    pub(super) count_reached: Cell<Option<Duration>>,
    /// Told when that is set.
    counted: Notify,
    /// Told when the last source has ended and the last call is done.
    idle: Notify,
    /// Told when the window's end changes.
    pub(super) ended: Notify,
    recorder: RefCell<Recorder>,
    reports: mpsc::UnboundedSender<Report>,
}

impl Queue {
    pub(super) fn new(mut further: Share) -> Self {
        Self { next: further.next(), further }
    }

    pub(super) fn pop(&mut self) {
        self.next = self.further.next();
    }

    /// Whether nothing is left because the plan's count was reached.
    pub(super) fn is_counted_out(&self) -> bool {
        self.next.is_none() && self.further.is_counted_out()
    }
}

impl Shared {
    pub(super) fn new(work: &Work, start: Instant) -> Self {
        let payload = work.plan.payload();
        Self {
            plan: Arc::clone(&work.plan),
            index: work.index as u64,
            workers: work.plan.workers() as u64,
            start,
            end: Cell::new(work.plan.duration().and_then(|duration| start.checked_add(duration))),
            all: Arc::clone(&work.shared),
            own_started: Cell::new(0),
            arrivals: RefCell::new(Queue::new(arrivals_of(&work.plan, work.index as u64))),
            batch: Cell::new(0),
            count_reached: Cell::new(None),
            counted: Notify::new(),
            in_flight: Cell::new(0),
            planned_in_flight: RefCell::new(vec![0; payload.messages().len()]),
            sources: Cell::new(0),
            idle: Notify::new(),
            ended: Notify::new(),
            recorder: RefCell::new(Recorder::new(payload, work.plan.is_open(), work.plan.duration())),
            reports: work.reports.clone(),
        }
    }

    /// The message of the next call of a closed loop, and whether the call is planned or belongs to
    /// the warm-up; `None` when the window has ended.
    pub(super) fn next_call(&self) -> Option<(usize, bool)> {
        let now = Instant::now();
        if self.is_over(now) {
            return None;
        }
        let own = self.own_started.get();
        self.own_started.set(own + 1);
        let mut k = own * self.workers + self.index;
        let is_planned = now >= self.start;
        if is_planned && let Some(calls) = self.plan.calls() {
            k = self.all.started.fetch_add(1, Ordering::Relaxed);
            if k + 1 >= calls.get() {
                self.reach_count(Duration::ZERO);
            }
            if k >= calls.get() {
                return None;
            }
        }
        let message = self.plan.payload().pick(k);
        self.call_starts(message, is_planned);
        Some((message, is_planned))
    }

    /// Waits for an intended start; false when that lies beyond the end of the window.
    pub(super) async fn is_due(&self, intended: Instant, alarm: &mut Alarm) -> bool {
        while Instant::now() < intended && !self.is_over(intended) {
            tokio::select! {
                () = alarm.wait_until(intended) => {}
                () = self.ended.notified() => {}
            }
            self.batch.set(0);
        }
        !self.is_over(intended)
    }

    /// Sends a call of an open loop, or sheds it. `intended` is absent for the warm-up.
    pub(super) async fn dispatch<C: Caller>(
        self: &Rc<Self>,
        connection: Option<&C>,
        k: u64,
        intended: Option<Instant>,
    ) {
        let message = self.plan.payload().pick(k);
        let is_planned = intended.is_some();
        let is_over_cap = self.all.in_flight.fetch_add(1, Ordering::Relaxed) >= self.most_in_flight();
        if let Some(mut connection) = connection.cloned().filter(|_| !is_over_cap) {
            self.call_starts(message, is_planned);
            let shared = Rc::clone(self);
            spawn_local(async move {
                let ended = connection.call(&shared.plan.payload().messages()[message]).await;
                shared.all.in_flight.fetch_sub(1, Ordering::Relaxed);
                shared.call_ended(message, is_planned, intended, ended);
            });
        } else {
            self.all.in_flight.fetch_sub(1, Ordering::Relaxed);
            if is_planned {
                let mut recorder = self.recorder.borrow_mut();
                recorder.plan(message);
                recorder.shed(message);
            }
        }
        self.batch.set((self.batch.get() + 1) % BATCH);
        if self.batch.get() == 0 {
            yield_now().await;
        }
    }

    /// Of an open loop, in total over all workers.
    pub(super) fn most_in_flight(&self) -> u64 {
        match self.plan.load() {
            PlannedLoad::Closed { concurrency, .. } => *concurrency,
            PlannedLoad::Open { max_in_flight, .. } => *max_in_flight,
        }
    }

    pub(super) fn call_starts(&self, message: usize, is_planned: bool) {
        self.in_flight.set(self.in_flight.get() + 1);
        if is_planned {
            self.recorder.borrow_mut().plan(message);
            self.planned_in_flight.borrow_mut()[message] += 1;
        }
    }

    pub(super) fn call_ended(
        &self,
        message: usize,
        is_planned: bool,
        intended: Option<Instant>,
        ended: Ended,
    ) {
        let Ended { sent, done, outcome } = ended;
        if is_planned {
            self.planned_in_flight.borrow_mut()[message] -= 1;
            self.report(done);
            self.recorder.borrow_mut().finish(Finished {
                message,
                intended: intended.map(|intended| self.since_start(intended)),
                sent: self.since_start(sent),
                done: self.since_start(done),
                outcome,
            });
        } else if done >= self.start {
            self.recorder.borrow_mut().carry_over(message, self.since_start(done), &outcome);
        }
        self.in_flight.set(self.in_flight.get() - 1);
        self.tell_if_idle();
    }

    pub(super) fn since_start(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.start)
    }

    /// Whether a call that should start at `instant` comes after the window.
    pub(super) fn is_over(&self, instant: Instant) -> bool {
        self.end.get().is_some_and(|end| instant >= end)
    }

    pub(super) fn source_ended(&self) {
        self.sources.set(self.sources.get() - 1);
        self.tell_if_idle();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.sources.get() == 0 && self.in_flight.get() == 0
    }

    pub(super) fn tell_if_idle(&self) {
        if self.is_idle() {
            self.idle.notify_one();
        }
    }

    pub(super) fn tell(&self, report: Report) {
        // The driver may have left; then nobody misses the report.
        let _ = self.reports.send(report);
    }

    /// Hands over the interval that is over at this instant, if there is one.
    pub(super) fn report(&self, now: Instant) {
        let over = self.recorder.borrow_mut().take_interval(self.since_start(now));
        if let Some((index, interval)) = over {
            let in_flight = self.in_flight.get();
            self.tell(Report::Second(Second { index, interval, in_flight }));
        }
    }

    /// The last call of a counted plan was started: no worker starts another one.
    pub(super) fn reach_count(&self, time: Duration) {
        self.count_reached.set(Some(time));
        self.counted.notify_one();
    }

    /// Returns at the window's end, when the last counted call was started, or when the driver ends it.
    pub(super) async fn window_over(&self, orders: &mut watch::Receiver<Order>) -> End {
        let time = async {
            match self.end.get() {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        let count = async {
            while self.count_reached.get().is_none() {
                self.counted.notified().await;
            }
        };
        tokio::select! {
            biased;
            () = drain_ordered(orders) => End::Order,
            () = time => End::Time,
            () = count => End::Count,
        }
    }

    /// Ends the window before its time.
    pub(super) fn end_window(&self, now: Instant) {
        self.end.set(Some(now));
        self.recorder.borrow_mut().end_window(self.since_start(now));
        self.ended.notify_waiters();
    }

    /// Returns when all calls are done, the drain that began at `since` is over, or the driver wants
    /// to leave.
    pub(super) async fn drained(&self, since: Instant, orders: &mut watch::Receiver<Order>) {
        let calls_done = async {
            while !self.is_idle() {
                self.idle.notified().await;
            }
        };
        let leave = async {
            let _ = orders.wait_for(|order| *order == Order::Leave).await;
        };
        tokio::select! {
            _ = timeout_at(since + self.plan.drain(), calls_done) => {}
            () = leave => {}
        }
    }

    pub(super) fn finish(&self, times: Option<(ThreadTime, ThreadTime)>, end: End) -> Worked {
        let payload = self.plan.payload();
        let empty = Recorder::new(payload, self.plan.is_open(), None);
        let mut recorder = self.recorder.replace(empty);
        for (message, calls) in self.planned_in_flight.borrow().iter().enumerate() {
            recorder.unfinished(message, *calls);
        }
        // The generator was so late that these were not even sent.
        let mut arrivals = self.arrivals.borrow_mut();
        while let Some(arrival) = arrivals.next.filter(|next| !self.is_over(self.start + next.at)) {
            let message = payload.pick(arrival.k);
            recorder.plan(message);
            recorder.unfinished(message, 1);
            arrivals.pop();
        }
        let (recording, (index, interval)) = recorder.into_recording();
        let in_flight = self.in_flight.get();
        self.tell(Report::Second(Second { index, interval, in_flight }));
        let window = match (end, self.end.get()) {
            (End::Time | End::Order, Some(end)) => self.since_start(end),
            _ => recording.last_done.max(self.count_reached.get().unwrap_or_default()),
        };
        let thread = times.map(|(before, after)| ThreadTime {
            running: after.running.saturating_sub(before.running),
            waiting: after.waiting.saturating_sub(before.waiting),
        });
        Worked { recording, window, thread, ended_by_count: end == End::Count }
    }
}

/// The arrivals of this worker; none in a closed loop.
fn arrivals_of(plan: &Plan, index: u64) -> Share {
    let nothing = Schedule { stages: Vec::new(), arrivals: Arrivals::Constant, seed: 0, calls: None };
    match plan.load() {
        PlannedLoad::Open { schedule, .. } => schedule.share(index, plan.workers() as u64),
        PlannedLoad::Closed { .. } => nothing.share(0, 1),
    }
}
