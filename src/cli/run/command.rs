//! `plimsoll run`: drives a server with one plan.

use std::sync::Arc;

use anyhow::{Result, bail};

use super::{arguments::RunArguments, interference};
use crate::{
    cli::{session::Session, status::Status},
    engine,
    load::{Plan, Settings},
    result::{
        DocumentKind, Rating,
        summary::{Context, Summary, TargetRecord},
    },
    rpc::status_words,
    units::counted,
    view::line,
};

pub(crate) fn execute(arguments: &RunArguments) -> Result<Status> {
    if arguments.with_and_without_refused {
        if arguments.method.is_given() {
            bail!(
                "--with-and-without-refused runs a mix of sizes of example.FormatData/DoFormat; leave out --method"
            );
        }
        return interference::run(&arguments.load, arguments.rounds);
    }
    let load = &arguments.load;
    let (shard, launcher) = arguments.shard()?;
    let output = arguments.output(shard);
    if let Some(launcher) = launcher.filter(|_| !output.quiet) {
        line(&format!("{shard}, as {} says", launcher.name()));
    }
    let mut outputs = arguments.reports(shard).outputs(&output, DocumentKind::Summary)?;
    outputs.also_reads(arguments.method.files().chain(load.files()))?;
    let server = load.server.server(load.target.as_ref(), &load.transport)?;
    let driven = arguments.method.driven(server.there(), &load.metadata)?;
    let settings = load.with_method(load.settings(server.is_local())?, driven)?;
    let settings = Settings { shard, ..settings };
    let plan = Arc::new(Plan::new(settings)?);
    let session = Session::begin(outputs, &arguments.watch(shard), output.quiet)?;
    load.client.rehearse(server.there(), &plan)?;
    let mut driven = server.start()?;
    if session.stop.is_wanted() {
        return Ok(session.interrupted());
    }
    let start = arguments.start();
    let run = engine::run_from(
        &start,
        &plan,
        &driven.located,
        &driven.processes(),
        &session.stop,
        &session.events,
    )?;
    let server_end = driven.ended().map(|end| format!("the server ended ({end})"));
    // A server with TLS, called without it: the diagnosis makes one more connection.
    let is_mute = run.recording.calls.outcomes.answered == 0;
    let mistake = if is_mute { driven.located.diagnosis() } else { None };
    let target = TargetRecord::of(&driven.located, server.record());
    drop(driven);

    let context = Context { target, label: load.label.clone(), objectives: &arguments.assertions };
    let summary = Summary::new(&run, context)?;
    let failures = session.finish(&summary).into_iter();
    Ok(match status(&summary, load.strict, mistake.or(server_end)) {
        Ok(status) => status.despite(failures),
        Err(error) => Status::Failed.despite(failures.chain([error])),
    })
}

/// Returns the exit status of a finished run.
fn status(summary: &Summary, strict: Option<Rating>, known: Option<String>) -> Result<Status> {
    if summary.interrupted {
        return Ok(Status::Interrupted);
    }
    if summary.calls.outcomes.answered == 0 {
        let seen = summary.statuses.first().map(|status| status_words(&status.code, &status.message));
        let refused = summary.refusals.first().map(|refusal| status_words(&refusal.code, &refusal.message));
        let reason = known.or(seen).or(refused).unwrap_or_else(|| without_a_word(summary));
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

/// Returns the reason why no call was answered, if the server sent no status at all.
fn without_a_word(summary: &Summary) -> String {
    let calls = &summary.calls;
    match (calls.planned, calls.outcomes.unfinished) {
        (0, _) => "none was planned in the measured window".to_owned(),
        (planned, unfinished) if unfinished == planned => {
            format!("the server ended none of {} before the drain ended", counted(planned, "call"))
        }
        _ => "see the outcomes above".to_owned(),
    }
}
