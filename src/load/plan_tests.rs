use super::*;
use crate::load::{Rates, Stage, Workers};
use crate::load::{schedule::Arrivals, settings::DEFAULT_MAX_IN_FLIGHT};

fn open(rates: Rates) -> Load {
    Load::Open { rates, arrivals: Arrivals::Constant, max_in_flight: DEFAULT_MAX_IN_FLIGHT }
}

#[test]
fn the_default_runs_for_ten_seconds() {
    let plan = Plan::new(Settings::default()).expect("the default is valid");
    assert_eq!(plan.duration, Some(Duration::from_secs(10)));
    assert_eq!(plan.calls, None);
    assert_eq!((plan.workers, plan.connections), (1, 1));
}

#[test]
fn a_count_alone_has_no_duration() {
    for load in [Load::Closed { concurrency: 2 }, open(Rates::One(10.0))] {
        let plan = Plan::new(Settings { load, calls: Some(7), ..Settings::default() }).expect("valid");
        assert_eq!(plan.duration, None);
    }
}

#[test]
fn what_would_run_nothing_is_no_plan() {
    let second = Duration::from_secs(1);
    let still = Stage::constant(0.0, second);
    for settings in [
        Settings { calls: Some(0), ..Settings::default() },
        Settings { duration: Some(Duration::ZERO), ..Settings::default() },
        Settings {
            options: Options { timeout: Some(Duration::ZERO), ..Options::default() },
            ..Settings::default()
        },
        Settings { load: Load::Closed { concurrency: 0 }, ..Settings::default() },
        Settings { connections: Some(0), ..Settings::default() },
        Settings { workers: Workers::Exactly(0), ..Settings::default() },
        Settings { load: open(Rates::Stages(vec![still])), ..Settings::default() },
        Settings {
            load: open(Rates::Stages(vec![Stage::constant(1.0, Duration::ZERO)])),
            ..Settings::default()
        },
        Settings {
            load: open(Rates::Stages(vec![Stage::constant(1.0, second)])),
            duration: Some(second),
            ..Settings::default()
        },
    ] {
        assert!(Plan::new(settings.clone()).is_err(), "{settings:?}");
    }
}

#[test]
fn workers_never_outnumber_what_they_need() {
    let few = |workers, concurrency, connections| {
        let load = Load::Closed { concurrency };
        Plan::new(Settings { load, connections, workers, ..Settings::default() }).map(|plan| plan.workers)
    };
    assert_eq!(few(Workers::AtMost(8), 3, None), Ok(3));
    assert_eq!(few(Workers::AtMost(8), 30, Some(2)), Ok(2));
    assert_eq!(few(Workers::Exactly(8), 30, Some(16)), Ok(8));
    let error = few(Workers::Exactly(8), 30, Some(2)).expect_err("too few connections").to_string();
    assert_eq!(
        error,
        "8 workers need at least one connection each, but there are 2; ask for fewer workers or at least 8 connections"
    );
}

#[test]
fn shares_differ_by_one_and_make_the_whole() {
    let load = Load::Closed { concurrency: 50 };
    let plan =
        Plan::new(Settings { load, workers: Workers::Exactly(3), ..Settings::default() }).expect("valid");
    let shares: Vec<u64> = (0..3).map(|index| plan.share_of(50, index)).collect();
    assert_eq!(shares, [17, 17, 16]);
}

#[test]
fn an_unlimited_receive_limit_is_capped() {
    for (client, limit) in [(ClientKind::Stub, STUB_RECV_CAP), (ClientKind::Lean, LARGEST_MESSAGE)] {
        let options = Options { client, max_recv_message_size: Limit::Unlimited, ..Options::default() };
        let settings = Settings { options, ..Settings::default() };
        assert_eq!(Plan::new(settings).expect("valid").options.max_recv_message_size, Limit::Bytes(limit));
    }
}

#[test]
fn a_record_reads_back() {
    let settings = Settings {
        load: open(Rates::One(10.0)),
        options: Options { timeout: Some(Duration::from_millis(5)), ..Options::default() },
        ..Settings::default()
    };
    let record = Plan::new(settings).expect("valid");
    let text = serde_json::to_string(&record).expect("plain data");
    assert_eq!(serde_json::from_str::<Plan>(&text).expect("what was written"), record);
}
