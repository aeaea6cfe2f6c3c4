//! State of a worker's calls: the next call, the calls in flight, and the outcomes of ended calls. It uses
//! instants and reads no clock.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use super::{
    window::Window,
    worker::{Counters, End, EndedInterval, Report, Work, WorkerResult},
};
use crate::{
    client::{Call, Completion, ConnectionAccount, UploadWaits},
    load::{Arrival, Plan, PlannedLoad, Schedule, Stage, WorkerArrivals},
    measure::Recorder,
    units::as_f64,
};

/// Arrivals with lookahead of one.
struct Queue {
    next: Option<Arrival>,
    further: WorkerArrivals,
}

/// One worker's sequence of calls and their account.
pub(super) struct Sequencer {
    pub(super) plan: Arc<Plan>,
    /// Number of this worker in its process.
    index: u64,
    /// Number of this worker among the workers of all shards, and their number.
    of_all: (u64, u64),
    /// Number of counted calls of this process.
    own_calls: Option<u64>,
    /// Most calls in flight of this process.
    most_in_flight: u64,
    pub(super) window: Window,
    all: Arc<Counters>,
    /// Number of calls that this worker started. It selects their messages.
    own_started: u64,
    pub(super) in_flight: u64,
    /// Number of planned calls in flight, by row of the result.
    planned_in_flight: Vec<u64>,
    /// Number of calls of a closed loop's warm-up in flight, by row of the result.
    warm_up_in_flight: Vec<u64>,
    /// True if calls of the warm-up count as planned, because they were in flight for the whole window.
    has_adopted: bool,
    /// Arrivals and start of the warm-up; no arrivals in a closed loop.
    warm_up: (Queue, Instant),
    schedule: Schedule,
    /// Arrivals that were not dispatched yet; none in a closed loop.
    arrivals: Queue,
    /// Set after the start of the last call of a counted plan. In an open loop it is the time of all calls by
    /// their rate.
    pub(super) count_reached: Option<Duration>,
    recorder: Recorder,
    reports: mpsc::UnboundedSender<Report>,
}

impl Queue {
    fn new(mut further: WorkerArrivals) -> Self {
        Self { next: further.next(), further }
    }

    fn pop(&mut self) {
        self.next = self.further.next();
    }

    /// Returns true if no arrival is left because the plan's count was reached.
    fn is_counted_out(&self) -> bool {
        self.next.is_none() && self.further.is_counted_out()
    }
}

impl Sequencer {
    pub(super) fn new(work: &Work, window: Window) -> Self {
        let (plan, index, workers) = (&work.plan, work.index as u64, work.plan.workers as u64);
        let of_all = (plan.shard.worker(index), plan.shard.of * workers);
        let payload = plan.payload();
        let schedule = plan.schedule();
        let start = window.start();
        let warm_up = warm_up_of(&schedule, plan.warm_up);
        let warm_up_start = start.checked_sub(warm_up.duration()).unwrap_or(start);
        Self {
            plan: Arc::clone(plan),
            index,
            of_all,
            own_calls: plan.own_calls(),
            most_in_flight: plan.most_in_flight(),
            window,
            all: Arc::clone(&work.shared),
            own_started: 0,
            in_flight: 0,
            planned_in_flight: vec![0; payload.classes()],
            warm_up_in_flight: vec![0; payload.classes()],
            has_adopted: false,
            warm_up: (Queue::new(warm_up.share(of_all.0, of_all.1)), warm_up_start),
            arrivals: Queue::new(schedule.share(of_all.0, of_all.1)),
            schedule,
            count_reached: None,
            recorder: Recorder::new(payload, plan.is_open(), start, plan.duration, work.interval),
            reports: work.reports.clone(),
        }
    }

    /// Number of this worker's slots in a closed loop; 0 in an open loop.
    pub(super) fn slots(&self) -> u64 {
        match self.plan.load {
            PlannedLoad::Closed { .. } => {
                self.plan.share_of(self.most_in_flight, usize::try_from(self.index).unwrap_or(0))
            }
            PlannedLoad::Open { .. } => 0,
        }
    }

    /// Starts the next call of a closed loop. Returns `None` after the end of the window.
    pub(super) fn next_call(&mut self, now: Instant) -> Option<Call> {
        if self.window.is_behind(now) {
            return None;
        }
        let mut k = self.own_started * self.of_all.1 + self.of_all.0;
        self.own_started += 1;
        let is_planned = now >= self.window.start();
        if is_planned && let Some(calls) = self.own_calls {
            let own = self.all.started.fetch_add(1, Ordering::Relaxed);
            if own + 1 >= calls {
                self.count_reached = Some(Duration::ZERO);
            }
            if own >= calls {
                return None;
            }
            let shard = self.plan.shard;
            k = own * shard.of + shard.index;
        }
        let message = self.plan.payload().pick(k);
        let class = self.plan.payload().class_of(message);
        let call = Call { message, class, is_planned, intended: None, sent: now, returned: 0 };
        self.call_starts(&call);
        Some(call)
    }

    /// Intended start of the next call of an open loop. Returns `None` if no arrival is left within the
    /// window.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        let instant = match (self.warm_up.0.next, self.arrivals.next) {
            (Some(arrival), _) => self.warm_up.1 + arrival.at,
            (None, Some(arrival)) => self.window.start() + arrival.at,
            (None, None) => return None,
        };
        (!self.window.is_behind(instant)).then_some(instant)
    }

    /// Takes the next due arrival of an open loop. Starts its call, or counts the call as shed and returns
    /// `None`.
    pub(super) fn take_arrival(&mut self, now: Instant) -> Option<Call> {
        let (arrival, intended) = match (self.warm_up.0.next, self.arrivals.next) {
            (Some(arrival), _) => {
                self.warm_up.0.pop();
                (arrival, None)
            }
            (None, arrival) => {
                let arrival = arrival?;
                self.arrivals.pop();
                (arrival, Some(self.window.start() + arrival.at))
            }
        };
        let message = self.plan.payload().pick(arrival.k);
        let class = self.plan.payload().class_of(message);
        let call = Call { message, class, is_planned: intended.is_some(), intended, sent: now, returned: 0 };
        let taken = if self.all.in_flight.fetch_add(1, Ordering::Relaxed) < self.most_in_flight {
            self.call_starts(&call);
            Some(call)
        } else {
            self.all.in_flight.fetch_sub(1, Ordering::Relaxed);
            if call.is_planned {
                let class = usize::from(class);
                self.recorder.plan(class);
                self.recorder.shed(class);
            }
            None
        };
        self.note_last_arrival();
        taken
    }

    /// Notes the end of a counted schedule: its window lasts as long as its calls take by their rate.
    pub(super) fn note_last_arrival(&mut self) {
        if self.plan.is_open()
            && let Some(calls) = self.schedule.calls
            && self.arrivals.is_counted_out()
            && self.warm_up.0.next.is_none()
            && self.count_reached.is_none()
        {
            let time = self.schedule.time_of(as_f64(calls));
            self.count_reached = Some(time);
        }
    }

    fn call_starts(&mut self, call: &Call) {
        self.in_flight += 1;
        let class = usize::from(call.class);
        if call.is_planned {
            self.recorder.plan(class);
            self.planned_in_flight[class] += 1;
        } else {
            self.warm_up_in_flight[class] += 1;
        }
    }

    /// Counts calls of a closed loop's warm-up as planned if they are still in flight at the window's end.
    /// They held their slots for the whole window, in which other calls would have been planned.
    pub(super) fn adopt(&mut self) {
        if self.plan.is_open() || std::mem::replace(&mut self.has_adopted, true) {
            return;
        }
        for (class, calls) in self.warm_up_in_flight.iter_mut().enumerate() {
            for _ in 0..*calls {
                self.recorder.plan(class);
            }
            self.planned_in_flight[class] += std::mem::take(calls);
        }
    }

    pub(super) fn call_ended(&mut self, completion: Completion) {
        let Call { class, is_planned, .. } = completion.call;
        let done = completion.done;
        let class = usize::from(class);
        if !is_planned && !self.has_adopted {
            self.warm_up_in_flight[class] -= 1;
        }
        if is_planned || self.has_adopted {
            self.planned_in_flight[class] -= 1;
            self.report(done);
            self.recorder.finish(completion);
        } else if done >= self.window.start() {
            self.recorder.carry_over(&completion);
        }
        self.in_flight -= 1;
        if self.plan.is_open() {
            self.all.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Returns true if no call is in flight or due.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.next_arrival().is_none()
    }

    pub(super) fn tell(&self, report: Report) {
        // The driver may have ended; the report is then not needed.
        let _ = self.reports.send(report);
    }

    /// Sends the interval that has ended at this instant, if there is one.
    pub(super) fn report(&mut self, now: Instant) {
        if let Some((index, interval)) = self.recorder.take_interval(now, self.in_flight) {
            let skipped = self.recorder.interval_index().saturating_sub(index + 1);
            self.tell(Report::Interval(Box::new(EndedInterval { index, skipped, interval })));
        }
    }

    /// Checks if another worker has started the last call of a counted plan.
    pub(super) fn look_at_the_others(&mut self) {
        let started = self.all.started.load(Ordering::Relaxed);
        if self.own_calls.is_some_and(|calls| started >= calls) {
            self.count_reached = self.count_reached.or(Some(Duration::ZERO));
        }
    }

    /// Ends the window early.
    pub(super) fn cut_window(&mut self, now: Instant) {
        self.recorder.end_window(now);
        self.adopt();
    }

    /// Closes the account: calls in flight are unfinished.
    pub(super) fn finish(mut self) -> WorkerResult {
        for (class, calls) in self.planned_in_flight.iter().enumerate() {
            self.recorder.unfinished(class, *calls);
        }
        // The generator was so late that these calls were not even sent.
        while let Some(arrival) =
            self.arrivals.next.filter(|next| !self.window.is_behind(self.window.start() + next.at))
        {
            let payload = self.plan.payload();
            let class = usize::from(payload.class_of(payload.pick(arrival.k)));
            self.recorder.plan(class);
            self.recorder.unfinished(class, 1);
            self.arrivals.pop();
        }
        let Self { recorder, reports, window, in_flight, .. } = self;
        let (recording, (index, mut interval)) = recorder.into_recording();
        interval.in_flight = in_flight;
        let _ = reports.send(Report::Interval(Box::new(EndedInterval { index, skipped: 0, interval })));
        let measured = match (window.ended(), window.end()) {
            (End::Time | End::Order, Some(end)) => end.saturating_duration_since(window.start()),
            _ => recording.last_done.max(self.count_reached.unwrap_or_default()),
        };
        WorkerResult {
            recording,
            window: measured,
            thread: None,
            in_loop: None,
            upload_waits: UploadWaits::default(),
            connections: ConnectionAccount::default(),
            handshakes: Vec::new(),
            ended_by_count: window.ended() == End::Count,
        }
    }
}

/// Schedule of the warm-up: a constant load at the schedule's first rate above 0.
fn warm_up_of(schedule: &Schedule, duration: Duration) -> Schedule {
    let rates = schedule.stages.iter().flat_map(|stage| [stage.from_per_second, stage.to_per_second]);
    let rate = rates.into_iter().find(|rate| *rate > 0.0).unwrap_or_default();
    Schedule { stages: vec![Stage::constant(rate, duration)], calls: None, ..schedule.clone() }
}

#[cfg(test)]
#[path = "sequencer_tests.rs"]
mod tests;
