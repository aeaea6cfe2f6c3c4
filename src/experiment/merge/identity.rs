//! Identity of a run: what all of its shards have in common.

use serde_json::{Map, Value, json};

use crate::result::summary::Summary;

/// Settings of a plan that belong to a process and not to the run.
const OF_A_PROCESS: [&str; 3] = ["workers", "connections", "spin_ns"];

/// Values that all shards of a run share, by name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Identity(Map<String, Value>);

impl Identity {
    pub(super) fn of(summary: &Summary) -> Self {
        let mut all = Map::new();
        if let Ok(Value::Object(plan)) = serde_json::to_value(&summary.plan) {
            all.extend(plan.into_iter().filter(|(key, _)| !OF_A_PROCESS.contains(&key.as_str())));
        }
        all.insert("version of plimsoll".to_owned(), json!(summary.plimsoll));
        all.insert("target".to_owned(), json!(summary.target.authority));
        all.insert("label".to_owned(), json!(summary.label));
        all.insert("number of shards".to_owned(), json!(summary.shard.as_ref().map(|shard| shard.of)));
        all.insert(
            "agreed start".to_owned(),
            json!(summary.agreed_start.map(|agreed| agreed.at.as_nanos().to_string())),
        );
        Self(all)
    }

    /// First difference: its name, and both values.
    pub(super) fn difference(&self, other: &Self) -> Option<(String, String, String)> {
        let names = self.0.keys().chain(other.0.keys());
        let value = |of: &Self, name: &str| of.0.get(name).cloned().unwrap_or_default();
        let shown = |value: Value| if value.is_null() { "absent".to_owned() } else { value.to_string() };
        names
            .map(|name| (name, value(self, name), value(other, name)))
            .find(|(_, own, others)| own != others)
            .map(|(name, own, others)| (name.clone(), shown(own), shown(others)))
    }
}
