//! Which bytes each limit counts where messages are compressed: those that are sent, or those that they
//! stand for. Implementations differ, and so a limit that was found for plain messages is tried again.

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
    Direction, Side,
    format_data::{Message, longest_text_within},
};

/// Below it a message may be larger when it is compressed.
const SMALLEST: u64 = 512;

/// Python's server takes 105 ms to refuse a prefix, and up to some hundred where it is busy.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Tries the server's limit for requests. The prober compresses.
pub(super) fn servers_request(prober: &mut Prober<'_>, record: &mut LimitRecord) -> Result<(), LimitsError> {
    let Some(refused) = refused_size(record) else { return Ok(()) };
    if !record.confirmed {
        return Ok(());
    }
    let message = Message::plain(longest_text_within(refused));
    let whole = settled(|| Ok(prober.whole(message.clone(), longest(refused))?.got))?;
    let claim = prober.claim(refused, false, PATIENCE)?.got;
    let counts_decompressed = match whole {
        ProbeAnswer::Refused(_) => Some(!is_request_taken(&whole)),
        ProbeAnswer::Reply { .. } => Some(false),
        // In no words of its own, as grpc-java's server: then the size below must pass.
        ProbeAnswer::Ended(..) => {
            let within = Message::plain(longest_text_within(record.largest_passed_bytes.unwrap_or(0)));
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
        // What counts whole bodies lets any prefix through: it has counted what was sent.
        (Some(false), false) if record.http_status.is_some() => Counts::Compressed,
        (Some(false), false) => Counts::Neither,
    };
    record.compressed = Some(Compressed::of(counts, &whole));
    Ok(())
}

/// Tries the server's limit for replies, or that of the lean client, by a reply that is just over it. The
/// prober compresses; `compresses` says whether the server does.
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
    let patience = longest(message.request_bytes.max(message.reply_bytes));
    let got = settled(|| Ok(own.send(message.clone(), patience)?.got))?;
    record.compressed = Some(one_way(&got, (record.side, record.direction)));
    Ok(())
}

/// What was refused, where it is large enough.
pub(super) fn refused_size(record: &LimitRecord) -> Option<u64> {
    record.smallest_refused_bytes.filter(|size| record.state == State::Found && *size >= SMALLEST)
}

/// A message over the limit that is under it when it is compressed.
fn one_way(got: &ProbeAnswer, own: (Side, Direction)) -> Compressed {
    let counts = match got {
        // The client lets it go, or not; what comes of it then says nothing.
        _ if own == (Side::Client, Direction::Request) => {
            if is_sent(got) {
                Counts::Compressed
            } else {
                Counts::Decompressed
            }
        }
        ProbeAnswer::Refused(refusal) if (refusal.side, refusal.direction) == own => Counts::Decompressed,
        // Another limit: this one let it pass.
        ProbeAnswer::Reply { .. } | ProbeAnswer::Refused(_) => Counts::Compressed,
        ProbeAnswer::Ended(..) | ProbeAnswer::Silence => Counts::Unknown,
    };
    // What the server says of a message that this limit let pass is not this limit's.
    if counts == Counts::Compressed {
        return Compressed { counts, code: None, message: None };
    }
    Compressed::of(counts, got)
}
