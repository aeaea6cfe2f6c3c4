//! Tests that shards, merged in any order, are the run that one process would have made.

use std::sync::Arc;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::{
    client::{Call, Completion, ConnectionAccount, UploadWaits},
    endpoint::Located,
    load::{Arrivals, Load, Plan, Rates, Settings, Shard, Texts},
    measure::{AgreedStart, Environment, Latency, Recorder, Timeline, Usage},
    rpc::{Code, Direction, Failure, Outcome, Refusal, Side, format_data::TextKind},
};

/// The instant at which all windows start.
const START: Duration = Duration::from_secs(1_700_000_000);

fn plan(per_second: u32, is_open: bool, calls: Option<u64>, shard: Shard) -> Plan {
    let load = if is_open {
        let rates = Rates::One(f64::from(per_second));
        Load::Open { rates, arrivals: Arrivals::Poisson, max_in_flight: 1_000 }
    } else {
        Load::Closed { concurrency: 50 }
    };
    let texts = Texts::Made { mix: "64@3,1KiB@1".parse().expect("a mix"), kind: TextKind::Ascii };
    let duration = calls.is_none().then_some(Duration::from_secs(3));
    Plan::new(Settings { load, calls, duration, texts, shard, ..Settings::default() }).expect("valid")
}

/// A call of the whole run: its number, its intended start, and its end.
struct MadeCall {
    k: u64,
    at: Duration,
    took: Duration,
    outcome: Outcome,
}

fn outcome(kind: u8) -> Outcome {
    match kind {
        0 => Outcome::Failed(Box::new(Failure { code: Code::UNAVAILABLE, message: "away".to_owned() })),
        1 => Outcome::Refused(Box::new(Refusal {
            side: Side::Server,
            direction: Direction::Request,
            message_bytes: 1_024,
            limit_bytes: Some(1_000),
            http_status: None,
            code: Code::RESOURCE_EXHAUSTED,
            message: "too large".to_owned(),
        })),
        _ => Outcome::Answered,
    }
}

/// Calls of the whole run, in the order of their ends.
fn calls(plan: &Plan, kinds: &[u8]) -> Vec<MadeCall> {
    let starts: Vec<(u64, Duration)> = if plan.is_open() {
        let end = plan.duration.unwrap_or(Duration::MAX);
        plan.schedule().share(0, 1).take_while(|arrival| arrival.at < end).map(|it| (it.k, it.at)).collect()
    } else {
        let calls = plan.calls.expect("a count").get();
        (0..calls).map(|k| (k, Duration::from_millis(k * 7 % 2_900))).collect()
    };
    let mut calls: Vec<MadeCall> = starts
        .into_iter()
        .map(|(k, at)| {
            let random = crate::units::draw(7, k);
            let took = Duration::from_nanos(random % 40_000_000);
            MadeCall {
                k,
                at,
                took,
                outcome: outcome(kinds[usize::try_from(random >> 40).expect("24 bits") % kinds.len()]),
            }
        })
        .collect();
    calls.sort_by_key(|call| call.at + call.took);
    calls
}

/// The measurement of a process that makes these calls.
fn measurement<'a>(plan: &Plan, calls: impl Iterator<Item = &'a MadeCall>) -> Measurement {
    let start = Instant::now();
    let mut recorder = Recorder::new(plan.payload(), plan.is_open(), start, plan.duration, plan.interval());
    let mut timeline = Timeline::new(plan.interval());
    for MadeCall { k, at, took, outcome } in calls {
        let message = plan.payload().pick(*k);
        let class = plan.payload().class_of(message);
        recorder.plan(usize::from(class));
        let (sent, done) = (start + *at, start + *at + *took);
        if let Some((index, interval)) = recorder.take_interval(done, 1) {
            timeline.add(index, &interval);
        }
        let intended = plan.is_open().then_some(sent);
        let call = Call { class, intended, sent, ..Call::now(message) };
        let reply_bytes = plan.payload().messages()[message].request_bytes();
        recorder.finish(Completion { reply_bytes, ..call.end(outcome.clone(), done) });
    }
    let (recording, (index, interval)) = recorder.into_recording();
    timeline.add(index, &interval);
    Measurement {
        plan: plan.document(),
        shard: ShardOrigin::here(plan.shard),
        environment: Environment { load_average: None, ..Environment::now() },
        started_at: SystemTime::UNIX_EPOCH + START,
        agreed_start: Some(AgreedStart { at: START, clock_moved_ns: None }),
        window: Duration::from_secs(3),
        ended_by_count: plan.calls.is_some(),
        is_interrupted: false,
        recording,
        timeline,
        usage: Usage::default(),
        connections: ConnectionAccount::default(),
        handshakes: Latency::new(),
        upload_waits: UploadWaits::default(),
    }
}

fn summary(run: &Measurement) -> Summary {
    Summary::of(run, &Located::local(([127, 0, 0, 1], 8080).into()), &[]).expect("conserved")
}

/// Documents of the shards of a run.
fn documents(of: u64, whole: &[MadeCall], plan_of: impl Fn(Shard) -> Plan) -> Vec<Arc<[u8]>> {
    (0..of)
        .map(|index| {
            let run =
                measurement(&plan_of(Shard { index, of }), whole.iter().filter(|call| call.k % of == index));
            serde_json::to_vec(&summary(&run)).expect("JSON").into()
        })
        .collect()
}

fn merged(documents: &[Arc<[u8]>], is_partial: bool) -> Result<Summary, ShardsError> {
    let mut merging = Merging::default();
    for document in documents {
        merging.add("a shard", document)?;
    }
    merging.finish(is_partial, None, &[])
}

/// Everything that was counted, as a result has it.
fn counted(summary: &Summary) -> serde_json::Value {
    let mut value = serde_json::to_value(summary).expect("JSON");
    let fields = value.as_object_mut().expect("an object");
    // Of the process, and of the judgement of it.
    for of_a_process in ["shards", "soundness", "plan", "environment", "target", "measured"] {
        fields.remove(of_a_process);
    }
    // Calls in flight at the end of a second add up over processes, which this simulation does not do.
    for interval in value["intervals"].as_array_mut().expect("a list") {
        interval.as_object_mut().expect("an object").remove("in_flight");
    }
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 12 } else { 100 }))]

    #[test]
    fn shards_in_any_order_are_the_whole_run(
        of in 2_u64..7,
        (is_open, is_counted) in prop_oneof![Just((true, false)), Just((true, true)), Just((false, true))],
        per_second in 60_u32..300,
        kinds in prop::collection::vec(0_u8..6, 1..30),
        order: u64,
    ) {
        let plan_of = |shard| plan(per_second, is_open, is_counted.then_some(u64::from(per_second)), shard);
        let whole_plan = plan_of(Shard::WHOLE);
        let whole = calls(&whole_plan, &kinds);
        let mut documents = documents(of, &whole, plan_of);
        let first = merged(&documents, false).expect("all shards of one run");
        prop_assert_eq!(counted(&first), counted(&summary(&measurement(&whole_plan, whole.iter()))));
        crate::units::shuffle(&mut documents, |k| crate::units::draw(order, k as u64));
        let again = merged(&documents, false).expect("all shards of one run");
        prop_assert_eq!(counted(&again), counted(&first));
        prop_assert_eq!(&again.shards, &first.shards);
        // Any part of the shards conserves its calls, and names the others.
        let gone = documents.pop().expect("at least two");
        let error = merged(&documents, false).expect_err("one is missing").to_string();
        prop_assert!(error.starts_with(&format!("1 of {of} shards is missing")), "{}", error);
        let partial = merged(&documents, true).expect("with a warning");
        partial.calls.check().expect("conserved");
        prop_assert!(partial.soundness.findings.iter().any(|finding| finding.name == "shards_missing"));
        documents.extend([Arc::clone(&documents[0]), gone]);
        let error = merged(&documents, false).expect_err("one is there twice").to_string();
        prop_assert!(error.contains("is there twice"), "{}", error);
    }
}

#[test]
fn a_shard_with_other_times_is_found_after_the_merge() {
    let plan_of = |shard| plan(100, true, None, shard);
    let whole = calls(&plan_of(Shard::WHOLE), &[2]);
    let mut documents = documents(2, &whole, plan_of);
    let mut edited: serde_json::Value = serde_json::from_slice(&documents[1]).expect("JSON");
    let mut slower = Latency::new();
    for _ in 0..edited["calls"]["answered"].as_u64().expect("a number") {
        slower.record(Duration::from_secs(1));
    }
    edited["latency"]["response"]["histogram"] = slower.encode().into();
    documents[1] = serde_json::to_vec(&edited).expect("JSON").into();
    let error = merged(&documents, false).expect_err("edited");
    assert!(matches!(error, ShardsError::Edited(_)), "{error}");
}
