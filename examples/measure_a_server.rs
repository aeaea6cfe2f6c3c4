//! Load test of a gRPC server: goodput, latency quantiles, and whether the figures can be trusted.
//!
//! `cargo run --release --example measure_a_server -- [HOST:PORT]`; without an address it starts the reference server.

#![allow(clippy::print_stdout, reason = "a program of its own")]

use std::{error::Error, thread, time::Duration};

use plimsoll::{
    Event, Events, Located, Plan, ReferenceServer, ServerConfig, Settings, Stop, Summary, Target,
};

fn main() -> Result<(), Box<dyn Error>> {
    // Kept until the end: the server ends when the value is dropped.
    let (_server, target) = if let Some(address) = std::env::args().nth(1) {
        (None, address.parse::<Target>()?.locate()?)
    } else {
        let server = ReferenceServer::start(ServerConfig::default())?;
        let target = Located::local(server.address());
        (Some(server), target)
    };

    let mut settings = Settings::closed(16);
    settings.warm_up = Duration::from_millis(500);
    settings.duration = Some(Duration::from_secs(2));
    let plan = Plan::new(settings)?;

    let (events, progress) = Events::channel();
    let watcher = thread::spawn(move || {
        for event in progress {
            if let Event::Second { elapsed, so_far, .. } = event {
                println!("{:>3} s  {} calls answered", elapsed.as_secs(), so_far.answered);
            }
        }
    });
    let measurement = plimsoll::run(&plan, &target, &Stop::new(), &events)?;
    // The channel ends, and the watcher with it.
    drop(events);
    watcher.join().map_err(|_| "the watcher panicked")?;

    let summary = Summary::of(&measurement, &target, &[])?;
    println!("goodput   {:.0} calls/s", summary.goodput.calls_per_second);
    if let Some(figures) = summary.main_latency().figures {
        println!("latency   p50 {} ns, p99 {} ns, max {} ns", figures.p50_ns, figures.p99_ns, figures.max_ns);
    }
    println!("planned   {} calls: {:?}", summary.calls.planned, summary.calls.outcomes);
    println!("soundness {}", summary.soundness.verdict);
    for finding in &summary.soundness.findings {
        println!("  {}: {}", finding.name, finding.detail);
    }
    Ok(())
}
