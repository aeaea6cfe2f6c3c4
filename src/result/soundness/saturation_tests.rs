//! Tests: runs in every situation, built from their figures.

use super::*;
use crate::{
    load::{Plan, Settings},
    measure::{Calls, Environment, Interval, LoopAccount, Outcomes, Recording, Timeline},
};

const WINDOW: Duration = Duration::from_secs(10);

fn thread(running: f64, waiting: f64) -> ThreadTime {
    ThreadTime { running: WINDOW.mul_f64(running), waiting: WINDOW.mul_f64(waiting) }
}

/// Inputs of a run that decide its situation.
struct Case {
    worker: (f64, f64),
    in_loop: Option<(f64, f64)>,
    server: &'static [(f64, f64)],
    course: RunContext,
    outcomes: Outcomes,
    /// Answered calls per second of the window; later seconds have none.
    seconds: &'static [u64],
}

const COURSE: RunContext = RunContext { spins: false, keeps_up: None, trouble: None };

const OPEN: RunContext = RunContext { keeps_up: Some(true), ..COURSE };

const BEHIND: RunContext = RunContext { keeps_up: Some(false), ..COURSE };

fn with(trouble: Trouble) -> RunContext {
    RunContext { trouble: Some(trouble), ..COURSE }
}

fn case() -> Case {
    Case {
        worker: (0.1, 0.0),
        in_loop: Some((0.9, 0.0)),
        server: &[(0.1, 0.0)],
        course: COURSE,
        outcomes: Outcomes { answered: 100, ..Outcomes::default() },
        seconds: &[10; 10],
    }
}

fn saturation(case: &Case) -> Saturation {
    let usage = Usage {
        threads: vec![thread(case.worker.0, case.worker.1)],
        loops: case
            .in_loop
            .map(|(idle, held_up)| LoopAccount {
                idle: WINDOW.mul_f64(idle),
                held_up: WINDOW.mul_f64(held_up),
                ..LoopAccount::default()
            })
            .into_iter()
            .collect(),
        server_threads: case.server.iter().map(|(running, waiting)| thread(*running, *waiting)).collect(),
        machine: Some(MachineTicks::of_cores(2)),
        measured_over: WINDOW,
        ..Usage::default()
    };
    let mut timeline = Timeline::new(Duration::from_secs(1));
    for (second, answered) in (0..).zip(case.seconds) {
        let outcomes = Outcomes { answered: *answered, ..Outcomes::default() };
        timeline.add(second, &Interval { outcomes, ..Interval::default() });
    }
    let mut recording = Recording::new(0, case.course.keeps_up.is_some());
    recording.calls = Calls { planned: case.outcomes.total(), outcomes: case.outcomes };
    let run = Measurement {
        plan: Plan::new(Settings::default()).expect("valid").document(),
        environment: Environment::now(),
        started_at: std::time::UNIX_EPOCH,
        agreed_start: None,
        shard: None,
        window: WINDOW,
        ended_by_count: false,
        is_interrupted: false,
        recording,
        timeline,
        usage,
        connections: crate::client::ConnectionAccount::default(),
        handshakes: crate::measure::Latency::new(),
        upload_waits: crate::client::UploadWaits::default(),
    };
    Saturation::of(&run, case.course).expect("there is a window")
}

/// Table of cases: what happened, the side that is reported, and words of the advice.
#[test]
#[expect(clippy::too_many_lines, reason = "a row for each situation")]
fn each_situation_has_its_own_advice() {
    let none = Outcomes::default();
    let unfinished = Outcomes { unfinished: 50, ..none };
    let some_unfinished = Outcomes { answered: 50, unfinished: 50, ..none };
    let failing = Outcomes { failed: 100, ..none };
    let refused = Outcomes { refused: 100, ..none };
    let busy: &[(f64, f64)] = &[(0.97, 0.0)];
    let elsewhere: &[(f64, f64)] = &[];
    let lean_busy = Some((0.04, 0.0));
    for (name, case, side, words) in [
        (
            "silent, closed",
            Case { outcomes: unfinished, seconds: &[], ..case() },
            Bottleneck::Neither,
            "accepted calls and ended none",
        ),
        (
            "silent, open",
            Case { outcomes: unfinished, seconds: &[], course: BEHIND, ..case() },
            Bottleneck::Neither,
            "accepted calls and ended none",
        ),
        (
            "silent, elsewhere",
            Case { outcomes: unfinished, seconds: &[], course: BEHIND, server: elsewhere, ..case() },
            Bottleneck::Unknown,
            "accepted calls and ended none",
        ),
        (
            "nothing planned",
            Case { outcomes: none, seconds: &[], ..case() },
            Bottleneck::Neither,
            "accepted calls and ended none",
        ),
        (
            "stopped, closed",
            Case { outcomes: some_unfinished, seconds: &[10; 4], ..case() },
            Bottleneck::Neither,
            "last reply came 4.00 s into the window",
        ),
        (
            "stopped, open",
            Case { outcomes: some_unfinished, seconds: &[10; 4], course: BEHIND, ..case() },
            Bottleneck::Neither,
            "last reply came 4.00 s into the window",
        ),
        (
            "absent method, closed",
            Case { outcomes: failing, seconds: &[], ..case() },
            Bottleneck::Neither,
            "see the statuses",
        ),
        (
            "absent method, open",
            Case { outcomes: failing, seconds: &[], course: OPEN, ..case() },
            Bottleneck::Neither,
            "see the statuses",
        ),
        (
            "refusing everything",
            Case { outcomes: refused, seconds: &[], ..case() },
            Bottleneck::Neither,
            "plimsoll limits",
        ),
        ("slow, closed", case(), Bottleneck::Neither, "more --concurrency gives more calls/s"),
        (
            "slow, open",
            Case { course: BEHIND, ..case() },
            Bottleneck::Neither,
            "had CPU time left but fell behind",
        ),
        (
            "does not read",
            Case { in_loop: Some((0.7, 0.8)), ..case() },
            Bottleneck::Neither,
            "had CPU time left but fell behind",
        ),
        (
            "does not read, elsewhere",
            Case { in_loop: Some((0.7, 0.8)), server: elsewhere, ..case() },
            Bottleneck::Server,
            "is queueing",
        ),
        ("saturated, closed", Case { server: busy, ..case() }, Bottleneck::Server, "is queueing"),
        (
            "saturated by waiting for cores",
            Case { server: &[(0.45, 0.5), (0.45, 0.5), (0.4, 0.5)], ..case() },
            Bottleneck::Server,
            "is queueing",
        ),
        (
            "saturated by one thread",
            Case { server: &[(0.95, 0.0), (0.1, 0.0)], ..case() },
            Bottleneck::Server,
            "is queueing",
        ),
        (
            "saturated, open, behind",
            Case { server: busy, course: BEHIND, ..case() },
            Bottleneck::Server,
            "is queueing",
        ),
        (
            "saturated, open, keeps up",
            Case { server: busy, course: OPEN, ..case() },
            Bottleneck::Server,
            "no CPU time left: a slightly",
        ),
        ("idle, open", Case { course: OPEN, ..case() }, Bottleneck::Neither, "a higher --rate"),
        (
            "idle, open, elsewhere",
            Case { course: OPEN, server: elsewhere, ..case() },
            Bottleneck::Neither,
            "a higher --rate",
        ),
        (
            "behind, elsewhere",
            Case { course: BEHIND, server: elsewhere, ..case() },
            Bottleneck::Server,
            "is queueing",
        ),
        (
            "idle, closed, elsewhere",
            Case { server: elsewhere, ..case() },
            Bottleneck::Unknown,
            "the generator had CPU time left",
        ),
        (
            "generator busy",
            Case { worker: (0.95, 0.0), in_loop: lean_busy, server: &[(0.5, 0.0)], ..case() },
            Bottleneck::Generator,
            "--workers",
        ),
        (
            "generator without a core",
            Case { worker: (0.4, 0.55), in_loop: Some((0.6, 0.0)), server: busy, ..case() },
            Bottleneck::Generator,
            "another machine",
        ),
        (
            "generator stopped",
            Case { course: with(Trouble::GeneratorPaused), ..case() },
            Bottleneck::Neither,
            "what stopped the generator",
        ),
        (
            "connections closed",
            Case { course: with(Trouble::Connections), ..case() },
            Bottleneck::Neither,
            "see connections_limited",
        ),
        (
            "calls kept back, elsewhere",
            Case {
                course: RunContext { trouble: Some(Trouble::UploadsHeldBack), ..BEHIND },
                server: elsewhere,
                in_loop: None,
                ..case()
            },
            Bottleneck::Unknown,
            "see uploads_held_back",
        ),
        (
            "calls kept back, server busy",
            Case { course: with(Trouble::UploadsHeldBack), server: busy, in_loop: None, ..case() },
            Bottleneck::Server,
            "this server's maximum",
        ),
        (
            "one call in three fails",
            Case { course: with(Trouble::MissingAnswers), ..case() },
            Bottleneck::Neither,
            "more load will not help",
        ),
    ] {
        let found = saturation(&case);
        assert_eq!(found.saturated, side, "{name}: {found:?}");
        assert!(found.advice.contains(words), "{name}: {}", found.advice);
        let is_idle = matches!(name, "slow, closed" | "idle, closed, elsewhere");
        assert_eq!(found.advice.contains("--concurrency"), is_idle, "{name}: {}", found.advice);
        let is_saturated = found.saturated == Bottleneck::Server && !name.contains("keeps up");
        assert_eq!(found.advice.contains("this server's maximum"), is_saturated, "{name}: {}", found.advice);
    }
}

#[test]
fn the_figures_say_what_contains_what_and_are_never_below_zero() {
    let found = saturation(&Case { worker: (0.06, 0.66), in_loop: None, server: &[(0.001, 0.0)], ..case() });
    assert_eq!(
        found.detail,
        "the busiest worker had work for 72.00 % of the time (of which ready without a core: 66.00 % of the time); the server used 0.00 % of its available CPU time"
    );
}

/// The accounts of threads are read next to the ends of the window, which may be much shorter than the time between.
#[test]
fn no_share_is_above_the_whole_of_a_very_short_window() {
    let found = saturation(&Case { worker: (3.0, 9.0), server: &[(13.0, 0.78)], in_loop: None, ..case() });
    let Saturation { generator_busy, generator_starved, server_busy, .. } = found;
    assert_eq!((generator_busy, generator_starved, server_busy), (Some(1.0), Some(1.0), Some(1.0)));
}

#[test]
fn a_worker_that_spins_is_not_busy() {
    let course = RunContext { spins: true, ..COURSE };
    let found = saturation(&Case { worker: (1.0, 0.0), course, ..case() });
    assert_eq!(found.saturated, Bottleneck::Neither, "{found:?}");
    assert!(found.generator_busy.is_some_and(|busy| busy < 0.2), "{found:?}");
}
