//! One core of the generator: waits for the time or for a free slot, calls, records.
//!
//! All calls of a worker are tasks on one thread. They share its recorder through a cell, so that
//! the path of a call has no lock and no channel of ours on it.

mod shared;

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::{spawn_local, yield_now},
    time::{Instant, sleep_until},
};

use crate::{
    alarm::Alarm,
    client::Caller,
    environment::{ThreadTime, own_thread_time},
    outcome::Outcome,
    plan::{Plan, PlannedLoad},
    record::{INTERVAL, Interval, Recording},
    schedule::{Arrival, Schedule, Stage},
};
use shared::{End, Shared};

/// After a call whose connection broke, a slot of a closed loop waits this long before its next,
/// and twice as long after each further one. A server that is gone would otherwise be asked for
/// a connection as fast as the machine can.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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

#[cfg(test)]
mod tests;
