//! Where a worker's run stands: an account of calls and of time, without a socket.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    sequencer::{Sequencer, Start},
    worker::{End, INTERRUPTED_DRAIN, Order, Report, WorkerResult},
};
use crate::{
    client::{
        ConnectionAccount, Connections, Ended,
        lean::{connection::Over, reconnecting::Stalls, streams::Call},
    },
    measure::{INTERVAL, LoopAccount, ThreadTime, own_thread_time},
    rpc::Outcome,
};

/// What a loop has done until an instant.
#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    pub(super) idle: Duration,
    /// Of each link.
    pub(super) stalls: Vec<Stalls>,
    pub(super) connections: Connections,
    pub(super) calls: CallAccount,
}

/// What calls that ended had cost besides their time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CallAccount {
    uploaded_in_vain_bytes: u64,
    retried: u64,
}

impl Account {
    /// What it grew by since `earlier`: of stalls, those of the link where they grew most.
    fn since(&self, earlier: &Self) -> (LoopAccount, ConnectionAccount) {
        let longest = |of: fn(&Stalls) -> Duration| {
            let both = self.stalls.iter().zip(&earlier.stalls);
            both.map(|(now, before)| of(now).saturating_sub(of(before))).max().unwrap_or_default()
        };
        let connections = ConnectionAccount {
            connections: self.connections.since(earlier.connections),
            unconnected: longest(|stalls| stalls.unconnected),
            paused: longest(|stalls| stalls.paused),
        };
        let in_loop = LoopAccount {
            idle: self.idle.saturating_sub(earlier.idle),
            held_up: longest(|stalls| stalls.held_up),
            out_of_window: longest(|stalls| stalls.out_of_window),
            uploaded_in_vain_bytes: self
                .calls
                .uploaded_in_vain_bytes
                .saturating_sub(earlier.calls.uploaded_in_vain_bytes),
            retried_calls: self.calls.retried.saturating_sub(earlier.calls.retried),
        };
        (in_loop, connections)
    }
}

/// Where a worker's run stands: an account of calls and of time, without a socket.
pub(super) struct Window {
    pub(super) sequencer: Sequencer,
    start: Instant,
    /// When the warm-up begins.
    pub(super) warm: Instant,
    /// The second of the window that goes on, from 1.
    second: u32,
    /// The accounts at the start of the window, and at its end.
    times: [Option<(ThreadTime, Account)>; 2],
    is_measuring: bool,
    end: Option<End>,
    /// When the drain has lasted long enough, once it has begun.
    drained_at: Option<Instant>,
    is_over: bool,
    is_interrupted: bool,
    calls: CallAccount,
}

impl Window {
    pub(super) fn new(sequencer: Sequencer, start: Instant) -> Self {
        Self {
            start,
            warm: start.checked_sub(sequencer.plan.warm_up).unwrap_or(start),
            sequencer,
            second: 1,
            times: [None, None],
            is_measuring: false,
            end: None,
            drained_at: None,
            is_over: false,
            is_interrupted: false,
            calls: CallAccount::default(),
        }
    }

    pub(super) fn record(&mut self, over: &mut Vec<Over>) {
        for Over { call, done, outcome, uploaded_bytes } in over.drain(..) {
            let Call { message, is_planned, intended, sent, returned } = call;
            if matches!(outcome, Outcome::Refused(_) | Outcome::Failed(_) | Outcome::Broken(_)) {
                self.calls.uploaded_in_vain_bytes += uploaded_bytes;
            }
            self.calls.retried += u64::from(returned > 0);
            self.sequencer.call_ended(
                Start { message, is_planned, intended },
                Ended { sent, done, outcome, is_own_status: false, loss: None },
            );
        }
    }

    /// Notes what has begun and ended by now.
    pub(super) fn keep_time(&mut self, now: Instant, order: Order, loop_account: impl Fn() -> Account) {
        while now >= self.start + INTERVAL * self.second {
            self.second += 1;
            self.sequencer.report(now);
            self.sequencer.look_at_the_others();
        }
        let calls = self.calls;
        let in_loop = || Account { calls, ..loop_account() };
        let account = || own_thread_time().map(|thread| (thread, in_loop()));
        if matches!(order, Order::Drain | Order::Leave) && !self.is_interrupted {
            self.is_interrupted = true;
            let soon = now + self.sequencer.plan.drain.min(INTERRUPTED_DRAIN);
            self.drained_at = self.drained_at.map(|at| at.min(soon));
        }
        if self.end.is_none() {
            // A worker may have none at all.
            self.sequencer.note_last_arrival();
            self.end = match order {
                Order::Drain | Order::Leave => {
                    self.sequencer.end_window(now);
                    Some(End::Order)
                }
                _ if self.sequencer.is_over(now) => Some(End::Time),
                _ if self.sequencer.count_reached.is_some() => Some(End::Count),
                _ => None,
            };
            if !self.is_measuring && now >= self.start && self.end != Some(End::Order) {
                self.is_measuring = true;
                self.times[0] = account();
            }
            let since = if self.end == Some(End::Time) { self.sequencer.end } else { Some(now) };
            let drain = self.sequencer.plan.drain;
            let drain = if self.is_interrupted { drain.min(INTERRUPTED_DRAIN) } else { drain };
            self.drained_at = since.filter(|_| self.end.is_some()).map(|since| since + drain);
            if self.end.is_some() && self.end != Some(End::Count) {
                self.sequencer.adopt();
            }
        }
        // The window of counted calls lasts until the last of them is done.
        let is_over = match self.end {
            None => false,
            Some(End::Count) => self.is_drained(now, order),
            Some(End::Time | End::Order) => true,
        };
        if is_over && !self.is_over {
            self.is_over = true;
            self.times[1] = account();
            self.sequencer.tell(Report::WindowOver);
        }
    }

    /// Whether all calls are done, the drain is over, or the driver wants to leave.
    pub(super) fn is_drained(&self, now: Instant, order: Order) -> bool {
        let is_idle = self.sequencer.in_flight == 0 && self.sequencer.next_arrival().is_none();
        self.end.is_some()
            && (is_idle || order == Order::Leave || self.drained_at.is_some_and(|at| now >= at))
    }

    /// When something will be due, whatever the sockets bring.
    pub(super) fn next_event(&self, now: Instant) -> Option<Instant> {
        let second = self.start + INTERVAL * self.second;
        let end = if self.end.is_none() { self.sequencer.end } else { self.drained_at };
        let arrival = self.sequencer.next_arrival().map(|arrival| arrival.max(self.warm));
        let beginnings = [self.warm, self.start].into_iter().filter(|beginning| *beginning > now);
        [Some(second), end, arrival].into_iter().flatten().chain(beginnings).min()
    }

    pub(super) fn finish(self) -> WorkerResult {
        let [before, after] = self.times;
        let times = before.zip(after);
        let accounts = times.as_ref().map(|((_, before), (_, after))| after.since(before));
        let (in_loop, connections) = accounts.unzip();
        let threads = times.map(|((before, _), (after, _))| (before, after));
        let worked = self.sequencer.finish(threads, in_loop, self.end.unwrap_or(End::Order));
        WorkerResult { connections: connections.unwrap_or_default(), ..worked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_before_the_window_does_not_hide_one_within_it() {
        let second = Duration::from_secs(1);
        let stalls = |of: [u32; 2]| {
            let stalls = of.map(|seconds| Stalls { held_up: second * seconds, ..Stalls::default() });
            Account { stalls: stalls.to_vec(), ..Account::default() }
        };
        // The first link was held up before, the second one is within.
        let grown = stalls([5, 2]).since(&stalls([5, 0]));
        assert_eq!(grown.0.held_up, second * 2);
    }
}
