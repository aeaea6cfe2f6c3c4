//! Test that the lean client allocates nothing per call once its buffers have grown: more calls, no more
//! blocks.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use plimsoll::{
    endpoint::{ChildServer, Located},
    engine,
    engine::Events,
    load::{Arrivals, Load, Plan, Rates, Settings, Texts},
    stop::Stop,
};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

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

/// The process has one profiler, and one test at a time may count.
static COUNTING: Mutex<()> = Mutex::new(());

#[test]
fn five_times_the_calls_take_no_more_blocks() {
    // One a call would be 2,000.
    many_calls_take_no_more_blocks_than(500, 1_000);
}

#[test]
#[ignore = "second suite: 10,000 calls"]
fn five_times_as_many_as_2_000_calls_take_no_more_blocks() {
    // One a call would be 8,000.
    many_calls_take_no_more_blocks_than(2_000, 200);
}

/// Five times the calls may take so many `more` blocks: each second has a histogram of its own, a queue may grow once
/// more, and the clock beside the run reads a file for each tick that is late, which a busy machine has many of.
fn many_calls_take_no_more_blocks_than(calls: u64, more: u64) {
    let _alone = COUNTING.lock().expect("no other test failed");
    let _profiler = dhat::Profiler::builder().testing().build();
    let server = ChildServer::start(Path::new(env!("CARGO_BIN_EXE_plimsoll")), &[]).expect("it starts");
    let target = Located::local(server.address());
    for load in [
        Load::Closed { concurrency: 16 },
        Load::Open { rates: Rates::One(10_000.0), arrivals: Arrivals::Poisson, max_in_flight: 100_000 },
    ] {
        // A pair of runs that the machine leaves alone is enough: a block for each call would be in all of them.
        let mut seen = Vec::new();
        let any = (0..10).any(|_| {
            let (few, many) = (blocks(&target, &load, calls), blocks(&target, &load, 5 * calls));
            seen.push((few, many));
            many < few + more
        });
        assert!(any, "{load:?}: blocks for {calls} calls and for {}: {seen:?}", 5 * calls);
    }
}
