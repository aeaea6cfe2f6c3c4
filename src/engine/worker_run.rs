//! A worker's run without its clients: the account of calls and time, shared by both loops.

use tokio::time::Instant;

use super::{
    sequencer::Sequencer,
    window::Window,
    worker::{End, Order, Report, Work, WorkerResult},
};
use crate::{
    client::Completion,
    measure::{ThreadTime, own_thread_time},
    rpc::Outcome,
};

/// A worker's run. `A` is the account of its clients.
pub(super) struct WorkerRun<A> {
    pub(super) sequencer: Sequencer,
    calls: CallAccount,
    /// Accounts at the start and at the end of the window.
    accounts: [Option<Account<A>>; 2],
}

/// Account of a worker until an instant.
struct Account<A> {
    thread: ThreadTime,
    calls: CallAccount,
    clients: A,
}

/// Cost of ended calls, apart from their time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CallAccount {
    pub(super) uploaded_in_vain_bytes: u64,
    pub(super) retried: u64,
}

impl<A> WorkerRun<A> {
    /// Makes the run of the driver's last order.
    pub(super) fn new(work: &Work, start: Instant) -> Self {
        let plan = &work.plan;
        let window = if *work.orders.borrow() == Order::Run(start) {
            Window::new(start, plan.warm_up, plan.duration, plan.drain, work.interval)
        } else {
            Window::empty(start)
        };
        Self {
            sequencer: Sequencer::new(work, window),
            calls: CallAccount::default(),
            accounts: [None, None],
        }
    }

    /// Counts a call that has ended.
    pub(super) fn call_ended(&mut self, completion: Completion) {
        let Completion { call, outcome, uploaded_bytes, .. } = &completion;
        if matches!(outcome, Outcome::Refused(_) | Outcome::Failed(_) | Outcome::Broken(_)) {
            self.calls.uploaded_in_vain_bytes += uploaded_bytes;
        }
        self.calls.retried += u64::from(call.returned > 0);
        self.sequencer.call_ended(completion);
    }

    /// Updates the run to `now`. Returns true if the run is over.
    pub(super) fn keep_time(&mut self, now: Instant, order: Order, clients: impl Fn() -> A) -> bool {
        let sequencer = &mut self.sequencer;
        if sequencer.window.take_interval(now) {
            sequencer.report(now);
            sequencer.look_at_the_others();
        }
        // A worker may have no arrival at all.
        sequencer.note_last_arrival();
        let calls = self.calls;
        let account = || own_thread_time().map(|thread| Account { thread, calls, clients: clients() });
        let passed = sequencer.window.advance(now, order, sequencer.count_reached.is_some());
        if passed.has_begun {
            self.accounts[0] = account();
        }
        match passed.ended {
            Some(End::Order) => sequencer.cut_window(now),
            Some(End::Time) => sequencer.adopt(),
            Some(End::Count) | None => {}
        }
        let is_drained = sequencer.window.is_drained(now, order, sequencer.is_idle());
        if sequencer.window.take_over(is_drained) {
            self.accounts[1] = account();
            sequencer.tell(Report::WindowOver);
        }
        is_drained
    }

    /// Returns true if the time must be checked now, because a call has started or ended.
    pub(super) fn has_news(&self) -> bool {
        let sequencer = &self.sequencer;
        if sequencer.window.has_ended() {
            sequencer.in_flight == 0
        } else {
            sequencer.count_reached.is_some()
        }
    }

    /// Closes the account. Returns the worker's result, the cost of the window's calls apart from their time,
    /// and the clients' accounts at its start and its end.
    pub(super) fn finish(self) -> (WorkerResult, Option<(CallAccount, [A; 2])>) {
        let worked = self.sequencer.finish();
        let [Some(before), Some(after)] = self.accounts else { return (worked, None) };
        let thread = Some(after.thread.since(before.thread));
        let calls = CallAccount {
            uploaded_in_vain_bytes: after.calls.uploaded_in_vain_bytes - before.calls.uploaded_in_vain_bytes,
            retried: after.calls.retried - before.calls.retried,
        };
        (WorkerResult { thread, ..worked }, Some((calls, [before.clients, after.clients])))
    }
}
