//! The search for an edge by whole messages, over the lengths that texts can have: so sizes that no
//! text can make are never asked about.

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
        Direction, Side,
        format_data::{Message, longest_text_within, message_bytes_of},
        status_words,
    },
    units::{as_f64, format_duration},
};

/// A whole message is waited for this long, and as much longer as one and a half times what one of its size takes
/// by the first that passed, or as it takes at 20 MiB/s, a third of what the slowest server did that was
/// measured. A server that upper-cases in time that grows with the square of the number of characters
/// that grow, as JDK 17 does, is not waited for.
const PATIENCE: Duration = Duration::from_millis(700);

const PATIENCE_BYTES_PER_SECOND: u64 = 20 << 20;

/// What is looked for, as whole messages show it.
pub(super) struct Whole<'a> {
    /// The message for a length of text: of the request, or of the reply.
    pub(super) message: &'a dyn Fn(u64) -> Option<Message>,
    /// Whether the message that is looked at was within the limit.
    pub(super) is_passed: &'a dyn Fn(&ProbeAnswer) -> bool,
    /// Whose refusal, and of what.
    pub(super) refuses: (Side, Direction),
    /// Whether no answer at all is a refusal too, and not the end of the search.
    pub(super) silence_refuses: bool,
}

/// Looks for the edge among whole messages.
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
            // A failure in no known words may be one of another kind: a second opinion.
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
    // What was refused once as the edge is, and then passed, was no accident: the limit moves.
    let edge = last_refused.as_ref().and_then(ProbeAnswer::likeness);
    if let Some((text, _)) = overruled.iter().find(|(_, likeness)| Some(likeness) == edge.as_ref()) {
        record.unstable(&format!("{} were refused, and then passed", bytes(size(*text))));
        return Ok(());
    }
    // Where silence is the refusal, it is known by now how long it takes to be told from an answer.
    let refusal_patience = match last_refused {
        Some(ProbeAnswer::Silence) => patience(refused, first_passed),
        _ => longest(refused),
    };
    verify(sender, whole, &mut search, (passed, refused), refusal_patience, record)
}

/// `first_passed` is the length of the first text that passed, and the time that it took.
pub(super) fn patience(text_bytes: u64, first_passed: Option<(u64, Duration)>) -> Duration {
    let Some((passed, took)) = first_passed else { return longest(text_bytes) };
    let usual = Duration::from_millis(text_bytes.saturating_mul(1_000) / PATIENCE_BYTES_PER_SECOND);
    let larger = (as_f64(text_bytes) / as_f64(passed.max(1))).max(1.0);
    // A link may be slow: as this one was until now.
    let seen = took.as_secs_f64() * larger * 1.5;
    let most = longest(text_bytes);
    (PATIENCE + usual.max(Duration::from_secs_f64(seen.min(most.as_secs_f64())))).min(most)
}

/// Sends both sides of the edge again.
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
    // Between two sizes that texts can make, a limit that is named is believed.
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
    /// What a probe says of the limit; `None` when another limit has refused.
    pub(super) fn answer(&self, probed: &ProbeResult) -> Option<Answer> {
        Some(match &probed.got {
            got if (self.is_passed)(got) => Answer::Passed,
            ProbeAnswer::Refused(refusal) if (refusal.side, refusal.direction) == self.refuses => {
                Answer::Refused(refusal.limit_bytes.map(longest_text_within))
            }
            ProbeAnswer::Refused(_) => return None,
            // The client has words for a reply that it refuses, and makes the status itself where it does not
            // send: this is the server's.
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

/// Whether it is a size refusal in known words, or HTTP's: those come by no accident.
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
