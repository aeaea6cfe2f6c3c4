//! A performance regression check in a program of your own: is the candidate worse than the base?
//!
//! `cargo run --release --example gate_two_servers -- BASE CANDIDATE`; each is a command line with `{port}` in it, or
//! the address of a running server. Exit status 1: regressed. Without arguments it compares the message-size limits of
//! two servers in this process, of which one refuses what the other takes.

#![allow(clippy::print_stdout, reason = "a program of its own")]

use std::{error::Error, process::ExitCode};

use plimsoll::{Contender, Events, GateSettings, Limit, ReferenceServer, ServerConfig, Stop, Verdict, Word};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let verdict = match arguments.as_slice() {
        [base, candidate] => decide(&GateSettings::new(base.parse()?, candidate.parse()?))?,
        [] => moved_limit()?,
        _ => return Err("expected BASE and CANDIDATE, or no arguments".into()),
    };
    let is_expected = arguments.is_empty() && verdict.verdict == Word::Regressed;
    Ok(if verdict.verdict == Word::Regressed && !is_expected { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn decide(settings: &GateSettings) -> Result<Verdict, Box<dyn Error>> {
    let verdict = plimsoll::gate(settings, &Stop::new(), &Events::none())?;
    println!("{}: {}", verdict.verdict, verdict.reason);
    for scenario in &verdict.scenarios {
        let reason = scenario.reason.as_deref().unwrap_or("see its metrics");
        println!("  {}: {} ({reason})", scenario.name, scenario.verdict);
    }
    Ok(verdict)
}

/// Two servers whose limits for requests differ. No load is generated: limits take a second.
fn moved_limit() -> Result<Verdict, Box<dyn Error>> {
    let mut smaller = ServerConfig::default();
    smaller.max_recv_message_size = Limit::Bytes(1 << 20);
    let (base, candidate) =
        (ReferenceServer::start(ServerConfig::default())?, ReferenceServer::start(smaller)?);
    let contender = |server: &ReferenceServer| server.address().to_string().parse::<Contender>();
    let mut settings = GateSettings::new(contender(&base)?, contender(&candidate)?);
    settings.scenarios.clear();
    let verdict = decide(&settings)?;
    match verdict.verdict {
        Word::Regressed => Ok(verdict),
        other => {
            Err(format!("a limit that fell from 4 MiB to 1 MiB should be a regression, not {other}").into())
        }
    }
}
