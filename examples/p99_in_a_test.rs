//! A test that fails when a service misses its objective (SLO): all calls answered, and p99 under a bound.
//!
//! `cargo test --release --example p99_in_a_test` runs the test; `cargo run --release --example p99_in_a_test` the
//! same check as a program.

use std::{error::Error, time::Duration};

use plimsoll::{Events, Located, Objective, Plan, ReferenceServer, ServerConfig, Settings, Stop, Summary};

/// Drives a server, and returns an error that names each missed objective with its figure.
fn meets(target: &Located, objectives: &[&str]) -> Result<(), Box<dyn Error>> {
    let objectives: Vec<Objective> =
        objectives.iter().map(|objective| objective.parse()).collect::<Result<_, _>>()?;
    // An open loop: the rate does not fall when the server is slow, so that a stall counts in full.
    let mut settings = Settings::open(500.0);
    settings.warm_up = Duration::from_millis(200);
    settings.duration = Some(Duration::from_secs(1));

    let measurement = plimsoll::run(&Plan::new(settings)?, target, &Stop::new(), &Events::none())?;
    let summary = Summary::of(&measurement, target, &objectives)?;
    let missed: Vec<String> = summary
        .objectives
        .iter()
        .filter(|objective| !objective.met)
        .map(|objective| format!("missed {}: {}", objective.expression, objective.shown))
        .collect();
    if missed.is_empty() { Ok(()) } else { Err(missed.join("; ").into()) }
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = ReferenceServer::start(ServerConfig::default())?;
    meets(&Located::local(server.address()), &["errors==0", "p99<2s"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_answers_99_of_100_calls_within_its_bound() {
        let server = ReferenceServer::start(ServerConfig::default()).expect("a port is free");
        let target = Located::local(server.address());
        meets(&target, &["errors==0", "p99<2s"]).expect("the objectives are met");
    }

    #[test]
    fn a_slow_service_misses_its_bound() {
        let mut config = ServerConfig::default();
        config.extra_delay = Duration::from_millis(20);
        let server = ReferenceServer::start(config).expect("a port is free");
        let error = meets(&Located::local(server.address()), &["p99<10ms"]).expect_err("it is slower");
        assert!(error.to_string().starts_with("missed p99<10ms"), "{error}");
    }
}
