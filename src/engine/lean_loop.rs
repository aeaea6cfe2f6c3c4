//! Loop of a worker with the lean client, whose calls are HTTP/2 streams: one thread, one loop, no runtime.
//!
//! Each turn of the loop reads what has arrived, starts due calls, writes them, and waits until data arrives
//! or the next call is due. The path of a call takes no lock. It allocates nothing once the buffers have
//! grown to their size.
//! buffers have grown to their size, allocates.

use std::{io, ops::Range, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::{
    links::{LinkAccount, Links},
    worker::{Order, Work, WorkerResult},
    worker_run::{CallAccount, WorkerRun},
};
use crate::{
    client::{ConnectionAccount, lean::reconnecting::Stalls},
    measure::LoopAccount,
};

/// Most overdue arrivals that start at once, before the sockets have their turn.
const BATCH: usize = 256;

/// Starts of calls over a worker's links.
struct Starts {
    /// Free slots of a closed loop, by link.
    free: Vec<u64>,
    /// Link of the next arrival.
    next_link: usize,
}

/// Makes this worker's share of the plan's calls.
///
/// # Errors
/// Fails if the system cannot wait.
pub(super) fn run(mut work: Work, links: &mut impl Links) -> io::Result<WorkerResult> {
    let start = wait_for_order(links, &mut work.orders)?;
    let mut order = *work.orders.borrow();
    let mut run = WorkerRun::new(&work, start);
    let mut starts = Starts::of(run.sequencer.slots(), links.count());
    let mut now = Instant::now();
    loop {
        if links.take_ring() {
            order = *work.orders.borrow_and_update();
        }
        starts.record(&mut run, links);
        if run.keep_time(now, order, || links.account(now)) {
            return Ok(finish(run));
        }
        if run.sequencer.window.is_warm(now) {
            starts.start_calls(&mut run, links, 0..links.count());
        }
        links.turn(now);
        links.write();
        now = links.wait(Some(next_event(&run, now)))?;
        // Links take turns, so that no link waits until the replies of all others are read.
        for event in 0.. {
            let Some(ready) = links.take_ready(event) else { break };
            starts.record(&mut run, links);
            if run.sequencer.window.is_warm(now) {
                starts.start_calls(&mut run, links, ready);
            }
            links.write();
        }
    }
}

/// Serves the connections until the driver orders the start.
fn wait_for_order(links: &mut impl Links, orders: &mut watch::Receiver<Order>) -> io::Result<Instant> {
    let mut now = Instant::now();
    loop {
        let order = *orders.borrow_and_update();
        match order {
            Order::Run(start) => return Ok(start),
            Order::Wait if orders.has_changed().is_ok() => {}
            // The run was interrupted before the start, or the driver has ended.
            _ => return Ok(now),
        }
        now = links.serve(now)?;
    }
}

/// Time of the next due action, independent of the links.
fn next_event<A>(run: &WorkerRun<A>, now: Instant) -> Instant {
    let window = &run.sequencer.window;
    let arrival = run.sequencer.next_arrival().map(|arrival| arrival.max(window.warm()));
    arrival.into_iter().fold(window.next_event(now), Instant::min)
}

impl Starts {
    /// Distributes the slots of a closed loop over the links.
    fn of(slots: u64, links: usize) -> Self {
        let links = links as u64;
        let free = (0..links).map(|link| slots / links + u64::from(link < slots % links)).collect();
        Self { free, next_link: 0 }
    }

    /// Records the calls that have ended.
    fn record<A>(&mut self, run: &mut WorkerRun<A>, links: &mut impl Links) {
        links.drain(|link, completion| {
            self.free[link] += 1;
            run.call_ended(completion);
        });
    }

    /// Starts due calls of an open loop, or calls for the free slots of these links.
    fn start_calls<A>(&mut self, run: &mut WorkerRun<A>, links: &mut impl Links, ready: Range<usize>) {
        let sequencer = &mut run.sequencer;
        let sent = Instant::now();
        if sequencer.plan.is_open() {
            for _ in 0..BATCH {
                // A call that has ended stays in flight until it is recorded.
                if links.has_completions() || sequencer.next_arrival().is_none_or(|intended| intended > sent)
                {
                    break;
                }
                if let Some(call) = sequencer.take_arrival(sent) {
                    let link = self.next_link;
                    self.next_link = (link + 1) % links.count();
                    links.start(link, call);
                }
            }
            return;
        }
        for link in ready {
            // Only slots that are free now count: a call that the client refuses frees its slot at once.
            for _ in 0..self.free[link] {
                if !links.is_up(link) {
                    break;
                }
                let Some(call) = sequencer.next_call(sent) else { break };
                self.free[link] -= 1;
                links.start(link, call);
            }
        }
    }
}

fn finish(run: WorkerRun<LinkAccount>) -> WorkerResult {
    let (worked, within) = run.finish();
    let Some((CallAccount { uploaded_in_vain_bytes, retried }, [before, after])) = within else {
        return worked;
    };
    let grown = |of| longest(of, &before, &after);
    WorkerResult {
        in_loop: Some(LoopAccount {
            idle: after.idle.saturating_sub(before.idle),
            held_up: grown(|stalls| stalls.held_up),
            out_of_window: grown(|stalls| stalls.out_of_window),
            uploaded_in_vain_bytes,
            retried_calls: retried,
        }),
        connections: ConnectionAccount {
            connections: after.connections.since(before.connections),
            unconnected: grown(|stalls| stalls.unconnected),
            paused: grown(|stalls| stalls.paused),
        },
        handshakes: after.handshakes,
        ..worked
    }
}

/// Largest increase of a time among all links.
fn longest(of: fn(&Stalls) -> Duration, before: &LinkAccount, after: &LinkAccount) -> Duration {
    let both = after.stalls.iter().zip(&before.stalls);
    both.map(|(after, before)| of(after).saturating_sub(of(before))).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_before_the_window_does_not_hide_one_within_it() {
        let second = Duration::from_secs(1);
        let account = |of: [u32; 2]| {
            let stalls = of.map(|seconds| Stalls { held_up: second * seconds, ..Stalls::default() });
            LinkAccount { stalls: stalls.to_vec(), ..LinkAccount::default() }
        };
        // The first link was held up before the window, the second one within it.
        assert_eq!(longest(|stalls| stalls.held_up, &account([5, 0]), &account([5, 2])), second * 2);
    }
}
