//! The soundness of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    clock::clock_moved,
    connections, findings,
    saturation::{RunContext, Saturation},
};
use crate::{
    load::STUB_RECV_CAP,
    measure::Measurement,
    result::finding::{Finding, FindingKind, Rating},
    units::ByteSize,
};

/// Trust in a measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Soundness {
    /// Unsound with at least one warning, disturbed with at least one disturbance.
    pub verdict: Rating,
    /// Side that had no capacity left.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub saturation: Option<Saturation>,
    /// Findings, the most serious first.
    pub findings: Vec<Finding>,
}

impl Soundness {
    /// Returns the soundness of a measurement. `is_local` is true if the server runs on this machine.
    #[must_use]
    pub fn of(run: &Measurement, is_local: bool) -> Self {
        let plan = &run.plan;
        let mut findings = Vec::new();
        findings.extend(findings::nothing_answered(run));
        findings.extend(findings::interrupted(run));
        findings.extend(findings::unfinished(run, plan));
        findings.extend(findings::shed(run, plan));
        findings.extend(findings::missing_answers(run));
        findings.extend(findings::generator_paused(run));
        let behind = findings::rate_not_reached(run, plan);
        let keeps_up = plan.is_open().then_some(behind.is_none() && run.recording.calls.outcomes.shed == 0);
        findings.extend(behind);
        let course =
            RunContext { spins: !plan.options.spin.is_zero(), keeps_up, trouble: findings::trouble(run) };
        let saturation = Saturation::of(run, course);
        findings.extend(saturation.as_ref().and_then(findings::generator_saturated));
        findings.extend(findings::late_generator(run));
        findings.extend(findings::held_back(run));
        findings.extend(findings::other_load(run, is_local));
        findings.extend(connections::connections_limited(run));
        findings.extend(connections::paused(run, plan));
        findings
            .extend(findings::few_samples(run.recording.response.as_ref().unwrap_or(&run.recording.service)));
        findings.extend(findings::rounded_sizes(plan));
        findings.extend(clock_moved(run));
        findings.extend(findings::replies_empty(run));
        findings.extend(findings::token_in_clear(plan, is_local || run.handshakes.count() > 0));
        if plan.is_recv_limit_capped {
            findings.push(findings::note(
                FindingKind::RecvLimitCapped,
                format!("the stub client's receive limit is {}, although `unlimited` was requested", ByteSize(STUB_RECV_CAP)),
                "tonic allocates the length that a reply's prefix announces before any data arrives; set a limit in bytes if replies are larger, or use the default client",
            ));
        }
        // The sort is stable: findings of one weight keep the order above.
        findings.sort_by_key(|finding| finding.weight);
        Self { verdict: Rating::of(&findings), saturation, findings }
    }
}
