//! What a worker knows of its calls: which comes next, which are in flight, and what became of the
//! others. Takes instants and reads no clock.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use super::worker::{Counters, End, Report, Second, Work, WorkerResult};
use crate::{
    client::{ConnectionAccount, Ended, UploadWaits},
    load::{Arrival, Plan, PlannedLoad, Schedule, Stage, WorkerArrivals},
    measure::{Finished, LoopAccount, Recorder, ThreadTime},
    units::as_f64,
};

/// A call that is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    /// Which message it sends, as an index of the payload.
    pub(super) message: usize,
    /// Whether it is one of the plan's, or belongs to the warm-up.
    pub(super) is_planned: bool,
    /// `None` in a closed loop, and for the warm-up.
    pub(super) intended: Option<Instant>,
}

/// Arrivals, of which the next is known.
struct Queue {
    next: Option<Arrival>,
    further: WorkerArrivals,
}

/// One worker's account of its calls.
pub(super) struct Sequencer {
    pub(super) plan: Arc<Plan>,
    index: u64,
    workers: u64,
    /// Of the measured window.
    pub(super) start: Instant,
    /// Of the measured window, as far as it is known.
    pub(super) end: Option<Instant>,
    all: Arc<Counters>,
    /// Calls that this worker started, for the choice of their messages.
    own_started: u64,
    pub(super) in_flight: u64,
    /// Planned calls in flight, by message.
    planned_in_flight: Vec<u64>,
    /// Calls of a closed loop's warm-up in flight, by message.
    warm_up_in_flight: Vec<u64>,
    /// Whether calls of the warm-up count as planned, because they were in flight for the whole window.
    has_adopted: bool,
    /// Arrivals of the warm-up, and when it starts; none in a closed loop.
    warm_up: (Queue, Instant),
    schedule: Schedule,
    /// Arrivals that were not dispatched yet; none in a closed loop.
    arrivals: Queue,
    /// Set once the last call of a counted plan was started; in an open loop to the time that its
    /// calls have by their rate.
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

    /// Whether nothing is left because the plan's count was reached.
    fn is_counted_out(&self) -> bool {
        self.next.is_none() && self.further.is_counted_out()
    }
}

impl Sequencer {
    pub(super) fn new(work: &Work, start: Instant) -> Self {
        let (plan, index, workers) = (&work.plan, work.index as u64, work.plan.workers as u64);
        let payload = plan.payload();
        let schedule = plan.schedule();
        let warm_up = warm_up_of(&schedule, plan.warm_up);
        let warm_up_start = start.checked_sub(warm_up.duration()).unwrap_or(start);
        Self {
            plan: Arc::clone(plan),
            index,
            workers,
            start,
            end: plan.duration.and_then(|duration| start.checked_add(duration)),
            all: Arc::clone(&work.shared),
            own_started: 0,
            in_flight: 0,
            planned_in_flight: vec![0; payload.messages().len()],
            warm_up_in_flight: vec![0; payload.messages().len()],
            has_adopted: false,
            warm_up: (Queue::new(warm_up.share(index, workers)), warm_up_start),
            arrivals: Queue::new(schedule.share(index, workers)),
            schedule,
            count_reached: None,
            recorder: Recorder::new(payload, plan.is_open(), plan.duration),
            reports: work.reports.clone(),
        }
    }

    /// Slots of a closed loop that this worker has; none in an open one.
    pub(super) fn slots(&self) -> u64 {
        match self.plan.load {
            PlannedLoad::Closed { concurrency } => {
                self.plan.share_of(concurrency, usize::try_from(self.index).unwrap_or(0))
            }
            PlannedLoad::Open { .. } => 0,
        }
    }

    /// The next call of a closed loop; `None` when the window has ended. It counts as started.
    pub(super) fn next_call(&mut self, now: Instant) -> Option<Start> {
        if self.is_over(now) {
            return None;
        }
        let mut k = self.own_started * self.workers + self.index;
        self.own_started += 1;
        let is_planned = now >= self.start;
        if is_planned && let Some(calls) = self.plan.calls {
            k = self.all.started.fetch_add(1, Ordering::Relaxed);
            if k + 1 >= calls.get() {
                self.count_reached = Some(Duration::ZERO);
            }
            if k >= calls.get() {
                return None;
            }
        }
        let start = Start { message: self.plan.payload().pick(k), is_planned, intended: None };
        self.call_starts(start);
        Some(start)
    }

    /// When the next call of an open loop should start; `None` when the rest, if there is one, lies
    /// beyond the window.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        let instant = match (self.warm_up.0.next, self.arrivals.next) {
            (Some(arrival), _) => self.warm_up.1 + arrival.at,
            (None, Some(arrival)) => self.start + arrival.at,
            (None, None) => return None,
        };
        (!self.is_over(instant)).then_some(instant)
    }

    /// Takes the next call of an open loop, which is due. It counts as started, or as shed: then there
    /// is nothing to be done.
    pub(super) fn take_arrival(&mut self) -> Option<Start> {
        let (arrival, intended) = match (self.warm_up.0.next, self.arrivals.next) {
            (Some(arrival), _) => {
                self.warm_up.0.pop();
                (arrival, None)
            }
            (None, arrival) => {
                let arrival = arrival?;
                self.arrivals.pop();
                (arrival, Some(self.start + arrival.at))
            }
        };
        let message = self.plan.payload().pick(arrival.k);
        let start = Start { message, is_planned: intended.is_some(), intended };
        let taken = if self.all.in_flight.fetch_add(1, Ordering::Relaxed) < self.plan.most_in_flight() {
            self.call_starts(start);
            Some(start)
        } else {
            self.all.in_flight.fetch_sub(1, Ordering::Relaxed);
            if start.is_planned {
                self.recorder.plan(message);
                self.recorder.shed(message);
            }
            None
        };
        self.note_last_arrival();
        taken
    }

    /// A counted schedule has ended: its window lasts as long as its rate says.
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

    fn call_starts(&mut self, start: Start) {
        self.in_flight += 1;
        if start.is_planned {
            self.recorder.plan(start.message);
            self.planned_in_flight[start.message] += 1;
        } else {
            self.warm_up_in_flight[start.message] += 1;
        }
    }

    /// Counts calls of a closed loop's warm-up as planned that are still in flight at the window's end: they held
    /// their slots for the whole window, in which other calls would have been planned.
    pub(super) fn adopt(&mut self) {
        if self.plan.is_open() || std::mem::replace(&mut self.has_adopted, true) {
            return;
        }
        for (message, calls) in self.warm_up_in_flight.iter_mut().enumerate() {
            for _ in 0..*calls {
                self.recorder.plan(message);
            }
            self.planned_in_flight[message] += std::mem::take(calls);
        }
    }

    pub(super) fn call_ended(&mut self, start: Start, ended: Ended) {
        let Start { message, is_planned, intended } = start;
        let Ended { sent, done, outcome, .. } = ended;
        if !is_planned && !self.has_adopted {
            self.warm_up_in_flight[message] -= 1;
        }
        if is_planned || self.has_adopted {
            self.planned_in_flight[message] -= 1;
            self.report(done);
            self.recorder.finish(Finished {
                message,
                intended: intended.map(|intended| self.since_start(intended)),
                sent: self.since_start(sent),
                done: self.since_start(done),
                service: done.saturating_duration_since(sent),
                outcome,
            });
        } else if done >= self.start {
            self.recorder.carry_over(message, self.since_start(done), &outcome);
        }
        self.in_flight -= 1;
        if self.plan.is_open() {
            self.all.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn since_start(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.start)
    }

    /// Whether a call that should start at `instant` comes after the window.
    pub(super) fn is_over(&self, instant: Instant) -> bool {
        self.end.is_some_and(|end| instant >= end)
    }

    pub(super) fn tell(&self, report: Report) {
        // The driver may have left; then nobody misses the report.
        let _ = self.reports.send(report);
    }

    /// Hands over the interval that is over at this instant, if there is one.
    pub(super) fn report(&mut self, now: Instant) {
        if let Some((index, interval)) = self.recorder.take_interval(self.since_start(now), self.in_flight) {
            self.tell(Report::Second(Box::new(Second { index, interval, in_flight: self.in_flight })));
        }
    }

    /// Another worker may have started the last call of a counted plan.
    pub(super) fn look_at_the_others(&mut self) {
        let started = self.all.started.load(Ordering::Relaxed);
        if self.plan.calls.is_some_and(|calls| started >= calls.get()) {
            self.count_reached = self.count_reached.or(Some(Duration::ZERO));
        }
    }

    /// Ends the window before its time.
    pub(super) fn end_window(&mut self, now: Instant) {
        self.end = Some(now);
        self.recorder.end_window(self.since_start(now));
    }

    /// Closes the account: what is still in flight is unfinished.
    pub(super) fn finish(
        mut self,
        times: Option<(ThreadTime, ThreadTime)>,
        in_loop: Option<LoopAccount>,
        end: End,
    ) -> WorkerResult {
        for (message, calls) in self.planned_in_flight.iter().enumerate() {
            self.recorder.unfinished(message, *calls);
        }
        // The generator was so late that these were not even sent.
        while let Some(arrival) = self.arrivals.next.filter(|next| !self.is_over(self.start + next.at)) {
            let message = self.plan.payload().pick(arrival.k);
            self.recorder.plan(message);
            self.recorder.unfinished(message, 1);
            self.arrivals.pop();
        }
        let Self { recorder, reports, start, in_flight, .. } = self;
        let (recording, (index, mut interval)) = recorder.into_recording();
        interval.in_flight = in_flight;
        let _ = reports.send(Report::Second(Box::new(Second { index, interval, in_flight })));
        let window = match (end, self.end) {
            (End::Time | End::Order, Some(end)) => end.saturating_duration_since(start),
            _ => recording.last_done.max(self.count_reached.unwrap_or_default()),
        };
        let thread = times.map(|(before, after)| after.since(before));
        WorkerResult {
            recording,
            window,
            thread,
            in_loop,
            upload_waits: UploadWaits::default(),
            connections: ConnectionAccount::default(),
            ended_by_count: end == End::Count,
        }
    }
}

/// The load before the window: the schedule's first rate, or where that is 0 its first that is not.
fn warm_up_of(schedule: &Schedule, duration: Duration) -> Schedule {
    let rates = schedule.stages.iter().flat_map(|stage| [stage.from_per_second, stage.to_per_second]);
    let rate = rates.into_iter().find(|rate| *rate > 0.0).unwrap_or_default();
    Schedule { stages: vec![Stage::constant(rate, duration)], calls: None, ..schedule.clone() }
}
