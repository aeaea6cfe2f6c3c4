//! Settings of a run as typed, each on its own and not yet checked.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::{
    corpus::Corpus,
    options::Options,
    payload::{Mix, Share},
    schedule::{Arrivals, Stage},
    shard::Shard,
};
use crate::{
    rpc::{Method, format_data::TextKind},
    units::{ByteSize, nanoseconds},
};

/// Default length of a run with neither a count nor a duration.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(10);

/// Default number of calls in flight in a closed loop.
pub const DEFAULT_CONCURRENCY: u64 = 50;

/// Default number of calls in flight above which an open loop sheds.
pub const DEFAULT_MAX_IN_FLIGHT: u64 = 10_000;

/// Source of the text, as documents describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextSource {
    /// Generated text of this kind.
    Kind(TextKind),
    /// Text read from this file. Bytes of the file name that are not UTF-8 are replaced.
    File(#[serde(serialize_with = "lossy")] PathBuf),
}

fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Settings of a run as typed.
///
/// The document of a sweep embeds them without load and sizes, which differ between points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Settings {
    /// Closed or open loop.
    #[serde(skip)]
    pub load: Load,
    /// Number of calls after which the run ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub calls: Option<u64>,
    /// Time after which the run ends.
    #[serde(
        rename = "duration_ns",
        with = "nanoseconds::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    #[schemars(with = "Option<u64>")]
    pub duration: Option<Duration>,
    /// Length of the load before the measured window, which is not measured.
    #[serde(rename = "warm_up_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub warm_up: Duration,
    /// Longest wait for calls in flight at the end.
    #[serde(rename = "drain_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub drain: Duration,
    /// The method to drive.
    #[serde(skip, default = "Method::format_data")]
    pub method: Method,
    /// Contents of the messages.
    #[serde(rename = "text", with = "text_kind")]
    #[schemars(with = "TextKind")]
    pub texts: Texts,
    /// Options of the client.
    #[serde(flatten)]
    pub options: Options,
    /// Connections in total; one per worker if `None`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub connections: Option<usize>,
    /// Threads of the generator.
    #[serde(with = "exact_workers", skip_serializing_if = "Workers::is_default", default)]
    #[schemars(with = "Option<usize>")]
    pub workers: Workers,
    /// Seed for arrivals and mixes.
    pub seed: u64,
    /// Part of the run that this process makes.
    #[serde(skip)]
    pub shard: Shard,
}

/// Source of calls.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Load {
    /// Closed loop: a fixed number of calls in flight. Each completed call makes room for the next.
    Closed {
        /// Calls in flight, in total over all workers.
        concurrency: u64,
    },
    /// Open loop: calls start at intended times, independent of the server's speed.
    Open {
        /// The rate over time. A single endless stage lasts as long as the run.
        rates: Rates,
        /// Spacing of calls.
        arrivals: Arrivals,
        /// Most calls in flight, in total. An arrival above this number is shed.
        max_in_flight: u64,
    },
}

/// The rate of an open loop.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Rates {
    /// One rate, in calls per second, for the whole run.
    One(f64),
    /// Stages, whose lengths define the length of the run.
    Stages(Vec<Stage>),
}

/// Contents of messages.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Texts {
    /// Generated texts of these sizes.
    Made {
        /// Sizes and weights.
        mix: Mix,
        /// Characters of the texts.
        kind: TextKind,
    },
    /// A text from the user.
    Given {
        /// The text itself.
        text: String,
        /// Path of the file that contained the text.
        path: PathBuf,
    },
    /// Encoded requests from the user, for a method other than the built-in one.
    Encoded(Corpus),
}

/// Threads that generate load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Workers {
    /// Exactly this many.
    Exactly(usize),
    /// This number, or fewer if there are not enough calls in flight or connections.
    AtMost(usize),
}

impl Workers {
    fn is_default(&self) -> bool {
        matches!(self, Self::AtMost(_))
    }
}

impl Default for Workers {
    fn default() -> Self {
        Self::AtMost(1)
    }
}

impl Default for Load {
    fn default() -> Self {
        Self::Closed { concurrency: DEFAULT_CONCURRENCY }
    }
}

impl Default for Texts {
    fn default() -> Self {
        Self::made(TextKind::Ascii)
    }
}

impl Texts {
    /// Returns true if replies are larger than their requests.
    #[must_use]
    pub fn grow(&self) -> bool {
        matches!(self, Self::Made { kind: TextKind::Expanding, .. })
    }

    /// Returns texts of the same kind in other sizes; a text from a file stays unchanged.
    #[must_use]
    pub(crate) fn sized(&self, mix: Mix) -> Self {
        match self {
            Self::Made { kind, .. } => Self::Made { mix, kind: *kind },
            given @ (Self::Given { .. } | Self::Encoded(_)) => given.clone(),
        }
    }

    /// Makes texts of the default size.
    fn made(kind: TextKind) -> Self {
        Self::Made { mix: Mix(vec![Share { message_bytes: ByteSize(64), weight: 1 }]), kind }
    }
}

impl Settings {
    /// Settings of a closed loop with this many calls in flight, over all connections.
    ///
    /// Everything else has its default: see [`Settings::default`].
    #[must_use]
    pub fn closed(concurrency: u64) -> Self {
        Self { load: Load::Closed { concurrency }, ..Self::default() }
    }

    /// Settings of an open loop at this rate, in calls per second, with constant spacing.
    ///
    /// An arrival is shed while 10,000 calls are in flight. Everything else has its default: see
    /// [`Settings::default`].
    #[must_use]
    pub fn open(per_second: f64) -> Self {
        let load = Load::Open {
            rates: Rates::One(per_second),
            arrivals: Arrivals::Constant,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
        };
        Self { load, ..Self::default() }
    }
}

impl Default for Settings {
    /// Returns 50 calls in flight, 64 bytes, 10 s after 1 s of warm-up, one worker.
    fn default() -> Self {
        Self {
            load: Load::default(),
            calls: None,
            duration: None,
            warm_up: Duration::from_secs(1),
            drain: Duration::from_secs(5),
            method: Method::format_data(),
            texts: Texts::default(),
            options: Options::default(),
            connections: None,
            workers: Workers::default(),
            seed: 1,
            shard: Shard::WHOLE,
        }
    }
}

/// Serde functions for texts in the document of a sweep: only their kind, because the grid contains the
/// sizes.
mod text_kind {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error};

    use super::{TextKind, Texts};

    pub(super) fn serialize<S: Serializer>(texts: &Texts, serializer: S) -> Result<S::Ok, S::Error> {
        match texts {
            Texts::Made { kind, .. } => kind.serialize(serializer),
            Texts::Given { .. } | Texts::Encoded(_) => Err(S::Error::custom("data from a file has no kind")),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
        TextKind::deserialize(deserializer).map(Texts::made)
    }
}

/// Serde functions for workers in a document: a number if one was requested.
mod exact_workers {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Workers;

    pub(super) fn serialize<S: Serializer>(workers: &Workers, serializer: S) -> Result<S::Ok, S::Error> {
        let (Workers::Exactly(workers) | Workers::AtMost(workers)) = *workers;
        serializer.serialize_u64(workers as u64)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Workers, D::Error> {
        usize::deserialize(deserializer).map(Workers::Exactly)
    }
}
