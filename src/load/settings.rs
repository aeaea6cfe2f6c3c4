//! What a run is asked to be, every part on its own; nothing is checked yet.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize, Serializer};

use super::{
    payload::{Mix, Share},
    schedule::{Arrivals, Stage},
};
use crate::{
    rpc::{Compression, format_data::TextKind, metadata::Pair},
    units::{ByteSize, Limit},
};

/// How long a run lasts when neither a count nor a duration is given.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(10);

/// Calls in flight of a closed loop.
pub const DEFAULT_CONCURRENCY: u64 = 50;

/// Calls in flight over which an open loop sheds.
pub const DEFAULT_MAX_IN_FLIGHT: u64 = 10_000;

/// gRPC's default limit for a message that is received.
pub const DEFAULT_MAX_RECV: Limit = Limit::Bytes(4 << 20);

/// Where the text came from, as a document says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextSource {
    /// Made, of this kind.
    Kind(TextKind),
    /// Read from this file. A name that is not UTF-8 is written as far as it is.
    File(#[serde(serialize_with = "lossy")] PathBuf),
}

fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// What a run was asked to be.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Closed or open loop.
    pub load: Load,
    /// End after this many calls.
    pub calls: Option<u64>,
    /// End after this long.
    pub duration: Option<Duration>,
    /// Load before the measured window, thrown away.
    pub warm_up: Duration,
    /// How long calls in flight are waited for.
    pub drain: Duration,
    /// What the messages are.
    pub texts: Texts,
    /// Deadline of each call.
    pub timeout: Option<Duration>,
    /// Sent with each call.
    pub metadata: Vec<Pair>,
    /// In total; one a worker when `None`.
    pub connections: Option<usize>,
    /// Threads of the generator.
    pub workers: Workers,
    /// The client's own limit for requests.
    pub max_send_message_size: Limit,
    /// The client's own limit for replies.
    pub max_recv_message_size: Limit,
    /// How requests are compressed; compressed replies are then taken too.
    pub compression: Option<Compression>,
    /// Which client makes the calls.
    pub client: ClientKind,
    /// How long the lean client looks for something to do before it blocks: zero saves CPU time, more
    /// saves the time that a core needs to wake up.
    pub spin: Duration,
    /// Of arrivals and mixes.
    pub seed: u64,
}

/// What keeps calls coming.
#[derive(Debug, Clone, PartialEq)]
pub enum Load {
    /// This many calls in flight; each that ends makes room for the next.
    Closed {
        /// In total, over all workers.
        concurrency: u64,
    },
    /// Calls start at intended times, whatever the server does.
    Open {
        /// The rate over time. A single endless stage lasts as long as the run.
        rates: Rates,
        /// How calls are spaced.
        arrivals: Arrivals,
        /// Over this many calls in flight, in total, an arrival is shed.
        max_in_flight: u64,
    },
}

/// The rate of an open loop.
#[derive(Debug, Clone, PartialEq)]
pub enum Rates {
    /// One rate, in calls a second, for the whole run.
    One(f64),
    /// Stages, which also say how long the run lasts.
    Stages(Vec<Stage>),
}

/// What messages are made of.
#[derive(Debug, Clone)]
pub enum Texts {
    /// Texts made here, of these sizes.
    Made {
        /// Sizes and weights.
        mix: Mix,
        /// What they are made of.
        kind: TextKind,
    },
    /// A text that the user brought.
    Given {
        /// The text itself.
        text: String,
        /// Where it was read from.
        path: PathBuf,
    },
}

/// How many threads generate load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// Exactly this many.
    Exactly(usize),
    /// This many, or fewer where there are not enough calls in flight or connections for all.
    AtMost(usize),
}

/// Which client makes the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientKind {
    /// Our own HTTP/2 client, which costs as little as can be: measures the server.
    Lean,
    /// Tonic's generated client over its channel: measures what an application built with tonic sees.
    Stub,
}

impl Default for Settings {
    /// 50 calls in flight, 64 bytes, 10 s after 1 s of warm-up, one worker.
    fn default() -> Self {
        Self {
            load: Load::Closed { concurrency: DEFAULT_CONCURRENCY },
            calls: None,
            duration: None,
            warm_up: Duration::from_secs(1),
            drain: Duration::from_secs(5),
            texts: Texts::Made {
                mix: Mix(vec![Share { message_bytes: ByteSize(64), weight: 1 }]),
                kind: TextKind::Ascii,
            },
            timeout: None,
            metadata: Vec::new(),
            connections: None,
            workers: Workers::AtMost(1),
            max_send_message_size: Limit::Unlimited,
            max_recv_message_size: DEFAULT_MAX_RECV,
            compression: None,
            client: ClientKind::Lean,
            spin: Duration::ZERO,
            seed: 1,
        }
    }
}
