//! Differences in size limits: always compared, and reported first.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    result::summary::Summary,
    rpc::{Direction, Side},
    units::{ByteSize, grouped},
};

/// A difference of a limit or a size between the two sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitDifference {
    /// The limit or the size.
    pub what: String,
    /// Observation on the base's side.
    pub base: String,
    /// Observation on the candidate's side.
    pub candidate: String,
}

/// Returns all differences, in a fixed order.
pub(super) fn differences(base: &[Summary], candidate: &[Summary]) -> Vec<LimitDifference> {
    let mut differences = between(&limits(base), &limits(candidate), |(side, direction)| {
        format!("the {side}'s limit for {direction}s")
    });
    // A size that only one side sent says nothing about a limit.
    let (mut from, mut to) = (fates(base), fates(candidate));
    from.retain(|size, _| to.contains_key(size));
    to.retain(|size, _| from.contains_key(size));
    differences.extend(between(&from, &to, |size| format!("calls of {}", ByteSize(*size))));
    differences
}

/// Returns the keys whose values differ, with both values. A key that is missing on one side differs too.
fn between<K: Ord>(
    base: &BTreeMap<K, Vec<String>>,
    candidate: &BTreeMap<K, Vec<String>>,
    name: impl Fn(&K) -> String,
) -> Vec<LimitDifference> {
    let keys: std::collections::BTreeSet<&K> = base.keys().chain(candidate.keys()).collect();
    let shown = |map: &BTreeMap<K, Vec<String>>, key: &K| {
        map.get(key).map_or_else(|| "none was met".to_owned(), |seen| seen.join(", "))
    };
    keys.into_iter()
        .filter(|key| base.get(key) != candidate.get(key))
        .map(|key| LimitDifference {
            what: name(key),
            base: shown(base, key),
            candidate: shown(candidate, key),
        })
        .collect()
}

/// Returns, by limit, a description of its refusals.
fn limits(summaries: &[Summary]) -> BTreeMap<(Side, Direction), Vec<String>> {
    let mut limits: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for refusal in summaries.iter().flat_map(|summary| &summary.refusals) {
        let limit = refusal.limit_bytes.map_or_else(
            || format!("refuses {} bytes", grouped(refusal.message_bytes)),
            |limit| format!("{} bytes", grouped(limit)),
        );
        let seen = limits.entry((refusal.side, refusal.direction)).or_default();
        let described = format!("{limit} ({})", refusal.status());
        if !seen.contains(&described) {
            seen.push(described);
            seen.sort_unstable();
        }
    }
    limits
}

/// Returns, by size, the outcomes of its calls: answered, refused, or both.
fn fates(summaries: &[Summary]) -> BTreeMap<u64, Vec<String>> {
    let mut fates: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for summary in summaries {
        let only = summary.plan.sizes.first().map(|size| (size.message_bytes, summary.calls));
        let sizes = summary.sizes.iter().map(|size| (size.message_bytes, size.calls));
        for (size, calls) in sizes.chain(only.filter(|_| summary.sizes.is_empty())) {
            let seen = fates.entry(size).or_default();
            let counts = [("answered", calls.outcomes.answered), ("refused", calls.outcomes.refused)];
            for (fate, _) in counts.iter().filter(|(_, count)| *count > 0) {
                if !seen.iter().any(|seen| seen == fate) {
                    seen.push((*fate).to_owned());
                    seen.sort_unstable();
                }
            }
        }
    }
    fates
}
