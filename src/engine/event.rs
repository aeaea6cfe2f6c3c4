//! Events: the progress of runs and experiments.

use std::{
    sync::mpsc::{self, Receiver, Sender},
    time::Duration,
};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{
    load::Plan,
    measure::{Interval, Outcomes},
    rpc::{Direction, Side},
    units::{nanoseconds, nanoseconds_of},
};

/// An event of a run or an experiment. Times are in ns.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A run of this plan begins.
    Run(Expected),
    /// All connections are established; the warm-up begins, or is due before an agreed start.
    Connected {
        /// Time until the agreed start of the window; absent if none was agreed on.
        #[serde(
            rename = "window_in_ns",
            with = "nanoseconds::optional",
            skip_serializing_if = "Option::is_none"
        )]
        window_in: Option<Duration>,
    },
    /// All connections are established; a file will hold the start of the window.
    AwaitingStart {
        /// The file.
        file: String,
    },
    /// The measured window has begun.
    Started,
    /// A second of the window is over.
    Second {
        /// Time since the start of the window.
        #[serde(rename = "elapsed_ns", with = "nanoseconds")]
        elapsed: Duration,
        /// Calls that ended in this second.
        #[serde(serialize_with = "figures")]
        second: Box<Interval>,
        /// Calls in flight at the end of the second.
        in_flight: u64,
        /// Numbers of calls since the start of the window.
        so_far: Outcomes,
    },
    /// The window is over; calls in flight are waited for.
    Draining {
        /// True if the run was interrupted: the drain then lasts at most 1 s.
        is_interrupted: bool,
    },
    /// The search for one limit begins.
    Limit {
        /// Side of the limit.
        side: Side,
        /// Direction of the limited messages.
        direction: Direction,
    },
    /// A point of a sweep begins.
    Point {
        /// Number of the point, from 1.
        number: usize,
        /// Number of points.
        of: usize,
        /// Size, load and repetition, in words.
        point: String,
        /// Estimated time of the remaining points, without warm-ups that take longer.
        #[serde(rename = "left_ns", with = "nanoseconds")]
        left: Duration,
    },
    /// A trial of a mix's sizes begins, to find the refused ones.
    RefusedSizes,
    /// A run of an interference experiment begins.
    Round {
        /// Number of the round, from 1.
        number: u64,
        /// Number of rounds.
        of: u64,
        /// True if the run includes refused calls.
        is_with_refused: bool,
    },
    /// Results of shards were merged.
    Merged {
        /// Number of results so far.
        results: usize,
        /// Number of results to read; absent for a stream.
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<usize>,
    },
    /// The search for the limits of a gate's server begins.
    GateLimits {
        /// The contender: `base` or `candidate`.
        contender: &'static str,
    },
    /// A repetition of a gate's scenario begins.
    Repetition {
        /// Name of the scenario.
        scenario: String,
        /// Number of the repetition, from 1.
        number: usize,
        /// Number of repetitions.
        of: usize,
        /// True if the repetition confirms a flagged scenario.
        is_confirming: bool,
        /// Changes that this scenario's repetitions have shown so far.
        so_far: Vec<Change>,
    },
    /// Scenarios of a gate were flagged, and are measured again.
    Flagged {
        /// Names of the scenarios.
        scenarios: Vec<String>,
    },
}

/// Length of a run, as far as its plan determines it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Expected {
    /// Number of calls after which the run ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Length of the measured window.
    #[serde(rename = "duration_ns", with = "nanoseconds::optional", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// Length of the load before the window.
    #[serde(rename = "warm_up_ns", with = "nanoseconds")]
    pub warm_up: Duration,
    /// Longest wait for calls in flight after the window.
    #[serde(rename = "drain_ns", with = "nanoseconds")]
    pub drain: Duration,
}

/// A metric of a gate's scenario, before it is judged.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Change {
    /// Name of the metric.
    pub metric: &'static str,
    /// Ratio of candidate to base.
    pub ratio: f64,
    /// Interval of the ratio, with a confidence of 95 %; absent with too few repetitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
}

impl Expected {
    /// Returns the length of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self { calls: plan.own_calls(), duration: plan.duration, warm_up: plan.warm_up, drain: plan.drain }
    }
}

/// Serializes the figures of a second. They are computed when the event is written, not when it is sent.
fn figures<S: Serializer>(second: &Interval, serializer: S) -> Result<S::Ok, S::Error> {
    let latency = second.latency();
    let is_counted = latency.count() > 0;
    let mut fields = serializer.serialize_struct("Second", 6)?;
    fields.serialize_field("calls", &second.outcomes)?;
    fields.serialize_field("count", &latency.count())?;
    for (name, quantile) in [("p50_ns", 0.5), ("p99_ns", 0.99)] {
        if is_counted {
            fields.serialize_field(name, &latency.quantile_ns(quantile))?;
        } else {
            fields.skip_field(name)?;
        }
    }
    if is_counted {
        fields.serialize_field("max_ns", &latency.max_ns())?;
    } else {
        fields.skip_field("max_ns")?;
    }
    if second.response.is_some() {
        fields.serialize_field("largest_lateness_ns", &nanoseconds_of(second.largest_lateness))?;
    } else {
        fields.skip_field("largest_lateness_ns")?;
    }
    fields.end()
}

/// Sender of events. Sending never waits, so a slow consumer delays nothing.
#[derive(Debug, Clone, Default)]
pub struct Events(Option<Sender<Event>>);

impl Events {
    /// Makes a sender that discards all events.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Makes a sender and its receiver. The channel closes when the last clone of the sender is dropped.
    #[must_use]
    pub fn channel() -> (Self, Receiver<Event>) {
        let (sender, receiver) = mpsc::channel();
        (Self(Some(sender)), receiver)
    }

    /// Sends an event. The event is only made if there is a receiver.
    pub(crate) fn send(&self, event: impl FnOnce() -> Event) {
        if let Some(sender) = &self.0 {
            // A receiver that was dropped needs no event.
            let _ = sender.send(event());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_object_with_its_name_and_units() {
        let mut second = Interval::new(true);
        second.outcomes.answered = 1;
        second.service.record(Duration::from_micros(3));
        second.response.as_mut().expect("an open loop").record(Duration::from_micros(5));
        second.largest_lateness = Duration::from_micros(2);
        let event = Event::Second {
            elapsed: Duration::from_secs(1),
            so_far: second.outcomes,
            second: Box::new(second),
            in_flight: 4,
        };
        let json = serde_json::to_value(event).expect("plain data");
        assert_eq!((&json["event"], &json["elapsed_ns"]), (&"second".into(), &1_000_000_000_u64.into()));
        assert_eq!(
            (&json["second"]["p50_ns"], &json["second"]["largest_lateness_ns"]),
            (&5_003.into(), &2_000.into())
        );
        assert_eq!((&json["in_flight"], &json["so_far"]["answered"]), (&4.into(), &1.into()));
        assert_eq!(
            serde_json::to_value(Event::Connected { window_in: None }).expect("plain data"),
            serde_json::json!({"event": "connected"})
        );
    }

    #[test]
    fn events_that_go_nowhere_are_not_made() {
        Events::none().send(|| panic!("nobody receives it"));
        let (events, receiver) = Events::channel();
        events.send(|| Event::Started);
        drop(events);
        assert_eq!(receiver.iter().count(), 1);
    }
}
