//! The document `plimsoll.limits/1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::LimitRecord;
use crate::{
    load::{ClientKind, Options},
    measure::Build,
    result::Finding,
};

/// Messages that are really sent are no larger than this, unless more is asked for.
pub const DEFAULT_UP_TO: u64 = 64 << 20;

/// What is to be looked for.
#[derive(Debug, Clone)]
pub struct LimitsSettings {
    /// The client whose own limits are looked for, its limits, and its metadata. The server's limits are looked for
    /// with the lean client in any case.
    pub options: Options,
    /// The largest message that is really sent, in message bytes.
    pub up_to: u64,
}

/// The limits of a server and of a client, and what they mean. Integers are ns and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// That of `DocumentKind::Limits`.
    pub schema: String,
    /// What looked.
    pub plimsoll: Build,
    /// The server as it was written.
    pub target: String,
    /// Whose own limits these are.
    pub client: ClientKind,
    /// The largest message that was to be sent.
    pub up_to_bytes: u64,
    /// In the order in which a call meets them.
    pub limits: Vec<LimitRecord>,
    /// What they mean, in plain words.
    pub findings: Vec<Finding>,
    /// Why the search ended before its end, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<String>,
    /// Whether it was ended from outside.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub interrupted: bool,
}
