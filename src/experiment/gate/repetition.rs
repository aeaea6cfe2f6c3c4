//! A repetition: fresh processes, and short slices of load on each process in random order.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    contender::{Contender, ContenderError, Standing},
    metric::GateMetric,
    scenario::{Scenario, ScenarioLoad},
    slice::{Slice, slice_of},
};
use crate::{
    endpoint::{ConnectSettings, StartError},
    engine::{self, DriveError, Events},
    load::{Plan, PlanError},
    measure::{Calls, NotConserved},
    result::soundness::is_generator_saturated,
    statistics::median,
    stop::Stop,
    units::{as_f64, draw, nanoseconds_of, shuffle},
};

/// Rounds of slices that are dropped at the start, while caches and the servers' memory are cold.
const DROPPED: usize = 2;

/// Largest number of counted rounds. The figure of a repetition of 40 rounds varies by 1.5 to 3 % (2 shared cores);
/// with 20 rounds, by 1.4 times as much.
const MOST_ROUNDS: usize = 40;

/// Smallest number of counted rounds.
const FEWEST_ROUNDS: usize = 15;

/// Target duration of all slices of a repetition, within the bounds above. 12 repetitions take one minute, and two
/// minutes with the second run.
const REPETITION: Duration = Duration::from_millis(4_500);

/// Time per slice besides its length and its warm-up: start of threads and of a connection.
const OVERHEAD: Duration = Duration::from_millis(7);

/// Smallest number of calls that fit into a slice. With fewer, the calls at the edges would dominate.
const FEWEST_CALLS: f64 = 20.0;

/// Largest length of a slice.
const LONGEST_SLICE: Duration = Duration::from_secs(5);

/// Divisor of a slice's length that gives its warm-up, for new connections and their windows.
const WARM_UP: u32 = 5;

/// An arm of a gate. The base has two arms: the difference between two processes of one program is the
/// difference to expect between any two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// The base.
    Base,
    /// A second process of the base.
    BaseAgain,
    /// The candidate.
    Candidate,
}

/// All arms, in the order of documents.
pub const ARMS: [Arm; 3] = [Arm::Base, Arm::BaseAgain, Arm::Candidate];

/// Figures of one repetition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repetition {
    /// Length of each slice.
    pub slice_ns: u64,
    /// Slices of the base.
    pub base: Slices,
    /// Slices of the base's second process.
    pub base_again: Slices,
    /// Slices of the candidate.
    pub candidate: Slices,
}

/// Slices of one arm, in the order of rounds. The first two rounds are left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Slices {
    /// All calls of these slices, and their outcomes.
    pub calls: Calls,
    /// Calls that ended as the scenario expects.
    pub expected: u64,
    /// Slices in which the generator had no time left.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub generator_saturated: usize,
    /// Words for the first call that did not end as expected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unexpected: Option<String>,
    /// Calls per second that ended as expected.
    pub calls_per_second: Vec<Option<f64>>,
    /// Median of these calls' service time, or of their response time in an open loop.
    pub p50_ns: Vec<Option<f64>>,
    /// 99th percentile of the same time: reported, and not judged.
    pub p99_ns: Vec<Option<f64>>,
    /// CPU time of the server's processes per call; `null` where it is not known.
    pub server_cpu_ns_per_call: Vec<Option<f64>>,
    /// CPU time of the generator per call.
    pub client_cpu_ns_per_call: Vec<Option<f64>>,
}

/// Reason why a repetition could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RepetitionError {
    /// A server is not ready.
    #[error("the {}", .0.name())]
    Contender(Arm, #[source] ContenderError),
    /// The load could not be generated.
    #[error("the {}", .0.name())]
    Drive(Arm, #[source] DriveError),
    /// The scenario's plan contradicts itself.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Calls were lost: a defect of this program.
    #[error(transparent)]
    NotConserved(#[from] NotConserved),
    /// The gate was stopped from outside.
    #[error("interrupted")]
    Interrupted,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Arm {
    /// Returns the name for texts: `base` or `candidate`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Base | Self::BaseAgain => "base",
            Self::Candidate => "candidate",
        }
    }
}

impl Slices {
    /// Returns the figures of a metric, one per round.
    #[must_use]
    pub fn of(&self, metric: GateMetric) -> &[Option<f64>] {
        match metric {
            GateMetric::CallsPerSecond => &self.calls_per_second,
            GateMetric::P50 => &self.p50_ns,
            GateMetric::ServerCpu => &self.server_cpu_ns_per_call,
            GateMetric::P99 => &self.p99_ns,
        }
    }

    /// Returns the share of all calls (0..1) that did not end as expected; 0 without calls, because a slice on a
    /// busy machine may have no time for one.
    #[must_use]
    pub fn faulty(&self) -> f64 {
        match self.calls.planned {
            0 => 0.0,
            planned => as_f64(planned.saturating_sub(self.expected)) / as_f64(planned),
        }
    }

    fn push(&mut self, slice: Slice) {
        let Slice {
            calls,
            expected,
            generator_saturated,
            unexpected,
            ended_per_second: _,
            calls_per_second,
            p50_ns,
            p99_ns,
            server_cpu_ns_per_call,
            client_cpu_ns_per_call,
        } = slice;
        self.calls.add(&calls);
        self.expected += expected;
        self.generator_saturated += usize::from(generator_saturated);
        self.unexpected = self.unexpected.take().or(unexpected);
        self.calls_per_second.push(calls_per_second);
        self.p50_ns.push(p50_ns);
        self.p99_ns.push(p99_ns);
        self.server_cpu_ns_per_call.push(server_cpu_ns_per_call);
        self.client_cpu_ns_per_call.push(client_cpu_ns_per_call);
    }
}

impl Repetition {
    /// Returns the difference between the candidate and the base, as a logarithm. For each of the base's two
    /// processes, the median over rounds of ln(candidate / base) is taken; the result is the mean of the two.
    /// `None` if fewer than half of the rounds have both figures.
    ///
    /// The formula is not the median of ln(candidate / mean of the base's two). Slices are slow much more often
    /// than fast, so a mean of two slices has a lower median than one slice. That formula made candidates equal
    /// to the base look 1.2 % faster.
    #[must_use]
    pub fn difference(&self, metric: GateMetric) -> Option<f64> {
        let to = |base: &Slices| median_over_rounds(base.of(metric), self.candidate.of(metric));
        Some(to(&self.base)?.midpoint(to(&self.base_again)?))
    }

    /// Returns the difference between the base's two processes: the median over rounds of ln(second / first).
    #[must_use]
    pub fn noise(&self, metric: GateMetric) -> Option<f64> {
        median_over_rounds(self.base.of(metric), self.base_again.of(metric))
    }

    /// Returns the slices of an arm.
    #[must_use]
    pub fn arm(&self, arm: Arm) -> &Slices {
        match arm {
            Arm::Base => &self.base,
            Arm::BaseAgain => &self.base_again,
            Arm::Candidate => &self.candidate,
        }
    }
}

/// Returns the median of ln(other / one) over the rounds with both figures; `None` for fewer than half of the
/// rounds.
fn median_over_rounds(one: &[Option<f64>], other: &[Option<f64>]) -> Option<f64> {
    let figure = |figure: &Option<f64>| figure.filter(|figure| *figure > 0.0);
    let told: Vec<f64> =
        one.iter().zip(other).filter_map(|(one, other)| Some((figure(other)? / figure(one)?).ln())).collect();
    if told.len() * 2 < one.len() { None } else { median(&told) }
}

/// Makes one repetition. The seed determines the order of the slices.
pub(super) fn repeat(
    scenario: &Scenario,
    contenders: [&Contender; 3],
    connect: &ConnectSettings,
    seed: u64,
    stop: &Stop,
) -> Result<Repetition, RepetitionError> {
    let mut standing = ARMS.map(|_| None);
    // The processes start in random order too, because the first one may find the machine in another state.
    for arm in order(seed, usize::MAX) {
        let stands = contenders[arm as usize].stand(stop, connect).map_err(|source| match source {
            ContenderError::Start(StartError::Interrupted) => RepetitionError::Interrupted,
            source => RepetitionError::Contender(arm, source),
        });
        standing[arm as usize] = Some(stands?);
    }
    let standing: Vec<Standing> = standing.into_iter().flatten().collect();
    let mut course = RepetitionRun { scenario, standing, stop };
    let Trial { slice, is_hopeless } = course.trial()?;
    course.standing.iter_mut().for_each(Standing::refresh);
    // If no call of an arm ends as expected, there is nothing to measure, and each slice may take its whole drain.
    let rounds = if is_hopeless { 1 } else { rounds(scenario, slice) };
    let plan = Arc::new(Plan::new(scenario.settings(slice, slice / WARM_UP))?);
    let mut slices = [Slices::default(), Slices::default(), Slices::default()];
    for round in 0..DROPPED + rounds {
        for arm in order(seed, round) {
            let slice = course.slice(arm, &plan)?;
            if round >= DROPPED {
                slices[arm as usize].push(slice);
            }
        }
    }
    // All processes get the signal at once, so that their exits overlap.
    course.standing.iter().for_each(Standing::ask_to_go);
    let [base, base_again, candidate] = slices;
    Ok(Repetition { slice_ns: nanoseconds_of(slice), base, base_again, candidate })
}

/// Returns the number of rounds in a repetition, for slices of this length.
fn rounds(scenario: &Scenario, slice: Duration) -> usize {
    if let Some(rounds) = scenario.rounds {
        return rounds;
    }
    let round = 3 * (slice + slice / WARM_UP + OVERHEAD);
    let fit = REPETITION.as_nanos() / round.as_nanos().max(1);
    usize::try_from(fit).unwrap_or(MOST_ROUNDS).clamp(FEWEST_ROUNDS, MOST_ROUNDS)
}

/// Returns the approximate duration of a repetition of this scenario.
pub(super) fn expected_length(scenario: &Scenario) -> Duration {
    let slice = scenario.slice;
    let slices = u32::try_from(ARMS.len() * (1 + DROPPED + rounds(scenario, slice))).unwrap_or(u32::MAX);
    slices * (slice + slice / WARM_UP + OVERHEAD)
}

/// Returns the arms in an order given by the seed and the round; each of the six orders is equally likely.
fn order(seed: u64, round: usize) -> [Arm; 3] {
    let mut arms = ARMS;
    let random = draw(seed, round as u64);
    // One number gives both decisions: its remainder modulo three, and its quotient.
    shuffle(&mut arms, |place| if place == 2 { random } else { random / 3 });
    arms
}

struct RepetitionRun<'a> {
    scenario: &'a Scenario,
    standing: Vec<Standing>,
    stop: &'a Stop,
}

/// Result of one trial slice per arm.
struct Trial {
    /// Length for the slices.
    slice: Duration,
    /// True if no call of some arm ended as expected.
    is_hopeless: bool,
}

impl RepetitionRun<'_> {
    /// Runs one slice per arm. The length of slices is then the scenario's, or the time of 20 calls of the
    /// slowest arm.
    fn trial(&mut self) -> Result<Trial, RepetitionError> {
        let asked = self.scenario.slice;
        let plan = Arc::new(Plan::new(self.scenario.settings(asked, asked / WARM_UP))?);
        let mut slowest = match self.scenario.load {
            ScenarioLoad::Rate(rate) => rate,
            ScenarioLoad::Concurrency(_) => f64::INFINITY,
        };
        let mut is_hopeless = false;
        for arm in ARMS {
            let slice = self.slice(arm, &plan)?;
            if let ScenarioLoad::Concurrency(_) = self.scenario.load {
                slowest = slowest.min(slice.ended_per_second);
            }
            is_hopeless |= slice.calls.planned > 0 && slice.expected == 0;
        }
        let needed = Duration::try_from_secs_f64(FEWEST_CALLS / slowest).unwrap_or(LONGEST_SLICE);
        let slice = if is_hopeless { asked } else { asked.max(needed.min(LONGEST_SLICE)) };
        Ok(Trial { slice, is_hopeless })
    }

    fn slice(&mut self, arm: Arm, plan: &Arc<Plan>) -> Result<Slice, RepetitionError> {
        if self.stop.is_wanted() {
            return Err(RepetitionError::Interrupted);
        }
        let standing = &self.standing[arm as usize];
        let run =
            engine::run_beside(plan, &standing.located, &standing.processes, self.stop, &Events::none())
                .map_err(|source| RepetitionError::Drive(arm, source))?;
        if run.is_interrupted {
            return Err(RepetitionError::Interrupted);
        }
        run.recording.calls.check()?;
        Ok(slice_of(&run, self.scenario.expected, is_generator_saturated(&run)))
    }
}

#[cfg(test)]
#[path = "repetition_tests.rs"]
mod tests;
