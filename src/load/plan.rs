//! A validated description of a run.
//!
//! [`Settings`] is what was asked for, every part on its own; [`Plan`] is what that means, with
//! nothing in it that contradicts itself. The engine sees plans alone.

use std::{num::NonZeroU64, time::Duration};

use super::{
    payload::{Payload, PayloadError},
    schedule::{Schedule, Stage},
    settings::{ClientKind, DEFAULT_DURATION, Load, Rates, Settings, TextSource, Texts, Workers},
};
use crate::{
    rpc::{
        Compression,
        format_data::LARGEST_MESSAGE,
        metadata::{MetadataError, Pair},
    },
    units::{LONGEST, Limit, exact_duration, grouped},
};

/// Calls in flight, connections and workers are bounded, so that a slip of the finger does not
/// take the machine down.
pub const MOST_IN_FLIGHT: u64 = 1_000_000;

/// See [`MOST_IN_FLIGHT`].
pub const MOST_CONNECTIONS: usize = 10_000;

/// See [`MOST_IN_FLIGHT`].
pub const MOST_WORKERS: usize = 1_024;

/// The stub client's receive limit when the user asks for none: tonic reserves the length that a
/// reply's prefix claims before a byte of it has come.
pub const STUB_RECV_CAP: u64 = 256 << 20;

/// A validated run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) load: PlannedLoad,
    pub(super) calls: Option<NonZeroU64>,
    pub(super) warm_up: Duration,
    pub(super) drain: Duration,
    pub(super) payload: Payload,
    pub(super) sizes_asked: Vec<u64>,
    pub(super) text: TextSource,
    pub(super) timeout: Option<Duration>,
    pub(super) metadata: Vec<Pair>,
    pub(super) connections: usize,
    pub(super) workers: usize,
    pub(super) max_send_message_size: Limit,
    pub(super) max_recv_message_size: Limit,
    pub(super) compression: Option<Compression>,
    pub(super) client: ClientKind,
    pub(super) spin: Duration,
    pub(super) seed: u64,
}

/// The load of a validated run.
#[derive(Debug, Clone, PartialEq)]
pub enum PlannedLoad {
    /// Calls in flight, for a time that has an end unless the calls are counted.
    Closed {
        /// In total; at least one a worker.
        concurrency: u64,
        /// Length of the measured window, if it does not end by count alone.
        duration: Option<Duration>,
    },
    /// Calls at intended times.
    Open {
        /// When; its length is that of the measured window.
        schedule: Schedule,
        /// In total; at least one a worker.
        max_in_flight: u64,
    },
}

/// Why there is no such plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A number that must be positive is not.
    #[error("{what} is 0, so nothing would run; ask for at least 1{unit}")]
    Zero {
        /// What is 0.
        what: &'static str,
        /// The unit of the smallest value, if it has one.
        unit: &'static str,
    },
    /// A number is over its bound.
    #[error("{what} is {got}; {most} at most")]
    TooMany {
        /// What is too large.
        what: &'static str,
        /// The value.
        got: String,
        /// The bound.
        most: String,
    },
    /// The workers asked for cannot all have a share.
    #[error("{workers} workers need at least one {of} each, but there {are} {got}; ask for fewer workers or at least {workers} {of}s", are = if *got == 1 { "is" } else { "are" })]
    WorkersWithout {
        /// Workers asked for.
        workers: usize,
        /// What each needs.
        of: &'static str,
        /// How many of it there are.
        got: u64,
    },
    /// Stages that bring no call.
    #[error("the stages bring no call at all; give at least one a rate above 0")]
    NoCalls,
    /// Stages and a duration contradict each other.
    #[error("stages say how long the run lasts, so a duration ({}) has no place beside them; leave it out", exact_duration(*.0))]
    StagesAndDuration(Duration),
    /// The payload cannot be built.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// A pair of metadata cannot be sent.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The client's receive limit is beyond what a message can have.
    #[error("the client's receive limit is {} bytes; 2,147,483,647 at most, because no protobuf message is longer", grouped(*.0))]
    RecvLimit(u64),
}

impl Plan {
    /// What these settings mean.
    ///
    /// # Errors
    /// When they contradict each other, or are out of their bounds.
    pub fn new(settings: Settings) -> Result<Self, PlanError> {
        let zero = |what, unit| PlanError::Zero { what, unit };
        let in_flight = match settings.load {
            Load::Closed { concurrency } => bounded("the concurrency", concurrency)?,
            Load::Open { max_in_flight, .. } => bounded("the bound on calls in flight", max_in_flight)?,
        };
        if settings.calls == Some(0) {
            return Err(zero("the number of calls", ""));
        }
        if settings.duration == Some(Duration::ZERO) {
            return Err(zero("the duration", "ms"));
        }
        if settings.timeout == Some(Duration::ZERO) {
            return Err(zero("the timeout", "ms"));
        }
        for pair in &settings.metadata {
            pair.check()?;
        }
        let max_recv_message_size = recv_limit(settings.client, settings.max_recv_message_size)?;
        let workers = workers(&settings, in_flight)?;
        let duration = match (settings.duration, settings.calls) {
            (None, None) => Some(DEFAULT_DURATION),
            (duration, _) => duration,
        };
        let load = match settings.load {
            Load::Closed { concurrency } => PlannedLoad::Closed { concurrency, duration },
            Load::Open { rates, arrivals, max_in_flight } => {
                let stages = stages(rates, settings.duration, duration)?;
                let schedule = Schedule { stages, arrivals, seed: settings.seed, calls: settings.calls };
                PlannedLoad::Open { schedule, max_in_flight }
            }
        };
        let (payload, sizes_asked, text) = match settings.texts {
            Texts::Made { mix, kind } => {
                let asked = mix.0.iter().map(|share| share.message_bytes.0).collect();
                (Payload::new(&mix, kind, settings.seed)?, asked, TextSource::Kind(kind))
            }
            Texts::Given { text, path } => {
                let payload = Payload::of_text(text)?;
                let asked = payload.messages().iter().map(|message| message.request_bytes).collect();
                (payload, asked, TextSource::File(path))
            }
        };
        Ok(Self {
            load,
            calls: settings.calls.and_then(NonZeroU64::new),
            warm_up: settings.warm_up,
            drain: settings.drain,
            payload,
            sizes_asked,
            text,
            timeout: settings.timeout,
            metadata: settings.metadata,
            connections: settings.connections.unwrap_or(workers),
            workers,
            max_send_message_size: settings.max_send_message_size,
            max_recv_message_size,
            compression: settings.compression,
            client: settings.client,
            spin: settings.spin,
            seed: settings.seed,
        })
    }

    /// What keeps calls coming.
    #[must_use]
    pub fn load(&self) -> &PlannedLoad {
        &self.load
    }

    /// The count after which the run ends, if it has one.
    #[must_use]
    pub fn calls(&self) -> Option<NonZeroU64> {
        self.calls
    }

    /// Load before the measured window.
    #[must_use]
    pub fn warm_up(&self) -> Duration {
        self.warm_up
    }

    /// The measured window, if it does not end by count alone.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        match &self.load {
            PlannedLoad::Closed { duration, .. } => *duration,
            PlannedLoad::Open { schedule, .. } => {
                let duration = schedule.duration();
                (duration < LONGEST).then_some(duration)
            }
        }
    }

    /// How long calls in flight are waited for at the end.
    #[must_use]
    pub fn drain(&self) -> Duration {
        self.drain
    }

    /// The messages.
    #[must_use]
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Deadline of each call.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Sent with each call.
    #[must_use]
    pub fn metadata(&self) -> &[Pair] {
        &self.metadata
    }

    /// Connections in total: at least one a worker.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// Threads of the generator: at least one.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The client's own limit for requests.
    #[must_use]
    pub fn max_send_message_size(&self) -> Limit {
        self.max_send_message_size
    }

    /// How requests are compressed.
    #[must_use]
    pub fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// The client's own limit for replies; never unlimited.
    #[must_use]
    pub fn max_recv_message_size(&self) -> Limit {
        self.max_recv_message_size
    }

    /// Calls that may be in flight at once, in total.
    #[must_use]
    pub fn most_in_flight(&self) -> u64 {
        match &self.load {
            PlannedLoad::Closed { concurrency, .. } => *concurrency,
            PlannedLoad::Open { max_in_flight, .. } => *max_in_flight,
        }
    }

    /// Which client makes the calls.
    #[must_use]
    pub fn client(&self) -> ClientKind {
        self.client
    }

    /// How long the lean client looks for something to do before it blocks.
    #[must_use]
    pub fn spin(&self) -> Duration {
        self.spin
    }

    /// Whether response time can be told: only an open loop has intended starts.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.load, PlannedLoad::Open { .. })
    }

    /// The share of `total` that worker `index` has: all shares differ by one at most.
    #[must_use]
    pub fn share_of(&self, total: u64, index: usize) -> u64 {
        let workers = self.workers as u64;
        total / workers + u64::from((index as u64) < total % workers)
    }
}

/// The receive limit that a client is given: never none, and none that is larger than a message can be.
///
/// # Errors
/// When the limit is over 2 GiB - 1.
pub fn recv_limit(client: ClientKind, asked: Limit) -> Result<Limit, PlanError> {
    match (asked, client) {
        (Limit::Unlimited, ClientKind::Stub) => Ok(Limit::Bytes(STUB_RECV_CAP)),
        // It compares a reply as it comes, and so the largest message costs it nothing.
        (Limit::Unlimited, ClientKind::Lean) => Ok(Limit::Bytes(LARGEST_MESSAGE)),
        (Limit::Bytes(bytes), _) if bytes > LARGEST_MESSAGE => Err(PlanError::RecvLimit(bytes)),
        (limit @ Limit::Bytes(_), _) => Ok(limit),
    }
}

fn bounded(what: &'static str, number: u64) -> Result<u64, PlanError> {
    match number {
        0 => Err(PlanError::Zero { what, unit: "" }),
        number if number > MOST_IN_FLIGHT => {
            Err(PlanError::TooMany { what, got: grouped(number), most: grouped(MOST_IN_FLIGHT) })
        }
        number => Ok(number),
    }
}

/// How many workers there are: each needs a call in flight and a connection.
fn workers(settings: &Settings, in_flight: u64) -> Result<usize, PlanError> {
    let too_many = |what, got: usize, most: usize| PlanError::TooMany {
        what,
        got: grouped(got as u64),
        most: grouped(most as u64),
    };
    if let Some(connections) = settings.connections {
        if connections == 0 {
            return Err(PlanError::Zero { what: "the number of connections", unit: "" });
        }
        if connections > MOST_CONNECTIONS {
            return Err(too_many("the number of connections", connections, MOST_CONNECTIONS));
        }
    }
    let needs = [
        ("call in flight", Some(in_flight)),
        ("connection", settings.connections.map(|connections| connections as u64)),
    ];
    match settings.workers {
        Workers::Exactly(0) => Err(PlanError::Zero { what: "the number of workers", unit: "" }),
        Workers::Exactly(workers) if workers > MOST_WORKERS => {
            Err(too_many("the number of workers", workers, MOST_WORKERS))
        }
        Workers::Exactly(workers) => {
            for (of, got) in needs {
                if let Some(got) = got.filter(|got| *got < workers as u64) {
                    return Err(PlanError::WorkersWithout { workers, of, got });
                }
            }
            Ok(workers)
        }
        Workers::AtMost(workers) => {
            let fewest = needs.iter().filter_map(|(_, got)| *got).min().unwrap_or(u64::MAX);
            Ok(workers.clamp(1, MOST_WORKERS).min(usize::try_from(fewest).unwrap_or(usize::MAX)))
        }
    }
}

/// The stages of an open loop. One that is ended by its count alone lasts a year.
fn stages(
    rates: Rates,
    asked: Option<Duration>,
    duration: Option<Duration>,
) -> Result<Vec<Stage>, PlanError> {
    match rates {
        Rates::One(per_second) => Ok(vec![Stage::constant(per_second, duration.unwrap_or(LONGEST))]),
        Rates::Stages(stages) => {
            if let Some(duration) = asked {
                return Err(PlanError::StagesAndDuration(duration));
            }
            if stages.iter().any(|stage| stage.duration.is_zero()) {
                return Err(PlanError::Zero { what: "the duration of a stage", unit: "ms" });
            }
            if stages.iter().all(|stage| stage.from_per_second <= 0.0 && stage.to_per_second <= 0.0) {
                return Err(PlanError::NoCalls);
            }
            Ok(stages)
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
