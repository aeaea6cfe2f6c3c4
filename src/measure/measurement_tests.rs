//! Tests that parts of a run, merged in any order, equal the whole.

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::{
    client::Call,
    load::{Arrivals, Load, Mix, Rates, Settings, Texts},
    measure::{Interval, Recorder, ThreadTime, TimelineRow},
    rpc::{Code, Failure, Outcome, format_data::TextKind},
};

/// A call in a test: message, send time, time to its end, outcome.
type Case = (usize, u16, u32, u8);

fn plan(is_open: bool) -> Plan {
    let mix: Mix = "64@3,1KiB@1".parse().expect("a mix");
    let load = if is_open {
        Load::Open { rates: Rates::One(100.0), arrivals: Arrivals::Constant, max_in_flight: 10 }
    } else {
        Load::Closed { concurrency: 4 }
    };
    let texts = Texts::Made { mix, kind: TextKind::Ascii };
    Plan::new(Settings { load, texts, ..Settings::default() }).expect("valid")
}

fn outcome(kind: u8) -> Outcome {
    let failure = || Box::new(Failure { code: Code::UNAVAILABLE, message: format!("kind {}", kind % 3) });
    match kind % 8 {
        0 => Outcome::Failed(failure()),
        1 => Outcome::Broken(failure()),
        2 => Outcome::DeadlineExceeded(failure()),
        _ => Outcome::Answered,
    }
}

/// Returns the measurement of a worker that makes these calls.
fn measured(plan: &Plan, calls: &[Case], busy: u64) -> Measurement {
    let start = Instant::now();
    let mut recorder = Recorder::new(plan.payload(), plan.is_open(), start, plan.duration, plan.interval());
    let mut timeline = Timeline::new(plan.interval());
    let mut calls = calls.to_vec();
    calls.sort_by_key(|(_, sent, took, _)| u64::from(*sent) % 9_000 * 1_000_000 + u64::from(*took));
    for (message, sent, took, kind) in calls {
        let sent = start + Duration::from_millis(u64::from(sent) % 9_000);
        let done = sent + Duration::from_nanos(u64::from(took));
        recorder.plan(message);
        if let Some((index, interval)) = recorder.take_interval(done, 1) {
            timeline.add(index, &interval);
        }
        let intended = plan.is_open().then(|| sent - Duration::from_micros(u64::from(kind)));
        let class = u8::try_from(message).expect("two messages");
        recorder.finish(Call { class, intended, sent, ..Call::now(message) }.end(outcome(kind), done));
    }
    let (recording, (index, interval)) = recorder.into_recording();
    timeline.add(index, &Interval { in_flight: 0, ..interval });
    let thread = ThreadTime { running: Duration::from_nanos(busy), waiting: Duration::ZERO };
    Measurement {
        plan: plan.document(),
        // The machine's load may change from part to part.
        environment: Environment { load_average: None, ..Environment::now() },
        started_at: SystemTime::UNIX_EPOCH,
        agreed_start: None,
        shard: None,
        window: Duration::from_secs(10),
        ended_by_count: false,
        is_interrupted: false,
        recording,
        timeline,
        usage: Usage {
            client_cpu: Some(Duration::from_nanos(busy)),
            threads: vec![thread],
            ..Usage::default()
        },
        connections: ConnectionAccount::default(),
        handshakes: Latency::new(),
        upload_waits: UploadWaits::default(),
    }
}

/// Removes the order of first occurrences and the values that only one worker has.
fn comparable(mut measurement: Measurement) -> Measurement {
    let recording = &mut measurement.recording;
    recording.failures.sort_by_key(|count| format!("{count:?}"));
    recording.refusals.sort_by_key(|(refusal, _)| format!("{refusal:?}"));
    measurement.usage.threads.sort_unstable();
    measurement
}

fn merged(parts: &[Measurement], order: &[usize]) -> Measurement {
    let mut sum = parts[order[0]].clone();
    for index in &order[1..] {
        sum.merge(parts[*index].clone()).expect("parts of one run");
    }
    comparable(sum)
}

/// A run of an open or a closed loop, the part that each of its calls is in, and an order of the parts.
type Split = (bool, Vec<Case>, Vec<usize>, Vec<usize>);

fn splits() -> impl Strategy<Value = Split> {
    let call = (0..2_usize, any::<u16>(), 1..2_000_000_000_u32, any::<u8>());
    let calls = prop::collection::vec(call, 1..80);
    (any::<bool>(), calls, prop::collection::vec(0..3_usize, 80), Just(vec![0, 1, 2]).prop_shuffle())
}

fn parts_make_the_whole((is_open, calls, places, order): &Split) -> Result<(), TestCaseError> {
    let plan = plan(*is_open);
    let parts: Vec<Measurement> = (0..3)
        .map(|part| {
            let of_part: Vec<Case> = calls
                .iter()
                .zip(places)
                .filter(|(_, place)| **place == part)
                .map(|(call, _)| *call)
                .collect();
            measured(&plan, &of_part, 1_000 + part as u64)
        })
        .collect();
    let sum = merged(&parts, order);
    // Histograms are too long to be shown.
    prop_assert!(sum == merged(&parts, &[0, 1, 2]), "another order");
    sum.check().expect("conserved");
    let whole = comparable(measured(&plan, calls, 0));
    prop_assert!(sum.recording == whole.recording, "other counts");
    let rows = |measurement: &Measurement| -> Vec<_> {
        let rows = measurement.timeline.intervals(Duration::from_secs(100));
        rows.map(|TimelineRow { start, interval: row, .. }| {
            (start, row.outcomes, row.service, row.response, row.largest_lateness)
        })
        .filter(|row| row.1.total() > 0)
        .collect()
    };
    prop_assert!(rows(&sum) == rows(&whole), "other intervals");
    prop_assert_eq!(sum.usage.client_cpu, Some(Duration::from_nanos(3_003)));
    prop_assert_eq!(sum.usage.threads.len(), 3);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn the_parts_of_a_split_run_make_the_whole_in_any_order(split in splits()) {
        parts_make_the_whole(&split)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    #[ignore = "second suite: 24 cases"]
    fn the_parts_of_many_split_runs_make_the_whole_in_any_order(split in splits()) {
        parts_make_the_whole(&split)?;
    }
}

#[test]
fn parts_of_different_runs_do_not_merge() {
    let mut closed = measured(&plan(false), &[], 1);
    let before = closed.clone();
    let error = closed.merge(measured(&plan(true), &[], 1)).expect_err("another loop").to_string();
    assert!(error.contains("open loop"), "{error}");
    assert!(closed == before, "something was added");
}
