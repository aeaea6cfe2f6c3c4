//! Which side of a run had no more to give: the generator, the server, or neither.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    driver::{Run, Usage},
    environment::ThreadTime,
    units::format_share,
};

/// Which side had no more to give, with what says so. Shares are of the measured window (0..1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// The side.
    pub saturated: Side,
    /// How long the busiest worker was at work or ready for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_busy: Option<f64>,
    /// How long a worker was ready and had no core, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_starved: Option<f64>,
    /// How long requests waited because the server did not read, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_up: Option<f64>,
    /// How much of what the server could use it used or was ready to use: its threads, and no more of
    /// them than the machine has cores. Over 1 where threads waited for a core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_busy: Option<f64>,
    /// The figures in words.
    pub detail: String,
    /// The next step.
    pub advice: String,
}

/// A side of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The figures show the generator's speed: the server may be faster.
    Generator,
    /// The figures show what the server can do.
    Server,
    /// Both had time left.
    Neither,
    /// The generator had time left, and the server's account is not known.
    Unknown,
}

/// Of a side's time: from here on it decides the figures.
const SATURATED: f64 = 0.9;
/// Of the window with requests that the server did not read.
const HELD_UP: f64 = 0.5;
/// Of the window: a thread that runs less is not one that does the server's work.
const THREAD_AT_WORK: f64 = 0.01;

impl Saturation {
    /// Which side of a run had no more to give; `None` where the window was too short for an account.
    /// `keeps_up` says whether an open loop reached its rate; it is `None` in a closed loop.
    pub(super) fn of(run: &Run, spins: bool, keeps_up: Option<bool>) -> Option<Self> {
        let usage = &run.usage;
        let over = usage.measured_over.as_secs_f64();
        if over <= 0.0 {
            return None;
        }
        let share = |time: Duration| time.as_secs_f64() / over;
        let generator_starved = usage.threads.iter().map(|thread| share(thread.waiting)).reduce(f64::max);
        let generator_busy = generator_busy(usage, spins, share);
        let held_up = usage.loops.iter().map(|in_loop| share(in_loop.held_up).min(1.0)).reduce(f64::max);
        let server_busy = server_busy(&usage.server_threads, usage.machine_cores, share);
        let at_least = |value: Option<f64>, bound: f64| value.is_some_and(|value| value >= bound);
        let saturated = if at_least(generator_busy, SATURATED) {
            Side::Generator
        } else if at_least(server_busy, SATURATED) || at_least(held_up, HELD_UP) || keeps_up == Some(false) {
            Side::Server
        } else if server_busy.is_some() || keeps_up == Some(true) {
            Side::Neither
        } else {
            Side::Unknown
        };
        let is_starved = match (generator_starved, generator_busy) {
            (Some(starved), Some(busy)) => starved > busy / 2.0,
            _ => false,
        };
        let mut detail: Vec<String> = Vec::new();
        detail
            .extend(generator_busy.map(|busy| {
                format!("the busiest worker was at work for {} of the time", format_share(busy))
            }));
        detail.extend(
            generator_starved
                .filter(|starved| *starved >= THREAD_AT_WORK)
                .map(|starved| format!("ready without a core for {}", format_share(starved))),
        );
        detail.extend(
            server_busy
                .map(|busy| format!("the server used {} of what it could", format_share(busy.min(1.0)))),
        );
        detail.extend(
            held_up
                .filter(|held_up| *held_up >= THREAD_AT_WORK)
                .map(|held_up| format!("requests waited for it to read for {}", format_share(held_up))),
        );
        let advice = match saturated {
            Side::Generator if is_starved => {
                "run the generator on another machine than the server, or leave it a core: fewer --server-threads"
            }
            Side::Generator => {
                "give more --workers where there are cores for them, or a fixed --rate below this"
            }
            Side::Server => {
                "the goodput is what this server can do, and most of the latency is waiting in line; a --rate below it shows the latency of a server that keeps up"
            }
            Side::Neither if keeps_up.is_some() => "both can do more: a higher --rate will find the limit",
            Side::Neither => {
                "neither ran out of CPU time: more --concurrency will bring more calls a second, unless calls wait for locks, other services or the network"
            }
            Side::Unknown => {
                "the generator had time left; if more --concurrency brings more calls a second, so had the server"
            }
        };
        Some(Self {
            saturated,
            generator_busy,
            generator_starved,
            held_up,
            server_busy,
            detail: detail.join("; "),
            advice: advice.to_owned(),
        })
    }
}

/// The busiest worker's share of time at work, or ready for it.
fn generator_busy(usage: &Usage, spins: bool, share: impl Fn(Duration) -> f64) -> Option<f64> {
    let by_kernel = usage.threads.iter().map(|thread| {
        // A loop that spins uses a core with nothing to do: its own account tells.
        let running = if spins { Duration::ZERO } else { thread.running };
        share(running + thread.waiting)
    });
    let by_loop = usage.loops.iter().map(|in_loop| 1.0 - share(in_loop.idle).min(1.0));
    by_kernel.chain(by_loop).reduce(f64::max).map(|busy| busy.min(1.0))
}

/// What the server used or was ready to use, of what it could use.
#[expect(clippy::cast_precision_loss, reason = "a handful of threads")]
fn server_busy(threads: &[ThreadTime], cores: usize, share: impl Fn(Duration) -> f64) -> Option<f64> {
    let shares = threads.iter().map(|thread| share(thread.running + thread.waiting));
    let at_work: Vec<f64> = shares.filter(|share| *share >= THREAD_AT_WORK).collect();
    if threads.is_empty() {
        return None;
    }
    let could_use = at_work.len().min(cores).max(1) as f64;
    let busiest = at_work.iter().copied().fold(0.0, f64::max);
    // One thread that never rests holds up the others, however many there are.
    Some((at_work.iter().sum::<f64>() / could_use).max(if busiest >= SATURATED { busiest } else { 0.0 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        driver::LoopAccount,
        record::{Recording, Timeline},
    };

    const WINDOW: Duration = Duration::from_secs(10);

    fn thread(running: f64, waiting: f64) -> ThreadTime {
        ThreadTime { running: WINDOW.mul_f64(running), waiting: WINDOW.mul_f64(waiting) }
    }

    fn saturation(
        worker: (f64, f64),
        in_loop: Option<(f64, f64)>,
        server: &[(f64, f64)],
        spins: bool,
        keeps_up: Option<bool>,
    ) -> Saturation {
        let usage = Usage {
            threads: vec![thread(worker.0, worker.1)],
            loops: in_loop
                .map(|(idle, held_up)| LoopAccount {
                    idle: WINDOW.mul_f64(idle),
                    held_up: WINDOW.mul_f64(held_up),
                    ..LoopAccount::default()
                })
                .into_iter()
                .collect(),
            server_threads: server.iter().map(|(running, waiting)| thread(*running, *waiting)).collect(),
            machine_cores: 2,
            measured_over: WINDOW,
            ..Usage::default()
        };
        let run = Run {
            started_at: std::time::UNIX_EPOCH,
            window: WINDOW,
            ended_by_count: false,
            is_interrupted: false,
            recording: Recording::new(0, keeps_up.is_some()),
            timeline: Timeline::new(),
            usage,
            connections: crate::client::ConnectionAccount::default(),
            upload_waits: crate::client::UploadWaits::default(),
        };
        Saturation::of(&run, spins, keeps_up).expect("there is a window")
    }

    #[test]
    fn a_server_whose_threads_are_busy_or_ready_is_saturated() {
        for server in
            [&[(0.97, 0.0)][..], &[(0.45, 0.5), (0.45, 0.5), (0.4, 0.5)], &[(0.95, 0.0), (0.1, 0.0)]]
        {
            let found = saturation((0.3, 0.1), Some((0.6, 0.0)), server, false, None);
            assert_eq!(found.saturated, Side::Server, "{found:?}");
        }
        let reads_late = saturation((0.3, 0.0), Some((0.7, 0.8)), &[], false, None);
        assert_eq!(reads_late.saturated, Side::Server);
        let falls_behind = saturation((0.3, 0.0), Some((0.7, 0.0)), &[], false, Some(false));
        assert_eq!(falls_behind.saturated, Side::Server);
    }

    #[test]
    fn a_worker_that_is_busy_or_has_no_core_makes_the_generator_saturated() {
        let busy = saturation((0.95, 0.0), Some((0.04, 0.0)), &[(0.5, 0.0)], false, None);
        assert_eq!(busy.saturated, Side::Generator);
        assert!(busy.advice.contains("--workers"), "{}", busy.advice);
        let starved = saturation((0.4, 0.55), Some((0.6, 0.0)), &[(0.95, 0.0)], false, None);
        assert_eq!(starved.saturated, Side::Generator);
        assert!(starved.advice.contains("another machine"), "{}", starved.advice);
    }

    #[test]
    fn a_worker_that_spins_is_not_busy() {
        let found = saturation((1.0, 0.0), Some((0.9, 0.0)), &[(0.1, 0.0)], true, None);
        assert_eq!(found.saturated, Side::Neither, "{found:?}");
        assert!(found.generator_busy.is_some_and(|busy| busy < 0.2), "{found:?}");
    }

    #[test]
    fn where_both_rest_neither_is_saturated_and_without_an_account_it_is_not_known() {
        assert_eq!(
            saturation((0.1, 0.0), None, &[(0.2, 0.0), (0.1, 0.0)], false, None).saturated,
            Side::Neither
        );
        assert_eq!(saturation((0.1, 0.0), None, &[], false, Some(true)).saturated, Side::Neither);
        assert_eq!(saturation((0.1, 0.0), None, &[], false, None).saturated, Side::Unknown);
    }
}
