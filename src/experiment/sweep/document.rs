//! The document `plimsoll.sweep/1`.

use std::{collections::BTreeSet, io::Read};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    cells::{self, Cell},
    grid::{GridLoad, Point, Sizes},
};
use crate::{
    experiment::limits::Limits,
    load::{PlannedLoad, Settings},
    measure::Build,
    result::{
        Contradiction, Document, DocumentKind, ReadError, document, holds, near, same,
        summary::{ServerRecord, Summary},
    },
    rpc::Direction,
    units::{draw, shuffle},
};

/// Settings of a sweep. Only a sweep with equal settings is continued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SweepSpec {
    /// The server, as on the command line; absent where the sweep started its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Settings of the sweep's own server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerRecord>,
    /// Sizes, as on the command line.
    pub sizes: Sizes,
    /// Loads, in the order of the command line.
    pub loads: Vec<GridLoad>,
    /// Passes over the grid.
    pub repetitions: u32,
    /// Settings of each point; load and sizes are those of the grid.
    #[serde(flatten)]
    pub settings: Settings,
}

/// A sweep, finished or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sweep {
    /// Schema of the document: the value of `DocumentKind::Sweep.schema()`.
    pub schema: String,
    /// Build of this program that measured.
    pub plimsoll: Build,
    /// Settings of the sweep.
    pub asked: SweepSpec,
    /// Limits that a ladder of sizes covers on both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// All points, in the order of the runs.
    pub order: Vec<Point>,
    /// Results of the first points.
    pub points: Vec<Summary>,
}

/// Error for a sweep that was started with other settings.
#[derive(Debug, thiserror::Error)]
#[error("it was made with other settings ({}); use the same settings to continue it, or another file", .0.join("; "))]
pub struct AnotherSweep(Vec<String>);

fn is_rate(left: f64, right: f64) -> bool {
    near("a rate", left, right).is_ok()
}

impl SweepSpec {
    /// Returns the sizes of the grid; a ladder covers both sides of these limits.
    fn sizes_with(&self, limits: Option<&Limits>) -> Vec<u64> {
        let found = limits.iter().flat_map(|limits| &limits.limits);
        // A request of the size of a reply limit meets that limit too, unless the text grows.
        let found: Vec<u64> = found
            .filter(|limit| limit.direction == Direction::Request || !self.settings.texts.grow())
            .filter_map(|limit| limit.limit_bytes)
            .collect();
        self.sizes.with_limits(&found)
    }

    /// Returns all points, in the order of the runs.
    fn order(&self, sizes: &[u64]) -> Vec<Point> {
        let mut order = Vec::new();
        for repetition in 1..=self.repetitions {
            let grid = sizes.iter().flat_map(|size| self.loads.iter().map(|load| (*size, *load)));
            let mut pass: Vec<Point> =
                grid.map(|(message_bytes, load)| Point { message_bytes, load, repetition }).collect();
            shuffle(&mut pass, |place| draw(self.settings.seed, u64::from(repetition) << 32 | place as u64));
            order.extend(pass);
        }
        order
    }
}

impl Document for Sweep {
    const KIND: DocumentKind = DocumentKind::Sweep;

    fn checked(mut self) -> Result<Self, ReadError> {
        let points = self.points.into_iter().enumerate();
        self.points = points
            .map(|(index, summary)| {
                summary.checked().map_err(|error| error.within(format_args!("point {}", index + 1)))
            })
            .collect::<Result<_, _>>()?;
        self.check()?;
        Ok(self)
    }
}

impl Sweep {
    /// Creates a sweep without results.
    #[must_use]
    pub fn new(asked: SweepSpec, limits: Option<Limits>) -> Self {
        let order = asked.order(&asked.sizes_with(limits.as_ref()));
        let schema = DocumentKind::Sweep.schema().to_owned();
        Self { schema, plimsoll: Build::this(), asked, limits, order, points: Vec::new() }
    }

    /// Reads a sweep, finished or not.
    ///
    /// # Errors
    /// The document is of another kind, or its results contradict each other.
    pub fn read(reader: impl Read) -> Result<Self, ReadError> {
        document::read(reader)
    }

    /// Checks that the order follows from the settings, and that each result belongs to its point.
    fn check(&self) -> Result<(), ReadError> {
        DocumentKind::Sweep.check(&self.schema)?;
        let (points, planned) = (self.points.len(), self.order.len());
        holds("the number of results", points, &format!("{planned} or fewer"), points <= planned)?;
        if let Some(limits) = &self.limits {
            limits.check().map_err(|error| error.within("its search for limits"))?;
        }
        let sizes = self.sizes();
        let points = (sizes.len() * self.asked.loads.len()) as u64;
        let planned = points.saturating_mul(self.asked.repetitions.into());
        same("the number of points", self.order.len() as u64, planned)?;
        let order = self.asked.order(&sizes);
        let differs = order.iter().zip(&self.order).find(|(expected, written)| expected != written);
        if let Some((expected, written)) = differs {
            return Err(Contradiction::new("a point", written, expected).into());
        }
        for (point, summary) in self.order.iter().zip(&self.points) {
            let size = summary.plan.sizes.first().map_or(0, |size| size.message_bytes);
            same(&format!("the message size of {point}"), size, point.message_bytes)?;
            let load = match (&summary.plan.load, point.load) {
                (PlannedLoad::Closed { concurrency }, GridLoad::Concurrency(calls)) => *concurrency == calls,
                (PlannedLoad::Open { stages, .. }, GridLoad::RatePerSecond(rate)) => stages
                    .iter()
                    .all(|stage| is_rate(stage.from_per_second, rate) && is_rate(stage.to_per_second, rate)),
                _ => false,
            };
            holds("the load of a point", format!("{:?}", summary.plan.load), &point.to_string(), load)?;
        }
        Ok(())
    }

    /// Returns the sizes of the grid.
    fn sizes(&self) -> Vec<u64> {
        self.asked.sizes_with(self.limits.as_ref())
    }

    /// Checks that the settings of the sweep equal these.
    ///
    /// # Errors
    /// The settings differ; the error lists all differences.
    pub fn is_same(&self, asked: &SweepSpec) -> Result<(), AnotherSweep> {
        // Compared as in documents, without secrets: another token does not make another sweep.
        let value = |asked| serde_json::to_value(asked).unwrap_or_default();
        let (before, now) = (value(&self.asked), value(asked));
        if before == now {
            return Ok(());
        }
        let keys: BTreeSet<&String> = [&before, &now]
            .into_iter()
            .filter_map(serde_json::Value::as_object)
            .flat_map(|map| map.keys())
            .collect();
        let shown = |value: &serde_json::Value, key: &String| {
            value.get(key).map_or_else(|| "nothing".to_owned(), ToString::to_string)
        };
        let differing = keys.into_iter().filter(|key| before.get(*key) != now.get(*key));
        Err(AnotherSweep(
            differing
                .map(|key| format!("{key}: {} then, {} now", shown(&before, key), shown(&now, key)))
                .collect(),
        ))
    }

    /// Returns the points that are still to run.
    #[must_use]
    pub fn rest(&self) -> &[Point] {
        &self.order[self.points.len()..]
    }

    /// Returns medians over repetitions, by size and then in the order of the loads.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let sizes: BTreeSet<u64> = self.order.iter().map(|point| point.message_bytes).collect();
        let grid = sizes.iter().flat_map(|size| self.asked.loads.iter().map(move |load| (*size, *load)));
        grid.filter_map(|(size, load)| {
            let results = self.order.iter().zip(&self.points);
            let of_cell = results.filter(|(point, _)| point.message_bytes == size && point.load == load);
            cells::of(size, load, &of_cell.map(|(_, summary)| summary).collect::<Vec<_>>())
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::metadata::Pair;

    fn asked(seed: u64) -> SweepSpec {
        SweepSpec {
            target: None,
            server: None,
            sizes: Sizes::Ladder(64, 16 << 20),
            loads: vec![GridLoad::Concurrency(1), GridLoad::RatePerSecond(500.0)],
            repetitions: 2,
            settings: Settings { seed, ..Settings::default() },
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
    fn what_differs_is_said() {
        let error = Sweep::new(asked(1), None).is_same(&asked(2)).expect_err("another seed").to_string();
        assert!(error.contains("seed: 1 then, 2 now"), "{error}");
        assert!(Sweep::new(asked(1), None).is_same(&asked(1)).is_ok());
    }

    #[test]
    fn a_sweep_goes_on_with_another_token() {
        let with = |token: &str| {
            let mut spec = asked(1);
            spec.settings.options.metadata = vec![Pair::new("authorization", token)];
            spec
        };
        let sweep = Sweep::new(with("Bearer old"), None);
        assert!(sweep.is_same(&with("Bearer new")).is_ok());
        let error = sweep.is_same(&asked(1)).expect_err("other metadata").to_string();
        assert!(error.contains("metadata") && !error.contains("old"), "{error}");
    }
}
