//! Strict mirror of the document of `plimsoll limits`.

use serde::Deserialize;

use crate::process::{output_of, text};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) schema: String,
    pub(crate) plimsoll: Build,
    pub(crate) target: String,
    pub(crate) client: String,
    pub(crate) up_to_bytes: u64,
    pub(crate) limits: Vec<Found>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) ended_early: Option<String>,
    pub(crate) interrupted: Option<bool>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Build {
    pub(crate) version: String,
    pub(crate) commit: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    pub(crate) name: String,
    pub(crate) weight: String,
    pub(crate) detail: String,
    pub(crate) advice: String,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Found {
    pub(crate) side: String,
    pub(crate) direction: String,
    pub(crate) state: String,
    pub(crate) largest_passed_bytes: Option<u64>,
    pub(crate) smallest_refused_bytes: Option<u64>,
    pub(crate) limit_bytes: Option<u64>,
    pub(crate) named_bytes: Option<u64>,
    pub(crate) searched_to_bytes: Option<u64>,
    pub(crate) code: Option<String>,
    pub(crate) http_status: Option<u16>,
    pub(crate) message: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) connection_survived: Option<bool>,
    pub(crate) neighbour_survived: Option<bool>,
    pub(crate) survival_unstable: Option<String>,
    pub(crate) refusal_ns: Option<u64>,
    pub(crate) uploaded_bytes: Option<u64>,
    pub(crate) compressed: Option<Compressed>,
    pub(crate) confirmed: bool,
    pub(crate) behind: Option<Behind>,
    pub(crate) probes: u32,
    pub(crate) elapsed_ns: u64,
    pub(crate) detail: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Behind {
    pub(crate) limit_bytes: u64,
    pub(crate) smallest_refused_bytes: u64,
    pub(crate) named_bytes: Option<u64>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compressed {
    pub(crate) counts: String,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

impl Document {
    pub(crate) fn of(&self, side: &str, direction: &str) -> &Found {
        self.limits
            .iter()
            .find(|limit| limit.side == side && limit.direction == direction)
            .unwrap_or_else(|| panic!("no limit of the {side} for the {direction} in {self:?}"))
    }

    pub(crate) fn servers(&self) -> &Found {
        self.of("server", "request")
    }

    pub(crate) fn has_finding(&self, name: &str) -> bool {
        self.findings.iter().any(|finding| finding.name == name)
    }
}

/// Returns status and document of `plimsoll limits` with these arguments.
pub(crate) fn limits_with_status(arguments: &[&str]) -> (i32, Document) {
    let output = output_of(&[&["limits", "-q", "-O", "json"], arguments].concat());
    let status = output.status.code().expect("it was not killed");
    let limits: Document = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: status {status}, stderr: {}", text(&output.stderr)));
    assert_eq!(limits.schema, "plimsoll.limits/1");
    (status, limits)
}

pub(crate) fn limits(arguments: &[&str]) -> Document {
    let (status, limits) = limits_with_status(arguments);
    assert_eq!(status, 0, "{limits:?}");
    limits
}
