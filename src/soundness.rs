//! Whether the figures of a run can be trusted, and if not, why and what to do.

mod findings;
mod saturation;

use serde::{Deserialize, Serialize};

use crate::{
    driver::Run,
    plan::{ClientKind, PlanRecord, STUB_RECV_CAP},
    units::{ByteSize, Limit},
};

use findings as found;
use saturation::Course;
pub use saturation::{Saturation, Side};

/// What a measurement is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Soundness {
    /// Unsound as soon as one finding is a warning, disturbed as soon as one is a disturbance.
    pub verdict: Verdict,
    /// Which side had no more to give.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub saturation: Option<Saturation>,
    /// What stands out, the gravest first.
    pub findings: Vec<Finding>,
}

/// What a measurement is worth, in a word. The greater, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing speaks against the figures.
    Sound,
    /// Other load or stolen cores: the figures vary more than the server does.
    Disturbed,
    /// The figures mislead: a limited or frozen generator, missing answers, a rate that was not reached.
    Unsound,
}

impl Verdict {
    /// The verdict that these findings make: that of the gravest.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        match findings.iter().map(|finding| finding.weight).min() {
            Some(Weight::Warning) => Self::Unsound,
            Some(Weight::Disturbance) => Self::Disturbed,
            Some(Weight::Note) | None => Self::Sound,
        }
    }

    /// The verdict in a word, as documents have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Disturbed => "disturbed",
            Self::Unsound => "unsound",
        }
    }
}

/// Something that whoever reads the figures must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A fixed name, for scripts.
    pub name: String,
    /// Whether it speaks against the figures.
    pub weight: Weight,
    /// What was seen, with its figures.
    pub detail: String,
    /// The next step.
    pub advice: String,
}

/// Whether a finding speaks against the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// It does: the figures mislead.
    Warning,
    /// It makes them vary more.
    Disturbance,
    /// It explains them.
    Note,
}

/// The quantiles that summaries have, with their names.
pub const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// How many samples a quantile needs: with fewer, even the largest one lies below the true quantile
/// more often than one time in twenty.
///
/// The largest of `n` independent samples is below quantile `q` with probability `q^n` (Wilks 1941).
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "quantiles are below 1")]
pub fn samples_needed(quantile: f64) -> u64 {
    (0.05_f64.ln() / quantile.ln()).ceil() as u64
}

impl Soundness {
    /// What a run's figures are worth. `recv_limit_asked` is the user's, before it was capped;
    /// `is_local` whether the server is on this machine.
    #[must_use]
    pub fn of(run: &Run, plan: &PlanRecord, recv_limit_asked: Limit, is_local: bool) -> Self {
        let mut findings = Vec::new();
        findings.extend(found::nothing_answered(run));
        findings.extend(found::unfinished(run, plan));
        findings.extend(found::shed(run, plan));
        findings.extend(found::missing_answers(run));
        findings.extend(found::generator_paused(run));
        let behind = found::rate_not_reached(run, plan);
        let keeps_up = plan.is_open().then_some(behind.is_none() && run.recording.calls.outcomes.shed == 0);
        findings.extend(behind);
        let course = Course { spins: !plan.spin.is_zero(), keeps_up, trouble: found::trouble(run) };
        let saturation = Saturation::of(run, course);
        findings.extend(saturation.as_ref().and_then(found::generator_saturated));
        findings.extend(found::late_generator(run));
        findings.extend(found::held_back(run));
        findings.extend(found::other_load(run, is_local));
        findings.extend(found::connections_limited(run));
        findings.extend(found::paused(run, plan));
        findings
            .extend(found::few_samples(run.recording.response.as_ref().unwrap_or(&run.recording.service)));
        findings.extend(found::rounded_sizes(plan));
        if recv_limit_asked == Limit::Unlimited && plan.client == ClientKind::Stub {
            findings.push(found::note(
                "recv_limit_capped",
                format!("the stub client's receive limit is {}, although none was asked for", ByteSize(STUB_RECV_CAP)),
                "tonic reserves the length that a reply's prefix claims before a byte of it has come; ask for a limit in bytes if replies are larger, or leave --client to its default, which needs no such limit",
            ));
        }
        // Stable: within a weight, the order above.
        findings.sort_by_key(|finding| finding.weight);
        Self { verdict: Verdict::of(&findings), saturation, findings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_needs_as_many_samples_as_wilks_says() {
        let needed: Vec<u64> = QUANTILES.iter().map(|(_, quantile)| samples_needed(*quantile)).collect();
        assert_eq!(needed, [5, 29, 59, 299, 2_995, 29_956]);
    }
}
