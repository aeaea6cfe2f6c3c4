//! `plimsoll run`: drives a server with one plan.

use crate::cli::signals::stop_on_signals;
use crate::result::summary::document::TargetRecord;
use std::sync::Arc;

use anyhow::{Result, bail};

use super::{arguments::RunArguments, interference};
use crate::{
    cli::{output::print, status::Status},
    engine,
    load::Plan,
    result::{
        soundness::Rating,
        summary::{Context, Summary},
    },
    rpc::status_words,
    units::grouped,
};

pub(crate) fn execute(arguments: &RunArguments) -> Result<Status> {
    if arguments.with_and_without_refused {
        return interference::execute(arguments);
    }
    let located = arguments.server.locate(arguments.target.as_ref())?;
    let shares_machine = located.as_ref().is_none_or(|located| located.is_local);
    let plan = Arc::new(Plan::new(arguments.settings(shares_machine)?)?);
    let destination = arguments.output.reserve()?;
    let stop = stop_on_signals()?;
    let is_own = located.is_none();
    arguments.client.rehearse(located.as_ref(), &plan.options.metadata)?;
    let mut driven = arguments.server.driven(located)?;
    if stop.is_wanted() {
        return Ok(Status::Interrupted);
    }
    let target = driven.located.clone();

    let (events, view) = arguments.watch.watch(arguments.output.quiet)?;
    let run = engine::run(&plan, &target, &driven.processes(), &stop, &events);
    view.finish(events);
    let run = run?;
    let server_end = driven.ended();
    drop(driven);

    let summary = Summary::new(
        &run,
        Context {
            target: TargetRecord::of(&target, is_own.then(|| arguments.server.record())),
            label: arguments.label.clone(),
            objectives: &arguments.assertions,
        },
    )?;
    // Written first, but a disk that is full must not take the printed figures away.
    let written = destination.map_or(Ok(()), |destination| destination.write(&summary));
    let printed = print(&summary, arguments.output.format());
    let failures = written.err().map(anyhow::Error::from).into_iter().chain(printed.err());
    Ok(match status(&summary, arguments.strict, server_end) {
        Ok(status) => status.despite(failures),
        Err(error) => Status::Failed.despite(failures.chain([error])),
    })
}

/// The status that a finished run ends the process with.
fn status(summary: &Summary, strict: Option<Rating>, server_end: Option<String>) -> Result<Status> {
    if summary.interrupted {
        return Ok(Status::Interrupted);
    }
    if summary.calls.outcomes.answered == 0 {
        let seen = summary.statuses.first().map(|status| status_words(&status.code, &status.message));
        let refused = summary.refusals.first().map(|refusal| status_words(&refusal.code, &refusal.message));
        let reason = server_end
            .map(|end| format!("the server ended ({end})"))
            .or(seen)
            .or(refused)
            .unwrap_or_else(|| without_a_word(summary));
        bail!("no call was answered ({reason})");
    }
    if !summary.meets_objectives() {
        return Ok(Status::Missed);
    }
    if strict.is_some_and(|worst| summary.soundness.verdict >= worst) {
        return Ok(Status::Unsound);
    }
    Ok(Status::Done)
}

/// Why no call was answered, where the server sent no status at all.
fn without_a_word(summary: &Summary) -> String {
    let calls = &summary.calls;
    match (calls.planned, calls.outcomes.unfinished) {
        (0, _) => "none was planned in the measured window".to_owned(),
        (planned, unfinished) if unfinished == planned => {
            format!("the server ended none of {} calls before the drain did", grouped(planned))
        }
        _ => "the calls above say how each ended".to_owned(),
    }
}
