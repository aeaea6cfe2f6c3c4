//! `plimsoll run --with-and-without-refused`.

use crate::result::summary::document::TargetRecord;
use crate::{
    cli::signals::stop_on_signals,
    engine::{Event, Events},
    stop::Stop,
};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use super::arguments::RunArguments;
use crate::{
    cli::{
        output::{Format, to_coloured_stdout, to_stdout},
        status::Status,
    },
    client::check_metadata,
    endpoint::Located,
    engine,
    experiment::interference::{
        Interference, InterferenceError, Round, check, refused_sizes, without_refused,
    },
    load::Plan,
    report::{interference, json},
    result::summary::{self, Summary},
};

pub(super) fn execute(arguments: &RunArguments) -> Result<Status> {
    let located = arguments.server.locate(arguments.target.as_ref())?;
    let shares_machine = located.as_ref().is_none_or(|located| located.is_local);
    let settings = arguments.settings(shares_machine)?;
    check(&settings)?;
    if !(1..=1_000).contains(&arguments.rounds) {
        bail!("--rounds is {}; give a number from 1 to 1,000", arguments.rounds);
    }
    let with = Arc::new(Plan::new(settings.clone())?);
    check_metadata(&with.options.metadata)?;
    let stop = stop_on_signals()?;
    arguments.client.rehearse(located.as_ref(), &with.options.metadata)?;
    let destination = arguments.output.reserve()?;
    let (events, view) = arguments.watch.watch(arguments.output.quiet)?;

    events.send(|| Event::RefusedSizes);
    let driven = arguments.server.driven(located.clone())?;
    let refused = match refused_sizes(&with, &driven.located, &stop) {
        Err(InterferenceError::Interrupted) => return Ok(Status::Interrupted),
        refused => refused?,
    };
    drop(driven);
    if stop.is_wanted() {
        return Ok(Status::Interrupted);
    }
    let without = Arc::new(Plan::new(without_refused(settings, &refused))?);

    let (mut rounds, mut unpaired) = (Vec::new(), Vec::new());
    let mut is_interrupted = false;
    let mut failed = Ok(());
    'rounds: for number in 0..arguments.rounds {
        // The first round is without refused calls first: a server of somebody else has met none yet.
        let with_came_first = number % 2 == 1;
        let mut both = [None, None];
        for is_with in [with_came_first, !with_came_first] {
            // Between two runs nobody else listens.
            if stop.is_wanted() {
                is_interrupted = true;
                unpaired.extend(both.into_iter().flatten());
                break 'rounds;
            }
            let plan = if is_with { &with } else { &without };
            let of = arguments.rounds;
            events.send(|| Event::Round { number: number + 1, of, is_with_refused: is_with });
            let summary = match arguments.one_run(plan, located.clone(), &stop, &events) {
                Ok(summary) => summary,
                // What was measured until now is kept.
                Err(error) => {
                    failed = Err(error);
                    unpaired.extend(both.into_iter().flatten());
                    break 'rounds;
                }
            };
            is_interrupted = summary.interrupted;
            both[usize::from(is_with)] = Some(summary);
            if is_interrupted {
                unpaired.extend(both.into_iter().flatten());
                break 'rounds;
            }
        }
        if let [Some(without), Some(with)] = both {
            rounds.push(Round { with_came_first, without, with });
        }
    }
    view.finish(events);

    let fresh_servers = located.is_none();
    let label = arguments.label.clone();
    let refused = refused.into_iter().flatten().collect();
    let neighbours = Interference::new(label, refused, fresh_servers, rounds, unpaired);
    let written = destination.map_or(Ok(()), |destination| destination.write(&neighbours));
    match arguments.output.format() {
        Format::Json => to_stdout(|out| json::write(&neighbours, out))?,
        Format::Text => to_coloured_stdout(|out| interference::write_coloured(&neighbours, out))?,
    }
    written?;
    failed.context("the comparison ended early; what was measured until then is above")?;
    let mut runs = neighbours.rounds.iter().flat_map(|round| [&round.without, &round.with]);
    Ok(if is_interrupted {
        Status::Interrupted
    } else if arguments.strict.is_some_and(|worst| runs.any(|summary| summary.soundness.verdict >= worst)) {
        Status::Unsound
    } else {
        Status::Done
    })
}

impl RunArguments {
    /// One of the runs, at a server of its own where there is no target.
    fn one_run(
        &self,
        plan: &Arc<Plan>,
        located: Option<Located>,
        stop: &Stop,
        events: &Events,
    ) -> Result<Summary> {
        let is_own = located.is_none();
        let driven = self.server.driven(located)?;
        let run = engine::run(plan, &driven.located, &driven.processes(), stop, events)?;
        Ok(Summary::new(
            &run,
            summary::Context {
                target: TargetRecord::of(&driven.located, is_own.then(|| self.server.record())),
                label: self.label.clone(),
                objectives: &[],
            },
        )?)
    }
}
