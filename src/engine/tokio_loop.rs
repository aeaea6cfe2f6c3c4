//! A worker whose calls are tasks on one thread: for clients that need a runtime.
//!
//! The tasks share the worker's sequencer through a cell, so that the path of a call has no lock and no
//! channel of ours on it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::{spawn_local, yield_now},
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{
    sequencer::{Sequencer, Start},
    timer::Timer,
    worker::{End, INTERRUPTED_DRAIN, Order, Report, Work, WorkerResult},
};
use crate::{
    client::{Caller, ConnectionAccount, Ended, Loss, UploadWaits},
    load::Plan,
    measure::{INTERVAL, own_thread_time},
};

/// After a call for which no connection could be made, a slot of a closed loop waits this long before its
/// next, and twice as long after each further one. A server that is gone would otherwise be asked for
/// a connection as fast as the machine can. A connection that was lost is made again at once, the first time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Arrivals that are sent in one go when they are overdue. After these the sockets have their turn.
const BATCH: u32 = 32;

/// Makes this worker's share of the plan's calls.
///
/// # Panics
/// When there is no connection.
pub(crate) async fn run<C: Caller>(mut work: Work, connections: Vec<C>, timer: Timer) -> WorkerResult {
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
    let waited = connections.clone();
    let mut orders = work.orders.clone();
    if *orders.borrow() == Order::Run(start) {
        sleep_until(start.checked_sub(work.plan.warm_up).unwrap_or(start)).await;
        spawn_sources(&shared, connections, timer);
        spawn_local(report_each_second(Rc::clone(&shared), start));
    } else {
        shared.sequencer.borrow_mut().end = Some(start);
    }
    let before = tokio::select! {
        () = sleep_until(start) => own_thread_time(),
        () = drain_ordered(&mut orders) => None,
    };
    let waited_before = waits(&waited);
    let connections_before = connections_of(&waited, &shared);
    let end = shared.window_over(&mut orders).await;
    match end {
        End::Time => shared.sequencer.borrow_mut().adopt(),
        End::Order => {
            shared.end_window(Instant::now());
            shared.sequencer.borrow_mut().adopt();
        }
        // The window of counted calls lasts until the last of them is done.
        End::Count => shared.drained(Instant::now(), &mut orders).await,
    }
    let after = own_thread_time();
    let connections_after = connections_of(&waited, &shared);
    shared.sequencer.borrow().tell(Report::WindowOver);
    if end != End::Count {
        let since = shared.sequencer.borrow().end.unwrap_or(start);
        shared.drained(since, &mut orders).await;
    }
    // Tasks that have not ended hold the sequencer too, and an empty one is all that they find from now on.
    let empty = Sequencer::new(&work, start);
    let mut worked = shared.sequencer.replace(empty).finish(before.zip(after), None, end);
    worked.upload_waits = waits(&waited).since(waited_before);
    worked.connections = connections_after.since(connections_before);
    worked
}

/// What became of these connections until now, and how long slots have paused.
fn connections_of<C: Caller>(connections: &[C], shared: &Shared) -> ConnectionAccount {
    let mut sum = ConnectionAccount { paused: shared.paused.get(), ..ConnectionAccount::default() };
    for connection in connections {
        sum.add(connection.connections());
    }
    sum
}

/// How all calls of these connections waited until now.
fn waits<C: Caller>(connections: &[C]) -> UploadWaits {
    let mut sum = UploadWaits::default();
    for connection in connections {
        sum.add(connection.upload_waits());
    }
    sum
}

/// What the tasks of a worker share.
struct Shared {
    plan: Arc<Plan>,
    sequencer: RefCell<Sequencer>,
    /// How long the slot has paused that paused longest.
    paused: Cell<Duration>,
    /// Slots that still run, and the arrivals' task.
    sources: Cell<u64>,
    /// Told when the last call of a counted plan was started.
    counted: Notify,
    /// Told when the last source has ended and the last call is done.
    idle: Notify,
    /// Told when the window's end changes.
    ended: Notify,
}

/// The slots of a closed loop, or the one task that an open loop's calls come from.
fn spawn_sources<C: Caller>(shared: &Rc<Shared>, connections: Vec<C>, timer: Timer) {
    let slots = shared.sequencer.borrow().slots();
    if shared.plan.is_open() {
        shared.sources.set(1);
        spawn_local(arrive(Rc::clone(shared), connections, timer));
    } else {
        shared.sources.set(slots);
        for (_, connection) in (0..slots).zip(connections.iter().cycle()) {
            spawn_local(slot(Rc::clone(shared), connection.clone()));
        }
    }
}

/// One call after the other, until the window ends.
async fn slot<C: Caller>(shared: Rc<Shared>, mut connection: C) {
    let mut pause = FIRST_PAUSE;
    let mut paused = Duration::ZERO;
    let mut was_lost = false;
    while let Some(start) = shared.next_call() {
        let ended = connection.call(&shared.plan.payload().messages()[start.message]).await;
        let waits = match ended.loss {
            Some(Loss::NotConnected) => true,
            Some(Loss::Other) => std::mem::replace(&mut was_lost, true),
            Some(Loss::GoAway) => false,
            None => {
                was_lost = false;
                false
            }
        };
        let took_no_time = ended.sent == ended.done;
        shared.call_ended(start, ended);
        if waits {
            let since = Instant::now();
            let until = since + pause;
            let end = shared.sequencer.borrow().end;
            tokio::select! {
                () = sleep_until(end.map_or(until, |end| until.min(end))) => {}
                () = shared.ended.notified() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            paused += since.elapsed();
            shared.paused.set(shared.paused.get().max(paused));
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
async fn arrive<C: Caller>(shared: Rc<Shared>, connections: Vec<C>, mut timer: Timer) {
    let mut callers = connections.iter().cycle();
    let mut batch = 0;
    while shared.arrival_is_due(&mut timer, &mut batch).await {
        let taken = shared.sequencer.borrow_mut().take_arrival();
        shared.tell_if_counted();
        if let Some((start, mut connection)) = taken.zip(callers.next().cloned()) {
            let shared = Rc::clone(&shared);
            spawn_local(async move {
                let ended = connection.call(&shared.plan.payload().messages()[start.message]).await;
                shared.call_ended(start, ended);
            });
        }
        batch = (batch + 1) % BATCH;
        if batch == 0 {
            yield_now().await;
        }
    }
    shared.sequencer.borrow_mut().note_last_arrival();
    shared.tell_if_counted();
    shared.source_ended();
}

async fn report_each_second(shared: Rc<Shared>, start: Instant) {
    for second in 1.. {
        sleep_until(start + INTERVAL * second).await;
        let mut sequencer = shared.sequencer.borrow_mut();
        sequencer.report(Instant::now());
        sequencer.look_at_the_others();
        drop(sequencer);
        shared.tell_if_counted();
    }
}

/// Returns once the driver has said that the window is over.
async fn drain_ordered(orders: &mut watch::Receiver<Order>) {
    let over = |order: &Order| matches!(order, Order::Drain | Order::Leave);
    // An error means that the driver is gone, and with it the reason to go on.
    let _ = orders.wait_for(over).await;
}

impl Shared {
    fn new(work: &Work, start: Instant) -> Self {
        Self {
            plan: Arc::clone(&work.plan),
            sequencer: RefCell::new(Sequencer::new(work, start)),
            paused: Cell::new(Duration::ZERO),
            sources: Cell::new(0),
            counted: Notify::new(),
            idle: Notify::new(),
            ended: Notify::new(),
        }
    }

    fn next_call(&self) -> Option<Start> {
        let start = self.sequencer.borrow_mut().next_call(Instant::now());
        self.tell_if_counted();
        start
    }

    /// Waits for the next intended start; false when there is none within the window.
    async fn arrival_is_due(&self, timer: &mut Timer, batch: &mut u32) -> bool {
        loop {
            let Some(intended) = self.sequencer.borrow().next_arrival() else { return false };
            if Instant::now() >= intended {
                return true;
            }
            tokio::select! {
                () = timer.wait_until(intended) => {}
                () = self.ended.notified() => {}
            }
            *batch = 0;
        }
    }

    fn call_ended(&self, start: Start, ended: Ended) {
        self.sequencer.borrow_mut().call_ended(start, ended);
        self.tell_if_idle();
    }

    fn source_ended(&self) {
        self.sources.set(self.sources.get() - 1);
        self.tell_if_idle();
    }

    fn is_idle(&self) -> bool {
        self.sources.get() == 0 && self.sequencer.borrow().in_flight == 0
    }

    fn tell_if_idle(&self) {
        if self.is_idle() {
            self.idle.notify_one();
        }
    }

    fn tell_if_counted(&self) {
        if self.sequencer.borrow().count_reached.is_some() {
            self.counted.notify_one();
        }
    }

    /// Returns at the window's end, when the last counted call was started, or when the driver ends it.
    async fn window_over(&self, orders: &mut watch::Receiver<Order>) -> End {
        let end = self.sequencer.borrow().end;
        let time = async {
            match end {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        let count = async {
            while self.sequencer.borrow().count_reached.is_none() {
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
        self.sequencer.borrow_mut().end_window(now);
        self.ended.notify_waiters();
    }

    /// Returns when all calls are done, the drain that began at `since` is over, or the driver wants
    /// to leave.
    async fn drained(&self, since: Instant, orders: &mut watch::Receiver<Order>) {
        let mut waits = orders.clone();
        let interrupted = async {
            drain_ordered(&mut waits).await;
            sleep(INTERRUPTED_DRAIN).await;
        };
        let calls_done = async {
            while !self.is_idle() {
                self.idle.notified().await;
            }
        };
        let leave = async {
            let _ = orders.wait_for(|order| *order == Order::Leave).await;
        };
        tokio::select! {
            _ = timeout_at(since + self.plan.drain, calls_done) => {}
            () = interrupted => {}
            () = leave => {}
        }
    }
}

#[cfg(test)]
#[path = "tokio_loop_tests.rs"]
mod tests;
