//! The course of a gate: limits first, then repetitions of all scenarios in turn, then a second run of what was
//! flagged.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use super::{
    Metric,
    conclude::{self, Tried},
    contender::{Contender, ContenderError},
    judge::{Estimate, MetricVerdict, Sample, Word, fewest_repetitions, judge},
    moved,
    repetition::{Arm, Repetition, RepetitionError, repeat},
    scenario::Scenario,
    verdict::{LimitsVerdict, Verdict},
};
use crate::{
    client::Options,
    driver::DriveError,
    environment::{Environment, timestamp, wall_clock},
    limits::{self, Limits, LimitsError},
    payload::LARGEST_MESSAGE,
    plan::ClientKind,
    random::bits,
    target::StartError,
    units::Limit,
};

/// Repetitions of each scenario, unless more or fewer are asked for.
pub const DEFAULT_REPETITIONS: usize = 12;
/// More are of no use: the smallest effect that is seen falls with their square root.
pub const MOST_REPETITIONS: usize = 200;

/// What a gate is to compare.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the candidate is compared with.
    pub base: Contender,
    /// What is to be let through, or not.
    pub candidate: Contender,
    /// The loads.
    pub scenarios: Vec<Scenario>,
    /// Of each scenario.
    pub repetitions: usize,
    /// No repetition begins later than this after the start, once there are as many as a verdict needs.
    pub budget: Option<Duration>,
    /// Of the order of slices.
    pub seed: u64,
    /// The largest message that is really sent to find limits; `None` to leave them alone.
    pub limits_up_to: Option<u64>,
    /// The user's name for it.
    pub label: Option<String>,
}

/// How far a gate has come.
#[derive(Debug)]
pub enum Progress<'a> {
    /// The limits of a server are looked for.
    Limits(Arm),
    /// A repetition begins.
    Repetition {
        /// Its scenario.
        scenario: &'a str,
        /// From 1.
        number: usize,
        /// How many there will be.
        of: usize,
        /// Whether it is to confirm what was flagged.
        confirming: bool,
        /// What the repetitions of this scenario show so far.
        so_far: &'a [Estimate],
    },
    /// The scenarios that were flagged, which are measured once more.
    Flagged(&'a [&'a str]),
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The candidate cannot be measured.
    #[error("the candidate cannot be measured")]
    Candidate(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The load could not be made.
    #[error(transparent)]
    Repetition(#[from] RepetitionError),
    /// No verdict can come of so few.
    #[error(
        "{got} repetitions of {scenarios} scenarios cannot show anything: the smallest p-value that they can have is not below the level; {needed} are needed: ask for more repetitions, more time, or fewer scenarios"
    )]
    TooFew {
        /// What was asked for.
        got: usize,
        /// How many scenarios there are.
        scenarios: usize,
        /// What is needed.
        needed: usize,
    },
    /// Nothing was measured yet.
    #[error("interrupted")]
    Interrupted,
}

/// Compares two servers. `wants_end` is asked all the while whether somebody wants an end; then the verdict is
/// that of what was measured.
///
/// # Errors
/// When the candidate cannot be measured at all. A base that cannot is a verdict: skipped.
pub fn run(
    settings: &Settings,
    observe: &mut dyn FnMut(&Progress<'_>),
    wants_end: &dyn Fn() -> bool,
) -> Result<Verdict, GateError> {
    let needed = fewest_repetitions(settings.scenarios.len() * Metric::JUDGED.len());
    if settings.repetitions < needed && !settings.scenarios.is_empty() {
        let (got, scenarios) = (settings.repetitions, settings.scenarios.len());
        return Err(GateError::TooFew { got, scenarios, needed });
    }
    let mut course = Course {
        settings,
        needed,
        start: Instant::now(),
        candidate_stood: false,
        observe,
        wants_end,
        environment: Environment::now(),
        started_at: timestamp(wall_clock()),
        interrupted: false,
    };
    let limits = match course.limits()? {
        Ok(limits) => limits,
        Err(reason) => return Ok(course.skipped(reason)),
    };
    let mut tried: Vec<Tried<'_>> = settings.scenarios.iter().map(Tried::new).collect();
    course.measure(&mut tried, 0)?;
    let first = judged(&tried);
    let flagged: Vec<usize> = (0..tried.len())
        .filter(|index| first[*index].iter().any(conclude::is_flagged))
        .filter(|index| !first[*index].iter().any(MetricVerdict::is_noisy))
        .collect();
    let names: Vec<&str> = flagged.iter().map(|index| tried[*index].scenario.name.as_str()).collect();
    let mut second: Vec<Tried<'_>> = flagged.iter().map(|index| Tried::new(tried[*index].scenario)).collect();
    if !flagged.is_empty() && !course.interrupted {
        (course.observe)(&Progress::Flagged(&names));
        course.measure(&mut second, 1)?;
    }
    let again = judged(&second);
    let mut confirmations = flagged.into_iter().zip(second.into_iter().zip(again)).collect();
    let scenarios = tried
        .into_iter()
        .zip(first)
        .enumerate()
        .map(|(index, (tried, metrics))| {
            conclude::scenario(tried, metrics, conclude::take(&mut confirmations, index), needed)
        })
        .collect();
    let head = course.head();
    let fresh =
        [&settings.base, &settings.candidate].iter().all(|side| matches!(side, Contender::Program(_)));
    Ok(conclude::verdict(head, limits, scenarios, fresh))
}

/// Judges all that have not ended by themselves together; those that have are given nothing.
pub(super) fn judged(tried: &[Tried<'_>]) -> Vec<Vec<MetricVerdict>> {
    let samples: Vec<Sample<'_>> = tried
        .iter()
        .map(|tried| Sample {
            thresholds: &tried.scenario.thresholds,
            repetitions: if tried.ended.is_some() { &[] } else { &tried.repetitions },
        })
        .collect();
    judge(&samples)
}

/// What repetitions show so far.
fn estimates(repetitions: &[Repetition]) -> Vec<Estimate> {
    Metric::JUDGED.into_iter().filter_map(|metric| Estimate::of(metric, repetitions)).collect()
}

struct Course<'a> {
    settings: &'a Settings,
    needed: usize,
    start: Instant,
    /// Whether the candidate could be measured at any time.
    candidate_stood: bool,
    observe: &'a mut dyn FnMut(&Progress<'_>),
    wants_end: &'a dyn Fn() -> bool,
    environment: Environment,
    started_at: String,
    interrupted: bool,
}

impl Course<'_> {
    /// Looks for the limits of both; the inner error is why the base could not be measured.
    fn limits(&mut self) -> Result<Result<Option<LimitsVerdict>, String>, GateError> {
        let Some(up_to) = self.settings.limits_up_to else { return Ok(Ok(None)) };
        (self.observe)(&Progress::Limits(Arm::Base));
        let base = match limits_of(&self.settings.base, up_to, self.wants_end) {
            Ok(limits) => limits,
            Err(error) if is_interruption(&error) => return Err(GateError::Interrupted),
            Err(error) => return Ok(Err(format!("the base cannot be measured: {}", causes(&*error)))),
        };
        (self.observe)(&Progress::Limits(Arm::Candidate));
        let candidate = match limits_of(&self.settings.candidate, up_to, self.wants_end) {
            Ok(limits) => limits,
            Err(error) if is_interruption(&error) => return Err(GateError::Interrupted),
            Err(error) => return Err(GateError::Candidate(error)),
        };
        self.candidate_stood = true;
        self.interrupted |= base.interrupted || candidate.interrupted;
        Ok(Ok(Some(moved::compare(base, candidate))))
    }

    /// Makes the repetitions of these scenarios, in turn, so that none has a part of the time to itself.
    fn measure(&mut self, tried: &mut [Tried<'_>], run: u64) -> Result<(), GateError> {
        // Each run has its time to itself: the second one needs as many repetitions as the first.
        let start = Instant::now();
        let is_over = |budget: Duration| start.elapsed() > budget;
        for number in 1..=self.settings.repetitions {
            if number > self.needed && self.settings.budget.is_some_and(is_over) {
                break;
            }
            for (index, one) in tried.iter_mut().enumerate() {
                if self.interrupted || one.ended.is_some() {
                    continue;
                }
                let place = [run, index as u64, number as u64];
                let seed = place.iter().fold(self.settings.seed, |seed, part| bits(seed ^ bits(*part)));
                self.repeat(one, number, run > 0, seed)?;
            }
        }
        Ok(())
    }

    /// Makes one repetition. A server that cannot be measured ends its scenario, and takes nothing away of what
    /// was measured before.
    fn repeat(
        &mut self,
        tried: &mut Tried<'_>,
        number: usize,
        confirming: bool,
        seed: u64,
    ) -> Result<(), GateError> {
        let Settings { base, candidate, repetitions, .. } = self.settings;
        (self.observe)(&Progress::Repetition {
            scenario: &tried.scenario.name,
            number,
            of: *repetitions,
            confirming,
            so_far: &estimates(&tried.repetitions),
        });
        let error = match repeat(tried.scenario, [base, base, candidate], seed, self.wants_end) {
            Ok(repetition) => {
                self.candidate_stood = true;
                tried.take(repetition);
                return Ok(());
            }
            Err(error) => error,
        };
        let reason = format!("repetition {number} could not be made: {}", causes(&error));
        match error {
            RepetitionError::Interrupted => self.interrupted = true,
            RepetitionError::Plan(_) | RepetitionError::NotConserved(_) => return Err(error.into()),
            RepetitionError::Contender(Arm::Candidate, _) if !self.candidate_stood => {
                return Err(GateError::Candidate(Box::new(error)));
            }
            RepetitionError::Contender(arm, _) | RepetitionError::Drive(arm, DriveError::Open(_)) => {
                let word = if arm == Arm::Candidate { Word::Regressed } else { Word::Skipped };
                tried.ended = Some((word, reason));
            }
            RepetitionError::Drive(..) => tried.ended = Some((Word::Inconclusive, reason)),
        }
        Ok(())
    }

    fn skipped(&self, reason: String) -> Verdict {
        Verdict { verdict: Word::Skipped, reason, ..self.head() }
    }

    /// A verdict with nothing in it yet.
    fn head(&self) -> Verdict {
        let Settings { base, candidate, seed, repetitions, label, .. } = self.settings;
        conclude::head(conclude::Head {
            label: label.clone(),
            started_at: self.started_at.clone(),
            elapsed: self.start.elapsed(),
            interrupted: self.interrupted,
            base: base.to_string(),
            candidate: candidate.to_string(),
            environment: self.environment.clone(),
            seed: *seed,
            repetitions: *repetitions,
        })
    }
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

fn limits_of(contender: &Contender, up_to: u64, wants_end: &dyn Fn() -> bool) -> Result<Limits, Cause> {
    let standing = contender.stand(wants_end)?;
    let settings = limits::Settings {
        client: ClientKind::Lean,
        options: Options {
            max_send_message_size: Limit::Unlimited,
            max_recv_message_size: Limit::Bytes(LARGEST_MESSAGE),
            timeout: None,
            metadata: Vec::new(),
            compression: None,
        },
        up_to,
    };
    Ok(limits::find(&standing.located, &settings, &mut |_, _| {}, wants_end)?)
}

fn is_interruption(error: &Cause) -> bool {
    matches!(error.downcast_ref(), Some(LimitsError::Interrupted))
        || matches!(error.downcast_ref(), Some(ContenderError::Start(StartError::Interrupted)))
}

/// An error with all its causes, each once.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let mut seen = BTreeSet::new();
    let words: Vec<String> =
        chain.map(ToString::to_string).filter(|text| seen.insert(text.clone())).collect();
    words.join(": ")
}
