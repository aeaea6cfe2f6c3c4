//! A run of the gate: limits first, then repetitions of all scenarios in turn, then a second run of flagged
//! scenarios.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    contender::{Contender, ContenderError, Fault},
    error::{BoxError, GateError, causes, neither_works},
    explain,
    judge::{Estimate, MetricVerdict, Sample, Word, fewest_repetitions, judge},
    limits::compare,
    metric::GateMetric,
    repetition::{Arm, Repetition, RepetitionError, repeat},
    scenario::{DEFAULT_THRESHOLD, Scenario},
    scenario_run::ScenarioRun,
    verdict::{LimitsVerdict, Verdict},
};
use crate::{
    client::OpenError,
    endpoint::{ConnectSettings, Leftovers, StartError, is_lack_of_means},
    engine::{DriveError, Event, Events},
    experiment::limits::{self, DEFAULT_UP_TO, Limits, LimitsError},
    load::Options,
    measure::{Environment, timestamp, wall_clock},
    rpc::LARGEST_MESSAGE,
    stop::Stop,
    units::{Limit, draw},
};

/// Repetitions of each scenario, by default.
pub const DEFAULT_REPETITIONS: usize = 12;

/// Largest number of repetitions. More are of little use: the smallest detectable effect falls only with
/// their square root.
pub const MOST_REPETITIONS: usize = 200;

/// Settings of a gate.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GateSettings {
    /// Server to compare with.
    pub base: Contender,
    /// Server under test.
    pub candidate: Contender,
    /// Settings of connections to both servers.
    pub connect: ConnectSettings,
    /// Loads to compare under.
    pub scenarios: Vec<Scenario>,
    /// Repetitions of each scenario.
    pub repetitions: usize,
    /// Time after which no repetition starts, once there are enough for a verdict; counted from the start of
    /// each run.
    pub budget: Option<Duration>,
    /// Seed for the order of slices.
    pub seed: u64,
    /// Largest message that is sent whole to find limits; `None` for no search.
    pub limits_up_to: Option<u64>,
    /// The user's name for the gate.
    pub label: Option<String>,
    /// True if the gate also ends processes that servers started in sessions of their own (Linux). Only for a
    /// process that starts nothing else meanwhile: see [`Leftovers`].
    pub adopts: bool,
}

impl GateSettings {
    /// Settings of a gate over the five built-in scenarios with the default threshold (5 %), 12 repetitions each,
    /// and over message-size limits up to 64 MiB.
    ///
    /// There is no bound on its time, the seed is 1, and no label is set.
    #[must_use]
    pub fn new(base: Contender, candidate: Contender) -> Self {
        Self {
            base,
            candidate,
            connect: ConnectSettings::default(),
            scenarios: Scenario::built_in(DEFAULT_THRESHOLD),
            repetitions: DEFAULT_REPETITIONS,
            budget: None,
            seed: 1,
            limits_up_to: Some(DEFAULT_UP_TO),
            label: None,
            adopts: false,
        }
    }
}

/// Compares two servers. `stop` ends the gate early; the verdict is then based on the measurements so far.
///
/// # Errors
/// The candidate cannot be measured at all, the base does not exist, neither server works, or this program fails. A
/// base that exists and does not start, or dies, gives a verdict: skipped.
pub fn run(settings: &GateSettings, stop: &Stop, events: &Events) -> Result<Verdict, GateError> {
    let needed = fewest_repetitions(settings.scenarios.len() * GateMetric::JUDGED.len());
    if settings.repetitions < needed && !settings.scenarios.is_empty() {
        let (got, scenarios) = (settings.repetitions, settings.scenarios.len());
        return Err(GateError::TooFew { got, scenarios, needed });
    }
    let mut course = GateRun {
        settings,
        needed,
        start: Instant::now(),
        candidate_stood: false,
        stop,
        events,
        environment: Environment::now(),
        started_at: timestamp(wall_clock()),
        interrupted: false,
        leftovers: settings.adopts.then(Leftovers::adopt),
    };
    let limits = match course.limits()? {
        Ok(limits) => limits,
        Err(reason) => return Ok(course.skipped(reason)),
    };
    let mut tried: Vec<ScenarioRun<'_>> = settings.scenarios.iter().map(ScenarioRun::new).collect();
    let mut failure =
        course.measure(&mut tried, 0).err().or_else(|| explain::neither(&tried).map(GateError::from));
    let is_unmeasured = limits.is_none() && tried.iter().all(|tried| tried.repetitions.is_empty());
    if let Some(failure) = failure.take_if(|_| is_unmeasured) {
        return Err(failure);
    }
    let first = judged(&tried);
    let flagged: Vec<usize> = (0..tried.len())
        .filter(|index| first[*index].iter().any(explain::is_flagged))
        .filter(|index| !first[*index].iter().any(MetricVerdict::is_noisy))
        .collect();
    let names: Vec<&str> = flagged.iter().map(|index| tried[*index].scenario.name.as_str()).collect();
    let mut second: Vec<ScenarioRun<'_>> =
        flagged.iter().map(|index| ScenarioRun::new(tried[*index].scenario)).collect();
    if !flagged.is_empty() && !course.interrupted && failure.is_none() {
        course.events.send(|| Event::Flagged { scenarios: names.iter().map(ToString::to_string).collect() });
        failure = course.measure(&mut second, 1).err();
    }
    let again = judged(&second);
    let fresh =
        [&settings.base, &settings.candidate].iter().all(|side| matches!(side, Contender::Program(_)));
    let mut confirmations = flagged.into_iter().zip(second.into_iter().zip(again)).collect();
    let scenarios = tried
        .into_iter()
        .zip(first)
        .enumerate()
        .map(|(index, (tried, metrics))| {
            explain::scenario(tried, metrics, explain::take(&mut confirmations, index), needed, fresh)
        })
        .collect();
    let head = course.head();
    let verdict = explain::verdict(head, limits, scenarios, fresh);
    match failure {
        None => Ok(verdict),
        Some(source) => {
            let verdict = Box::new(explain::ended_early(verdict, &causes(&source)));
            Err(GateError::Early { verdict, source: Box::new(source) })
        }
    }
}

/// Judges all scenarios together, except those that ended by themselves; those get no metrics.
pub(super) fn judged(tried: &[ScenarioRun<'_>]) -> Vec<Vec<MetricVerdict>> {
    let samples: Vec<Sample<'_>> = tried
        .iter()
        .map(|tried| Sample {
            thresholds: &tried.scenario.thresholds,
            repetitions: if tried.ended.is_some() { &[] } else { &tried.repetitions },
        })
        .collect();
    judge(&samples)
}

/// Returns the estimates from these repetitions.
fn estimates(repetitions: &[Repetition]) -> Vec<Estimate> {
    GateMetric::JUDGED.into_iter().filter_map(|metric| Estimate::of(metric, repetitions)).collect()
}

struct GateRun<'a> {
    settings: &'a GateSettings,
    needed: usize,
    start: Instant,
    /// True if the candidate could be measured at any time.
    candidate_stood: bool,
    events: &'a Events,
    stop: &'a Stop,
    environment: Environment,
    started_at: String,
    interrupted: bool,
    leftovers: Option<Leftovers>,
}

impl GateRun<'_> {
    /// Finds the limits of both servers. The inner error is the reason why the base could not be measured.
    fn limits(&mut self) -> Result<Result<Option<LimitsVerdict>, String>, GateError> {
        let Some(up_to) = self.settings.limits_up_to else { return Ok(Ok(None)) };
        let base = self.limits_of(Arm::Base, up_to)?;
        let candidate = self.limits_of(Arm::Candidate, up_to)?;
        let (base, candidate) = match (base, candidate) {
            (Ok(base), Ok(candidate)) => (base, candidate),
            (Err(why), Ok(_)) => {
                return Ok(Err(format!("the base cannot be measured: {}", causes(&*why))));
            }
            (Ok(_), Err(why)) => return Err(GateError::Candidate(why)),
            (Err(base), Err(candidate)) => return Err(neither_works(&*base, &*candidate)),
        };
        self.candidate_stood = true;
        self.interrupted |= base.interrupted || candidate.interrupted;
        Ok(Ok(Some(compare(base, candidate))))
    }

    /// Finds the limits of one server. The inner error is the server's failure; its meaning depends on the other
    /// server.
    fn limits_of(&mut self, arm: Arm, up_to: u64) -> Result<Result<Limits, BoxError>, GateError> {
        self.events.send(|| Event::GateLimits { contender: arm.name() });
        let contender = self.contender(arm);
        let standing = match contender.stand(self.stop, &self.settings.connect) {
            Ok(standing) => standing,
            // A gate that is stopped while it connects does not report that the server cannot be measured.
            Err(_) if self.stop.is_wanted() => return Err(GateError::Interrupted),
            Err(error) => return Self::does_not_stand(arm, error).map(Err),
        };
        let settings = limits::LimitsSettings {
            options: Options { max_recv_message_size: Limit::Bytes(LARGEST_MESSAGE), ..Options::default() },
            up_to,
        };
        let limits = limits::find(&standing.located, &settings, self.stop, &Events::none());
        drop(standing);
        self.end_leftovers();
        match limits {
            Ok(limits) => Ok(Ok(limits)),
            Err(LimitsError::Interrupted) => Err(GateError::Interrupted),
            Err(error) => match &error {
                LimitsError::Setup(_) | LimitsError::Open(OpenError::Means { .. }) => {
                    Err(GateError::Own(error.into()))
                }
                LimitsError::Gone { source, .. } if is_lack_of_means(source) => {
                    Err(GateError::Own(error.into()))
                }
                _ => Ok(Err(error.into())),
            },
        }
    }

    /// Ends leftover processes, which would be a load on the next servers. Call only while no server is
    /// alive.
    fn end_leftovers(&self) {
        if let Some(leftovers) = &self.leftovers {
            leftovers.end();
        }
    }

    fn contender(&self, arm: Arm) -> &Contender {
        match arm {
            Arm::Base | Arm::BaseAgain => &self.settings.base,
            Arm::Candidate => &self.settings.candidate,
        }
    }

    /// Classifies a server that is not ready: the server's failure, or an error that ends the gate.
    fn does_not_stand(arm: Arm, error: ContenderError) -> Result<BoxError, GateError> {
        match error.fault() {
            _ if is_interruption(&error) => Err(GateError::Interrupted),
            Fault::Own => Err(GateError::Own(error.into())),
            Fault::Server => Ok(error.into()),
            Fault::Text if arm == Arm::Candidate => Err(GateError::Candidate(error.into())),
            Fault::Text => Err(GateError::Base(error.into())),
        }
    }

    /// Makes the repetitions of these scenarios in turn, so that slow changes of the machine affect all of
    /// them alike.
    fn measure(&mut self, tried: &mut [ScenarioRun<'_>], run: u64) -> Result<(), GateError> {
        // Each run has a time budget of its own: the second one needs as many repetitions as the first.
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
                let seed = place.iter().fold(self.settings.seed, |seed, part| draw(seed, *part));
                self.repeat(one, number, run > 0, seed)?;
            }
        }
        Ok(())
    }

    /// Makes one repetition. A server that cannot be measured ends its scenario; earlier measurements stay.
    fn repeat(
        &mut self,
        tried: &mut ScenarioRun<'_>,
        number: usize,
        confirming: bool,
        seed: u64,
    ) -> Result<(), GateError> {
        let GateSettings { base, candidate, repetitions, .. } = self.settings;
        self.events.send(|| Event::Repetition {
            scenario: tried.scenario.name.clone(),
            number,
            of: *repetitions,
            is_confirming: confirming,
            so_far: estimates(&tried.repetitions).into_iter().map(Estimate::change).collect(),
        });
        let repetition =
            repeat(tried.scenario, [base, base, candidate], &self.settings.connect, seed, self.stop);
        self.end_leftovers();
        let error = match repetition {
            Ok(repetition) => {
                self.candidate_stood = true;
                tried.take(repetition);
                return tried
                    .neither
                    .take_if(|neither| neither.is_dead)
                    .map_or(Ok(()), |neither| Err(neither.into()));
            }
            Err(error) => error,
        };
        let reason = format!("repetition {number} could not be made: {}", causes(&error));
        let (arm, cause): (Arm, BoxError) = match error {
            RepetitionError::Interrupted => {
                self.interrupted = true;
                return Ok(());
            }
            RepetitionError::Plan(_)
            | RepetitionError::NotConserved(_)
            | RepetitionError::Drive(
                _,
                DriveError::Setup(_)
                | DriveError::Start(_)
                | DriveError::Panicked
                | DriveError::NoMessages
                | DriveError::Open(OpenError::Means { .. }),
            ) => {
                return Err(GateError::Own(error.into()));
            }
            RepetitionError::Drive(arm, error @ DriveError::Open(_)) => (arm, error.into()),
            // The server at this address was there before, and has exited since.
            RepetitionError::Contender(arm, error @ ContenderError::Locate(_)) if self.candidate_stood => {
                (arm, error.into())
            }
            RepetitionError::Contender(arm, error) => (arm, Self::does_not_stand(arm, error)?),
        };
        if arm == Arm::Candidate && !self.candidate_stood {
            return Err(GateError::Candidate(cause));
        }
        if arm != Arm::Candidate && !self.candidate_stood {
            self.stands_beside(&*cause)?;
        }
        let word = if arm == Arm::Candidate { Word::Regressed } else { Word::Skipped };
        tried.ended = Some((word, reason));
        Ok(())
    }

    /// Checks that the candidate is ready where the base is not. A gate that skips both would accept any
    /// candidate.
    fn stands_beside(
        &mut self,
        base: &(dyn std::error::Error + Send + Sync + 'static),
    ) -> Result<(), GateError> {
        match self.settings.candidate.stand(self.stop, &self.settings.connect) {
            Ok(_) => self.candidate_stood = true,
            Err(error) if is_interruption(&error) => self.interrupted = true,
            Err(error) => {
                let candidate = Self::does_not_stand(Arm::Candidate, error)?;
                return Err(neither_works(base, &*candidate));
            }
        }
        Ok(())
    }

    fn skipped(&self, reason: String) -> Verdict {
        Verdict { verdict: Word::Skipped, reason, ..self.head() }
    }

    /// Returns an empty verdict.
    fn head(&self) -> Verdict {
        let GateSettings { base, candidate, seed, repetitions, label, .. } = self.settings;
        explain::head(explain::Head {
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

fn is_interruption(error: &ContenderError) -> bool {
    matches!(error, ContenderError::Start(StartError::Interrupted))
}
