//! One core of the generator: waits for the time or for a free slot, calls, records.
//!
//! All calls of a worker are tasks on one thread. They share its recorder through a cell, so that
//! the path of a call has no lock and no channel of ours on it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    task::{spawn_local, yield_now},
    time::{Instant, sleep_until, timeout_at},
};

use crate::{
    alarm::Alarm,
    client::{Caller, Ended},
    environment::{ThreadTime, own_thread_time},
    outcome::Outcome,
    plan::{Plan, PlannedLoad},
    record::{Finished, INTERVAL, Interval, Recorder, Recording},
    schedule::{Arrival, Arrivals, Schedule, Share, Stage},
};

/// After a call whose connection broke, a slot of a closed loop waits this long before its next,
/// and twice as long after each further one. A server that is gone would otherwise be asked for
/// a connection as fast as the machine can.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Arrivals that are sent in one go when they are overdue. After these the sockets have their turn.
const BATCH: u32 = 32;

/// What the driver tells its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Connections are being made.
    Wait,
    /// The measured window starts at this instant, the warm-up before it.
    Run(Instant),
    /// The window is over: calls in flight are waited for.
    Drain,
    /// Do not wait any longer.
    Leave,
}

/// What all workers of a run share. Nothing is handed over through these numbers, so they need no
/// ordering among each other.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Calls of a closed loop that is counted: how many were started.
    started: AtomicU64,
    /// Calls of an open loop: how many are in flight.
    in_flight: AtomicU64,
}

/// What a worker needs besides its connections.
pub(crate) struct Work {
    pub(crate) plan: Arc<Plan>,
    /// From 0.
    pub(crate) index: usize,
    pub(crate) shared: Arc<Counters>,
    pub(crate) orders: watch::Receiver<Order>,
    pub(crate) reports: mpsc::UnboundedSender<Report>,
    /// Whether to wait with the kernel's timer; tests with paused time do not.
    pub(crate) alarm: Alarm,
}

/// What a worker tells the driver while it works.
#[derive(Debug)]
pub(crate) enum Report {
    /// It has connections, and waits for the start.
    Ready,
    /// It has no connection, and is gone.
    Failed,
    /// A second is over: what happened in it.
    Second(Second),
    /// Its window is over; calls may still be in flight.
    WindowOver,
}

/// What a worker did in a second, or less for its last.
#[derive(Debug)]
pub(crate) struct Second {
    /// From 0, since the start of the window.
    pub(crate) index: u64,
    pub(crate) interval: Interval,
    /// Calls in flight at its end.
    pub(crate) in_flight: u64,
}

/// What a worker has in the end.
#[derive(Debug)]
pub(crate) struct Worked {
    pub(crate) recording: Recording,
    /// When this worker's window ended, since its start.
    pub(crate) window: Duration,
    /// The thread's time within the window.
    pub(crate) thread: Option<ThreadTime>,
    /// Whether it ended because all calls were made, before its time.
    pub(crate) ended_by_count: bool,
}

/// What ended a worker's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Its time was over.
    Time,
    /// The last call of a counted plan was started.
    Count,
    /// The driver said so.
    Order,
}

/// Arrivals, of which the next is known.
struct Queue {
    next: Option<Arrival>,
    further: Share,
}

/// What the tasks of a worker share.
struct Shared {
    plan: Arc<Plan>,
    index: u64,
    workers: u64,
    /// Of the measured window.
    start: Instant,
    /// Of the measured window, as far as it is known.
    end: Cell<Option<Instant>>,
    all: Arc<Counters>,
    /// Calls that this worker started, for the choice of their messages.
    own_started: Cell<u64>,
    in_flight: Cell<u64>,
    /// Planned calls in flight, by message.
    planned_in_flight: RefCell<Vec<u64>>,
    /// Slots that still run, and the arrivals' task.
    sources: Cell<u64>,
    /// Arrivals that were not dispatched yet; none in a closed loop.
    arrivals: RefCell<Queue>,
    /// Arrivals that were dispatched since the last wait.
    batch: Cell<u32>,
    /// Set once the last call of a counted plan was started; in an open loop to the time that its
    /// calls have by their rate.
    count_reached: Cell<Option<Duration>>,
    /// Told when that is set.
    counted: Notify,
    /// Told when the last source has ended and the last call is done.
    idle: Notify,
    /// Told when the window's end changes.
    ended: Notify,
    recorder: RefCell<Recorder>,
    reports: mpsc::UnboundedSender<Report>,
}

/// Makes this worker's share of the plan's calls.
///
/// # Panics
/// When there is no connection.
pub(crate) async fn run<C: Caller>(mut work: Work, connections: Vec<C>) -> Worked {
    let start = loop {
        match *work.orders.borrow_and_update() {
            Order::Run(start) => break start,
            Order::Wait => {}
            // Interrupted before anything began.
            Order::Drain | Order::Leave => break Instant::now(),
        }
        if work.orders.changed().await.is_err() {
            break Instant::now();
        }
    };
    let shared = Rc::new(Shared::new(&work, start));
    let mut orders = work.orders;
    if *orders.borrow() == Order::Run(start) {
        sleep_until(start.checked_sub(shared.plan.warm_up()).unwrap_or(start)).await;
        spawn_sources(&shared, connections, work.alarm);
        spawn_local(report_each_second(Rc::clone(&shared)));
    } else {
        shared.end.set(Some(start));
    }
    let before = tokio::select! {
        () = sleep_until(start) => own_thread_time(),
        () = drain_ordered(&mut orders) => None,
    };
    let end = shared.window_over(&mut orders).await;
    match end {
        End::Time => {}
        End::Order => shared.end_window(Instant::now()),
        // The window of counted calls lasts until the last of them is done.
        End::Count => shared.drained(Instant::now(), &mut orders).await,
    }
    let after = own_thread_time();
    shared.tell(Report::WindowOver);
    if end != End::Count {
        shared.drained(shared.end.get().unwrap_or(start), &mut orders).await;
    }
    shared.finish(before.zip(after), end)
}

/// The slots of a closed loop, or the one task that an open loop's calls come from.
fn spawn_sources<C: Caller>(shared: &Rc<Shared>, connections: Vec<C>, alarm: Alarm) {
    match shared.plan.load() {
        PlannedLoad::Closed { concurrency, .. } => {
            let slots = shared.plan.share_of(*concurrency, usize::try_from(shared.index).unwrap_or(0));
            shared.sources.set(slots);
            for (_, connection) in (0..slots).zip(connections.iter().cycle()) {
                spawn_local(slot(Rc::clone(shared), connection.clone()));
            }
        }
        PlannedLoad::Open { schedule, .. } => {
            shared.sources.set(1);
            spawn_local(arrive(Rc::clone(shared), connections, schedule.clone(), alarm));
        }
    }
}

/// One call after the other, until the window ends.
async fn slot<C: Caller>(shared: Rc<Shared>, mut connection: C) {
    let mut pause = FIRST_PAUSE;
    while let Some((message, is_planned)) = shared.next_call() {
        let ended = connection.call(&shared.plan.payload().messages()[message]).await;
        let is_broken = matches!(ended.outcome, Outcome::Broken(_));
        let took_no_time = ended.sent == ended.done;
        shared.call_ended(message, is_planned, None, ended);
        if is_broken {
            let until = Instant::now() + pause;
            tokio::select! {
                () = sleep_until(shared.end.get().map_or(until, |end| until.min(end))) => {}
                () = shared.ended.notified() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        } else {
            pause = FIRST_PAUSE;
        }
        if took_no_time {
            // A call that the client itself refused never waits; the other tasks must have their turn.
            yield_now().await;
        }
    }
    shared.source_ended();
}

/// Starts calls at their intended times, first those of the warm-up.
async fn arrive<C: Caller>(shared: Rc<Shared>, connections: Vec<C>, schedule: Schedule, mut alarm: Alarm) {
    let mut callers = connections.iter().cycle();
    let warm_up = warm_up_of(&schedule, shared.plan.warm_up());
    let warm_up_start = shared.start.checked_sub(warm_up.duration()).unwrap_or(shared.start);
    for Arrival { k, at } in warm_up.share(shared.index, shared.workers) {
        if !shared.is_due(warm_up_start + at, &mut alarm).await {
            break;
        }
        shared.dispatch(callers.next(), k, None).await;
    }
    loop {
        // An arrival stays in the queue until it is dispatched: the end of the drain counts those that are left.
        let Some(Arrival { k, at }) = shared.arrivals.borrow().next else { break };
        let intended = shared.start + at;
        if !shared.is_due(intended, &mut alarm).await {
            break;
        }
        shared.arrivals.borrow_mut().pop();
        shared.dispatch(callers.next(), k, Some(intended)).await;
    }
    if let Some(calls) = schedule.calls
        && shared.arrivals.borrow().is_counted_out()
    {
        #[expect(clippy::cast_precision_loss, reason = "a schedule has less than 2^53 calls")]
        shared.reach_count(schedule.time_of(calls as f64));
    }
    shared.source_ended();
}

/// The load before the window: the schedule's first rate, or where that is 0 its first that is not.
fn warm_up_of(schedule: &Schedule, duration: Duration) -> Schedule {
    let rates = schedule.stages.iter().flat_map(|stage| [stage.from_per_second, stage.to_per_second]);
    let rate = rates.into_iter().find(|rate| *rate > 0.0).unwrap_or_default();
    Schedule { stages: vec![Stage::constant(rate, duration)], calls: None, ..schedule.clone() }
}

/// The arrivals of this worker; none in a closed loop.
fn arrivals_of(plan: &Plan, index: u64) -> Share {
    let nothing = Schedule { stages: Vec::new(), arrivals: Arrivals::Constant, seed: 0, calls: None };
    match plan.load() {
        PlannedLoad::Open { schedule, .. } => schedule.share(index, plan.workers() as u64),
        PlannedLoad::Closed { .. } => nothing.share(0, 1),
    }
}

async fn report_each_second(shared: Rc<Shared>) {
    for second in 1.. {
        sleep_until(shared.start + INTERVAL * second).await;
        shared.report(Instant::now());
        // Another worker may have started the last one.
        let started = shared.all.started.load(Ordering::Relaxed);
        if shared.plan.calls().is_some_and(|calls| started >= calls.get()) {
            shared.reach_count(Duration::ZERO);
        }
    }
}

/// Returns once the driver has said that the window is over.
async fn drain_ordered(orders: &mut watch::Receiver<Order>) {
    let over = |order: &Order| matches!(order, Order::Drain | Order::Leave);
    // An error means that the driver is gone, and with it the reason to go on.
    let _ = orders.wait_for(over).await;
}

impl Queue {
    fn new(mut further: Share) -> Self {
        Self { next: further.next(), further }
    }

    fn pop(&mut self) {
        self.next = self.further.next();
    }

    /// Whether nothing is left because the plan's count was reached.
    fn is_counted_out(&self) -> bool {
        self.next.is_none() && self.further.is_counted_out()
    }
}

impl Shared {
    fn new(work: &Work, start: Instant) -> Self {
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
    fn next_call(&self) -> Option<(usize, bool)> {
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
    async fn is_due(&self, intended: Instant, alarm: &mut Alarm) -> bool {
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
    async fn dispatch<C: Caller>(self: &Rc<Self>, connection: Option<&C>, k: u64, intended: Option<Instant>) {
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
    fn most_in_flight(&self) -> u64 {
        match self.plan.load() {
            PlannedLoad::Closed { concurrency, .. } => *concurrency,
            PlannedLoad::Open { max_in_flight, .. } => *max_in_flight,
        }
    }

    fn call_starts(&self, message: usize, is_planned: bool) {
        self.in_flight.set(self.in_flight.get() + 1);
        if is_planned {
            self.recorder.borrow_mut().plan(message);
            self.planned_in_flight.borrow_mut()[message] += 1;
        }
    }

    fn call_ended(&self, message: usize, is_planned: bool, intended: Option<Instant>, ended: Ended) {
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

    fn since_start(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.start)
    }

    /// Whether a call that should start at `instant` comes after the window.
    fn is_over(&self, instant: Instant) -> bool {
        self.end.get().is_some_and(|end| instant >= end)
    }

    fn source_ended(&self) {
        self.sources.set(self.sources.get() - 1);
        self.tell_if_idle();
    }

    fn is_idle(&self) -> bool {
        self.sources.get() == 0 && self.in_flight.get() == 0
    }

    fn tell_if_idle(&self) {
        if self.is_idle() {
            self.idle.notify_one();
        }
    }

    fn tell(&self, report: Report) {
        // The driver may have left; then nobody misses the report.
        let _ = self.reports.send(report);
    }

    /// Hands over the interval that is over at this instant, if there is one.
    fn report(&self, now: Instant) {
        let over = self.recorder.borrow_mut().take_interval(self.since_start(now));
        if let Some((index, interval)) = over {
            let in_flight = self.in_flight.get();
            self.tell(Report::Second(Second { index, interval, in_flight }));
        }
    }

    /// The last call of a counted plan was started: no worker starts another one.
    fn reach_count(&self, time: Duration) {
        self.count_reached.set(Some(time));
        self.counted.notify_one();
    }

    /// Returns at the window's end, when the last counted call was started, or when the driver ends it.
    async fn window_over(&self, orders: &mut watch::Receiver<Order>) -> End {
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
    fn end_window(&self, now: Instant) {
        self.end.set(Some(now));
        self.recorder.borrow_mut().end_window(self.since_start(now));
        self.ended.notify_waiters();
    }

    /// Returns when all calls are done, the drain that began at `since` is over, or the driver wants
    /// to leave.
    async fn drained(&self, since: Instant, orders: &mut watch::Receiver<Order>) {
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

    fn finish(&self, times: Option<(ThreadTime, ThreadTime)>, end: End) -> Worked {
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

#[cfg(test)]
mod tests;
