//! A grid of plans, sizes by loads: the document `plimsoll.sweep/1`, which grows point by point.
//!
//! Each point is a run of its own with its own summary. The order of the points is random and follows
//! from the seed, so that a machine whose speed drifts does not favour a corner of the grid; each
//! repetition is a pass over the whole grid.

use std::{collections::BTreeSet, fmt, io::Read, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    environment::Build,
    limits::Limits,
    outcome::Direction,
    payload::{LARGEST_MESSAGE, MOST_SIZES, TextKind, nearest_reachable, reachable_around},
    plan::{ClientKind, Pair},
    random::bits,
    soundness::Verdict,
    summary::{LatencyFigures, ReadError, ServerRecord, Summary},
    units::{ByteSize, Limit, decimal, grouped},
};

/// The schema that this program writes, and the only one that it reads.
pub const SCHEMA: &str = "plimsoll.sweep/1";

/// Each rung of a ladder is so many times the one before.
const RUNG: u64 = 4;
/// gRPC's default limit, which every ladder that passes it shows from both sides.
const DEFAULT_LIMIT: u64 = 4 << 20;

/// The sizes of a sweep, as they are written: `64,1KiB,4MiB`, or a ladder `64B..16MiB`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Sizes {
    /// These.
    List(Vec<u64>),
    /// From the first to the last, each four times the one before, and both sides of each limit between.
    Ladder(u64, u64),
}

/// The load of a point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GridLoad {
    /// Closed loop: calls in flight.
    Concurrency(u64),
    /// Open loop: calls a second.
    RatePerSecond(f64),
}

/// One run of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Of the request.
    pub message_bytes: u64,
    /// Closed or open loop.
    #[serde(flatten)]
    pub load: GridLoad,
    /// From 1.
    pub repetition: u32,
}

/// What was asked for: a sweep goes on only where this is the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The server as it was written; absent where the sweep started its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How the sweep's own server was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerRecord>,
    /// As they were written.
    pub sizes: Sizes,
    /// In the order in which they were written.
    pub loads: Vec<GridLoad>,
    /// Passes over the grid.
    pub repetitions: u32,
    /// What the texts are made of.
    pub text: TextKind,
    /// Measured window of each point.
    pub duration_ns: u64,
    /// Load before each measured window.
    pub warm_up_ns: u64,
    /// How long calls in flight are waited for.
    pub drain_ns: u64,
    /// Deadline of each call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ns: Option<u64>,
    /// Sent with each call.
    pub metadata: Vec<Pair>,
    /// Which client.
    pub client: ClientKind,
    /// Connections, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<usize>,
    /// The client's own limit for requests; `null` for none.
    pub max_send_message_bytes: Limit,
    /// The client's own limit for replies; `null` for none.
    pub max_recv_message_bytes: Limit,
    /// Of the order, and of each point.
    pub seed: u64,
}

/// A sweep, as far as it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// [`SCHEMA`].
    pub schema: String,
    /// What measured.
    pub plimsoll: Build,
    /// What was asked for.
    pub asked: Asked,
    /// The limits that a ladder shows from both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// All points, in the order in which they are run.
    pub order: Vec<Point>,
    /// The results of the first ones.
    pub points: Vec<Summary>,
}

/// The repetitions of one size under one load: medians.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Of the request.
    pub message_bytes: u64,
    /// Closed or open loop.
    pub load: GridLoad,
    /// How many.
    pub repetitions: usize,
    /// Verified replies a second.
    pub calls_per_second: f64,
    /// Message bytes of requests and replies, a second.
    pub bytes_per_second: f64,
    /// The smallest and the largest of the repetitions' calls a second.
    pub spread: (f64, f64),
    /// Response time in an open loop, service time in a closed one; `None` where no call was answered.
    pub p50_ns: Option<u64>,
    /// The same.
    pub p99_ns: Option<u64>,
    /// Refused calls, of those planned (0..1).
    pub refused: f64,
    /// Calls that were neither answered nor refused nor unfinished, of those planned (0..1).
    pub errors: f64,
    /// How many of the repetitions were not sound.
    pub unsound: usize,
}

/// Why a document is not a sweep that can go on.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// It is not JSON, or lacks something.
    #[error("it is not a result of `plimsoll sweep`")]
    Json(#[from] serde_json::Error),
    /// It has another schema, or none.
    #[error("its schema is `{0}`, and this plimsoll reads `{SCHEMA}`")]
    Schema(String),
    /// It has more points than it planned.
    #[error("it has {points} points, and planned {planned}")]
    TooMany {
        /// Results.
        points: usize,
        /// Points in its order.
        planned: usize,
    },
    /// A point's result does not agree with itself.
    #[error("point {0} cannot be used")]
    Point(usize, #[source] ReadError),
    /// It was asked something else.
    #[error(
        "it was asked something else ({}); ask for the same to go on, or write to another file",
        .0.join("; ")
    )]
    Other(Vec<String>),
}

/// Why a text is not the sizes of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{got}` is not the sizes of a sweep: {reason}; write a list, such as `64,1KiB,4MiB`, or a ladder, such as `64B..16MiB`"
)]
pub struct SizesError {
    got: String,
    reason: String,
}

impl FromStr for Sizes {
    type Err = SizesError;

    fn from_str(text: &str) -> Result<Self, SizesError> {
        let error = |reason: String| SizesError { got: text.to_owned(), reason };
        let size = |text: &str| {
            let parsed: Result<ByteSize, _> = text.trim().parse();
            let bytes = parsed.map_err(|cause| error(cause.to_string()))?.0;
            if bytes > LARGEST_MESSAGE {
                return Err(error(format!("{} bytes are over protobuf's limit", grouped(bytes))));
            }
            Ok(bytes)
        };
        if let Some((from, to)) = text.split_once("..") {
            let (from, to) = (size(from)?, size(to)?);
            if from == 0 || from >= to {
                return Err(error("a ladder goes from a size above 0 to a larger one".to_owned()));
            }
            return Ok(Self::Ladder(from, to));
        }
        let sizes = text.split(',').map(size).collect::<Result<Vec<_>, _>>()?;
        if sizes.len() > MOST_SIZES {
            return Err(error(format!("{} sizes are more than {MOST_SIZES}", sizes.len())));
        }
        Ok(Self::List(sizes))
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ladder(from, to) => write!(formatter, "{from}..{to}"),
            Self::List(sizes) => {
                let sizes: Vec<String> = sizes.iter().map(u64::to_string).collect();
                formatter.write_str(&sizes.join(","))
            }
        }
    }
}

impl TryFrom<String> for Sizes {
    type Error = SizesError;

    fn try_from(text: String) -> Result<Self, SizesError> {
        text.parse()
    }
}

impl From<Sizes> for String {
    fn from(sizes: Sizes) -> Self {
        sizes.to_string()
    }
}

impl Sizes {
    /// The sizes in rising order, as texts can make them: of a ladder with both sides of these limits.
    #[must_use]
    pub fn with_limits(&self, limits: &[u64]) -> Vec<u64> {
        let sizes: BTreeSet<u64> = match self {
            Self::List(sizes) => sizes.iter().map(|size| nearest_reachable(*size)).collect(),
            Self::Ladder(from, to) => {
                let rungs = std::iter::successors(Some(*from), |size| size.checked_mul(RUNG));
                let rungs = rungs.take_while(|size| size < to).chain([*to]);
                let mut sizes: BTreeSet<u64> = rungs.map(nearest_reachable).collect();
                for limit in
                    limits.iter().chain([&DEFAULT_LIMIT]).filter(|limit| (*from..=*to).contains(*limit))
                {
                    let at = reachable_around(*limit).0;
                    let under = reachable_around(at.saturating_sub(1)).0;
                    let over = reachable_around(limit + 1).1;
                    sizes.extend([under, at, over]);
                }
                sizes
            }
        };
        sizes.into_iter().collect()
    }
}

impl fmt::Display for GridLoad {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Concurrency(calls) => write!(formatter, "{} in flight", grouped(*calls)),
            Self::RatePerSecond(rate) => write!(formatter, "{} calls/s", decimal(*rate)),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {}", ByteSize(self.message_bytes), self.load)
    }
}

impl Asked {
    /// All points, in the order in which they are run.
    fn order(&self, sizes: &[u64]) -> Vec<Point> {
        let mut order = Vec::new();
        for repetition in 1..=self.repetitions {
            let grid = sizes.iter().flat_map(|size| self.loads.iter().map(|load| (*size, *load)));
            let mut pass: Vec<Point> =
                grid.map(|(message_bytes, load)| Point { message_bytes, load, repetition }).collect();
            // Fisher and Yates.
            for place in (1..pass.len()).rev() {
                let random = bits(self.seed ^ bits(u64::from(repetition) << 32 | place as u64));
                pass.swap(place, usize::try_from(random % (place as u64 + 1)).unwrap_or(0));
            }
            order.extend(pass);
        }
        order
    }
}

impl Sweep {
    /// A sweep that has not begun.
    #[must_use]
    pub fn new(asked: Asked, limits: Option<Limits>) -> Self {
        let found = limits.iter().flat_map(|limits| &limits.limits);
        // A limit for replies is met by a request of that size too, unless the text grows.
        let found: Vec<u64> = found
            .filter(|limit| limit.direction == Direction::Request || asked.text != TextKind::Expanding)
            .filter_map(|limit| limit.limit_bytes)
            .collect();
        let order = asked.order(&asked.sizes.with_limits(&found));
        let schema = SCHEMA.to_owned();
        Self { schema, plimsoll: Build::this(), asked, limits, order, points: Vec::new() }
    }

    /// Reads a sweep, finished or not.
    ///
    /// # Errors
    /// When it is something else, or its results do not agree with themselves.
    pub fn read(reader: impl Read) -> Result<Self, SweepError> {
        let document: serde_json::Value = serde_json::from_reader(reader)?;
        match document.get("schema").and_then(serde_json::Value::as_str) {
            Some(SCHEMA) => {}
            other => return Err(SweepError::Schema(other.unwrap_or("missing").to_owned())),
        }
        let sweep: Self = serde_json::from_value(document)?;
        if sweep.points.len() > sweep.order.len() {
            return Err(SweepError::TooMany { points: sweep.points.len(), planned: sweep.order.len() });
        }
        for (index, summary) in sweep.points.iter().enumerate() {
            summary.check().map_err(|error| SweepError::Point(index + 1, error))?;
        }
        Ok(sweep)
    }

    /// Whether this is the sweep that is asked for.
    ///
    /// # Errors
    /// When it is not: with everything that differs.
    pub fn is_same(&self, asked: &Asked) -> Result<(), SweepError> {
        if self.asked == *asked {
            return Ok(());
        }
        let (before, now) = (serde_json::to_value(&self.asked)?, serde_json::to_value(asked)?);
        let keys: BTreeSet<&String> = [&before, &now]
            .into_iter()
            .filter_map(serde_json::Value::as_object)
            .flat_map(|map| map.keys())
            .collect();
        let shown = |value: &serde_json::Value, key: &String| {
            value.get(key).map_or_else(|| "nothing".to_owned(), ToString::to_string)
        };
        let differing = keys.into_iter().filter(|key| before.get(*key) != now.get(*key));
        Err(SweepError::Other(
            differing
                .map(|key| format!("{key}: {} then, {} now", shown(&before, key), shown(&now, key)))
                .collect(),
        ))
    }

    /// The points that are still to be run.
    #[must_use]
    pub fn rest(&self) -> &[Point] {
        &self.order[self.points.len()..]
    }

    /// Medians over repetitions, by size and then in the order of the loads.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let sizes: BTreeSet<u64> = self.order.iter().map(|point| point.message_bytes).collect();
        let grid = sizes.iter().flat_map(|size| self.asked.loads.iter().map(move |load| (*size, *load)));
        grid.filter_map(|(size, load)| {
            let results = self.order.iter().zip(&self.points);
            let of_cell = results.filter(|(point, _)| point.message_bytes == size && point.load == load);
            cell(size, load, &of_cell.map(|(_, summary)| summary).collect::<Vec<_>>())
        })
        .collect()
    }
}

fn cell(message_bytes: u64, load: GridLoad, results: &[&Summary]) -> Option<Cell> {
    let each = |figure: &dyn Fn(&Summary) -> f64| {
        let mut values: Vec<f64> = results.iter().map(|summary| figure(summary)).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let rates = each(&|summary| summary.goodput.calls_per_second);
    let time = |figure: &dyn Fn(&LatencyFigures) -> u64| {
        let figures = results.iter().filter_map(|summary| summary.main_latency().figures.as_ref());
        let mut values: Vec<u64> = figures.map(figure).collect();
        values.sort_unstable();
        let (low, high) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
        Some(low.midpoint(*high))
    };
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = |of: &dyn Fn(&Summary) -> u64| {
        median(&each(&|summary| of(summary) as f64 / (summary.calls.planned.max(1)) as f64))
    };
    let is_unsound = |summary: &&&Summary| summary.soundness.verdict == Verdict::Unsound;
    Some(Cell {
        message_bytes,
        load,
        repetitions: results.len(),
        calls_per_second: median(&rates)?,
        spread: (*rates.first()?, *rates.last()?),
        bytes_per_second: median(&each(&|summary| {
            summary.goodput.request_bytes_per_second + summary.goodput.reply_bytes_per_second
        }))?,
        p50_ns: time(&|figures| figures.p50_ns),
        p99_ns: time(&|figures| figures.p99_ns),
        refused: share(&|summary| summary.calls.outcomes.refused)?,
        errors: share(&|summary| {
            let outcomes = summary.calls.outcomes;
            summary.calls.planned - outcomes.answered - outcomes.refused - outcomes.unfinished
        })?,
        unsound: results.iter().filter(is_unsound).count(),
    })
}

/// Of values in rising order; of an even number, the middle between the two in the middle.
fn median(values: &[f64]) -> Option<f64> {
    let (low, high) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some(low.midpoint(*high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(seed: u64) -> Asked {
        Asked {
            target: None,
            server: None,
            sizes: Sizes::Ladder(64, 16 << 20),
            loads: vec![GridLoad::Concurrency(1), GridLoad::RatePerSecond(500.0)],
            repetitions: 2,
            text: TextKind::Ascii,
            duration_ns: 1,
            warm_up_ns: 0,
            drain_ns: 0,
            timeout_ns: None,
            metadata: Vec::new(),
            client: ClientKind::Lean,
            connections: None,
            max_send_message_bytes: Limit::Unlimited,
            max_recv_message_bytes: Limit::Unlimited,
            seed,
        }
    }

    #[test]
    fn a_ladder_shows_each_limit_from_both_sides() {
        let sizes: Sizes = "64B..16MiB".parse().expect("a ladder");
        let sizes = sizes.with_limits(&[1_000, 130, 99 << 20]);
        for size in [64, 256, 1_024, 4 << 20, 16 << 20, (4 << 20) - 1, (4 << 20) + 1, 999, 1_000, 1_001] {
            assert!(sizes.contains(&size), "{size} in {sizes:?}");
        }
        // No text makes 130.
        assert!([128, 129, 131].iter().all(|size| sizes.contains(size)) && !sizes.contains(&130));
        assert!(sizes.iter().all(|size| *size <= 16 << 20));
    }

    #[test]
    fn sizes_are_a_list_or_a_ladder() {
        let list: Sizes = "64, 1KiB,4MiB".parse().expect("a list");
        assert_eq!(list.with_limits(&[100]), [64, 1_024, 4 << 20]);
        assert_eq!(list.to_string().parse(), Ok(list));
        for wrong in ["", "64,x", "1KiB..64", "0..64", "64..3GiB", ".."] {
            assert!(wrong.parse::<Sizes>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_order_follows_from_the_seed_and_each_repetition_is_a_pass() {
        let (first, again, other) =
            (Sweep::new(asked(1), None), Sweep::new(asked(1), None), Sweep::new(asked(2), None));
        assert_eq!(first.order, again.order);
        assert_ne!(first.order, other.order);
        let half = first.order.len() / 2;
        assert!(first.order[..half].iter().all(|point| point.repetition == 1));
        let mut pass: Vec<u64> = first.order[..half].iter().map(|point| point.message_bytes).collect();
        pass.sort_unstable();
        pass.dedup();
        assert_eq!(pass.len() * 2, half);
    }

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(&[1.0, 2.0, 9.0]), Some(2.0));
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), Some(3.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn what_differs_is_said() {
        let error = Sweep::new(asked(1), None).is_same(&asked(2)).expect_err("another seed").to_string();
        assert!(error.contains("seed: 1 then, 2 now"), "{error}");
        assert!(Sweep::new(asked(1), None).is_same(&asked(1)).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<Sizes>();
        }
    }
}
