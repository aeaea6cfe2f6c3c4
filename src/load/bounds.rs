//! Bounds of settings: what a plan can have, and what each shard and each worker needs.

use std::time::Duration;

use super::{
    error::PlanError,
    schedule::Stage,
    settings::{Rates, Settings, Workers},
};
use crate::units::{LONGEST, grouped};

/// Most calls in flight. The bounds on calls, connections and workers keep a typing error from exhausting the
/// machine.
const MOST_IN_FLIGHT: u64 = 1_000_000;

/// Most connections; see [`MOST_IN_FLIGHT`].
const MOST_CONNECTIONS: usize = 10_000;

/// Most workers; see [`MOST_IN_FLIGHT`].
const MOST_WORKERS: usize = 1_024;

pub(super) fn bounded(what: &'static str, number: u64) -> Result<u64, PlanError> {
    match number {
        0 => Err(PlanError::Zero { what, unit: "" }),
        number if number > MOST_IN_FLIGHT => {
            Err(PlanError::TooMany { what, got: grouped(number), most: grouped(MOST_IN_FLIGHT) })
        }
        number => Ok(number),
    }
}

/// Returns a shard's calls in flight and connections. Each shard needs at least one of everything that is shared.
pub(super) fn own_parts(settings: &Settings, in_flight: u64) -> Result<(u64, Option<usize>), PlanError> {
    let shard = settings.shard;
    let part_of = |what, total: u64| {
        if total < shard.of {
            return Err(PlanError::TooFewForShards { what, got: total, shards: shard.of });
        }
        Ok(shard.share(total))
    };
    if let Some(calls) = settings.calls {
        part_of("calls", calls)?;
    }
    let connections = match settings.connections {
        Some(total @ 1..) => {
            Some(usize::try_from(part_of("connections", total as u64)?).unwrap_or(usize::MAX))
        }
        none => none,
    };
    Ok((part_of("calls in flight", in_flight)?, connections))
}

/// Returns the number of workers. Each worker needs a call in flight and a connection.
pub(super) fn workers(
    asked: Workers,
    connections: Option<usize>,
    in_flight: u64,
) -> Result<usize, PlanError> {
    let too_many = |what, got: usize, most: usize| PlanError::TooMany {
        what,
        got: grouped(got as u64),
        most: grouped(most as u64),
    };
    if let Some(connections) = connections {
        if connections == 0 {
            return Err(PlanError::Zero { what: "the number of connections", unit: "" });
        }
        if connections > MOST_CONNECTIONS {
            return Err(too_many("the number of connections", connections, MOST_CONNECTIONS));
        }
    }
    let needs = [
        ("call in flight", Some(in_flight)),
        ("connection", connections.map(|connections| connections as u64)),
    ];
    match asked {
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

/// Returns the stages of an open loop. A stage that ends by count alone lasts a year.
pub(super) fn stages(
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
