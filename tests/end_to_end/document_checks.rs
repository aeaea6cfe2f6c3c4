//! What holds in every result, whatever went wrong in the run.

use crate::document::{Calls, Ended, Latency, Measured, Summary};

impl Ended {
    fn total(&self) -> u64 {
        let Self { answered, wrong_reply, refused, failed, deadline_exceeded, broken, shed, unfinished } =
            self;
        answered + wrong_reply + refused + failed + deadline_exceeded + broken + shed + unfinished
    }
}

impl Calls {
    pub(crate) fn ended(&self) -> u64 {
        let Self {
            planned: _,
            answered,
            wrong_reply,
            refused,
            failed,
            deadline_exceeded,
            broken,
            shed,
            unfinished,
        } = self;
        answered + wrong_reply + refused + failed + deadline_exceeded + broken + shed + unfinished
    }
}

impl Latency {
    fn check(&self) {
        assert!(self.histogram.starts_with("HISTFAAA"), "{}", self.histogram);
        assert_eq!(self.count > 0, self.p50_ns.is_some());
        let figures = [
            self.min_ns,
            self.p50_ns,
            self.p90_ns,
            self.p95_ns,
            self.p99_ns,
            self.p99_9_ns,
            self.p99_99_ns,
            self.max_ns,
        ];
        assert!(figures.windows(2).all(|pair| pair[0] <= pair[1]), "{self:?}");
    }
}

impl Summary {
    pub(crate) fn strict(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// Sums of calls, and the order of quantiles.
    pub(crate) fn check(&self) {
        assert_eq!(self.schema, "plimsoll.summary/2");
        let Measured { intervals, sizes, ended_in_window, last_done_ns, .. } = &self.measured;
        assert_eq!(intervals.len(), self.intervals.len());
        let is_open = self.latency.response.is_some();
        assert!(intervals.iter().all(|interval| interval.service.is_some() == is_open));
        assert_eq!(sizes.len(), if is_open { self.sizes.len() } else { 0 });
        assert!(*ended_in_window >= self.measured.in_window.replies, "{ended_in_window}");
        assert!(self.calls.answered == 0 || *last_done_ns > 0);
        assert_eq!(self.calls.planned, self.calls.ended(), "{:?}", self.calls);
        for size in &self.sizes {
            assert_eq!(size.calls.planned, size.calls.ended(), "{:?}", size.calls);
            size.latency.check();
        }
        if !self.sizes.is_empty() {
            assert_eq!(self.sizes.iter().map(|size| size.calls.planned).sum::<u64>(), self.calls.planned);
        }
        let in_intervals: u64 = self.intervals.iter().map(|interval| interval.calls.total()).sum();
        assert_eq!(in_intervals, self.calls.planned);
        for (index, interval) in self.intervals.iter().enumerate() {
            assert_eq!(interval.start_ns, index as u64 * self.measured.interval_ns);
            let is_last = index + 1 == self.intervals.len();
            assert!(is_last || interval.length_ns == self.measured.interval_ns, "{index}: {interval:?}");
        }
        assert!(self.measured.interval_ns.is_multiple_of(self.measured.interval_part_ns));
        let of_usage = [self.measured.usage.client_cpu_ns, self.measured.usage.server_cpu_ns];
        for (cpu, all) in [
            self.intervals.iter().filter_map(|interval| interval.client_cpu_ns).sum::<u64>(),
            self.intervals.iter().filter_map(|interval| interval.server_cpu_ns).sum::<u64>(),
        ]
        .into_iter()
        .zip(of_usage)
        {
            // A server that ends has no account of the whole window.
            assert!(all.is_none_or(|all| cpu <= all), "{cpu} {all:?}");
        }
        assert_eq!(
            self.intervals.iter().map(|interval| interval.calls.answered).sum::<u64>(),
            self.calls.answered
        );
        for latency in
            [Some(&self.latency.service), self.latency.response.as_ref(), self.latency.lateness.as_ref()]
                .into_iter()
                .flatten()
        {
            assert_eq!(latency.count, self.calls.answered);
            latency.check();
        }
        assert_eq!(self.refusals.iter().map(|refusal| refusal.count).sum::<u64>(), self.calls.refused);
        assert!(self.refusals.iter().all(|refusal| refusal.count == refusal.latency.count));
        let in_statuses: u64 = self.statuses.iter().map(|status| status.count).sum();
        assert_eq!(in_statuses, self.calls.failed + self.calls.broken + self.calls.deadline_exceeded);
    }

    pub(crate) fn has_finding(&self, name: &str) -> bool {
        self.soundness.findings.iter().any(|finding| finding.name == name)
    }
}
