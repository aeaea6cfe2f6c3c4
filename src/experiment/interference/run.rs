//! Run of the experiment: refused sizes first, then alternating runs with and without them.

use std::sync::Arc;

use super::{
    document::{Interference, Round},
    refused::{InterferenceError, refused_sizes, without_refused},
};
use crate::{
    engine::{self, DriveError, Event, Events},
    experiment::driven::Server,
    experiment::driven::ServerError,
    load::{Plan, PlanError, Settings},
    measure::NotConserved,
    result::summary::{Context, Summary, TargetRecord},
    stop::Stop,
};

/// Reason why a run of the experiment failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The refused sizes are not known.
    #[error(transparent)]
    Sizes(#[from] InterferenceError),
    /// The settings give no valid plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The server did not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The run failed.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// Calls were lost: a defect of this program.
    #[error(transparent)]
    NotConserved(#[from] NotConserved),
}

/// An experiment that has ended, possibly early.
#[derive(Debug)]
pub struct Ended {
    /// Document of all measurements.
    pub document: Interference,
    /// True if the experiment was stopped.
    pub is_interrupted: bool,
    /// Failure that ended the experiment early, if any.
    pub failure: Option<RunError>,
}

/// Runs these settings with and without the refused sizes, in `rounds` alternating rounds. A server of
/// [`Server::Own`] is started anew for each run.
///
/// # Errors
/// Nothing could be measured: a size is neither answered nor refused, all or none are refused, the server does not
/// start, or `stop` came before the first run.
pub fn run(
    settings: Settings,
    rounds: u64,
    server: &Server,
    label: Option<String>,
    stop: &Stop,
    events: &Events,
) -> Result<Ended, RunError> {
    let with = Arc::new(Plan::new(settings.clone())?);
    events.send(|| Event::RefusedSizes);
    let driven = server.start()?;
    let refused = refused_sizes(&with, &driven.located, stop)?;
    drop(driven);
    if stop.is_wanted() {
        return Err(InterferenceError::Interrupted.into());
    }
    let without = Arc::new(Plan::new(without_refused(settings, &refused))?);
    let mut runs = Runs { server, label: label.clone(), stop, events, is_interrupted: false };
    let (mut done, mut unpaired, mut failure) = (Vec::new(), Vec::new(), None);
    for number in 0..rounds {
        // The first round starts without refused calls, because a running server has met none of them yet.
        let with_came_first = number % 2 == 1;
        let mut both = [None, None];
        for is_with in [with_came_first, !with_came_first] {
            events.send(|| Event::Round { number: number + 1, of: rounds, is_with_refused: is_with });
            match runs.one(if is_with { &with } else { &without }) {
                Ok(summary) => both[usize::from(is_with)] = summary,
                Err(error) => failure = Some(error),
            }
            if runs.is_interrupted || failure.is_some() {
                break;
            }
        }
        match both {
            [Some(without), Some(with)] if !runs.is_interrupted => {
                done.push(Round { with_came_first, without, with });
            }
            both => unpaired.extend(both.into_iter().flatten()),
        }
        if runs.is_interrupted || failure.is_some() {
            break;
        }
    }
    let refused = refused.into_iter().flatten().collect();
    let document = Interference::new(label, refused, server.there().is_none(), done, unpaired);
    Ok(Ended { document, is_interrupted: runs.is_interrupted, failure })
}

/// Single runs, each with a fresh server unless one is already running.
struct Runs<'a> {
    server: &'a Server,
    label: Option<String>,
    stop: &'a Stop,
    events: &'a Events,
    is_interrupted: bool,
}

impl Runs<'_> {
    /// Makes one run; `None` if a stop came first.
    fn one(&mut self, plan: &Arc<Plan>) -> Result<Option<Summary>, RunError> {
        if self.stop.is_wanted() {
            self.is_interrupted = true;
            return Ok(None);
        }
        let driven = self.server.start()?;
        let run = engine::run_beside(plan, &driven.located, &driven.processes(), self.stop, self.events)?;
        self.is_interrupted = run.is_interrupted;
        let target = TargetRecord::of(&driven.located, self.server.record());
        Ok(Some(Summary::new(&run, Context { target, label: self.label.clone(), objectives: &[] })?))
    }
}
