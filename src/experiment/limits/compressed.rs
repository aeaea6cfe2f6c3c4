//! Size of a compressed message as each limit counts it: the compressed bytes, or the decompressed ones.
//! Implementations differ, so a limit found with plain messages is tried again with compressed ones.

use std::time::Duration;

use super::{
    client_side::{OwnClient, is_sent},
    error::LimitsError,
    probe::{Prober, Sends as _, settled},
    probe_result::{ProbeAnswer, longest},
    record::{Compressed, Counts, LimitRecord, State},
    replies::Reach,
    server_requests::is_request_taken,
};
use crate::rpc::{
    Direction, Message, Side,
    format_data::{self, longest_text_within},
};

/// Smallest size to try, in bytes. A smaller message may grow when compressed.
const SMALLEST: u64 = 512;

/// Time to wait for an answer to a prefix. Python's server takes 105 ms to refuse a prefix, and up to a few
/// hundred when it is busy.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Tries the server's limit for requests. `prober` must compress.
pub(super) fn servers_request(prober: &mut Prober<'_>, record: &mut LimitRecord) -> Result<(), LimitsError> {
    let Some(refused) = refused_size(record) else { return Ok(()) };
    if !record.confirmed {
        return Ok(());
    }
    let message = format_data::plain(longest_text_within(refused));
    let whole = settled(|| Ok(prober.whole(message.clone(), longest(refused))?.got))?;
    let claim = prober.claim(refused, false, PATIENCE)?.got;
    let counts_decompressed = match whole {
        ProbeAnswer::Refused(_) => Some(!is_request_taken(&whole)),
        ProbeAnswer::Reply { .. } => Some(false),
        // The status has no known words, as with grpc-java's server: a size below the limit must then pass.
        ProbeAnswer::Ended(..) => {
            let within = format_data::plain(longest_text_within(record.largest_passed_bytes.unwrap_or(0)));
            let got = settled(|| Ok(prober.whole(within.clone(), longest(refused))?.got))?;
            matches!(got, ProbeAnswer::Reply { .. }).then_some(true)
        }
        ProbeAnswer::Silence => None,
    };
    let counts = match (counts_decompressed, matches!(claim, ProbeAnswer::Refused(_))) {
        (None, _) => Counts::Unknown,
        (Some(true), true) => Counts::Both,
        (Some(true), false) => Counts::Decompressed,
        (Some(false), true) => Counts::Compressed,
        // A limit that counts whole bodies lets any prefix through: it has counted the bytes sent.
        (Some(false), false) if record.http_status.is_some() => Counts::Compressed,
        (Some(false), false) => Counts::Neither,
    };
    record.compressed = Some(Compressed::of(counts, &whole));
    Ok(())
}

/// Tries the server's limit for replies, or the lean client's limit, by a reply just over the limit. `prober`
/// must compress; `compresses` is true if the server does.
pub(super) fn replies(
    prober: &mut Prober<'_>,
    reach: Reach,
    compresses: bool,
    record: &mut LimitRecord,
) -> Result<(), LimitsError> {
    let Some(refused) = refused_size(record) else { return Ok(()) };
    if !compresses {
        record.compressed = Some(Compressed { counts: Counts::NotCompressed, code: None, message: None });
        return Ok(());
    }
    let Some(message) = reach.message(longest_text_within(refused)) else { return Ok(()) };
    let got = settled(|| Ok(prober.whole(message.clone(), longest(refused))?.got))?;
    record.compressed = Some(one_way(&got, (record.side, record.direction)));
    Ok(())
}

/// Tries the client's own limits with the client itself, which compresses.
pub(super) fn clients(
    own: &mut OwnClient<'_>,
    message: Option<Message>,
    record: &mut LimitRecord,
) -> Result<(), LimitsError> {
    if refused_size(record).is_none() {
        return Ok(());
    }
    let Some(message) = message else { return Ok(()) };
    let patience = longest(message.request_bytes().max(message.reply_bytes().unwrap_or(0)));
    let got = settled(|| Ok(own.send(message.clone(), patience)?.got))?;
    record.compressed = Some(one_way(&got, (record.side, record.direction)));
    Ok(())
}

/// Returns the refused size, if it is large enough to compress.
pub(super) fn refused_size(record: &LimitRecord) -> Option<u64> {
    record.smallest_refused_bytes.filter(|size| record.state == State::Found && *size >= SMALLEST)
}

/// Returns the result for a message that is over the limit uncompressed, and under the limit compressed.
fn one_way(got: &ProbeAnswer, own: (Side, Direction)) -> Compressed {
    let counts = match got {
        // Only the client's decision to send counts here; the server's later answer does not.
        _ if own == (Side::Client, Direction::Request) => {
            if is_sent(got) {
                Counts::Compressed
            } else {
                Counts::Decompressed
            }
        }
        ProbeAnswer::Refused(refusal) if (refusal.side, refusal.direction) == own => Counts::Decompressed,
        // Another limit refused: this limit let the message pass.
        ProbeAnswer::Reply { .. } | ProbeAnswer::Refused(_) => Counts::Compressed,
        ProbeAnswer::Ended(..) | ProbeAnswer::Silence => Counts::Unknown,
    };
    // A server's answer to a message that passed this limit does not belong to this limit.
    if counts == Counts::Compressed {
        return Compressed { counts, code: None, message: None };
    }
    Compressed::of(counts, got)
}
