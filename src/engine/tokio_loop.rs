//! Loop of a worker whose calls are tasks on one thread, for clients that need a runtime.
//!
//! The tasks share the worker's run through a cell, so that the path of a call has no lock and no channel of
//! this crate.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::Notify,
    task::{spawn_local, yield_now},
    time::{Instant, sleep_until},
};

use super::{
    timer::Timer,
    window::Window,
    worker::{Order, Work, WorkerResult},
    worker_run::WorkerRun,
};
use crate::{
    client::{Call, Caller, Completion, ConnectionAccount, Loss, UploadWaits},
    load::Plan,
};

/// First pause of a closed loop's slot after a call that had no connection. The pause doubles after each
/// further one. Without the pause, the slot would try to connect to a dead server as fast as possible. A lost
/// connection is reopened at once, the first time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Longest pause of a slot.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Most overdue arrivals that are sent at once, before the sockets have their turn.
const BATCH: u32 = 32;

/// Makes this worker's share of the plan's calls.
///
/// # Panics
/// Panics if there is no connection.
pub(crate) async fn run<C: Caller>(mut work: Work, connections: Vec<C>, timer: Timer) -> WorkerResult {
    let start = loop {
        match *work.orders.borrow_and_update() {
            Order::Run(start) => break start,
            Order::Wait => {}
            // The run was interrupted before the start.
            Order::Drain | Order::Leave => break Instant::now(),
        }
        if work.orders.changed().await.is_err() {
            break Instant::now();
        }
    };
    let shared = Rc::new(Shared::new(&work, start));
    let clients = connections.clone();
    let account = || ClientAccount {
        waits: waits(&clients),
        connections: connections_of(&clients, &shared),
        handshakes: clients.iter().flat_map(Caller::handshakes).collect(),
    };
    let mut sources = Some((connections, timer));
    let mut order = *work.orders.borrow();
    loop {
        let now = Instant::now();
        let is_over = shared.run.borrow_mut().keep_time(now, order, account);
        if is_over {
            break;
        }
        if order != Order::Run(start) {
            // Waiting slots and arrivals check the window's end again.
            shared.ended.notify_waiters();
        } else if shared.window(Window::is_warm, now)
            && let Some((connections, timer)) = sources.take()
        {
            spawn_sources(&shared, connections, timer);
        }
        tokio::select! {
            changed = work.orders.changed(), if order != Order::Leave => {
                // An error means that the driver has ended, so there is no reason to continue.
                order = if changed.is_ok() { *work.orders.borrow_and_update() } else { Order::Leave };
            }
            () = sleep_until(shared.window(Window::next_event, now)) => {}
            () = shared.news.notified() => {}
        }
    }
    // Tasks that have not ended hold the run too; from now on they find an empty one.
    let empty = WorkerRun::new(&work, start);
    let (worked, within) = shared.run.replace(empty).finish();
    let Some((_, [before, after])) = within else { return worked };
    WorkerResult {
        upload_waits: waits(&clients).since(before.waits),
        connections: after.connections.since(before.connections),
        handshakes: after.handshakes,
        ..worked
    }
}

/// Account of a worker's connections until an instant.
struct ClientAccount {
    waits: UploadWaits,
    connections: ConnectionAccount,
    /// Lengths of the TLS handshakes.
    handshakes: Vec<Duration>,
}

/// Account of these connections until now, including the pauses of slots.
fn connections_of<C: Caller>(connections: &[C], shared: &Shared) -> ConnectionAccount {
    let mut sum = ConnectionAccount { paused: shared.paused.get(), ..ConnectionAccount::default() };
    for connection in connections {
        sum.add(connection.connections());
    }
    sum
}

/// Waits of all calls of these connections until now.
fn waits<C: Caller>(connections: &[C]) -> UploadWaits {
    let mut sum = UploadWaits::default();
    for connection in connections {
        sum.add(connection.upload_waits());
    }
    sum
}

/// State that the tasks of a worker share.
struct Shared {
    plan: Arc<Plan>,
    run: RefCell<WorkerRun<ClientAccount>>,
    /// Longest total pause among all slots.
    paused: Cell<Duration>,
    /// Notified when a call has started or ended and the time must be checked.
    news: Notify,
    /// Notified when the window has ended early.
    ended: Notify,
}

/// Spawns the slots of a closed loop, or the one task that starts an open loop's calls.
fn spawn_sources<C: Caller>(shared: &Rc<Shared>, connections: Vec<C>, timer: Timer) {
    let slots = shared.run.borrow().sequencer.slots();
    if shared.plan.is_open() {
        spawn_local(arrive(Rc::clone(shared), connections, timer));
    } else {
        for (_, connection) in (0..slots).zip(connections.iter().cycle()) {
            spawn_local(slot(Rc::clone(shared), connection.clone()));
        }
    }
}

/// Makes one call after the other until the window ends.
async fn slot<C: Caller>(shared: Rc<Shared>, mut connection: C) {
    let mut pause = FIRST_PAUSE;
    let mut paused = Duration::ZERO;
    let mut was_lost = false;
    while let Some(call) = shared.next_call() {
        let message = &shared.plan.payload().messages()[call.message];
        let completion = connection.call(call, message).await;
        let waits = match completion.loss {
            Some(Loss::NotConnected) => true,
            Some(Loss::Other) => std::mem::replace(&mut was_lost, true),
            Some(Loss::GoAway) => false,
            None => {
                was_lost = false;
                false
            }
        };
        let took_no_time = completion.call.sent == completion.done;
        shared.call_ended(completion);
        if waits {
            let since = Instant::now();
            let until = since + pause;
            let end = shared.run.borrow().sequencer.window.end();
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
            // A call that the client itself refused never waits, so the other tasks must have their turn.
            yield_now().await;
        }
    }
}

/// Starts calls at their intended times, beginning with those of the warm-up.
async fn arrive<C: Caller>(shared: Rc<Shared>, connections: Vec<C>, mut timer: Timer) {
    let mut callers = connections.iter().cycle();
    let mut batch = 0;
    while shared.arrival_is_due(&mut timer, &mut batch).await {
        let taken = shared.run.borrow_mut().sequencer.take_arrival(Instant::now());
        shared.tell_news();
        if let Some((call, mut connection)) = taken.zip(callers.next().cloned()) {
            let shared = Rc::clone(&shared);
            spawn_local(async move {
                let message = &shared.plan.payload().messages()[call.message];
                let completion = connection.call(call, message).await;
                shared.call_ended(completion);
            });
        }
        batch = (batch + 1) % BATCH;
        if batch == 0 {
            yield_now().await;
        }
    }
}

impl Shared {
    fn new(work: &Work, start: Instant) -> Self {
        Self {
            plan: Arc::clone(&work.plan),
            run: RefCell::new(WorkerRun::new(work, start)),
            paused: Cell::new(Duration::ZERO),
            news: Notify::new(),
            ended: Notify::new(),
        }
    }

    fn window<T>(&self, of: impl FnOnce(&Window, Instant) -> T, now: Instant) -> T {
        of(&self.run.borrow().sequencer.window, now)
    }

    fn next_call(&self) -> Option<Call> {
        let call = self.run.borrow_mut().sequencer.next_call(Instant::now());
        self.tell_news();
        call
    }

    /// Waits for the next intended start. Returns false if there is none within the window.
    async fn arrival_is_due(&self, timer: &mut Timer, batch: &mut u32) -> bool {
        loop {
            let Some(intended) = self.run.borrow().sequencer.next_arrival() else { return false };
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

    fn call_ended(&self, completion: Completion) {
        self.run.borrow_mut().call_ended(completion);
        self.tell_news();
    }

    fn tell_news(&self) {
        if self.run.borrow().has_news() {
            self.news.notify_one();
        }
    }
}
