//! The lean client allocates nothing per call once its buffers have grown: more calls, no more blocks.

use std::{path::Path, sync::Arc};

use plimsoll::{
    endpoint::{ChildServer, Located},
    engine,
    engine::Events,
    load::{Arrivals, Load, Plan, Rates, Settings, Texts},
    stop::Stop,
};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const FEW: u64 = 2_000;

/// Blocks that a run of this many calls allocates, on all threads of this process.
fn blocks(target: &Located, load: &Load, calls: u64) -> u64 {
    let mut settings = Settings::default();
    settings.load = load.clone();
    settings.calls = Some(calls);
    settings.warm_up = std::time::Duration::ZERO;
    settings.texts = Texts::Given { text: "abc".to_owned(), path: "text".into() };
    let plan = Arc::new(Plan::new(settings).expect("valid"));
    let before = dhat::HeapStats::get().total_blocks;
    let run = engine::run_beside(&plan, target, &[], &Stop::new(), &Events::none()).expect("it runs");
    let blocks = dhat::HeapStats::get().total_blocks - before;
    assert_eq!(run.recording.calls.outcomes.answered, calls);
    blocks
}

#[test]
fn five_times_the_calls_take_no_more_blocks() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let server = ChildServer::start(Path::new(env!("CARGO_BIN_EXE_plimsoll")), &[]).expect("it starts");
    let target = Located::local(server.address());
    for load in [
        Load::Closed { concurrency: 16 },
        Load::Open { rates: Rates::One(10_000.0), arrivals: Arrivals::Poisson, max_in_flight: 100_000 },
    ] {
        // Each second has a histogram of its own, and a queue may grow once more: tens of blocks, where one
        // a call would be 8,000. Other threads of the process may add some, but not in every pair of runs.
        let pairs = (0..10).map(|_| (blocks(&target, &load, FEW), blocks(&target, &load, 5 * FEW)));
        let mut seen = Vec::new();
        let is_flat = |(few, many): (u64, u64)| {
            seen.push((few, many));
            many < few + FEW / 10
        };
        let any = pairs.into_iter().any(is_flat);
        assert!(any, "{load:?}: blocks for {FEW} calls and for {}: {seen:?}", 5 * FEW);
    }
}
