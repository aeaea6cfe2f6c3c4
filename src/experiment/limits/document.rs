//! The document `plimsoll.limits/1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::LimitRecord;
use crate::{
    load::{ClientKind, Options},
    measure::Build,
    result::Finding,
};

/// Largest message that is sent whole by default: 64 MiB, in message bytes.
pub const DEFAULT_UP_TO: u64 = 64 << 20;

/// Settings of the search.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LimitsSettings {
    /// The client whose own limits are searched, its limits, and its metadata. The server's limits are always
    /// searched with the lean client.
    pub options: Options,
    /// Largest message that is sent whole, in message bytes.
    pub up_to: u64,
}

impl Default for LimitsSettings {
    /// The lean client with gRPC's own limits; whole messages of at most 64 MiB.
    fn default() -> Self {
        Self { options: Options::default(), up_to: DEFAULT_UP_TO }
    }
}

/// Limits of a server and of a client, with findings. Integers are ns and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Limits {
    /// Schema of the document: the value of `DocumentKind::Limits.schema()`.
    pub schema: String,
    /// Build of this program that searched.
    pub plimsoll: Build,
    /// The server, as on the command line.
    pub target: String,
    /// The client whose own limits these are.
    pub client: ClientKind,
    /// Largest message that was allowed to be sent.
    pub up_to_bytes: u64,
    /// Limits in the order in which a call meets them.
    pub limits: Vec<LimitRecord>,
    /// Meaning of the limits, in plain words.
    pub findings: Vec<Finding>,
    /// Reason why the search ended early, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<String>,
    /// True if the search was stopped early, for example by a signal.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub interrupted: bool,
}
