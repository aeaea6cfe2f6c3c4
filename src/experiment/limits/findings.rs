//! Meaning of limits for callers, in plain words, with the next step.

use std::time::Duration;

use super::{
    document::LimitsSettings,
    probe_result::Cause,
    record::{Counts, LimitRecord, State, bytes},
};
use crate::{
    load::ClientKind,
    result::{Finding, FindingKind},
    rpc::{Code, Direction, Side},
    units::{ByteSize, format_duration},
};

/// Duration of a refusal above which a finding is made.
const SLOW: Duration = Duration::from_millis(50);

/// Uploaded bytes of a refused request above which a finding is made. A frame of 1 MiB must be finished once
/// begun.
const MUCH_IN_VAIN: u64 = 2 << 20;

/// Returns the findings for these limits. `grows` is true if the server's upper-casing makes texts longer.
pub(super) fn of(records: &[LimitRecord], grows: bool, settings: &LimitsSettings) -> Vec<Finding> {
    let find =
        |side, direction| records.iter().find(|record| record.side == side && record.direction == direction);
    let mut findings = Vec::new();
    if let Some(receives) = find(Side::Server, Direction::Request) {
        let sends = find(Side::Server, Direction::Response).and_then(LimitRecord::lowest);
        between_sides(receives, sends, grows, settings, &mut findings);
    }
    for record in records {
        of_one(record, settings, &mut findings);
    }
    findings
}

fn finding(kind: FindingKind, detail: String, advice: impl Into<String>) -> Finding {
    Finding::note(kind, detail, advice)
}

/// Adds findings about limits that do not fit together.
fn between_sides(
    receives: &LimitRecord,
    sends: Option<u64>,
    grows: bool,
    settings: &LimitsSettings,
    findings: &mut Vec<Finding>,
) {
    let takes = receives.taken().or(receives.searched_to_bytes);
    let caller = settings.options.max_recv_message_size.as_bytes();
    let Some(takes) = takes else { return };
    let reach = if receives.state == State::Found && receives.confirmed { "up to" } else { "at least" };
    // Example of a round size below the caller's limit whose reply, if it grows, is over that limit.
    let example = ByteSize(caller / 4 * 3);
    if grows && sends.is_none_or(|sends| sends > caller) && takes >= example.0 && caller >= 64 {
        findings.push(finding(
            FindingKind::ReplyOutgrowsCaller,
            format!(
                "a request of {example} whose reply grows past {} will be refused by the caller, not by the server",
                ByteSize(caller)
            ),
            "raise the caller's receive limit (--max-recv-message-size)",
        ));
    }
    if takes > caller && sends.is_none_or(|sends| sends > caller) {
        findings.push(finding(
            FindingKind::CallerBelowServer,
            format!(
                "the server takes requests of {reach} {}, and the caller no replies over {}: messages between the two are sent, processed, returned and discarded",
                bytes(takes),
                bytes(caller)
            ),
            "raise the limit on both sides, or lower the server's",
        ));
    }
    if let Some(sends) = sends.filter(|sends| *sends < takes) {
        findings.push(finding(
            FindingKind::ServerRefusesItsOwnReply,
            format!(
                "the server takes requests of up to {} and sends no reply over {}: it refuses after it has done the work",
                bytes(takes),
                bytes(sends)
            ),
            "raise the server's limit for replies to that for requests",
        ));
    }
}

/// Adds findings about one limit.
fn of_one(record: &LimitRecord, settings: &LimitsSettings, findings: &mut Vec<Finding>) {
    let name = format!("the {}'s limit for {}s", record.side, record.direction);
    if record.state == State::Unstable {
        let detail = record.detail.clone().unwrap_or_default();
        findings.push(finding(
            FindingKind::Unstable,
            format!("{name} is not one number: {detail}"),
            "check for several servers behind one address, a configuration change, or a server that fails some calls",
        ));
    }
    if record.state != State::Found {
        return;
    }
    if !record.confirmed {
        findings.push(finding(
            FindingKind::Unconfirmed,
            format!(
                "{name} was found by prefixes only: messages of up to {} were sent and passed; larger messages were not sent",
                bytes(record.largest_passed_bytes.unwrap_or(0))
            ),
            "raise --up-to above the limit to send whole messages",
        ));
    }
    if let (Some(named), Some(limit)) = (record.named_bytes, record.limit_bytes)
        && named != limit
    {
        findings.push(finding(
            FindingKind::NamedWrongly,
            format!("{name} is {}, and its refusals name {}", bytes(limit), bytes(named)),
            "",
        ));
    }
    cause(record, &name, findings);
    if let Some(behind) = &record.behind {
        findings.push(finding(
            FindingKind::LimitInFront,
            format!(
                "before the server's own limit for {}s, {}, comes {} from {} on{}: no caller reaches the server's limit, which is known by prefixes only",
                record.direction,
                bytes(behind.limit_bytes),
                record.status().unwrap_or_else(|| "a refusal".to_owned()),
                bytes(record.smallest_refused_bytes.unwrap_or(0)),
                if record.http_status.is_some() { ", a proxy's" } else { "" },
            ),
            "set both to the same size: a proxy counts gRPC's 5-byte prefix too (nginx: client_max_body_size)",
        ));
    }
    if record.side == Side::Client
        && record.cause == Some(Cause::OwnStatus)
        && settings.options.client == ClientKind::Stub
    {
        findings.push(finding(
            FindingKind::ReasonLost,
            format!("a tonic client does not report that {name} refused: it returns {}", quoted(record)),
            "compare the encoded length with the limit before the call",
        ));
    }
    compressed(record, &name, findings);
    survival(record, &name, findings);
    if record.refusal_time().is_some_and(|took| took > SLOW) && record.side == Side::Server {
        let took = format_duration(record.refusal_time().unwrap_or_default());
        findings.push(finding(FindingKind::SlowRefusal, format!("{name} takes {took} to refuse"), ""));
    }
    if let Some(uploaded) = record.uploaded_bytes.filter(|uploaded| *uploaded > MUCH_IN_VAIN)
        && (record.side, record.direction) == (Side::Server, Direction::Request)
    {
        findings.push(finding(
            FindingKind::UploadedInVain,
            format!("{} of a request went to the server before it refused", bytes(uploaded)),
            "check sizes before the call; the server's HTTP/2 window bounds such uploads",
        ));
    }
}

/// Adds findings about the treatment of compressed messages.
fn compressed(record: &LimitRecord, name: &str, findings: &mut Vec<Finding>) {
    let Some(compressed) = &record.compressed else { return };
    let (words, advice) = match compressed.counts {
        Counts::Compressed | Counts::Neither => (
            "does not see what a compressed message decompresses to",
            "the receiver must bound it: a few KiB may decompress to gigabytes",
        ),
        Counts::Unknown => ("does not take compressed messages", "leave out compression there"),
        Counts::Both | Counts::Decompressed | Counts::NotCompressed => ("", ""),
    };
    if !words.is_empty() {
        findings.push(finding(FindingKind::CompressedMessages, format!("{name} {words}"), advice));
    }
    if compressed.code.is_some() && compressed.code != record.code {
        findings.push(finding(
            FindingKind::AnotherCodeWhenCompressed,
            format!(
                "{name} answers {} to a compressed message, and {} to a plain one",
                compressed.code.as_deref().unwrap_or_default(),
                record.code.as_deref().unwrap_or_default()
            ),
            "callers that look at the code must know both",
        ));
    }
}

/// Adds findings about the effect of a refusal on other calls.
fn survival(record: &LimitRecord, name: &str, findings: &mut Vec<Finding>) {
    if record.connection_survived == Some(false) || record.neighbour_survived == Some(false) {
        findings.push(finding(
            FindingKind::TakesOthersAlong,
            format!("{name} ends other calls on the same connection when it refuses"),
            "use separate connections for large messages",
        ));
    }
    if let Some(unstable) = &record.survival_unstable {
        findings.push(finding(
            FindingKind::SurvivalUnstable,
            format!("the effect of {name} on other calls of the same connection is unknown: {unstable}"),
            "find out why small calls fail: `plimsoll run` counts them with their statuses",
        ));
    }
}

/// Adds findings about the way of refusing, as callers see it.
fn cause(record: &LimitRecord, name: &str, findings: &mut Vec<Finding>) {
    let (words, advice) = match record.cause {
        Some(Cause::StreamReset) => (
            "by resetting the stream, without a status",
            "callers cannot distinguish it from a cancelled call",
        ),
        Some(Cause::ConnectionLost) => {
            ("by closing the connection", "every call on the connection is lost with it")
        }
        Some(Cause::HttpStatus) => (
            "with a status of HTTP's",
            "something in front of the server limits bodies, prefix included; look there",
        ),
        Some(Cause::Silence) => ("by never answering", "give calls a deadline"),
        Some(Cause::Words)
            if record.code.as_deref() == Some(Code::OUT_OF_RANGE.name()) && record.side == Side::Server =>
        {
            findings.push(finding(
                FindingKind::CodeOfTonic,
                format!("{name} answers OUT_OF_RANGE, as tonic does, where other implementations say RESOURCE_EXHAUSTED"),
                "callers that look at the code must know both",
            ));
            return;
        }
        _ => return,
    };
    findings.push(finding(
        FindingKind::RefusesWithoutWords,
        format!("{name} refuses {words}: {}", quoted(record)),
        advice,
    ));
}

fn quoted(record: &LimitRecord) -> String {
    let code = record.code.as_deref().unwrap_or("no status");
    match &record.message {
        Some(message) => format!("{code}, `{message}`"),
        None => code.to_owned(),
    }
}
