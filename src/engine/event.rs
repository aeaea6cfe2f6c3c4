//! Events: the progress of runs and experiments, for whoever wants to watch.

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

/// Something that has happened in a run or in an experiment. Times are in ns.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A run of this plan begins.
    Run(Expected),
    /// All connections stand; the warm-up begins.
    Connected,
    /// The measured window has begun.
    Started,
    /// A second of the window is over.
    Second {
        /// Since the start of the window.
        #[serde(rename = "elapsed_ns", with = "nanoseconds")]
        elapsed: Duration,
        /// Calls that ended in this second.
        #[serde(serialize_with = "figures")]
        second: Box<Interval>,
        /// Calls in flight at its end.
        in_flight: u64,
        /// Calls since the start of the window.
        so_far: Outcomes,
    },
    /// The window is over; calls in flight are waited for.
    Draining {
        /// Whether the run was interrupted: then the drain is 1 s at most.
        is_interrupted: bool,
    },
    /// One limit is looked for.
    Limit {
        /// Of this side.
        side: Side,
        /// For these messages.
        direction: Direction,
    },
    /// A point of a sweep begins.
    Point {
        /// From 1.
        number: usize,
        /// Points in all.
        of: usize,
        /// Size, load and repetition, in words.
        point: String,
        /// Time of the points that are left, without warm-ups that take longer.
        #[serde(rename = "left_ns", with = "nanoseconds")]
        left: Duration,
    },
    /// The sizes of a mix are tried: which of them are refused.
    RefusedSizes,
    /// A run of an interference experiment begins.
    Round {
        /// From 1.
        number: u64,
        /// Rounds in all.
        of: u64,
        /// Whether refused calls take part.
        is_with_refused: bool,
    },
    /// The limits of a gate's server are looked for.
    GateLimits {
        /// `base` or `candidate`.
        contender: &'static str,
    },
    /// A repetition of a gate's scenario begins.
    Repetition {
        /// Name of the scenario.
        scenario: String,
        /// From 1.
        number: usize,
        /// Repetitions in all.
        of: usize,
        /// Whether it confirms a flagged scenario.
        is_confirming: bool,
        /// What the repetitions of this scenario have shown so far.
        so_far: Vec<Change>,
    },
    /// These scenarios of a gate were flagged, and are measured once more.
    Flagged {
        /// Their names.
        scenarios: Vec<String>,
    },
}

/// The length of a run, as far as its plan tells.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Expected {
    /// Calls after which it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Length of the measured window.
    #[serde(rename = "duration_ns", with = "nanoseconds::optional", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// Load before the window.
    #[serde(rename = "warm_up_ns", with = "nanoseconds")]
    pub warm_up: Duration,
    /// Longest wait for calls in flight after it.
    #[serde(rename = "drain_ns", with = "nanoseconds")]
    pub drain: Duration,
}

/// A metric of a gate's scenario, before it is judged.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Change {
    /// Name of the metric.
    pub metric: &'static str,
    /// Candidate to base.
    pub ratio: f64,
    /// Its interval, with a confidence of 95 %, where there are enough repetitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
}

impl Expected {
    /// The length of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self {
            calls: plan.calls.map(std::num::NonZero::get),
            duration: plan.duration,
            warm_up: plan.warm_up,
            drain: plan.drain,
        }
    }
}

/// The figures of a second. Computed where the event is written, not where it is sent.
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

/// Where events go. Sending never waits: whoever consumes events slowly delays nobody.
#[derive(Debug, Clone, Default)]
pub struct Events(Option<Sender<Event>>);

impl Events {
    /// Nowhere.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// To a receiver, which ends when the last clone of these events is dropped.
    #[must_use]
    pub fn channel() -> (Self, Receiver<Event>) {
        let (sender, receiver) = mpsc::channel();
        (Self(Some(sender)), receiver)
    }

    /// Sends an event, made only where somebody receives it.
    pub(crate) fn send(&self, event: impl FnOnce() -> Event) {
        if let Some(sender) = &self.0 {
            // A receiver that has left misses nothing that it wants.
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
            serde_json::to_value(Event::Connected).expect("plain data"),
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
