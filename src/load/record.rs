//! A plan in a document: every setting, resolved, so that the run can be repeated.

use std::{num::NonZeroU64, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    plan::{Plan, PlannedLoad},
    schedule::{Arrivals, Stage},
    settings::{ClientKind, TextSource},
};
use crate::{
    rpc::{Compression, metadata::Pair},
    units::Limit,
};

/// A plan in a document: every setting, resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// Closed or open loop.
    pub load: LoadRecord,
    /// The count after which the run ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<NonZeroU64>,
    /// The measured window, in ns.
    #[serde(
        rename = "duration_ns",
        with = "crate::units::nanoseconds::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub duration: Option<Duration>,
    /// In ns.
    #[serde(rename = "warm_up_ns", with = "crate::units::nanoseconds")]
    pub warm_up: Duration,
    /// In ns.
    #[serde(rename = "drain_ns", with = "crate::units::nanoseconds")]
    pub drain: Duration,
    /// In the order of the mix.
    pub sizes: Vec<SizeRecord>,
    /// What the texts are made of.
    pub text: TextSource,
    /// Deadline of each call, in ns.
    #[serde(
        rename = "timeout_ns",
        with = "crate::units::nanoseconds::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub timeout: Option<Duration>,
    /// Sent with each call.
    pub metadata: Vec<Pair>,
    /// In total.
    pub connections: usize,
    /// Threads of the generator.
    pub workers: usize,
    /// The client's own limit; `null` for none.
    pub max_send_message_bytes: Limit,
    /// The client's own limit.
    pub max_recv_message_bytes: Limit,
    /// How requests were compressed, and replies could be; absent where they were not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compression: Option<Compression>,
    /// Which client made the calls.
    pub client: ClientKind,
    /// How long it looked for something to do before it blocked, in ns.
    #[serde(rename = "spin_ns", with = "crate::units::nanoseconds", default)]
    pub spin: Duration,
    /// Of arrivals and mixes.
    pub seed: u64,
}

/// The load in a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "loop", rename_all = "lowercase")]
pub enum LoadRecord {
    /// Calls in flight.
    Closed {
        /// In total.
        concurrency: u64,
    },
    /// Calls at intended times.
    Open {
        /// How they are spaced.
        arrivals: Arrivals,
        /// The rate over time.
        stages: Vec<Stage>,
        /// Over it, an arrival is shed.
        max_in_flight: u64,
    },
}

/// One size of a mix in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeRecord {
    /// Of the request.
    pub message_bytes: u64,
    /// Of the reply that is expected.
    pub reply_bytes: u64,
    /// What was asked for: another number where no text can make that size.
    pub asked_bytes: u64,
    /// Relative to the others.
    pub weight: u64,
}

impl PlanRecord {
    /// Whether calls had intended starts.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.load, LoadRecord::Open { .. })
    }
}

impl Plan {
    /// The plan as documents have it.
    #[must_use]
    pub fn record(&self) -> PlanRecord {
        let weights = self.payload.weights();
        let sizes = self.payload.messages().iter().zip(&self.sizes_asked).zip(weights);
        PlanRecord {
            load: match &self.load {
                PlannedLoad::Closed { concurrency, .. } => LoadRecord::Closed { concurrency: *concurrency },
                PlannedLoad::Open { schedule, max_in_flight } => LoadRecord::Open {
                    arrivals: schedule.arrivals,
                    stages: schedule.stages.clone(),
                    max_in_flight: *max_in_flight,
                },
            },
            calls: self.calls,
            duration: self.duration(),
            warm_up: self.warm_up,
            drain: self.drain,
            sizes: sizes
                .map(|((message, asked), weight)| SizeRecord {
                    message_bytes: message.request_bytes,
                    reply_bytes: message.reply_bytes,
                    asked_bytes: *asked,
                    weight,
                })
                .collect(),
            text: self.text.clone(),
            timeout: self.timeout,
            metadata: self.metadata.clone(),
            connections: self.connections,
            workers: self.workers,
            max_send_message_bytes: self.max_send_message_size,
            max_recv_message_bytes: self.max_recv_message_size,
            compression: self.compression,
            client: self.client,
            spin: self.spin,
            seed: self.seed,
        }
    }
}
