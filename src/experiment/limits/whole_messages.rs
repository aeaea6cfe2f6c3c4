//! The search for an edge by whole messages, over the lengths that texts can have. Sizes that no text can
//! produce are therefore never tried.

use std::time::Duration;

use super::{
    error::LimitsError,
    probe::Sends,
    probe_result::{Cause, ProbeAnswer, ProbeResult, longest},
    record::{LimitRecord, REFUSALS, State, bytes},
    search::{Answer, Edge, Search},
};
use crate::{
    rpc::{
        Direction, Message, Side,
        format_data::{longest_text_within, message_bytes_of},
        status_words,
    },
    units::{as_f64, format_duration},
};

/// Base wait for a whole message, after the first one passed. Added to it is the larger of two times: 1.5 times
/// the first message's time, scaled to the size; or the size at 20 MiB/s, a third of the slowest measured
/// server's speed. This is too short for a server whose upper-casing time grows with the square of the number of
/// growing characters, as in JDK 17.
const PATIENCE: Duration = Duration::from_millis(700);

const PATIENCE_BYTES_PER_SECOND: u64 = 20 << 20;

/// The limit to search for, as whole messages show it.
pub(super) struct Whole<'a> {
    /// Returns the message for a length of text, of the request or of the reply.
    pub(super) message: &'a dyn Fn(u64) -> Option<Message>,
    /// Returns true if the message under test was within the limit.
    pub(super) is_passed: &'a dyn Fn(&ProbeAnswer) -> bool,
    /// Side and direction of the limit's refusals.
    pub(super) refuses: (Side, Direction),
    /// True if silence counts as a refusal and does not end the search.
    pub(super) silence_refuses: bool,
}

/// Searches for the edge with whole messages.
pub(super) fn find(
    sender: &mut impl Sends,
    whole: &Whole<'_>,
    mut search: Search,
    record: &mut LimitRecord,
) -> Result<(), LimitsError> {
    let size = message_bytes_of;
    let (mut first_passed, mut last_refused): (_, Option<ProbeAnswer>) = (None, None);
    let mut overruled: Vec<(u64, String)> = Vec::new();
    while let Some(text) = search.next() {
        let Some(message) = (whole.message)(text) else { break };
        let patience = patience(text, first_passed);
        let probed = sender.send(message, patience)?;
        let probed = match whole.answer(&probed) {
            // A failure in unknown words may have another reason, so the message is sent a second time.
            Some(Answer::Refused(None)) | None if !is_in_words(&probed) => match (whole.message)(text) {
                Some(message) => {
                    let again = sender.send(message, patience)?;
                    if let Some(likeness) = probed.got.likeness().filter(|_| (whole.is_passed)(&again.got)) {
                        overruled.push((text, likeness));
                    }
                    again
                }
                None => probed,
            },
            _ => probed,
        };
        if first_passed.is_none() && (whole.is_passed)(&probed.got) {
            first_passed = Some((text, probed.took));
        }
        let Some(answer) = whole.answer(&probed) else {
            record.unstable(&other_refusal(&probed));
            return Ok(());
        };
        if !whole.silence_refuses && search.refused().is_none() && probed.got == ProbeAnswer::Silence {
            let passed = search.passed().map(size);
            record.detail = Some(format!(
                "the search ended early: {} were not answered within {}, and no larger ones were tried",
                bytes(size(text)),
                format_duration(probed.took),
            ));
            record.state = State::NotReached;
            record.searched_to_bytes = passed;
            return Ok(());
        }
        if matches!(answer, Answer::Refused(_)) {
            last_refused = Some(probed.got);
        }
        search.record(text, answer);
        record.so_far(search.passed().map(size), search.refused().map(size));
        if let Some(what) = search.contradiction() {
            record.unstable(what);
            return Ok(());
        }
    }
    let Edge::Between(passed, refused) = search.edge() else {
        record.state = State::NotReached;
        record.confirmed = true;
        record.searched_to_bytes = search.passed().map(size);
        return Ok(());
    };
    // A size that was refused with the words of the edge and passed later is not an accident: the limit
    // moves.
    let edge = last_refused.as_ref().and_then(ProbeAnswer::likeness);
    if let Some((text, _)) = overruled.iter().find(|(_, likeness)| Some(likeness) == edge.as_ref()) {
        record.unstable(&format!("{} were refused, and then passed", bytes(size(*text))));
        return Ok(());
    }
    // If silence is the refusal, the wait that separates silence from an answer is known by now.
    let refusal_patience = match last_refused {
        Some(ProbeAnswer::Silence) => patience(refused, first_passed),
        _ => longest(refused),
    };
    verify(sender, whole, &mut search, (passed, refused), refusal_patience, record)
}

/// Returns the wait for a text. `first_passed` is the length of the first text that passed, and its time.
pub(super) fn patience(text_bytes: u64, first_passed: Option<(u64, Duration)>) -> Duration {
    let Some((passed, took)) = first_passed else { return longest(text_bytes) };
    let usual = Duration::from_millis(text_bytes.saturating_mul(1_000) / PATIENCE_BYTES_PER_SECOND);
    let larger = (as_f64(text_bytes) / as_f64(passed.max(1))).max(1.0);
    // A link may be as slow as the first message showed.
    let seen = took.as_secs_f64() * larger * 1.5;
    let most = longest(text_bytes);
    (PATIENCE + usual.max(Duration::from_secs_f64(seen.min(most.as_secs_f64())))).min(most)
}

/// Sends messages of both sides of the edge again.
fn verify(
    sender: &mut impl Sends,
    whole: &Whole<'_>,
    search: &mut Search,
    (passed, refused): (Option<u64>, u64),
    refusal_patience: Duration,
    record: &mut LimitRecord,
) -> Result<(), LimitsError> {
    let mut refusals = Vec::new();
    for _ in 0..REFUSALS {
        if let Some(message) = (whole.message)(refused) {
            let (probed, survivors) = sender.send_among_neighbours(message, refusal_patience)?;
            let Some(answer) = whole.answer(&probed) else {
                record.unstable(&other_refusal(&probed));
                return Ok(());
            };
            search.record(refused, answer);
            refusals.push((probed, survivors));
        }
    }
    if let Some(text) = passed
        && let Some(message) = (whole.message)(text)
    {
        let mut probed = sender.send(message.clone(), longest(text))?;
        if matches!(probed.got, ProbeAnswer::Ended(..)) {
            probed = sender.send(message, longest(text))?;
        }
        let Some(answer) = whole.answer(&probed) else {
            record.unstable(&other_refusal(&probed));
            return Ok(());
        };
        search.record(text, answer);
    }
    if let Some(what) = search.contradiction() {
        record.unstable(what);
        return Ok(());
    }
    let (passed, refused) = (passed.map(message_bytes_of), message_bytes_of(refused));
    record.so_far(passed, Some(refused));
    record.refused_as(&refusals, || sender.control())?;
    record.named_bytes = refusals.iter().find_map(|(probed, _)| match &probed.got {
        ProbeAnswer::Refused(refusal) => refusal.limit_bytes,
        _ => None,
    });
    // Between two sizes that texts can have, a named limit is accepted.
    let lowest = passed.unwrap_or(0);
    let is_between = |named: &u64| (lowest..refused).contains(named);
    record.limit_bytes = match record.named_bytes.filter(is_between) {
        None if refused == lowest + 1 => Some(lowest),
        named => named,
    };
    record.confirmed = true;
    record.state = State::Found;
    Ok(())
}

impl Whole<'_> {
    /// Returns a probe's answer about the limit; `None` if another limit refused.
    pub(super) fn answer(&self, probed: &ProbeResult) -> Option<Answer> {
        Some(match &probed.got {
            got if (self.is_passed)(got) => Answer::Passed,
            ProbeAnswer::Refused(refusal) if (refusal.side, refusal.direction) == self.refuses => {
                Answer::Refused(refusal.limit_bytes.map(longest_text_within))
            }
            ProbeAnswer::Refused(_) => return None,
            // The client has known words for a reply that it refuses, and makes the status itself for a
            // request that it does not send. Any other end is the server's.
            ProbeAnswer::Ended(_, cause)
                if self.refuses.0 == Side::Client
                    && (*cause != Cause::OwnStatus || self.refuses.1 == Direction::Response) =>
            {
                return None;
            }
            ProbeAnswer::Reply { .. } | ProbeAnswer::Ended(..) | ProbeAnswer::Silence => {
                Answer::Refused(None)
            }
        })
    }
}

/// Returns true for a size refusal in known words or by HTTP status, which is never an accident.
fn is_in_words(probed: &ProbeResult) -> bool {
    matches!(&probed.got, ProbeAnswer::Refused(_))
}

fn other_refusal(probed: &ProbeResult) -> String {
    let refusal = match &probed.got {
        ProbeAnswer::Refused(refusal) => refusal,
        ProbeAnswer::Ended(failure, _) => {
            return format!(
                "in between, the server ended the call: {}",
                status_words(failure.code, &failure.message)
            );
        }
        ProbeAnswer::Reply { .. } | ProbeAnswer::Silence => return "another limit came first".to_owned(),
    };
    format!(
        "in between, the limit of the {} for the {} refused: {}",
        refusal.side, refusal.direction, refusal.message
    )
}
