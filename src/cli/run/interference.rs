//! `plimsoll interference`: the full mix and the same mix without its refused sizes, in alternating rounds.

use anyhow::{Context as _, Result, bail};

use super::arguments::{InterferenceArguments, LoadArguments};
use crate::{
    cli::{
        session::{self, Session},
        status::Status,
    },
    client::check_metadata,
    experiment::interference::{self, Ended, InterferenceError, RunError, check},
    result::DocumentKind,
};

pub(crate) fn execute(arguments: &InterferenceArguments) -> Result<Status> {
    run(&arguments.load, arguments.rounds)
}

pub(super) fn run(load: &LoadArguments, rounds: u64) -> Result<Status> {
    let outputs = load.reports.outputs(&load.output, DocumentKind::Interference)?;
    let server = load.server.server(load.target.as_ref(), &load.transport)?;
    let settings = load.settings(server.is_local())?;
    check(&settings)?;
    if !(1..=1_000).contains(&rounds) {
        bail!("--rounds is {rounds}; give a number from 1 to 1,000");
    }
    check_metadata(&settings.options.metadata)?;
    let session = Session::begin(outputs, &load.watch, load.output.quiet)?;
    load.client.rehearse_built_in(server.there(), &settings.options.metadata)?;
    let ended =
        interference::run(settings, rounds, &server, load.label.clone(), &session.stop, &session.events);
    let Ended { document, is_interrupted, failure } = match ended {
        Err(RunError::Sizes(InterferenceError::Interrupted)) => return Ok(session.interrupted()),
        ended => ended?,
    };
    let failures = session.finish(&document);
    session::first(failures)?;
    failure
        .map_or(Ok(()), Err)
        .context("the comparison ended early; what was measured until then is above")?;
    let mut runs = document.rounds.iter().flat_map(|round| [&round.without, &round.with]);
    Ok(if is_interrupted {
        Status::Interrupted
    } else if load.strict.is_some_and(|worst| runs.any(|summary| summary.soundness.verdict >= worst)) {
        Status::Unsound
    } else {
        Status::Done
    })
}
