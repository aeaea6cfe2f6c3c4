//! Plan of a run in words.

use super::figures::share;
use crate::{
    load::{Pick, PlannedData, PlannedLoad, TextSource},
    result::summary::Summary,
    units::{ByteSize, counted, decimal, exact_duration, grouped},
};

/// Returns what was run, line by line: a heading, and its words.
pub(crate) fn lines(summary: &Summary) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let plan = &summary.plan;
    let load = match &plan.load {
        PlannedLoad::Closed { concurrency } => format!("closed loop, {} in flight", grouped(*concurrency)),
        PlannedLoad::Open { arrivals, stages, .. } => {
            let rates: Vec<String> = stages.iter().map(|one| stage(one, stages.len())).collect();
            format!("open loop, {}; {arrivals} arrivals", rates.join(", then "))
        }
    };
    let end = match (plan.calls, plan.duration) {
        (Some(calls), _) => counted(calls.get(), "call"),
        (None, duration) => exact_duration(duration.unwrap_or_default()),
    };
    let label = summary.label.as_ref().map(|label| format!("{label}: ")).unwrap_or_default();
    lines.push(("run", format!("{label}{load}, {end} after {} of warm-up", exact_duration(plan.warm_up))));
    let target = &summary.target;
    let server = match &target.server {
        Some(server) => format!("{}, own server with {} threads", target.authority, server.threads),
        None if target.authority == target.address => target.authority.clone(),
        None => format!("{} at {}", target.authority, target.address),
    };
    let tls = target.tls.as_ref().map_or_else(String::new, |tls| {
        let verified = if tls.verified { "" } else { ", certificate not verified" };
        let mutual = if tls.client_certificate { ", client certificate" } else { "" };
        format!("; TLS {}, {}{verified}{mutual}", tls.version, tls.cipher)
    });
    let many = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let (workers, connections) = (many(plan.workers, "worker"), many(plan.connections, "connection"));
    let client = plan.options.client;
    lines.push(("target", format!("{server}{tls}; {client} client, {workers}, {connections}")));
    let text = match (&plan.text, &plan.data) {
        (Some(TextSource::Kind(kind)), _) => format!("{kind} text"),
        (Some(TextSource::File(path)), _) => format!("text of {}", path.display()),
        (None, Some(data)) => data_words(data),
        (None, None) => String::new(),
    };
    let total = plan.sizes.iter().fold(0, |sum: u64, size| sum.saturating_add(size.weight));
    if let Some(method) = &plan.other_method {
        lines.push(("method", method.path.trim_start_matches('/').to_owned()));
    }
    let sizes: Vec<String> = plan
        .sizes
        .iter()
        .map(|size| match plan.sizes.len() {
            1 => ByteSize(size.message_bytes).to_string(),
            _ => format!("{} {}", share(size.weight, total), ByteSize(size.message_bytes)),
        })
        .collect();
    let compression =
        plan.options.compression.map_or_else(String::new, |compression| format!(", {compression} both ways"));
    let sizes = match &plan.data {
        Some(data) if data.smallest_bytes < data.largest_bytes => {
            format!("{} to {}", ByteSize(data.smallest_bytes), ByteSize(data.largest_bytes))
        }
        _ => sizes.join(", "),
    };
    lines.push(("messages", format!("{sizes}; {text}{compression}")));
    lines.push(("verified", plan.verified_words()));
    lines
}

/// The user's data in words: `3 messages of carts.ndjson, in order`.
fn data_words(data: &PlannedData) -> String {
    let origin = match (data.source.as_str(), &data.file) {
        ("empty", _) => return "the empty message".to_owned(),
        (_, Some(file)) => format!(" of {file}"),
        ("stdin", _) => " of standard input".to_owned(),
        _ => String::new(),
    };
    let order = match data.pick {
        _ if data.messages == 1 => "",
        Pick::Cycle => ", in order",
        Pick::Random => ", at random",
    };
    format!("{}{origin}{order}", counted(data.messages, "message"))
}

/// A stage of this many.
fn stage(stage: &crate::load::Stage, of: usize) -> String {
    let (from, to) = (decimal(stage.from_per_second), decimal(stage.to_per_second));
    let duration = exact_duration(stage.duration);
    match from == to {
        true if of == 1 => format!("{from} calls/s"),
        true => format!("{from} calls/s for {duration}"),
        false => format!("{from} to {to} calls/s in {duration}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load::Stage;

    #[test]
    fn a_stage_of_several_says_how_long_it_is() {
        let steady = Stage::constant(200.0, Duration::from_secs(2));
        let ramp = Stage { to_per_second: 3_000.0, ..steady };
        assert_eq!(
            (stage(&steady, 1).as_str(), stage(&steady, 2).as_str()),
            ("200 calls/s", "200 calls/s for 2s")
        );
        assert_eq!(stage(&ramp, 2), "200 to 3,000 calls/s in 2s");
    }
}
