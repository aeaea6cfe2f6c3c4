//! Consistency of a result: every figure that follows from the others is computed again.

use super::{
    assemble::Context,
    document::{
        Goodput, IntervalRecord, LatencyFigures, LatencyRecord, LatencyRecords, ObjectiveRecord, Summary,
    },
    measured::Measured,
    objectives::calls_of,
};
use crate::{
    load::{PlannedLoad, Shard},
    measure::{Build, Calls, Latency, Outcomes, PackedLatency},
    result::{
        consistency::{Contradiction, alike, holds, near, same},
        document::{DocumentKind, ReadError},
        finding::Rating,
        objective::{CallsOf, Metric, Objective},
    },
    rpc::{Code, OutcomeKind},
    units::as_f64,
};

impl IntervalRecord {
    /// Gives what another version wrote otherwise: 0 as the lateness of no call, the length of a row in the drain, and the
    /// calls in flight of a short last row.
    fn write_as(&mut self, written: &Self) {
        self.length_ns = written.length_ns;
        self.in_flight = written.in_flight;
        if written.calls.answered == 0 {
            self.largest_lateness_ns = written.largest_lateness_ns;
        }
    }
}

impl Summary {
    /// Checks that calls are conserved, and that every figure follows from the rest of the result.
    ///
    /// # Errors
    /// Two figures contradict each other.
    pub fn check(&self) -> Result<(), ReadError> {
        DocumentKind::Summary.check(&self.schema)?;
        self.calls.check()?;
        let main = self.check_latency()?;
        self.check_intervals(&main)?;
        self.check_sizes(&main)?;
        self.check_refusals()?;
        self.check_statuses()?;
        self.check_goodput()?;
        self.check_plan()?;
        self.check_soundness()?;
        self.objectives.iter().try_for_each(|objective| self.check_objective(objective))?;
        self.check_measured()
    }

    /// Checks that calls are conserved, and that each list of calls has as many times as replies.
    pub(super) fn check_counts(&self) -> Result<(), ReadError> {
        self.calls.check()?;
        self.check_refusals()?;
        self.check_statuses()?;
        self.check_plan()?;
        let LatencyRecords { service, response, lateness } = &self.latency;
        for record in [Some(service), response.as_ref(), lateness.as_ref()].into_iter().flatten() {
            same("the number of times", record.count, self.calls.outcomes.answered)?;
        }
        for interval in &self.intervals {
            same("the number of times of an interval", interval.latency.count, interval.calls.answered)?;
        }
        for size in &self.sizes {
            same("the number of times of a size", size.latency.count, size.calls.outcomes.answered)?;
        }
        Ok(())
    }

    /// Computes the whole result again from the counts. Soundness and objectives are left as the version that
    /// wrote the result judged them.
    fn check_measured(&self) -> Result<(), ReadError> {
        let current = DocumentKind::Summary.schema();
        holds(
            "`measured`",
            if self.measured.is_some() { "there" } else { "missing" },
            &format!("what `{current}` has and earlier versions have not"),
            self.measured.is_some() == (self.schema == current),
        )?;
        self.again()?.map_or(Ok(()), |again| Ok(alike("the result", self, &again)?))
    }

    /// Returns the result that follows from the counts; `None` for `plimsoll.summary/1`.
    fn again(&self) -> Result<Option<Self>, ReadError> {
        let Some(run) = self.measurement()? else { return Ok(None) };
        let context = Context { target: self.target.clone(), label: self.label.clone(), objectives: &[] };
        let mut again = Self::with_soundness(&run, context, self.soundness.clone())?;
        if let Some((again, written)) = again.measured.as_mut().zip(self.measured.as_ref()) {
            again.write_as(written);
        }
        if self.measured.as_ref().is_some_and(Measured::is_of_earlier_version) {
            for (row, written) in again.intervals.iter_mut().zip(&self.intervals) {
                row.write_as(written);
            }
        }
        Ok(Some(Self {
            plimsoll: self.plimsoll.clone(),
            objectives: self.objectives.clone(),
            shards: self.shards.clone(),
            ..again
        }))
    }

    /// Computes the figures of a result again if another build wrote it, because that build may compute them
    /// differently. Each difference becomes a finding.
    ///
    /// # Errors
    /// The counts cannot be decoded, or do not conserve calls.
    pub(super) fn recomputed(self) -> Result<Self, ReadError> {
        if self.plimsoll == Build::this() {
            return Ok(self);
        }
        let Some(mut again) = self.again()? else { return Ok(self) };
        if let Err(difference) = alike("the result", &self, &again) {
            again.soundness.findings.push(difference.finding());
        }
        Ok(again)
    }

    /// Checks the three times, and returns the one that the other parts of the result have too.
    fn check_latency(&self) -> Result<Latency, ReadError> {
        let LatencyRecords { service, response, lateness } = &self.latency;
        let mut main = service.checked()?;
        same("the number of service times", service.count, self.calls.outcomes.answered)?;
        for (name, record) in [("response", response), ("lateness", lateness)] {
            let is_open = self.plan.is_open();
            holds(
                &format!("{name} time"),
                if record.is_some() { "there" } else { "missing" },
                "what an open loop has and a closed one has not",
                record.is_some() == is_open,
            )?;
            if let Some(record) = record {
                let latency = record.checked()?;
                same(&format!("the number of {name} times"), record.count, self.calls.outcomes.answered)?;
                if name == "response" {
                    main = latency;
                }
            }
        }
        Ok(main)
    }

    fn check_intervals(&self, main: &Latency) -> Result<(), ReadError> {
        let mut outcomes = Outcomes::default();
        let mut sum = Latency::new();
        let mut end = 0;
        for interval in &self.intervals {
            outcomes.add(&interval.calls);
            sum.add(&interval.latency.checked()?);
            same("the number of times of an interval", interval.latency.count, interval.calls.answered)?;
            holds(
                "the start of an interval",
                interval.start_ns,
                "the end of the one before",
                interval.start_ns >= end,
            )?;
            holds("the length of an interval", interval.length_ns, "more than 0", interval.length_ns > 0)?;
            end = interval.start_ns.checked_add(interval.length_ns).ok_or_else(|| {
                Contradiction::new("the start of an interval", interval.start_ns, "an instant")
            })?;
        }
        alike("the calls of the intervals", &outcomes, &self.calls.outcomes)?;
        same_times("the intervals", &sum, main)
    }

    /// Checks the sizes. A run of one size has no list of sizes.
    fn check_sizes(&self, main: &Latency) -> Result<(), ReadError> {
        let planned: Vec<u64> = match self.plan.sizes.as_slice() {
            [_] => Vec::new(),
            sizes => sizes.iter().map(|size| size.message_bytes).collect(),
        };
        let listed: Vec<u64> = self.sizes.iter().map(|size| size.message_bytes).collect();
        holds("the list of sizes", format!("{listed:?}"), &format!("{planned:?}"), planned == listed)?;
        if self.sizes.is_empty() {
            return Ok(());
        }
        let mut calls = Calls::default();
        let mut sum = Latency::new();
        for size in &self.sizes {
            size.calls.check()?;
            calls.add(&size.calls);
            sum.add(&size.latency.checked()?);
            same("the number of times of a size", size.latency.count, size.calls.outcomes.answered)?;
        }
        same("the number of calls by size", calls.planned, self.calls.planned)?;
        same("the number of replies by size", calls.outcomes.answered, self.calls.outcomes.answered)?;
        holds("what became of calls by size", "another sum", "that of the run", calls == self.calls)?;
        same_times("the sizes", &sum, main)
    }

    fn check_refusals(&self) -> Result<(), ReadError> {
        let mut refused: u64 = 0;
        for refusal in &self.refusals {
            refusal.latency.checked()?;
            same("the number of times of a refusal", refusal.latency.count, refusal.count)?;
            refused = refused.saturating_add(refusal.count);
        }
        Ok(same("the number of refusals", refused, self.calls.outcomes.refused)?)
    }

    fn check_statuses(&self) -> Result<(), Contradiction> {
        let with_status = OutcomeKind::VALUES.iter().filter(|kind| kind.has_status());
        for kind in with_status.clone() {
            let of_it = self.statuses.iter().filter(|status| status.outcome == *kind);
            let count = of_it.fold(0_u64, |sum, status| sum.saturating_add(status.count));
            let calls = self.calls.outcomes.of(*kind);
            same(&format!("the number of statuses of calls that are `{kind}`"), count, calls)?;
        }
        let names: Vec<&str> = with_status.map(|kind| kind.name()).collect();
        for status in &self.statuses {
            holds(
                "the outcome of a status",
                status.outcome,
                &names.join(" or "),
                status.outcome.has_status(),
            )?;
            same("the code of a status", status.code.as_str(), Code::from_number(status.number).name())?;
        }
        Ok(())
    }

    fn check_goodput(&self) -> Result<(), Contradiction> {
        let Goodput { replies, calls_per_second, request_bytes_per_second, reply_bytes_per_second } =
            self.goodput;
        let is_empty = self.calls.planned == 0 && replies == 0;
        holds("the window", "0 ns", "longer, with calls in it", self.window_ns > 0 || is_empty)?;
        let seconds = as_f64(self.window_ns) / 1e9;
        let per_second = |number: f64| if seconds > 0.0 { number / seconds } else { 0.0 };
        near("the goodput", calls_per_second, per_second(as_f64(replies)))?;
        // The reply sizes are known if the run has one size only.
        for (what, written, bytes) in [
            (
                "the goodput of requests",
                request_bytes_per_second,
                match &self.plan.data {
                    Some(data) => vec![data.smallest_bytes, data.largest_bytes],
                    None => self.plan.sizes.iter().map(|size| size.message_bytes).collect(),
                },
            ),
            (
                "the goodput of replies",
                reply_bytes_per_second,
                self.plan.sizes.iter().filter_map(|size| size.reply_bytes).collect(),
            ),
        ] {
            if bytes.is_empty() {
                continue;
            }
            let bound = |size: Option<&u64>| per_second(as_f64(replies) * as_f64(size.copied().unwrap_or(0)));
            let (least, most) = (bound(bytes.iter().min()), bound(bytes.iter().max()));
            if written < least {
                near(what, written, least)?;
            } else if written > most {
                near(what, written, most)?;
            }
        }
        Ok(())
    }

    fn check_plan(&self) -> Result<(), Contradiction> {
        let own = self.shard.iter().map(|shard| (shard.index, shard.of));
        let merged = self.shards.iter().flat_map(|shards| {
            let numbers = shards.merged.iter().map(|line| line.index).chain(shards.missing.iter().copied());
            numbers.map(|index| (index, shards.of))
        });
        for (index, of) in own.chain(merged) {
            let shown = format!("{index} of {of}");
            holds(
                "the number of a shard",
                shown,
                "one from 0 below that of all shards",
                Shard::new(index, of).is_ok(),
            )?;
        }
        holds("the number of sizes", self.plan.sizes.len(), "at least 1", !self.plan.sizes.is_empty())?;
        if let PlannedLoad::Open { stages, .. } = &self.plan.load {
            for stage in stages {
                let rates = [stage.from_per_second, stage.to_per_second];
                let is_rate = rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0);
                holds("a rate", format!("{rates:?}"), "0 or more", is_rate)?;
            }
        }
        let load = self.environment.load_average.unwrap_or(0.0);
        holds("the load average", load, "0 or more", load.is_finite() && load >= 0.0)
    }

    fn check_soundness(&self) -> Result<(), Contradiction> {
        let again = Rating::of(&self.soundness.findings);
        same("the soundness", self.soundness.verdict.name(), again.name())?;
        let Some(saturation) = &self.soundness.saturation else { return Ok(()) };
        let shares = [
            saturation.generator_busy,
            saturation.generator_starved,
            saturation.held_up,
            saturation.server_busy,
        ];
        // A clock that ticks in steps shows slightly less than 0, or more than 1.
        let is_share = |share: &f64| (-0.1..=10.0).contains(share);
        let is_so = shares.iter().flatten().all(is_share);
        holds("a share of the saturation", format!("{shares:?}"), "0 to 1", is_so)
    }

    /// Checks that an objective's result follows from its figure, and the figure from the rest where
    /// possible.
    fn check_objective(&self, record: &ObjectiveRecord) -> Result<(), Contradiction> {
        let ObjectiveRecord { expression, measured, shown: _, met } = record;
        let what = format!("the objective `{expression}`");
        let word = if *met { "met" } else { "missed" };
        let objective: Objective =
            expression.parse().map_err(|_| Contradiction::new(&what, word, "no objective"))?;
        let Some(measured) = *measured else {
            return holds(&what, word, "missed, because it was not measured", !met);
        };
        // The version that measured decides which calls are errors.
        let calls = |of| (of != CallsOf::Errors).then(|| calls_of(&self.calls, of));
        let expected = match objective.metric {
            Metric::Goodput => Some(self.goodput.calls_per_second),
            Metric::Calls(of) => calls(of).map(as_f64),
            Metric::Share(of) => calls(of).map(|calls| as_f64(calls) / as_f64(self.calls.planned.max(1))),
            // The version that measured also decides which calls a quantile covers.
            Metric::Latency(..) => None,
        };
        if let Some(expected) = expected {
            near(&what, measured, expected)?;
        }
        let is_met = objective.is_met_by(measured);
        holds(&what, word, &format!("a figure of {measured}"), is_met == *met)
    }
}

fn same_times(what: &str, sum: &Latency, main: &Latency) -> Result<(), ReadError> {
    let figures = |latency: &Latency| LatencyFigures::of(latency);
    same(&format!("the number of times of {what}"), sum.count(), main.count())?;
    if sum == main {
        return Ok(());
    }
    alike(&format!("the latency of {what}"), &figures(sum), &figures(main))?;
    Err(Contradiction::new(&format!("the latency of {what}"), "another histogram", "that of the run").into())
}

impl LatencyRecord {
    /// Decodes the histogram.
    ///
    /// # Errors
    /// The text is not a histogram, or its count differs from this record's.
    pub fn decode(&self) -> Result<Latency, ReadError> {
        let latency = Latency::decode(&self.histogram, self.out_of_range)?;
        same("the number of times of a histogram", latency.count(), self.count)?;
        Ok(latency)
    }

    /// Decodes the histogram, and leaves it packed.
    ///
    /// # Errors
    /// As with [`decode`](Self::decode).
    pub(crate) fn packed(&self) -> Result<PackedLatency, ReadError> {
        let packed = PackedLatency::decode(&self.histogram, self.out_of_range)?;
        same("the number of times of a histogram", packed.count(), self.count)?;
        Ok(packed)
    }

    /// Decodes the histogram, and checks that it gives the figures of this record.
    pub(crate) fn checked(&self) -> Result<Latency, ReadError> {
        let latency = self.decode()?;
        alike("a latency", &self.figures, &LatencyFigures::of(&latency))?;
        holds(
            "the number of times over an hour",
            self.out_of_range,
            "at most that of all times",
            self.out_of_range <= self.count,
        )?;
        Ok(latency)
    }
}
