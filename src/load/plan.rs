//! Validated description of a run, and its document.
//!
//! [`Settings`] hold the values as typed, each on its own. A [`Plan`] has no contradictions. The engine
//! receives only plans.

use std::{num::NonZeroU64, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    bounds::{bounded, own_parts, stages, workers},
    corpus::{Expect, PlannedData},
    error::PlanError,
    options::{ClientKind, Options},
    payload::Payload,
    planned::{PlannedLoad, PlannedMethod, PlannedSize},
    schedule::{Arrivals, Schedule},
    settings::{DEFAULT_DURATION, Load, Settings, TextSource, Texts},
    shard::Shard,
};
use crate::{
    rpc::{LARGEST_MESSAGE, Method},
    units::{LONGEST, Limit, nanoseconds},
};

/// Default receive limit of the stub client. Tonic allocates the length that a reply's prefix claims before
/// the first byte of the reply arrives.
pub const STUB_RECV_CAP: u64 = 256 << 20;

/// Length of the intervals of a short run's timeline.
pub const FINE_INTERVAL: Duration = Duration::from_millis(100);

/// Length of the intervals of other timelines: those of long runs, of many shards, and of the runs of an experiment,
/// whose document has many.
pub const COARSE_INTERVAL: Duration = Duration::from_secs(1);

/// Longest window with fine intervals.
const LONGEST_FINE: Duration = Duration::from_secs(100);

/// Longest window of a shard with fine intervals: a merge keeps this number of rows unpacked.
const LONGEST_FINE_SHARD: Duration = Duration::from_secs(25);

/// Most workers with fine intervals: one driver adds up all that they report.
const MOST_FINE_WORKERS: usize = 32;

/// Most shards with fine intervals.
const MOST_FINE_SHARDS: u64 = 16;

/// Validated description of a run. In the document every setting is resolved, so that the run can be
/// repeated.
///
/// Times are in ns, sizes in message bytes. The document does not contain the messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Plan {
    /// Closed or open loop.
    pub load: PlannedLoad,
    /// Number of calls after which the run ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<NonZeroU64>,
    /// Length of the measured window; absent if the run ends by count alone.
    #[serde(
        rename = "duration_ns",
        with = "nanoseconds::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    #[schemars(with = "Option<u64>")]
    pub duration: Option<Duration>,
    /// Length of the load before the measured window.
    #[serde(rename = "warm_up_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub warm_up: Duration,
    /// Longest wait for calls in flight at the end.
    #[serde(rename = "drain_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub drain: Duration,
    /// Sizes, in the order of the mix.
    pub sizes: Vec<PlannedSize>,
    /// The method, if it is not `example.FormatData/DoFormat`.
    #[serde(rename = "method", skip_serializing_if = "Option::is_none", default)]
    pub other_method: Option<PlannedMethod>,
    /// The user's data, for another method.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub data: Option<PlannedData>,
    /// Check of replies; absent for `upper`, the check of `example.FormatData/DoFormat`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expect: Option<Expect>,
    /// Contents of the texts; absent for another method.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<TextSource>,
    /// Options of the client. Its limit for replies is never unlimited.
    #[serde(flatten)]
    pub options: Options,
    /// True if the client's limit for replies was capped because none was requested.
    #[serde(rename = "recv_limit_capped", skip_serializing_if = "std::ops::Not::not", default)]
    pub is_recv_limit_capped: bool,
    /// Connections in total: at least one per worker.
    pub connections: usize,
    /// Threads of the generator: at least one.
    pub workers: usize,
    /// Seed for arrivals and mixes.
    pub seed: u64,
    /// Part of the run that this process makes; all other numbers are those of the whole run, except for
    /// connections and workers.
    #[serde(skip)]
    pub shard: Shard,
    #[serde(skip, default = "Method::format_data")]
    method: Method,
    #[serde(skip)]
    messages: Messages,
}

/// Messages of a plan. They follow from the other settings, so the comparison of plans ignores them. A plan
/// read from a document has none.
#[derive(Debug, Clone, Default)]
struct Messages(Payload);

impl PartialEq for Messages {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Plan {
    /// Validates settings and resolves them into a plan.
    ///
    /// # Errors
    /// Fails if the settings contradict each other or are out of their bounds.
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
        if settings.options.timeout == Some(Duration::ZERO) {
            return Err(zero("the timeout", "ms"));
        }
        for pair in &settings.options.metadata {
            pair.check()?;
        }
        let is_recv_limit_capped = settings.options.client == ClientKind::Stub
            && settings.options.max_recv_message_size == Limit::Unlimited;
        let max_recv_message_size =
            recv_limit(settings.options.client, settings.options.max_recv_message_size)?;
        let shard = settings.shard;
        let (own_in_flight, connections) = own_parts(&settings, in_flight)?;
        let workers = workers(settings.workers, connections, own_in_flight)?;
        let duration = match (settings.duration, settings.calls) {
            (None, None) => Some(DEFAULT_DURATION),
            (duration, _) => duration,
        };
        let (load, duration) = match settings.load {
            Load::Closed { concurrency } => (PlannedLoad::Closed { concurrency }, duration),
            Load::Open { rates, arrivals, max_in_flight } => {
                let stages = stages(rates, settings.duration, duration)?;
                let length: Duration = stages.iter().map(|stage| stage.duration).sum();
                let load = PlannedLoad::Open { arrivals, stages, max_in_flight };
                (load, (length < LONGEST).then_some(length))
            }
        };
        let is_other = matches!(settings.texts, Texts::Encoded(_));
        if is_other == settings.method.is_built_in() {
            return Err(PlanError::MethodAndData(settings.method.path().to_owned()));
        }
        let (mut data, mut expect) = (None, None);
        let (payload, sizes, text) = match settings.texts {
            Texts::Made { mix, kind } => {
                let payload = Payload::new(&mix, kind, settings.seed)?;
                let asked = mix.0.iter().map(|share| share.message_bytes.0);
                let sizes = payload.messages().iter().zip(asked).zip(payload.weights());
                let sizes = sizes.map(|((message, asked_bytes), weight)| PlannedSize {
                    message_bytes: message.request_bytes(),
                    reply_bytes: message.reply_bytes(),
                    asked_bytes,
                    weight,
                });
                let sizes = sizes.collect();
                (payload, sizes, Some(TextSource::Kind(kind)))
            }
            Texts::Given { text, path } => {
                let payload = Payload::of_text(text)?;
                let sizes = payload.messages().iter().map(PlannedSize::of).collect();
                (payload, sizes, Some(TextSource::File(path)))
            }
            Texts::Encoded(corpus) => {
                let payload = Payload::of_corpus(&corpus, &settings.method, settings.seed)?;
                (data, expect) = (Some(corpus.document()), Some(corpus.expect()));
                // One row for all messages: their mean size.
                let requests = corpus.requests();
                let bytes: u64 = requests.iter().map(|request| request.len() as u64).sum();
                let mean = (bytes + requests.len() as u64 / 2) / requests.len().max(1) as u64;
                let size =
                    PlannedSize { message_bytes: mean, reply_bytes: None, asked_bytes: mean, weight: 1 };
                (payload, vec![size], None)
            }
        };
        Ok(Self {
            load,
            calls: settings.calls.and_then(NonZeroU64::new),
            duration,
            warm_up: settings.warm_up,
            drain: settings.drain,
            sizes,
            other_method: is_other.then(|| PlannedMethod::of(&settings.method)),
            data,
            expect,
            text,
            options: Options { max_recv_message_size, ..settings.options },
            is_recv_limit_capped,
            connections: connections.unwrap_or(workers),
            workers,
            seed: settings.seed,
            shard,
            method: settings.method,
            messages: Messages(payload),
        })
    }

    /// The method that the plan drives.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The messages; empty in a plan read from a document.
    #[must_use]
    pub fn payload(&self) -> &Payload {
        &self.messages.0
    }

    /// Length of the intervals of the timeline: 100 ms if the window is at most 100 s long (25 s in a run of 2 to 16
    /// shards) or of unknown length; otherwise 1 s. More than 16 shards, whose results are merged, and more than 32
    /// workers have intervals of 1 s too.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let longest = if self.shard.is_whole() { LONGEST_FINE } else { LONGEST_FINE_SHARD };
        let is_long = self.duration.is_some_and(|duration| duration > longest);
        let is_wide = self.shard.of > MOST_FINE_SHARDS || self.workers > MOST_FINE_WORKERS;
        if is_long || is_wide { COARSE_INTERVAL } else { FINE_INTERVAL }
    }

    /// Returns the plan as documents contain it: without messages.
    #[must_use]
    pub fn document(&self) -> Self {
        let Self { load, text, options, sizes, method, other_method, data, .. } = self;
        Self {
            load: load.clone(),
            text: text.clone(),
            options: options.clone(),
            sizes: sizes.clone(),
            method: method.clone(),
            other_method: other_method.clone(),
            data: data.clone(),
            messages: Messages::default(),
            shard: Shard::WHOLE,
            ..*self
        }
    }

    /// The condition that made a reply verified in this run, in words.
    #[must_use]
    pub fn verified_words(&self) -> String {
        let of_type = self.other_method.as_ref().and_then(|method| method.reply.as_deref());
        match self.expect {
            None | Some(Expect::Upper) => "each reply is the request's text in upper case".to_owned(),
            Some(Expect::Ok) => "each reply is one message with status OK; contents not read".to_owned(),
            Some(Expect::Decodes) => {
                let of_type = of_type.unwrap_or("a message");
                format!(
                    "each reply decodes as {of_type}; contents not compared (--expect same, --expect JSON)"
                )
            }
            Some(Expect::Same) => "each reply equals the first reply to the same message".to_owned(),
            Some(Expect::Message) => "each reply equals the expected message".to_owned(),
            Some(Expect::Checks) => {
                let of_type = of_type.unwrap_or("a message");
                let checks = self.data.as_ref().map(|data| data.checks.join(" and ")).unwrap_or_default();
                format!("each reply decodes as {of_type}, and {checks}")
            }
        }
    }

    /// Intended starts of an open loop; empty for a closed loop.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        let (stages, arrivals) = match &self.load {
            PlannedLoad::Open { stages, arrivals, .. } => (stages.clone(), *arrivals),
            PlannedLoad::Closed { .. } => (Vec::new(), Arrivals::Constant),
        };
        Schedule { stages, arrivals, seed: self.seed, calls: self.calls.map(NonZeroU64::get) }
    }

    /// Most calls in flight at once in this process: those of its shard.
    #[must_use]
    pub fn most_in_flight(&self) -> u64 {
        self.shard.share(match self.load {
            PlannedLoad::Closed { concurrency } => concurrency,
            PlannedLoad::Open { max_in_flight, .. } => max_in_flight,
        })
    }

    /// Number of counted calls of this process: those of its shard. `None` if the plan counts none.
    #[must_use]
    pub fn own_calls(&self) -> Option<u64> {
        self.calls.map(|calls| self.shard.share(calls.get()))
    }

    /// Returns true if calls have intended starts. Only such calls have a response time.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.load, PlannedLoad::Open { .. })
    }

    /// Share of `total` for worker `index`. Shares differ by at most one.
    #[must_use]
    pub fn share_of(&self, total: u64, index: usize) -> u64 {
        let workers = self.workers as u64;
        total / workers + u64::from((index as u64) < total % workers)
    }
}

/// Resolves a client's receive limit. The result is always a limit, and at most the largest message.
///
/// # Errors
/// Fails if the limit is over 2 GiB - 1.
pub fn recv_limit(client: ClientKind, asked: Limit) -> Result<Limit, PlanError> {
    match (asked, client) {
        (Limit::Unlimited, ClientKind::Stub) => Ok(Limit::Bytes(STUB_RECV_CAP)),
        // The lean client compares a reply as it arrives, so even the largest message needs no memory.
        (Limit::Unlimited, ClientKind::Lean) => Ok(Limit::Bytes(LARGEST_MESSAGE)),
        (Limit::Bytes(bytes), _) if bytes > LARGEST_MESSAGE => Err(PlanError::RecvLimit(bytes)),
        (limit @ Limit::Bytes(_), _) => Ok(limit),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
