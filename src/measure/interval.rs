//! Counts of the calls that ended within a period of time.

use std::time::Duration;

use super::{calls::Outcomes, histogram::Latency, packed::PackedLatency};

/// Counts of the calls that ended within a period of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Interval {
    /// Number of calls by outcome.
    pub outcomes: Outcomes,
    /// Service time of verified replies.
    pub service: Latency,
    /// Response time of verified replies; `None` in a closed loop.
    pub response: Option<Latency>,
    /// Sum of the calls in flight at the end of each part of the interval. Divided by the number of parts, it is the
    /// mean.
    pub in_flight: u64,
    /// Largest lateness of a call; zero in a closed loop.
    pub largest_lateness: Duration,
}

/// An interval whose histograms are packed, as a document has them.
#[derive(Debug, Clone, Default)]
pub struct PackedInterval {
    /// Number of calls by outcome.
    pub outcomes: Outcomes,
    /// Service time of verified replies.
    pub service: PackedLatency,
    /// Response time of verified replies; `None` in a closed loop.
    pub response: Option<PackedLatency>,
    /// Sum of the calls in flight, as in [`Interval`].
    pub in_flight: u64,
    /// Largest lateness of a call; zero in a closed loop.
    pub largest_lateness: Duration,
}

impl Interval {
    /// Makes an empty interval for an open or a closed loop.
    #[must_use]
    pub fn new(is_open: bool) -> Self {
        Self { response: is_open.then(Latency::new), ..Self::default() }
    }

    /// Latency of calls: response time in an open loop, service time in a closed loop.
    #[must_use]
    pub fn latency(&self) -> &Latency {
        self.response.as_ref().unwrap_or(&self.service)
    }

    /// Adds the calls of another interval.
    pub fn add(&mut self, other: &Self) {
        let Self { outcomes, service, response, in_flight, largest_lateness } = other;
        self.outcomes.add(outcomes);
        self.service.add(service);
        if let Some(response) = response {
            self.response.get_or_insert_default().add(response);
        }
        self.in_flight = self.in_flight.saturating_add(*in_flight);
        self.largest_lateness = self.largest_lateness.max(*largest_lateness);
    }

    /// Adds the calls of an interval whose histograms are packed.
    pub(super) fn add_packed(&mut self, other: &PackedInterval) {
        let PackedInterval { outcomes, service, response, in_flight, largest_lateness } = other;
        self.outcomes.add(outcomes);
        self.service.add_packed(service);
        if let Some(response) = response {
            self.response.get_or_insert_default().add_packed(response);
        }
        self.in_flight = self.in_flight.saturating_add(*in_flight);
        self.largest_lateness = self.largest_lateness.max(*largest_lateness);
    }

    pub(super) fn pack(&self) -> PackedInterval {
        PackedInterval {
            outcomes: self.outcomes,
            service: self.service.pack(),
            response: self.response.as_ref().map(Latency::pack),
            in_flight: self.in_flight,
            largest_lateness: self.largest_lateness,
        }
    }
}

impl PackedInterval {
    /// Returns true if no call ended in the interval, and none was in flight.
    pub(super) fn is_empty(&self) -> bool {
        self.outcomes == Outcomes::default() && self.in_flight == 0
    }

    pub(super) fn unpack(&self) -> Interval {
        let mut interval = Interval::default();
        interval.add_packed(self);
        interval
    }
}
