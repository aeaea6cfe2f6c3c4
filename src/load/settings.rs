//! Settings of a run as they are typed, every part on its own; nothing is checked yet.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::{
    options::Options,
    payload::{Mix, Share},
    schedule::{Arrivals, Stage},
};
use crate::{
    rpc::format_data::TextKind,
    units::{ByteSize, nanoseconds},
};

/// How long a run lasts when neither a count nor a duration is given.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(10);

/// Calls in flight of a closed loop.
pub const DEFAULT_CONCURRENCY: u64 = 50;

/// Calls in flight over which an open loop sheds.
pub const DEFAULT_MAX_IN_FLIGHT: u64 = 10_000;

/// Where the text came from, as a document says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// Settings of a run as they are typed.
///
/// The document of a sweep embeds them; load and sizes, which differ from point to point, are not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// Closed or open loop.
    #[serde(skip)]
    pub load: Load,
    /// End after this many calls.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub calls: Option<u64>,
    /// End after this long.
    #[serde(
        rename = "duration_ns",
        with = "nanoseconds::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    #[schemars(with = "Option<u64>")]
    pub duration: Option<Duration>,
    /// Load before the measured window, thrown away.
    #[serde(rename = "warm_up_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub warm_up: Duration,
    /// Longest wait for calls in flight at the end.
    #[serde(rename = "drain_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub drain: Duration,
    /// Contents of the messages.
    #[serde(rename = "text", with = "text_kind")]
    #[schemars(with = "TextKind")]
    pub texts: Texts,
    /// Options of the client.
    #[serde(flatten)]
    pub options: Options,
    /// In total; one per worker when `None`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub connections: Option<usize>,
    /// Threads of the generator.
    #[serde(with = "exact_workers", skip_serializing_if = "Workers::is_default", default)]
    #[schemars(with = "Option<usize>")]
    pub workers: Workers,
    /// Of arrivals and mixes.
    pub seed: u64,
}

/// Source of calls.
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
        /// Spacing of calls.
        arrivals: Arrivals,
        /// Over this many calls in flight, in total, an arrival is shed.
        max_in_flight: u64,
    },
}

/// The rate of an open loop.
#[derive(Debug, Clone, PartialEq)]
pub enum Rates {
    /// One rate, in calls per second, for the whole run.
    One(f64),
    /// Stages, which also say how long the run lasts.
    Stages(Vec<Stage>),
}

/// Contents of messages.
#[derive(Debug, Clone, PartialEq)]
pub enum Texts {
    /// Texts made here, of these sizes.
    Made {
        /// Sizes and weights.
        mix: Mix,
        /// Characters of the texts.
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

/// Threads that generate load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// Exactly this many.
    Exactly(usize),
    /// This many, or fewer where there are not enough calls in flight or connections for all.
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
    /// Whether replies are larger than their requests.
    #[must_use]
    pub fn grow(&self) -> bool {
        matches!(self, Self::Made { kind: TextKind::Expanding, .. })
    }

    /// The same kind of text in other sizes; a text from a file stays as it is.
    #[must_use]
    pub(crate) fn sized(&self, mix: Mix) -> Self {
        match self {
            Self::Made { kind, .. } => Self::Made { mix, kind: *kind },
            given @ Self::Given { .. } => given.clone(),
        }
    }

    /// Texts of the default size.
    fn made(kind: TextKind) -> Self {
        Self::Made { mix: Mix(vec![Share { message_bytes: ByteSize(64), weight: 1 }]), kind }
    }
}

impl Default for Settings {
    /// 50 calls in flight, 64 bytes, 10 s after 1 s of warm-up, one worker.
    fn default() -> Self {
        Self {
            load: Load::default(),
            calls: None,
            duration: None,
            warm_up: Duration::from_secs(1),
            drain: Duration::from_secs(5),
            texts: Texts::default(),
            options: Options::default(),
            connections: None,
            workers: Workers::default(),
            seed: 1,
        }
    }
}

/// Texts in the document of a sweep: their kind, because the sizes are those of the grid.
mod text_kind {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error};

    use super::{TextKind, Texts};

    pub(super) fn serialize<S: Serializer>(texts: &Texts, serializer: S) -> Result<S::Ok, S::Error> {
        match texts {
            Texts::Made { kind, .. } => kind.serialize(serializer),
            Texts::Given { .. } => Err(S::Error::custom("a text from a file has no kind")),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
        TextKind::deserialize(deserializer).map(Texts::made)
    }
}

/// Workers in a document: a number where it was asked for.
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
