//! Saturation: the side of a run that had no capacity left (generator, server, or neither).

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    measure::{MachineTicks, Measurement, ThreadTime, Usage},
    units::{format_duration, format_share, named},
};

/// The side that had no capacity left, with the evidence. Shares are of the measured window (0..1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Saturation {
    /// The side.
    pub saturated: Bottleneck,
    /// Time during which the busiest worker was running or ready to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_busy: Option<f64>,
    /// Longest time that a worker was ready to run and had no core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_starved: Option<f64>,
    /// Longest time that requests waited because the server did not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_up: Option<f64>,
    /// CPU time that the server used or was ready to use, as a share of the CPU time available to its threads
    /// on the machine's cores. Above 1 where threads waited for a core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_busy: Option<f64>,
    /// The figures in words.
    pub detail: String,
    /// The next step.
    pub advice: String,
}

/// A side of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bottleneck {
    /// The figures show the generator's speed; the server may be faster.
    Generator,
    /// The figures show the server's capacity.
    Server,
    /// Both sides had capacity left.
    Neither,
    /// The generator had capacity left, and the server's CPU time is not known.
    Unknown,
}

named!(Bottleneck, "bottleneck", {
    Generator => "generator",
    Server => "server",
    Neither => "neither",
    Unknown => "unknown",
});

/// Share of a side's time from which that side decides the figures.
const SATURATED: f64 = 0.9;

/// Share of the window with requests that the server did not read, from which the server falls behind.
const HELD_UP: f64 = 0.5;

/// Smallest share of the window of a thread that does the server's work.
const THREAD_AT_WORK: f64 = 0.01;

/// Facts about a run's load, besides CPU time.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunContext {
    /// True if the lean client's loop spun.
    pub(super) spins: bool,
    /// True if an open loop reached its rate; `None` in a closed loop.
    pub(super) keeps_up: Option<bool>,
    /// Worst other cause that decides the figures.
    pub(super) trouble: Option<Trouble>,
}

/// A cause, besides CPU time, that decides a run's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The generator stood still for a notable part of the window.
    GeneratorPaused,
    /// Calls waited for connections for a notable part of the window.
    Connections,
    /// The stub client kept calls back until remains of refused uploads were gone.
    UploadsHeldBack,
    /// A notable part of the planned calls had no verified reply.
    MissingAnswers,
}

/// Situation of a run, as far as the next step depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Situation {
    /// No call ended: the server accepted calls and sent nothing.
    Silent,
    /// Every call that ended was over a size limit.
    Refusing,
    /// No call was answered, and some calls ended in another way.
    Failing,
    /// The last reply came this long after the window's start.
    Stopped(Duration),
    /// The generator stood still for a notable part of the window.
    Paused,
    /// The generator had no core.
    Starved,
    /// The generator had no CPU time left.
    Slow,
    /// Calls waited for connections.
    Connecting,
    /// The generator kept calls back.
    HoldingBack,
    /// The server had no CPU time left, or runs on another machine and fell behind.
    Saturated,
    /// The server had no CPU time left, and an open loop kept its rate.
    Full,
    /// The server had CPU time left, and did not read or fell behind.
    Waiting,
    /// Both sides had CPU time left, and an open loop kept its rate.
    Resting,
    /// Both sides had CPU time left in a closed loop.
    Idle,
    /// The generator had CPU time left, and the server's CPU time is not known.
    Unknown,
}

impl Situation {
    fn advice(self, lacks_answers: bool) -> String {
        match self {
            Self::Silent => {
                "the server accepted calls and ended none: check that it runs and that the port is right; try one `plimsoll call`"
            }
            Self::Refusing => {
                "every message was over a size limit: `plimsoll limits` finds it; use a smaller --size or raise the limit"
            }
            Self::Failing => {
                "no call was answered: see the statuses, and make one `plimsoll call` succeed before a load test"
            }
            Self::Stopped(after) => {
                return format!(
                    "the server's last reply came {} into the window: check whether it stopped, is stuck, or lost a dependency; goodput and latency are of the time before",
                    format_duration(after)
                );
            }
            Self::Paused => "find out what stopped the generator, and measure again",
            Self::Starved => {
                "run the generator on another machine, or leave it a core: fewer --server-threads"
            }
            Self::Slow => "use more --workers if there are cores for them, or a fixed --rate below this goodput",
            Self::Connecting => {
                "the pace of new connections limits these figures, not the concurrency: see connections_limited"
            }
            Self::HoldingBack => {
                "the generator held calls back, not the server: see uploads_held_back; --client lean does not wait"
            }
            _ if lacks_answers => {
                "look at the calls without a verified reply first: see the statuses; more load will not help"
            }
            Self::Saturated => {
                "the goodput is this server's maximum, and most of the latency is queueing; use a --rate below it to measure the latency of a server that keeps up"
            }
            Self::Full => "the server keeps up and has no CPU time left: a slightly higher --rate finds its limit",
            Self::Waiting => {
                "the server had CPU time left but fell behind: it waits for locks, for other services or for its own concurrency limits, or it was stopped for a while"
            }
            Self::Resting => "both sides can do more: a higher --rate finds the limit",
            Self::Idle => {
                "both sides had CPU time left: more --concurrency gives more calls/s, unless calls wait for locks, other services or the network"
            }
            Self::Unknown => {
                "the generator had CPU time left; if more --concurrency gives more calls/s, the server had too"
            }
        }
        .to_owned()
    }
}

impl Saturation {
    /// Returns the saturation of a run; `None` where the window was too short for CPU accounting.
    pub(super) fn of(run: &Measurement, course: RunContext) -> Option<Self> {
        let usage = &run.usage;
        let over = usage.measured_over.as_secs_f64();
        if over <= 0.0 {
            return None;
        }
        // A thread's account is read a moment before or after the window's ends: of a very short window, it may show more
        // than all.
        let share = |time: Duration| (time.as_secs_f64() / over).min(1.0);
        let generator_starved = usage.threads.iter().map(|thread| share(thread.waiting)).reduce(f64::max);
        let generator_busy = generator_busy(usage, course.spins, share);
        let held_up = usage.loops.iter().map(|in_loop| share(in_loop.held_up).min(1.0)).reduce(f64::max);
        let server_busy =
            server_busy(&usage.server_threads, usage.machine.map_or(0, MachineTicks::cores), share);
        let at_least = |value: Option<f64>, bound: f64| value.is_some_and(|value| value >= bound);
        // A rate missed because the generator kept calls back is no sign of a slow server.
        let holds_back = course.trouble == Some(Trouble::UploadsHeldBack);
        let falls_behind = at_least(held_up, HELD_UP) || (course.keeps_up == Some(false) && !holds_back);
        let saturated = if at_least(generator_busy, SATURATED) {
            Bottleneck::Generator
        } else if at_least(server_busy, SATURATED) || (server_busy.is_none() && falls_behind) {
            // A server on another machine has no CPU accounting; falling behind is the only sign.
            Bottleneck::Server
        } else if server_busy.is_some() || course.keeps_up == Some(true) {
            Bottleneck::Neither
        } else {
            Bottleneck::Unknown
        };
        let is_starved = match (generator_starved, generator_busy) {
            (Some(starved), Some(busy)) => starved > busy / 2.0,
            _ => false,
        };
        let situation = without_answers(run).unwrap_or(match saturated {
            Bottleneck::Generator if is_starved => Situation::Starved,
            Bottleneck::Generator => Situation::Slow,
            _ if course.trouble == Some(Trouble::GeneratorPaused) => Situation::Paused,
            _ if course.trouble == Some(Trouble::Connections) => Situation::Connecting,
            _ if holds_back && !at_least(server_busy, SATURATED) => Situation::HoldingBack,
            Bottleneck::Server if course.keeps_up == Some(true) => Situation::Full,
            Bottleneck::Server => Situation::Saturated,
            _ if falls_behind => Situation::Waiting,
            Bottleneck::Neither if course.keeps_up.is_some() => Situation::Resting,
            Bottleneck::Neither => Situation::Idle,
            Bottleneck::Unknown => Situation::Unknown,
        });
        // A silent or failing server decides the figures, at any use of CPU time.
        let saturated = match (situation, saturated) {
            (Situation::Silent | Situation::Stopped(_) | Situation::Connecting, Bottleneck::Server)
                if !at_least(server_busy, SATURATED) =>
            {
                Bottleneck::Unknown
            }
            (_, side) => side,
        };
        let mut detail: Vec<String> = Vec::new();
        detail.extend(generator_busy.map(|busy| {
            let starved = generator_starved.filter(|starved| *starved >= THREAD_AT_WORK);
            let starved = starved.map_or_else(String::new, |starved| {
                format!(" (of which ready without a core: {} of the time)", format_share(starved.min(busy)))
            });
            format!("the busiest worker had work for {} of the time{starved}", format_share(busy))
        }));
        detail.extend(server_busy.map(|busy| {
            format!("the server used {} of its available CPU time", format_share(busy.min(1.0)))
        }));
        detail.extend(held_up.filter(|held_up| *held_up >= THREAD_AT_WORK).map(|held_up| {
            format!("requests waited for the server to read for {} of the time", format_share(held_up))
        }));
        Some(Self {
            saturated,
            generator_busy,
            generator_starved,
            held_up,
            server_busy,
            detail: detail.join("; "),
            advice: situation.advice(course.trouble == Some(Trouble::MissingAnswers)),
        })
    }
}

/// Returns true if the generator decides a measurement's figures: its busiest worker had no time left.
#[must_use]
pub fn is_generator_saturated(run: &Measurement) -> bool {
    let over = run.usage.measured_over.as_secs_f64();
    let spins = !run.plan.options.spin.is_zero();
    let busy = generator_busy(&run.usage, spins, |time| time.as_secs_f64() / over);
    over > 0.0 && busy.is_some_and(|busy| busy >= SATURATED)
}

/// Shortest time without an answer at the window's end that is a finding.
const SILENCE: Duration = Duration::from_secs(1);

/// Returns the situation where no call was answered, or none after a certain time.
fn without_answers(run: &Measurement) -> Option<Situation> {
    let recording = &run.recording;
    let outcomes = recording.calls.outcomes;
    if outcomes.answered == 0 && recording.carried_over.replies == 0 {
        return Some(match (outcomes.unverified(), outcomes.refused) {
            (0, 0) => Situation::Silent,
            (0, _) => Situation::Refusing,
            _ => Situation::Failing,
        });
    }
    // Only whole intervals at the window's end count, and only if calls wait for an answer.
    let mut answered_until = None;
    for (start, length, outcomes) in run.timeline.outcomes(run.window) {
        if start < run.window && outcomes.answered > 0 {
            answered_until = Some(start + length);
        }
    }
    let silent = run.window.saturating_sub(answered_until?);
    let waits = outcomes.unfinished + outcomes.deadline_exceeded + outcomes.broken > 0;
    (silent >= SILENCE && waits).then(|| Situation::Stopped(answered_until.unwrap_or_default()))
}

/// Returns the share of time (0..1) during which the busiest worker was running or ready to run.
fn generator_busy(usage: &Usage, spins: bool, share: impl Fn(Duration) -> f64) -> Option<f64> {
    let by_kernel = usage.threads.iter().map(|thread| {
        // A spinning loop uses a core without work, so the loop's own account is used.
        let running = if spins { Duration::ZERO } else { thread.running };
        share(running + thread.waiting)
    });
    let by_loop = usage.loops.iter().map(|in_loop| 1.0 - share(in_loop.idle).min(1.0));
    by_kernel.chain(by_loop).reduce(f64::max).map(|busy| busy.min(1.0))
}

/// Returns the CPU time that the server used or was ready to use, as a share of the CPU time available to it.
#[expect(clippy::cast_precision_loss, reason = "a handful of threads")]
fn server_busy(threads: &[ThreadTime], cores: usize, share: impl Fn(Duration) -> f64) -> Option<f64> {
    let shares = threads.iter().map(|thread| share(thread.running + thread.waiting));
    let at_work: Vec<f64> = shares.filter(|share| *share >= THREAD_AT_WORK).collect();
    if threads.is_empty() {
        return None;
    }
    let could_use = at_work.len().min(cores).max(1) as f64;
    let busiest = at_work.iter().copied().fold(0.0, f64::max);
    // One thread that never rests delays all other threads, whatever their number.
    let sum = at_work.iter().fold(0.0, |sum, share| sum + share);
    Some((sum / could_use).max(if busiest >= SATURATED { busiest } else { 0.0 }))
}

#[cfg(test)]
#[path = "saturation_tests.rs"]
mod tests;
