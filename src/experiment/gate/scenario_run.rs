//! Measurements of one scenario: its repetitions, and the failures of each side's calls. Pure.

use super::{
    judge::Word,
    repetition::{ARMS, Repetition, Slices},
    scenario::Scenario,
};

/// Share of failed calls that makes a side faulty in a repetition. The candidate is faulty if its share exceeds
/// the base's by this, and is more than twice the base's. The base is faulty if its own share exceeds this.
const FAULTY: f64 = 0.01;

/// Number of faulty repetitions that is no accident.
const FAULTY_REPETITIONS: usize = 2;

/// Share of failed calls above which a scenario is unsuitable for a side; one repetition is enough to know.
const HOPELESS: f64 = 0.5;

/// A scenario and its measurements.
#[derive(Debug)]
pub(super) struct ScenarioRun<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) repetitions: Vec<Repetition>,
    /// Repetitions in which the base's calls failed.
    base_faulty: usize,
    /// Repetitions in which the candidate was faulty compared with the base.
    candidate_faulty: usize,
    /// Verdict before all repetitions were made, with the reason.
    pub(super) ended: Option<(Word, String)>,
    /// Ends of both sides' calls, if most calls of both do not end as the scenario expects.
    pub(super) neither: Option<Neither>,
}

/// A scenario that neither side can do. Skipping it would accept any candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Neither {
    pub(super) scenario: String,
    /// End of the base's calls, in words.
    pub(super) base: String,
    /// End of the candidate's calls, in words.
    pub(super) candidate: String,
    /// True if no call of either side was answered, or refused for its size: the servers lack the method, or do
    /// not work. Otherwise the scenario expects another outcome than these servers give for its size.
    pub(super) is_dead: bool,
}

impl<'a> ScenarioRun<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        Self {
            scenario,
            repetitions: Vec::new(),
            base_faulty: 0,
            candidate_faulty: 0,
            ended: None,
            neither: None,
        }
    }

    /// Keeps a repetition, and checks the failures of each side's calls.
    pub(super) fn take(&mut self, repetition: Repetition) {
        let bases = [&repetition.base, &repetition.base_again];
        let base = bases.iter().map(|slices| slices.faulty()).fold(0.0, f64::max);
        let candidate = repetition.candidate.faulty();
        let wrong = |slices: &Slices| slices.calls.outcomes.wrong_reply;
        let is_wrong = wrong(&repetition.candidate) > 0 && bases.iter().all(|slices| wrong(slices) == 0);
        self.candidate_faulty +=
            usize::from(is_wrong || (candidate > base + FAULTY && candidate > 2.0 * base));
        self.base_faulty += usize::from(base > FAULTY);
        let words = |slices: &[&Slices]| {
            let words = slices.iter().find_map(|slices| slices.unexpected.clone());
            words.unwrap_or_else(|| "no words for it".to_owned())
        };
        let in_words = |slices: &[&Slices], share: f64, whose: &str| {
            let share = share * 100.0;
            format!(
                "{share:.2} % of the {whose}'s calls do not end as the scenario expects: {}",
                words(slices)
            )
        };
        if base > HOPELESS && candidate > HOPELESS {
            let outcomes = ARMS.map(|arm| repetition.arm(arm).calls.outcomes);
            self.neither = Some(Neither {
                scenario: self.scenario.name.clone(),
                base: words(&bases),
                candidate: words(&[&repetition.candidate]),
                is_dead: outcomes.iter().all(|outcomes| outcomes.answered + outcomes.refused == 0),
            });
        }
        if self.candidate_faulty >= FAULTY_REPETITIONS {
            let reason = in_words(&[&repetition.candidate], candidate, "candidate");
            self.ended = Some((Word::Regressed, format!("{reason}; of the base's, {:.2} %", base * 100.0)));
        } else if base > HOPELESS || self.base_faulty >= FAULTY_REPETITIONS {
            self.ended = Some((Word::Skipped, in_words(&bases, base, "base")));
        }
        self.repetitions.push(repetition);
    }
}
