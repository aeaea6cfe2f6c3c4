//! Tests of both loops against an imagined server in paused time: both loops must behave alike.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::{LocalSet, spawn_local},
    time::{Instant, sleep_until},
};

use super::{
    imagined::{ImaginedLinks, ImaginedServer},
    lean_loop,
    timer::Timer,
    tokio_loop,
    worker::{Order, Report, Work, WorkerResult},
};
use crate::{
    client::Loss,
    load::{Arrivals, ClientKind, Load, Plan, Rates, Settings},
    measure::{Latency, Outcomes},
    rpc::{Code, Failure, Outcome},
};

/// Clients, each with its own loop.
const BOTH: [ClientKind; 2] = [ClientKind::Lean, ClientKind::Stub];

const MILLISECOND: Duration = Duration::from_millis(1);

const SECOND: Duration = Duration::from_secs(1);

fn open(per_second: f64, max_in_flight: u64) -> Load {
    Load::Open { rates: Rates::One(per_second), arrivals: Arrivals::Constant, max_in_flight }
}

fn settings(load: Load) -> Settings {
    Settings { load, duration: Some(5 * SECOND), warm_up: Duration::ZERO, ..Settings::default() }
}

/// Runs one worker with either client's loop. `interrupt` is the time, since the start, at which the driver
/// ends the window.
async fn worked(
    client: ClientKind,
    settings: Settings,
    server: ImaginedServer,
    interrupt: Option<Duration>,
) -> (WorkerResult, Vec<Report>) {
    let plan = Arc::new(Plan::new(settings).expect("valid"));
    let start = Instant::now() + plan.warm_up;
    let (order, orders) = watch::channel(Order::Run(start));
    let (reports, mut reported) = mpsc::unbounded_channel();
    let work = Work { interval: plan.interval(), plan, index: 0, shared: Arc::default(), orders, reports };
    let worked = driven(client, work, server, order, interrupt.map(|after| start + after)).await;
    worked.recording.calls.check().expect("conserved");
    let mut reports = Vec::new();
    while let Ok(report) = reported.try_recv() {
        reports.push(report);
    }
    let mut in_intervals = Outcomes::default();
    for report in &reports {
        if let Report::Interval(ended) = report {
            in_intervals.add(&ended.interval.outcomes);
        }
    }
    assert_eq!(in_intervals, worked.recording.calls.outcomes);
    (worked, reports)
}

/// Runs one worker with either client's loop. `interrupt` is the time at which its driver orders the drain.
async fn driven(
    client: ClientKind,
    work: Work,
    server: ImaginedServer,
    order: watch::Sender<Order>,
    interrupt: Option<Instant>,
) -> WorkerResult {
    match client {
        ClientKind::Lean => {
            lean_loop::run(work, &mut ImaginedLinks::to(server, order, interrupt)).expect("nothing can fail")
        }
        ClientKind::Stub => LocalSet::new().run_until(with_tasks(work, server, order, interrupt)).await,
    }
}

async fn with_tasks(
    work: Work,
    server: ImaginedServer,
    order: watch::Sender<Order>,
    interrupt: Option<Instant>,
) -> WorkerResult {
    spawn_local(async move {
        if let Some(at) = interrupt {
            sleep_until(at).await;
            order.send_replace(Order::Drain);
        }
        order.closed().await;
    });
    tokio_loop::run(work, vec![server], Timer::Runtime).await
}

fn near(latency: &Latency, quantile: f64, expected: Duration) {
    let got = Duration::from_nanos(latency.quantile_ns(quantile));
    // The runtime's timer has a resolution of 1 ms.
    assert!(got.abs_diff(expected) <= 3 * MILLISECOND, "{got:?} is not {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_for_a_second_shows_in_response_time() {
    for client in BOTH {
        let mut server = ImaginedServer::new(MILLISECOND);
        server.stopped = (2 * SECOND, 3 * SECOND);
        let (worked, _) = worked(client, settings(open(1_000.0, 10_000)), server, None).await;
        let recording = worked.recording;
        assert_eq!(recording.calls.planned, 5_000);
        assert_eq!(recording.calls.outcomes.answered, 5_000);
        // A fifth of the calls waits, for half a second on average: 4 % of all calls wait at least 800 ms.
        let response = recording.response.expect("an open loop");
        near(&response, 0.5, MILLISECOND);
        near(&response, 0.9, 500 * MILLISECOND);
        near(&response, 0.99, 950 * MILLISECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn over_the_cap_arrivals_are_shed_and_none_is_moved() {
    for client in BOTH {
        let server = ImaginedServer::new(100 * MILLISECOND);
        let (worked, _) = worked(client, settings(open(1_000.0, 10)), server, None).await;
        let outcomes = worked.recording.calls.outcomes;
        assert_eq!(worked.recording.calls.planned, 5_000);
        // With 10 calls in flight of 100 ms each, there are about 100 calls per second.
        assert!((450..=510).contains(&outcomes.answered), "{outcomes:?}");
        assert_eq!(outcomes.shed, 5_000 - outcomes.answered);
        near(&worked.recording.lateness.expect("an open loop"), 1.0, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_loop_keeps_its_concurrency_and_claims_no_response_time() {
    for client in BOTH {
        let load = Load::Closed { concurrency: 10 };
        let server = ImaginedServer::new(100 * MILLISECOND);
        let (worked, _) = worked(client, Settings { warm_up: SECOND, ..settings(load) }, server, None).await;
        assert!(worked.recording.response.is_none() && worked.recording.lateness.is_none());
        let in_window = worked.recording.in_window.replies + worked.recording.carried_over.replies;
        assert!((480..=510).contains(&in_window), "{in_window}");
        assert_eq!(worked.window, 5 * SECOND);
        assert!(!worked.ended_by_count);
    }
}

#[tokio::test(start_paused = true)]
async fn a_count_ends_both_loops_after_exactly_that_many() {
    for client in BOTH {
        for load in [Load::Closed { concurrency: 7 }, open(100.0, 10)] {
            let counted = Settings { calls: Some(100), duration: None, ..settings(load) };
            let (worked, _) = worked(client, counted, ImaginedServer::new(10 * MILLISECOND), None).await;
            assert_eq!(worked.recording.calls.outcomes.answered, 100);
            assert!(worked.ended_by_count);
            assert!(worked.window <= SECOND + 10 * MILLISECOND, "{:?}", worked.window);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_counted_run_against_a_server_that_hangs_ends_with_its_drain() {
    for client in BOTH {
        for load in [Load::Closed { concurrency: 100 }, open(100.0, 1_000)] {
            let counted = Settings { calls: Some(100), duration: None, ..settings(load) };
            let (worked, _) = worked(client, counted, ImaginedServer::new(3_600 * SECOND), None).await;
            assert_eq!(worked.recording.calls.outcomes.unfinished, 100);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_starts_sends_nothing_not_even_its_warm_up() {
    for client in BOTH {
        let plan = Plan::new(Settings { warm_up: SECOND, ..settings(open(1_000.0, 10)) }).expect("valid");
        let (order, orders) = watch::channel(Order::Drain);
        let (reports, _reported) = mpsc::unbounded_channel();
        let work = Work {
            interval: plan.interval(),
            plan: Arc::new(plan),
            index: 0,
            shared: Arc::default(),
            orders,
            reports,
        };
        let counters = Arc::clone(&work.shared);
        let worked = driven(client, work, ImaginedServer::new(3_600 * SECOND), order, None).await;
        assert_eq!(worked.recording.calls.planned, 0);
        assert_eq!(counters.in_flight.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_that_is_counted_lasts_as_long_as_its_rate_says() {
    for client in BOTH {
        let counted = Settings { calls: Some(100), duration: None, ..settings(open(100.0, 10)) };
        let (worked, _) = worked(client, counted, ImaginedServer::new(MILLISECOND), None).await;
        assert_eq!(worked.window, SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_outlast_the_drain_are_unfinished() {
    for client in BOTH {
        for load in [Load::Closed { concurrency: 3 }, open(1.0, 10)] {
            let (worked, _) = worked(client, settings(load), ImaginedServer::new(3_600 * SECOND), None).await;
            let outcomes = worked.recording.calls.outcomes;
            assert_eq!(outcomes.unfinished, worked.recording.calls.planned);
            assert!(outcomes.unfinished > 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_window_there_and_counts_what_was_due() {
    for client in BOTH {
        for load in [Load::Closed { concurrency: 3 }, open(100.0, 10)] {
            let is_open = matches!(load, Load::Open { .. });
            let (worked, _) =
                worked(client, settings(load), ImaginedServer::new(MILLISECOND), Some(2 * SECOND)).await;
            assert!(worked.window.abs_diff(2 * SECOND) < 5 * MILLISECOND, "{:?}", worked.window);
            if is_open {
                assert!(
                    (200..=201).contains(&worked.recording.calls.planned),
                    "{:?}",
                    worked.recording.calls
                );
            }
            assert_eq!(worked.recording.calls.outcomes.unfinished, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_pauses_after_attempts_to_connect_that_failed_and_not_after_go_away() {
    for client in BOTH {
        let failure = Failure { code: Code::UNAVAILABLE, message: "connection refused".to_owned() };
        let mut server = ImaginedServer::new(MILLISECOND);
        server.outcome = Outcome::Broken(Box::new(failure));
        for (loss, broken, pauses) in [
            // The pauses are 10, 20, 40, ... 640 ms and then a second each: about 11 pauses in 5 s.
            (Loss::NotConnected, 9..=12, true),
            (Loss::Other, 9..=13, true),
            (Loss::GoAway, 4_900..=5_001, false),
        ] {
            server.loss = Some(loss);
            let (worked, _) =
                worked(client, settings(Load::Closed { concurrency: 1 }), server.clone(), None).await;
            let calls = worked.recording.calls.outcomes;
            assert!(broken.contains(&calls.broken), "{loss:?}: {calls:?}");
            let paused = worked.connections.paused;
            assert_eq!(paused > SECOND, pauses, "{loss:?}: {paused:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_interval_is_reported_also_when_nothing_happens() {
    for client in BOTH {
        let (_, reports) =
            worked(client, settings(open(1.0, 1)), ImaginedServer::new(3_600 * SECOND), None).await;
        let intervals: Vec<u64> = reports
            .iter()
            .filter_map(|report| match report {
                Report::Interval(ended) => Some(ended.index),
                _ => None,
            })
            .collect();
        // 5 s in intervals of 100 ms.
        assert!(intervals.len() >= 50, "{intervals:?}");
        assert!(intervals.windows(2).all(|pair| pair[0] < pair[1]), "{intervals:?}");
    }
}
