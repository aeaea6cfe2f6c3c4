//! `plimsoll run`: drives a server with one plan.

mod arguments;

use std::{env, ffi::OsString, sync::Arc};

use anyhow::{Context as _, Result, bail};

use super::{Status, print};
use crate::{
    driver,
    environment::{Environment, listeners_at},
    plan::Plan,
    report::{destination::Destination, progress::Display},
    soundness::Verdict,
    summary::{Context, Summary},
    target::{ChildServer, Located},
    units::Limit,
};

pub(super) use arguments::{ClientChoice, RunArguments, pair, read_text};

pub(super) fn execute(arguments: &RunArguments) -> Result<Status> {
    let environment = Environment::now();
    let recv_limit_asked = arguments.max_recv_message_size();
    let is_local = arguments.server_is_local()?;
    let located = match &arguments.target {
        Some(target) => Some(target.locate()?),
        None => None,
    };
    let shares_machine = located.as_ref().map_or(is_local, |located| located.is_local);
    let plan = Arc::new(Plan::new(arguments.settings(shares_machine)?)?);
    let destination = arguments.output.output.as_deref().map(Destination::reserve).transpose()?;
    let (target, mut child) = match located {
        Some(located) => (located, None),
        None => start_server(arguments)?,
    };
    let processes = match &child {
        Some(child) => vec![child.id()],
        None if target.is_local => listeners_at(target.address),
        None => Vec::new(),
    };

    let mut display = Display::new(&plan, arguments.output.quiet);
    let run = driver::run(&plan, &target, &processes, &mut |progress| display.show(progress));
    display.finish();
    let run = run?;
    let server_end = child.as_mut().and_then(ChildServer::ended);
    drop(child);

    let summary = Summary::new(
        &run,
        Context {
            plan: &plan,
            recv_limit_asked,
            target: &target,
            server: arguments.server_record(),
            environment,
            label: arguments.label.clone(),
            objectives: &arguments.assertions,
        },
    )?;
    // Written first, but a disk that is full must not take the printed figures away.
    let written = destination.map_or(Ok(()), |destination| destination.write(&summary));
    print(&summary, arguments.output.format)?;
    written?;
    status(&summary, arguments.strict, server_end)
}

/// The status that a finished run ends the process with.
fn status(summary: &Summary, strict: bool, server_end: Option<String>) -> Result<Status> {
    if summary.interrupted {
        return Ok(Status::Interrupted);
    }
    if summary.calls.outcomes.answered == 0 {
        let seen = summary.statuses.first().map(|status| format!("{}: {}", status.code, status.message));
        let refused =
            summary.refusals.first().map(|refusal| format!("{}: {}", refusal.code, refusal.message));
        let reason = server_end
            .map(|end| format!("the server ended ({end})"))
            .or(seen)
            .or(refused)
            .unwrap_or_else(|| "see the outcomes above".to_owned());
        bail!("no call was answered ({reason})");
    }
    if !summary.meets_objectives() {
        return Ok(Status::Missed);
    }
    if strict && summary.soundness.verdict == Verdict::Unsound {
        return Ok(Status::Unsound);
    }
    Ok(Status::Done)
}

/// The reference server in a child process of this very program.
fn start_server(arguments: &RunArguments) -> Result<(Located, Option<ChildServer>)> {
    let program = env::current_exe().context("cannot find this program's own file to start a server from")?;
    let server = arguments.server();
    let limit = |limit: Limit| match limit {
        Limit::Bytes(bytes) => bytes.to_string(),
        Limit::Unlimited => "unlimited".to_owned(),
    };
    let flags: Vec<OsString> = [
        ("--threads", server.threads.to_string()),
        ("--max-recv-message-size", limit(server.max_recv_message_bytes)),
        ("--max-send-message-size", limit(server.max_send_message_bytes)),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    .chain(server.obey.then(|| "--obey".to_owned()))
    .map(OsString::from)
    .collect();
    let child = ChildServer::start(&program, &flags)?;
    let address = child.address();
    Ok((Located { address, authority: address.to_string(), is_local: true }, Some(child)))
}
