//! Shards: the calls of all of them are the calls of one process.

use std::sync::Arc;

use proptest::prelude::*;
use tokio::sync::watch;

use super::*;
use crate::{
    engine::worker::Order,
    load::{Arrivals, Load, Rates, Settings, Shard, Texts, Workers},
    rpc::format_data::TextKind,
};

/// Calls that the workers of a process plan: intended start, and message.
fn planned(settings: &Settings, shard: Shard, workers: usize) -> Vec<(Duration, usize)> {
    let settings = Settings { shard, workers: Workers::Exactly(workers), ..settings.clone() };
    let plan = Arc::new(Plan::new(settings).expect("valid"));
    let start = Instant::now();
    let counters = Arc::new(Counters::default());
    let mut all = Vec::new();
    for index in 0..workers {
        let (_order, orders) = watch::channel(Order::Run(start));
        let (reports, _reported) = mpsc::unbounded_channel();
        let interval = plan.interval();
        let work =
            Work { plan: Arc::clone(&plan), interval, index, shared: Arc::clone(&counters), orders, reports };
        let window = Window::new(start, plan.warm_up, plan.duration, plan.drain, interval);
        let mut sequencer = Sequencer::new(&work, window);
        if plan.is_open() {
            while let Some(due) = sequencer.next_arrival() {
                let call = sequencer.take_arrival(due).expect("there is room");
                all.push((due - start, call.message));
            }
        } else {
            while let Some(call) = sequencer.next_call(start) {
                all.push((Duration::ZERO, call.message));
            }
        }
    }
    all.sort_unstable();
    all
}

fn open(arrivals: Arrivals, rate: f64, seed: u64) -> Settings {
    let load = Load::Open { rates: Rates::One(rate), arrivals, max_in_flight: 1_000_000 };
    let texts = Texts::Made { mix: "64@3,100@2,1KiB@1".parse().expect("a mix"), kind: TextKind::Ascii };
    Settings {
        load,
        texts,
        seed,
        duration: Some(Duration::from_secs(1)),
        warm_up: Duration::ZERO,
        ..Settings::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// For any rate, number of shards and workers in each of them.
    #[test]
    fn shards_of_a_rate_plan_the_calls_of_one_process(
        rate in 1.0_f64..2_000.0,
        is_poisson in any::<bool>(),
        seed in 0_u64..100,
        workers in prop::collection::vec(1_usize..4, 1..6),
    ) {
        let arrivals = if is_poisson { Arrivals::Poisson } else { Arrivals::Constant };
        let settings = open(arrivals, rate, seed);
        let of = workers.len() as u64;
        let parts = workers.iter().zip(0..).map(|(workers, index)| planned(&settings, Shard { index, of }, *workers));
        let mut joined: Vec<(Duration, usize)> = parts.flatten().collect();
        joined.sort_unstable();
        prop_assert_eq!(joined, planned(&settings, Shard::WHOLE, 1));
    }

    /// For any count of calls in a closed loop.
    #[test]
    fn shards_of_a_count_plan_the_calls_of_one_process(
        calls in 8_u64..500,
        seed in 0_u64..100,
        workers in prop::collection::vec(1_usize..4, 1..6),
    ) {
        let mut settings = Settings { calls: Some(calls), duration: None, ..open(Arrivals::Constant, 1.0, seed) };
        settings.load = Load::Closed { concurrency: 50 };
        let of = workers.len() as u64;
        let parts = workers.iter().zip(0..).map(|(workers, index)| planned(&settings, Shard { index, of }, *workers));
        let mut joined: Vec<(Duration, usize)> = parts.flatten().collect();
        joined.sort_unstable();
        prop_assert_eq!(joined, planned(&settings, Shard::WHOLE, 1));
    }
}
