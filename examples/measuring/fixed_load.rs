//! A fixed number of calls by the lean client as in `run`, to be counted from outside
//! (`scripts/deterministic-gate`): `fixed_load ADDRESS TEXT_BYTES IN_FLIGHT CALLS`.
//!
//! The server is another process (`canned_server`), so that the instructions of this process are the
//! generator's.

use std::sync::Arc;

use plimsoll::{
    endpoint::Target,
    engine,
    engine::Events,
    load::{Plan, Settings, Texts, Workers},
    stop::Stop,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, text_bytes, in_flight, calls] = arguments.as_slice() else {
        return Err("fixed_load ADDRESS TEXT_BYTES IN_FLIGHT CALLS".into());
    };
    let calls: u64 = calls.parse()?;
    let mut settings = Settings::closed(in_flight.parse()?);
    settings.calls = Some(calls);
    settings.warm_up = std::time::Duration::ZERO;
    settings.texts = Texts::Given { text: "a".repeat(text_bytes.parse()?), path: "made here".into() };
    settings.connections = Some(1);
    settings.workers = Workers::Exactly(1);
    let target = address.parse::<Target>()?.locate()?;
    let run =
        engine::run_beside(&Arc::new(Plan::new(settings)?), &target, &[], &Stop::new(), &Events::none())?;
    assert_eq!(run.recording.calls.outcomes.answered, calls, "{:?}", run.recording.calls);
    Ok(())
}
