//! The driver's start of the window: at once, or as agreed with others.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{
    event::{Event, Events},
    start::{self, Start, StartError},
};
use crate::{
    load::Plan,
    measure::{AgreedStart, timestamp, wall_clock},
    units::{exact_duration, format_duration},
};

/// Time between the order to start and the warm-up, so that the order reaches all workers.
const LEAD: Duration = Duration::from_millis(5);

/// Next step after all connections stand.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// The window starts at this instant, which is this one on the wall clock.
    Start { start: Instant, at: SystemTime },
    /// The start is not known yet.
    Wait,
    /// The run cannot start as agreed.
    Never,
}

/// Start of the window, and what is known of it.
pub(super) struct Agreement<'a> {
    from: &'a Start,
    /// Time until which an instant is expected in the file of the start, while there is none.
    awaited_until: Option<Instant>,
    /// Reason why the run cannot start as agreed.
    pub(super) impossible: Option<StartError>,
    pub(super) agreed: Option<AgreedStart>,
}

impl<'a> Agreement<'a> {
    pub(super) fn on(from: &'a Start) -> Self {
        Self { from, awaited_until: None, impossible: None, agreed: None }
    }

    /// Returns true while a file may get the instant.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited_until.is_some()
    }

    /// Returns the step when all connections stand.
    pub(super) fn ready(&mut self, plan: &Plan, events: &Events) -> Step {
        match self.from {
            Start::Soon => {
                events.send(|| Event::Connected { window_in: None });
                let lead = LEAD + plan.warm_up;
                Step::Start { start: Instant::now() + lead, at: wall_clock() + lead }
            }
            Start::At(at) => self.at(*at, plan, events),
            Start::File { path, patience } => {
                events.send(|| Event::AwaitingStart { file: path.display().to_string() });
                self.awaited_until = Some(Instant::now() + *patience);
                self.look(plan, events)
            }
        }
    }

    /// Looks for the start in its file.
    pub(super) fn look(&mut self, plan: &Plan, events: &Events) -> Step {
        let (Start::File { path, patience }, Some(until)) = (self.from, self.awaited_until) else {
            return Step::Wait;
        };
        match start::read(path) {
            Ok(Some(at)) => self.at(at, plan, events),
            Ok(None) if Instant::now() < until => Step::Wait,
            Ok(None) => self.give_up(StartError::NoInstant {
                path: path.display().to_string(),
                patience: exact_duration(*patience),
            }),
            Err(error) => self.give_up(error),
        }
    }

    /// Starts at an instant of the wall clock, if there is time for the warm-up until then.
    fn at(&mut self, at: SystemTime, plan: &Plan, events: &Events) -> Step {
        self.awaited_until = None;
        // The run goes by the monotonic clock from here on.
        let (clock, now) = (wall_clock(), Instant::now());
        let left = match at.duration_since(clock) {
            Ok(left) if left >= LEAD + plan.warm_up => left,
            left => {
                let when = match left {
                    Ok(left) => format!("in {}", format_duration(left)),
                    Err(passed) => format!("{} ago", format_duration(passed.duration())),
                };
                return self.give_up(StartError::Passed {
                    at: timestamp(at),
                    when,
                    connections: plan.connections,
                    warm_up: exact_duration(plan.warm_up),
                });
            }
        };
        let at_unix = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.agreed = Some(AgreedStart { at: at_unix, clock_moved_ns: None });
        events.send(|| Event::Connected { window_in: Some(left) });
        Step::Start { start: now + left, at }
    }

    fn give_up(&mut self, reason: StartError) -> Step {
        self.awaited_until = None;
        self.impossible = Some(reason);
        Step::Never
    }

    /// Compares the wall clock with the monotonic clock at the start of the window. A difference means that the wall
    /// clock was set meanwhile.
    pub(super) fn compare_clocks(&mut self, start: Instant) {
        let Some(agreed) = &mut self.agreed else { return };
        let expected = SystemTime::UNIX_EPOCH + agreed.at + start.elapsed();
        let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        agreed.clock_moved_ns = Some(match wall_clock().duration_since(expected) {
            Ok(forward) => nanoseconds(forward),
            Err(back) => -nanoseconds(back.duration()),
        });
    }
}
