//! Limits for replies: the server's, and the client's own. Replies larger than the largest accepted request
//! are made of characters that grow when upper-cased.

use super::{
    error::LimitsError,
    probe::Sends,
    probe_result::ProbeAnswer,
    record::{LimitRecord, State, bytes},
    search::Search,
    whole_messages::{self, Whole},
};
use crate::rpc::{
    Direction, Message, Side,
    format_data::{self, longest_text_within, message_bytes_of},
};

/// First number of growing characters; each later number is four times the one before.
const FIRST_GROWTH: u64 = 1_024;

/// Range of reply sizes that can be produced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    /// Longest text that the server accepts, in bytes.
    pub(super) room: u64,
    /// True if the server's upper-casing makes texts longer.
    pub(super) grows: bool,
    /// Largest reply that may be requested, in message bytes.
    pub(super) up_to: u64,
    /// True if the server accepts longer texts than the search may send.
    pub(super) is_cut: bool,
}

impl Reach {
    /// Returns the length of the longest reply text that can be produced.
    fn longest(&self) -> u64 {
        let own = if self.grows { self.room / 2 * 6 + self.room % 2 } else { self.room };
        own.min(longest_text_within(self.up_to))
    }

    /// Returns true if a larger `up_to` would allow larger replies.
    fn is_bounded_by_up_to(&self) -> bool {
        self.is_cut || self.longest() >= longest_text_within(self.up_to)
    }

    /// Returns the message whose reply has a text of this length.
    pub(super) fn message(&self, reply_text_bytes: u64) -> Option<Message> {
        format_data::growing(reply_text_bytes, self.room)
    }

    /// Returns the lengths to try, in rising order: first without growth, then with more and more growth.
    fn ladder(&self) -> Vec<u64> {
        let longest = self.longest();
        let growths = std::iter::successors(Some(FIRST_GROWTH), |growth| Some(growth * 4));
        let grown = growths.map(|growth| self.room + growth * 4).take_while(|text| *text < longest);
        let mut ladder = vec![self.room.min(longest)];
        if self.grows && longest > self.room {
            ladder.extend(grown);
            ladder.push(longest);
        }
        ladder
    }
}

/// Searches for the server's limit for replies. The client's own limit must be set high enough not to
/// interfere.
pub(super) fn find_servers(
    sender: &mut impl Sends,
    reach: Reach,
    record: &mut LimitRecord,
) -> Result<(), LimitsError> {
    let whole = Whole {
        message: &|text| reach.message(text),
        is_passed: &|got| matches!(got, ProbeAnswer::Reply { .. }),
        refuses: (Side::Server, Direction::Response),
        silence_refuses: false,
    };
    whole_messages::find(sender, &whole, Search::of_texts(0, reach.ladder()), record)?;
    if record.state == State::NotReached {
        let to = record.searched_to_bytes.unwrap_or(0);
        if reach.is_bounded_by_up_to() {
            let note = format!("no larger replies than {} were asked for; --up-to allows more", bytes(to));
            record.detail.get_or_insert(note);
        } else if reach.grows {
            let note = "no larger reply can be asked for: requests would be over the limit for requests";
            record.detail.get_or_insert_with(|| note.to_owned());
        } else {
            record.state = State::Hidden;
            record.detail = Some(format!(
                "hidden behind the limit for requests: the server upper-cases one character to one, so no reply is larger than its request, and replies of up to {} pass",
                bytes(to)
            ));
        }
    }
    Ok(())
}

/// Searches for the client's own limit for replies, whose configured value is `limit`. `servers` is the
/// server's limit.
pub(super) fn find_clients(
    sender: &mut impl Sends,
    reach: Reach,
    limit: u64,
    servers: Option<u64>,
    record: &mut LimitRecord,
) -> Result<(), LimitsError> {
    if let Some(servers) = servers.filter(|servers| *servers <= limit) {
        record.state = State::Hidden;
        record.detail = Some(format!(
            "hidden behind the server's limit for replies, {}: it never sends a larger one",
            bytes(servers)
        ));
        return Ok(());
    }
    let edge = longest_text_within(limit);
    if edge >= reach.longest() && reach.is_bounded_by_up_to() {
        record.state = State::NotReached;
        record.detail = Some(format!(
            "it is {}, and no larger replies than {} were asked for; --up-to allows more",
            bytes(limit),
            bytes(reach.up_to)
        ));
        return Ok(());
    }
    if edge >= reach.longest() {
        record.state = State::Hidden;
        let why = if reach.grows { "" } else { ", because it upper-cases one character to one" };
        record.detail = Some(format!(
            "the client's limit is {}; the largest reply that this server can be made to send has {}{why}",
            bytes(limit),
            bytes(message_bytes_of(reach.longest())),
        ));
        return Ok(());
    }
    let whole = Whole {
        message: &|text| reach.message(text),
        is_passed: &|got| matches!(got, ProbeAnswer::Reply { .. }),
        refuses: (Side::Client, Direction::Response),
        silence_refuses: false,
    };
    whole_messages::find(sender, &whole, Search::of_texts(0, vec![edge, edge + 1]), record)
}
