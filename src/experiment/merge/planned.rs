//! Calls that a plan gives to a shard.

use crate::{load::Plan, measure::ShardOrigin};

/// Most arrivals that are counted one by one.
const MOST_COUNTED: f64 = 1e9;

/// Returns the number of calls that the plan gives to this shard; `None` if the plan does not determine it: in a
/// closed loop that ends by time, and for more than a billion arrivals.
pub(super) fn planned(plan: &Plan, shard: &ShardOrigin) -> Option<u64> {
    if !plan.is_open() {
        let calls = plan.calls?.get();
        // A run by count and time may end by either.
        return plan.duration.is_none().then(|| part(calls, shard));
    }
    let schedule = plan.schedule();
    let expected: f64 = schedule
        .stages
        .iter()
        .map(|stage| f64::midpoint(stage.from_per_second, stage.to_per_second) * stage.duration.as_secs_f64())
        .sum();
    let counted = schedule.calls.map_or(expected, |calls| expected.min(crate::units::as_f64(calls)));
    if counted > MOST_COUNTED {
        return None;
    }
    let arrivals = schedule.share(0, 1);
    let within = |at: std::time::Duration| plan.duration.is_none_or(|duration| at < duration);
    let all = arrivals.take_while(|arrival| within(arrival.at)).count() as u64;
    Some(part(all, shard))
}

fn part(total: u64, shard: &ShardOrigin) -> u64 {
    total / shard.of + u64::from(shard.index < total % shard.of)
}
