//! One repetition: fresh processes, and short slices of load on each of them in random order.

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
    endpoint::StartError,
    engine::{self, DriveError, Events},
    load::{Plan, PlanError},
    measure::{Calls, NotConserved},
    result::soundness::is_generator_saturated,
    statistics::median,
    stop::Stop,
    units::{as_f64, draw, nanoseconds_of, shuffle},
};

/// Rounds of slices that are dropped: caches, and a server's memory, are still cold.
const DROPPED: usize = 2;

/// Rounds of slices that count, at most. The figure of a repetition of 40 spreads by 1.5 to 3 % (2 shared cores); that
/// of one of 20 by 1.4 times as much.
const MOST_ROUNDS: usize = 40;

/// Rounds of slices that count, at least.
const FEWEST_ROUNDS: usize = 15;

/// The slices of a repetition take about this long, where that is no contradiction to the bounds above: 12 of them
/// take a minute, and two minutes when they are made twice.
const REPETITION: Duration = Duration::from_millis(4_500);

/// What a slice takes besides its length and its warm-up: threads, a connection, the order to start.
const OVERHEAD: Duration = Duration::from_millis(7);

/// A slice has room for as many calls as this, or it would be all edge.
const FEWEST_CALLS: f64 = 20.0;

/// No slice is longer.
const LONGEST_SLICE: Duration = Duration::from_secs(5);

/// Of a slice, for its warm-up: new connections, and their windows.
const WARM_UP: u32 = 5;

/// The arms of a gate. The base runs twice: what the two processes of one program differ by is what any two
/// processes differ by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// The base.
    Base,
    /// The base once more.
    BaseAgain,
    /// The candidate.
    Candidate,
}

/// All arms, in the order of their documents.
pub const ARMS: [Arm; 3] = [Arm::Base, Arm::BaseAgain, Arm::Candidate];

/// What one repetition brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repetition {
    /// Length of each slice.
    pub slice_ns: u64,
    /// The base's slices.
    pub base: Slices,
    /// Those of the base's second process.
    pub base_again: Slices,
    /// The candidate's.
    pub candidate: Slices,
}

/// The slices of one arm, in the order of their rounds. The first two rounds are left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Slices {
    /// All calls of these slices, and what became of them.
    pub calls: Calls,
    /// Those that ended as the scenario expects.
    pub expected: u64,
    /// Slices in which the generator had no time left.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub generator_saturated: usize,
    /// What became of others, in words: the first of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unexpected: Option<String>,
    /// Calls that ended as expected, a second.
    pub calls_per_second: Vec<Option<f64>>,
    /// Median of their service time, or response time in an open loop.
    pub p50_ns: Vec<Option<f64>>,
    /// The same, 99 %: reported, and not judged.
    pub p99_ns: Vec<Option<f64>>,
    /// CPU time of the server's processes a call; `null` where it is not known.
    pub server_cpu_ns_per_call: Vec<Option<f64>>,
    /// CPU time of the generator a call.
    pub client_cpu_ns_per_call: Vec<Option<f64>>,
}

/// Why a repetition could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RepetitionError {
    /// A server does not stand.
    #[error("the {}", .0.name())]
    Contender(Arm, #[source] ContenderError),
    /// The load could not be made.
    #[error("the {}", .0.name())]
    Drive(Arm, #[source] DriveError),
    /// The scenario's plan contradicts itself.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Calls got lost: a defect of this program.
    #[error(transparent)]
    NotConserved(#[from] NotConserved),
    /// Somebody wanted an end.
    #[error("interrupted")]
    Interrupted,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Arm {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Base | Self::BaseAgain => "base",
            Self::Candidate => "candidate",
        }
    }
}

impl Slices {
    /// The figures of a metric.
    #[must_use]
    pub fn of(&self, metric: GateMetric) -> &[Option<f64>] {
        match metric {
            GateMetric::CallsPerSecond => &self.calls_per_second,
            GateMetric::P50 => &self.p50_ns,
            GateMetric::ServerCpu => &self.server_cpu_ns_per_call,
            GateMetric::P99 => &self.p99_ns,
        }
    }

    /// Of all calls, those that did not end as expected (0..1). None of them where there were no calls: a slice on a
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
    /// How the candidate differs from the base: the median over rounds of ln(candidate / base), for each of the
    /// base's two processes; the mean of the two. `None` where fewer than half of the rounds tell.
    ///
    /// Not the median of ln(candidate / mean of the base's two): slices are slow much more often than they are
    /// fast, and so a mean of two of them has a lower median than one has. That made candidates look 1.2 % faster
    /// that were the base itself.
    #[must_use]
    pub fn difference(&self, metric: GateMetric) -> Option<f64> {
        let to = |base: &Slices| median_over_rounds(base.of(metric), self.candidate.of(metric));
        Some(to(&self.base)?.midpoint(to(&self.base_again)?))
    }

    /// How the base differs from itself: the same of its two processes.
    #[must_use]
    pub fn noise(&self, metric: GateMetric) -> Option<f64> {
        median_over_rounds(self.base.of(metric), self.base_again.of(metric))
    }

    /// The slices of an arm.
    #[must_use]
    pub fn arm(&self, arm: Arm) -> &Slices {
        match arm {
            Arm::Base => &self.base,
            Arm::BaseAgain => &self.base_again,
            Arm::Candidate => &self.candidate,
        }
    }
}

/// The median of ln(other / one) over the rounds in which both are known.
fn median_over_rounds(one: &[Option<f64>], other: &[Option<f64>]) -> Option<f64> {
    let figure = |figure: &Option<f64>| figure.filter(|figure| *figure > 0.0);
    let told: Vec<f64> =
        one.iter().zip(other).filter_map(|(one, other)| Some((figure(other)? / figure(one)?).ln())).collect();
    if told.len() * 2 < one.len() { None } else { median(&told) }
}

/// Makes one repetition. The seed decides the order of the slices.
pub(super) fn repeat(
    scenario: &Scenario,
    contenders: [&Contender; 3],
    seed: u64,
    stop: &Stop,
) -> Result<Repetition, RepetitionError> {
    let mut standing = ARMS.map(|_| None);
    // In random order too: the first process may find the machine in another state than the last.
    for arm in order(seed, usize::MAX) {
        let stands = contenders[arm as usize].stand(stop).map_err(|source| match source {
            ContenderError::Start(StartError::Interrupted) => RepetitionError::Interrupted,
            source => RepetitionError::Contender(arm, source),
        });
        standing[arm as usize] = Some(stands?);
    }
    let standing: Vec<Standing> = standing.into_iter().flatten().collect();
    let mut course = RepetitionRun { scenario, standing, stop };
    let Trial { slice, is_hopeless } = course.trial()?;
    course.standing.iter_mut().for_each(Standing::refresh);
    // Where an arm does nothing as it should, there is nothing to measure, and each slice may take its whole drain.
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
    // Together, so that they are waited for once.
    course.standing.iter().for_each(Standing::ask_to_go);
    let [base, base_again, candidate] = slices;
    Ok(Repetition { slice_ns: nanoseconds_of(slice), base, base_again, candidate })
}

/// How many rounds of slices a repetition has, where slices have this length.
fn rounds(scenario: &Scenario, slice: Duration) -> usize {
    if let Some(rounds) = scenario.rounds {
        return rounds;
    }
    let round = 3 * (slice + slice / WARM_UP + OVERHEAD);
    let fit = REPETITION.as_nanos() / round.as_nanos().max(1);
    usize::try_from(fit).unwrap_or(MOST_ROUNDS).clamp(FEWEST_ROUNDS, MOST_ROUNDS)
}

/// How long a repetition of this scenario takes, about.
pub(super) fn expected_length(scenario: &Scenario) -> Duration {
    let slice = scenario.slice;
    let slices = u32::try_from(ARMS.len() * (1 + DROPPED + rounds(scenario, slice))).unwrap_or(u32::MAX);
    slices * (slice + slice / WARM_UP + OVERHEAD)
}

/// The arms in an order that the seed and the round decide, each of the six equally likely.
fn order(seed: u64, round: usize) -> [Arm; 3] {
    let mut arms = ARMS;
    let random = draw(seed, round as u64);
    // One number has both decisions: its rest by three, and what is above that.
    shuffle(&mut arms, |place| if place == 2 { random } else { random / 3 });
    arms
}

struct RepetitionRun<'a> {
    scenario: &'a Scenario,
    standing: Vec<Standing>,
    stop: &'a Stop,
}

/// What a slice of each arm showed.
struct Trial {
    /// How long slices are to be.
    slice: Duration,
    /// Whether no call of an arm ended as it should.
    is_hopeless: bool,
}

impl RepetitionRun<'_> {
    /// A slice of each arm: then slices are as long as the scenario says, or as 20 calls of the slowest arm take.
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
        let run = engine::run(plan, &standing.located, &standing.processes, self.stop, &Events::none())
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
