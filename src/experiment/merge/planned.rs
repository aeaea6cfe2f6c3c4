//! Calls that a plan gives to each shard.

use std::time::Duration;

use crate::{
    load::{Arrivals, Plan, Stage},
    measure::ShardOrigin,
    units::as_f64,
};

/// Most Poisson arrivals that are counted, one by one.
const MOST_COUNTED: f64 = 1e9;

/// Returns the number of calls of a plan over all shards; `None` if the plan does not determine it: in a closed loop
/// that ends by time, and for more than a billion Poisson arrivals.
pub(super) fn planned(plan: &Plan) -> Option<u64> {
    if !plan.is_open() {
        let calls = plan.calls?.get();
        // A run by count and time may end by either.
        return plan.duration.is_none().then_some(calls);
    }
    let schedule = plan.schedule();
    if schedule.arrivals == Arrivals::Poisson {
        let calls = |stage: &Stage| {
            f64::midpoint(stage.from_per_second, stage.to_per_second) * stage.duration.as_secs_f64()
        };
        let expected: f64 = schedule.stages.iter().map(calls).sum();
        if schedule.calls.map_or(expected, |calls| expected.min(as_f64(calls))) > MOST_COUNTED {
            return None;
        }
    }
    Some(schedule.calls_before(plan.duration.unwrap_or(Duration::MAX)))
}

/// Returns the part of a shard of so many calls.
pub(super) fn part(total: u64, shard: &ShardOrigin) -> u64 {
    total / shard.of + u64::from(shard.index < total % shard.of)
}
