//! Parts of a plan's document: its load, its method and its sizes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schedule::{Arrivals, Stage};
use crate::rpc::{Message, Method};

/// The load of a validated run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "loop", rename_all = "lowercase")]
pub enum PlannedLoad {
    /// Closed loop: a fixed number of calls in flight. The run has an end in time unless the calls are
    /// counted.
    Closed {
        /// Calls in flight, in total: at least one per worker.
        concurrency: u64,
    },
    /// Open loop: calls start at intended times.
    Open {
        /// Spacing of calls.
        arrivals: Arrivals,
        /// The rate over time. The lengths of the stages add up to the measured window.
        stages: Vec<Stage>,
        /// Calls in flight, in total: at least one per worker. An arrival above this number is shed.
        max_in_flight: u64,
    },
}

/// A method other than the built-in one, as documents describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedMethod {
    /// Path of the method in a request.
    pub path: String,
    /// Full name of the request's type; absent without a schema.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
    /// Full name of the reply's type; absent without a schema.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reply: Option<String>,
}

/// One size of a planned mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedSize {
    /// Message bytes of the request.
    pub message_bytes: u64,
    /// Message bytes of the expected reply; absent if they are not known before the call.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reply_bytes: Option<u64>,
    /// The requested size. It differs from the actual size if no text encodes to the requested size.
    pub asked_bytes: u64,
    /// Weight relative to the other sizes.
    pub weight: u64,
}

impl PlannedSize {
    /// The size of the only message of a plan.
    pub(super) fn of(message: &Message) -> Self {
        let message_bytes = message.request_bytes();
        Self { message_bytes, reply_bytes: message.reply_bytes(), asked_bytes: message_bytes, weight: 1 }
    }
}

impl PlannedMethod {
    pub(super) fn of(method: &Method) -> Self {
        let types = method.types();
        Self {
            path: method.path().to_owned(),
            request: types.map(|types| types.request_name().to_owned()),
            reply: types.map(|types| types.reply_name().to_owned()),
        }
    }
}
