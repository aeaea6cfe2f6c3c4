use proptest::prelude::*;

use super::*;
use crate::{
    load::{FINE_INTERVAL, Mix},
    measure::{
        calls::Calls,
        histogram::Latency,
        recording::{MOST_KINDS, Volume},
        timeline::Timeline,
    },
    rpc::{
        Direction, Side,
        code::Code,
        format_data::TextKind,
        outcome::{Difference, Failure, Refusal},
    },
};

fn payload() -> Payload {
    let mix: Mix = "64,1KiB".parse().expect("a mix");
    Payload::new(&mix, TextKind::Ascii, 1).expect("small")
}

fn failed(message: String) -> Outcome {
    Outcome::Failed(Box::new(failure(message)))
}

fn failure(message: String) -> Failure {
    Failure { code: Code::UNAVAILABLE, message }
}

fn refused(message_bytes: u64) -> Outcome {
    Outcome::Refused(Box::new(Refusal {
        side: Side::Server,
        direction: Direction::Request,
        message_bytes,
        limit_bytes: Some(10),
        http_status: None,
        code: Code::OUT_OF_RANGE,
        message: String::new(),
    }))
}

/// Makes a recorder. Also returns the start of its window.
fn recorder(is_open: bool, window: Option<Duration>) -> (Recorder, Instant) {
    let start = Instant::now();
    (Recorder::new(&payload(), is_open, start, window, FINE_INTERVAL), start)
}

/// Makes a call that ended 20 us after its send, 30 us after its intended start.
fn ended(done: Instant, outcome: Outcome) -> Completion {
    let before = |microseconds| done - Duration::from_micros(microseconds);
    let call = Call { intended: Some(before(30)), sent: before(20), ..Call::now(0) };
    call.end(outcome, done)
}

#[test]
fn the_three_times_of_an_open_loop_count_from_their_own_starts() {
    let (mut recorder, start) = recorder(true, None);
    recorder.plan(0);
    recorder.finish(ended(start + Duration::from_millis(1), Outcome::Answered));
    let (recording, _) = recorder.into_recording();
    let near = |latency: &Latency, microseconds: u64| {
        assert!(latency.max_ns().abs_diff(microseconds * 1_000) < 100, "{}", latency.max_ns());
    };
    near(&recording.service, 20);
    near(recording.response.as_ref().expect("open"), 30);
    near(recording.lateness.as_ref().expect("open"), 10);
}

#[test]
fn what_is_not_answered_is_in_no_latency_and_no_goodput() {
    let (mut recorder, start) = recorder(true, None);
    for outcome in [
        refused(20),
        failed(String::new()),
        Outcome::Broken(Box::new(failure(String::new()))),
        Outcome::DeadlineExceeded(Box::new(failure(String::new()))),
    ] {
        recorder.plan(0);
        recorder.finish(ended(start + Duration::from_millis(1), outcome));
    }
    let (recording, (_, interval)) = recorder.into_recording();
    assert_eq!(recording.service.count() + interval.latency().count(), 0);
    assert_eq!(recording.in_window, Volume::default());
    assert_eq!(recording.refusals[0].1.count(), 1);
    recording.calls.check().expect("conserved");
}

#[test]
fn replies_after_the_window_are_answered_but_no_goodput_of_it() {
    let (mut recorder, start) = recorder(false, Some(Duration::from_micros(900)));
    let at = |microseconds| start + Duration::from_micros(microseconds);
    for done in [800, 1_000] {
        recorder.plan(0);
        recorder.finish(ended(at(done), Outcome::Answered));
    }
    recorder.carry_over(&ended(at(100), Outcome::Answered));
    recorder.carry_over(&ended(at(900), Outcome::Answered));
    recorder.carry_over(&ended(at(100), failed(String::new())));
    let (recording, _) = recorder.into_recording();
    assert_eq!(recording.calls.outcomes.answered, 2);
    assert_eq!((recording.in_window.replies, recording.carried_over.replies), (1, 1));
    assert_eq!(recording.in_window.request_bytes, 64);
    assert_eq!(recording.ended_in_window, 3);
}

#[test]
fn kinds_without_end_take_bounded_memory_and_lose_no_count() {
    let (mut recorder, start) = recorder(false, None);
    for number in 0..1_000 {
        for outcome in [failed(number.to_string()), refused(number)] {
            recorder.plan(1);
            recorder.finish(ended(start + Duration::from_millis(1), outcome));
        }
    }
    let (recording, _) = recorder.into_recording();
    assert!(recording.failures.len() <= MOST_KINDS + 1 && recording.refusals.len() <= MOST_KINDS + 1);
    assert_eq!(recording.failures.iter().map(|one| one.count).sum::<u64>(), 1_000);
    assert_eq!(recording.refusals.iter().map(|(_, latency)| latency.count()).sum::<u64>(), 1_000);
}

#[test]
fn an_interval_is_taken_once_it_is_over() {
    let (mut recorder, start) = recorder(false, None);
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    assert!(recorder.take_interval(at(99), 3).is_none());
    recorder.plan(0);
    recorder.finish(ended(start + Duration::from_micros(99_999), Outcome::Answered));
    let (index, interval) = recorder.take_interval(at(250), 3).expect("over");
    assert_eq!((index, interval.outcomes.answered, interval.in_flight), (0, 1, 3));
    assert!(recorder.take_interval(at(260), 3).is_none());
    assert_eq!(recorder.into_recording().1.0, 2);
}

/// The kind of an outcome, its message, and the worker that counts it.
type Case = (usize, usize, usize);

fn cases() -> impl Strategy<Value = Vec<Case>> {
    prop::collection::vec((0_usize..8, 0_usize..2, 0_usize..3), 0..200)
}

fn merged_recordings_conserve(outcomes: &[Case]) -> Result<(), TestCaseError> {
    let (payload, start) = (payload(), Instant::now());
    let mut recorders: Vec<Recorder> =
        (0..3).map(|_| Recorder::new(&payload, true, start, None, FINE_INTERVAL)).collect();
    for (kind, message, worker) in outcomes {
        let recorder = &mut recorders[*worker];
        recorder.plan(*message);
        match kind {
            0 => recorder.shed(*message),
            1 => recorder.unfinished(*message, 1),
            kind => {
                let outcome = match kind {
                    2 => Outcome::Answered,
                    3 => Outcome::WrongReply(Box::new(Difference::between("A", "B").expect("they differ"))),
                    4 => refused(1),
                    5 => failed(String::new()),
                    6 => Outcome::DeadlineExceeded(Box::new(failure(String::new()))),
                    _ => Outcome::Broken(Box::new(failure(String::new()))),
                };
                let done = ended(start + Duration::from_millis(1), outcome);
                recorder.finish(Completion {
                    call: Call {
                        message: *message,
                        class: u8::try_from(*message).expect("few"),
                        ..done.call
                    },
                    ..done
                });
            }
        }
    }
    let mut merged = Recording::new(2, true);
    let mut timeline = Timeline::new(FINE_INTERVAL);
    for recorder in recorders {
        let (recording, (index, interval)) = recorder.into_recording();
        merged.add(recording);
        timeline.add(index, &interval);
    }
    prop_assert_eq!(merged.calls.planned, outcomes.len() as u64);
    prop_assert!(merged.calls.check().is_ok());
    let mut sum = Calls::default();
    for size in &merged.sizes {
        prop_assert!(size.calls.check().is_ok());
        sum.add(&size.calls);
    }
    prop_assert_eq!(&sum, &merged.calls);
    prop_assert_eq!(timeline.total(), merged.calls.outcomes);
    prop_assert_eq!(merged.service.count(), merged.calls.outcomes.answered);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn merged_recordings_conserve_calls(outcomes in cases()) {
        merged_recordings_conserve(&outcomes)?;
    }
}

proptest! {
    #[test]
    #[ignore = "second suite: 256 cases"]
    fn many_merged_recordings_conserve_calls(outcomes in cases()) {
        merged_recordings_conserve(&outcomes)?;
    }
}
