//! The server's limit for requests: first by prefixes that claim a length, then by whole messages on both
//! sides of the edge.

use std::time::Duration;

use super::{
    error::LimitsError,
    probe::{Prober, Sends as _, claim},
    probe_result::{ProbeAnswer, ProbeResult, longest},
    record::{Behind, LimitRecord, REFUSALS, State, bytes},
    search::{Answer, Edge, Search},
    whole_messages::{self, Whole},
};
use crate::{
    client::lean::request::{Draft, Extent},
    rpc::{
        Direction, Side,
        format_data::{self, longest_text_within, message_bytes_of},
    },
};

/// Lengths to claim first: both sides of gRPC's default limit, and then upwards. The largest claim, 4 GiB,
/// comes last, so that a server with a much smaller limit never receives it.
const LADDER: [u64; 5] = [4 << 20, (4 << 20) + 1, 64 << 20, 1 << 30, u32::MAX as u64];

/// Shortest wait for an answer to a claim before a second probe. The wait is ten times the slowest answer so
/// far, at least this long. Python's server takes 105 ms to refuse.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(300);

/// Searches for the limit. `up_to` bounds the messages that are sent whole. A claim that is not refused is
/// not a passed message: a proxy may count whole bodies, and let any prefix through.
pub(super) fn find(prober: &mut Prober<'_>, up_to: u64, record: &mut LimitRecord) -> Result<(), LimitsError> {
    let mut claims = Claims::calibrated(prober)?;
    let mut search = claims.search(record)?;
    if search.contradiction().is_none() && search.refused().is_some() {
        claims.verify(&mut search, record)?;
    }
    if let Some(what) = search.contradiction().map(str::to_owned).or_else(|| claims.wavered()) {
        record.unstable(&what);
        return Ok(());
    }
    let (ends, refusal) = (claims.ends, claims.refusal.take());
    let edge = search.edge();
    let largest = match edge {
        Edge::Between(accepted, _) => longest_text_within(accepted.unwrap_or(0).min(up_to)),
        Edge::Beyond => longest_text_within(up_to),
    };
    let taken = takes(prober, largest)?;
    if taken != Taken::Yes {
        // The server checks more than the prefix.
        by_whole_messages(prober, largest, &taken, record)?;
        if let Edge::Between(accepted, refused) = edge
            && record.state == State::Found
        {
            record.behind =
                Some(Behind::of(accepted.unwrap_or(0), refused, search.named(), refusal.as_ref()));
        }
        return Ok(());
    }
    let passed = message_bytes_of(largest);
    record.named_bytes = search.named();
    match edge {
        Edge::Between(accepted, refused) => {
            let over = message_bytes_of(largest + 1);
            if over > up_to {
                record.so_far(Some(passed), Some(refused));
                record.detail = Some(format!(
                    "found by prefix, and not confirmed: messages of up to {} pass, and larger ones were not sent; --up-to allows more",
                    bytes(passed)
                ));
                refuse(prober, accepted, || claim(refused, ends), refusal.as_ref(), record)
            } else {
                record.so_far(Some(passed), Some(over));
                record.confirmed = true;
                let draft = || Draft { message: format_data::plain(largest + 1), extent: Extent::Whole };
                refuse(prober, accepted, draft, refusal.as_ref(), record)
            }
        }
        Edge::Beyond => {
            record.state = State::NotReached;
            record.searched_to_bytes = Some(passed);
            record.so_far(Some(passed), None);
            record.confirmed = true;
            let note = "prefixes that claim up to 4,294,967,295 bytes were not refused either";
            record.detail = Some(note.to_owned());
            Ok(())
        }
    }
}

/// Sends a message just over the edge a few times, and records the refusals. `searched` is the refusal during
/// the search.
fn refuse(
    prober: &mut Prober<'_>,
    limit: Option<u64>,
    draft: impl Fn() -> Draft,
    searched: Option<&ProbeAnswer>,
    record: &mut LimitRecord,
) -> Result<(), LimitsError> {
    let mut refusals = Vec::new();
    for _ in 0..REFUSALS {
        let draft = draft();
        let patience = longest(draft.message.request_bytes());
        refusals.push(prober.among_neighbours(draft, patience)?);
    }
    if refusals.iter().any(|(probe, _)| matches!(probe.got, ProbeAnswer::Reply { .. })) {
        record.unstable("a prefix was refused, and a whole message of that size passed");
        return Ok(());
    }
    if let Some(ProbeAnswer::Refused(refusal)) = searched
        && !refusals.iter().any(|(probe, _)| matches!(probe.got, ProbeAnswer::Refused(_)))
    {
        record.unstable(&format!(
            "a prefix was refused with {}, `{}`, and later ones ended in another way",
            refusal.code, refusal.message
        ));
        return Ok(());
    }
    record.refused_as(&refusals, || prober.control())?;
    record.limit_bytes = limit;
    record.state = State::Found;
    Ok(())
}

/// Acceptance of a message by the server.
#[derive(Debug, Clone, PartialEq)]
enum Taken {
    Yes,
    /// Refused twice; the value is the last answer.
    No(ProbeResult),
    /// No answer.
    Silent,
}

/// Sends a message with a text of this length. The result is `Yes` if the server accepts the request,
/// whatever happens to the reply.
fn takes(prober: &mut Prober<'_>, text_bytes: u64) -> Result<Taken, LimitsError> {
    let mut taken = Taken::Silent;
    // A single failure is not a limit.
    for _ in 0..2 {
        let answer = prober.whole(format_data::plain(text_bytes), longest(text_bytes))?;
        taken = match answer.got {
            ref got if is_request_taken(got) => return Ok(Taken::Yes),
            // The following search probes again, with a shorter wait.
            ProbeAnswer::Silence => return Ok(Taken::Silent),
            _ => Taken::No(answer),
        };
    }
    Ok(taken)
}

pub(super) fn is_request_taken(got: &ProbeAnswer) -> bool {
    match got {
        ProbeAnswer::Reply { .. } => true,
        ProbeAnswer::Refused(refusal) => {
            (refusal.side, refusal.direction) != (Side::Server, Direction::Request)
        }
        ProbeAnswer::Ended(..) | ProbeAnswer::Silence => false,
    }
}

/// Searches by whole messages up to this text, which was not accepted, because prefixes do not show the
/// limit.
fn by_whole_messages(
    prober: &mut Prober<'_>,
    largest: u64,
    taken: &Taken,
    record: &mut LimitRecord,
) -> Result<(), LimitsError> {
    record.so_far(None, None);
    let ladder = [1 << 10, 64 << 10, 1 << 20, 4 << 20, (4 << 20) + 1].map(longest_text_within);
    let mut ladder: Vec<u64> = ladder.into_iter().filter(|text| *text < largest).collect();
    ladder.push(largest);
    let whole = Whole {
        message: &|text| Some(format_data::plain(text)),
        is_passed: &is_request_taken,
        refuses: (Side::Server, Direction::Request),
        silence_refuses: true,
    };
    let mut search = Search::of_texts(0, ladder);
    // An answer need not be requested again; after silence, a shorter wait is enough.
    if let Taken::No(probed) = taken
        && let Some(answer) = whole.answer(probed)
    {
        search.record(largest, answer);
    }
    whole_messages::find(prober, &whole, search, record)?;
    let note = match record.http_status {
        Some(_) => {
            "a prefix is let through, and whole bodies are counted, gRPC's 5 bytes included: a proxy's limit, or that of something else in front of the server"
        }
        None => "it does not go by gRPC's prefix: something else limits the size",
    };
    record.detail.get_or_insert_with(|| note.to_owned());
    Ok(())
}

/// Probes of lengths, by prefixes that claim them.
struct Claims<'p, 'a> {
    prober: &'p mut Prober<'a>,
    /// True if requests end after their prefix. A server then always answers, with other words for an
    /// accepted length. A server that always uses the same words gets open requests instead: it then refuses,
    /// or stays silent.
    ends: bool,
    /// Answer to a request that ends too early.
    cut_off: Option<String>,
    /// True if the server does not answer such a request at all, as Python's asyncio server does not.
    is_silent: bool,
    /// Duration of the slowest answer.
    slowest: Duration,
    /// Smallest length known to be refused.
    refused: Option<u64>,
    /// Refusal of that length.
    refusal: Option<ProbeAnswer>,
    /// Lengths that were refused once and accepted later, with the words of the refusal.
    overruled: Vec<(u64, String)>,
}

impl<'p, 'a> Claims<'p, 'a> {
    /// Learns the server's answer to a request whose length is within any limit, but which ends too early.
    fn calibrated(prober: &'p mut Prober<'a>) -> Result<Self, LimitsError> {
        let mut own = Self {
            prober,
            ends: true,
            cut_off: None,
            is_silent: false,
            slowest: Duration::ZERO,
            refused: None,
            refusal: None,
            overruled: Vec::new(),
        };
        let mut seen = Vec::new();
        // A single answer may be an accident, after which every other answer would count as a refusal: two
        // must agree.
        for _ in 0..3 {
            let (_, got) = own.once(1)?;
            own.is_silent = got == ProbeAnswer::Silence;
            own.cut_off = got.likeness();
            if own.is_silent || seen.contains(&own.cut_off) {
                break;
            }
            seen.push(own.cut_off.clone());
        }
        Ok(own)
    }

    fn search(&mut self, record: &mut LimitRecord) -> Result<Search, LimitsError> {
        let search = self.bisect(record)?;
        if search.refused().is_some() {
            return Ok(search);
        }
        // No length was refused, or no refusal differed from the answer to a request that ends too early.
        self.ends = false;
        let answer = self.ask(u64::from(u32::MAX))?;
        if answer == Answer::Passed { Ok(search) } else { self.bisect(record) }
    }

    fn bisect(&mut self, record: &mut LimitRecord) -> Result<Search, LimitsError> {
        let mut search = Search::new(0, LADDER.to_vec());
        while let Some(length) = search.next() {
            let answer = self.ask(length)?;
            search.record(length, answer);
            // A length that was only claimed has not passed.
            record.so_far(None, search.refused());
            if search.contradiction().is_some() {
                break;
            }
        }
        Ok(search)
    }

    /// Probes both sides of the edge again, in an order that no alternating server passes.
    fn verify(&mut self, search: &mut Search, record: &mut LimitRecord) -> Result<(), LimitsError> {
        let Edge::Between(passed, refused) = search.edge() else { return Ok(()) };
        let passed = passed.unwrap_or(0);
        for length in [passed, refused, refused, passed, passed, refused] {
            let answer = self.ask(length)?;
            search.record(length, answer);
        }
        record.so_far(None, search.refused());
        Ok(())
    }

    /// Probes a length, and probes again after a refusal in unknown words, which may have another reason.
    fn ask(&mut self, length: u64) -> Result<Answer, LimitsError> {
        let (mut answer, mut got) = self.once(length)?;
        if let (Answer::Refused(None), Some(likeness)) = (answer, got.likeness()) {
            (answer, got) = self.once(length)?;
            if answer == Answer::Passed {
                self.overruled.push((length, likeness));
            }
        }
        if matches!(answer, Answer::Refused(_)) {
            if self.refused.is_none_or(|refused| length <= refused) {
                self.refusal = Some(got);
            }
            self.refused = Some(self.refused.map_or(length, |refused| refused.min(length)));
        }
        Ok(answer)
    }

    /// Returns a length that was refused with the words of the edge and accepted later: not an accident, but
    /// a limit that moves.
    fn wavered(&self) -> Option<String> {
        let edge = self.refusal.as_ref()?.likeness()?;
        let (length, _) = self.overruled.iter().find(|(_, likeness)| *likeness == edge)?;
        Some(format!("{} were refused, and then not", bytes(*length)))
    }

    fn once(&mut self, length: u64) -> Result<(Answer, ProbeAnswer), LimitsError> {
        let patience = (self.slowest * 10).max(SHORTEST_PATIENCE);
        let mut probed = match self.refused {
            // Silence is expected here.
            Some(refused) if (self.is_silent || !self.ends) && length < refused => {
                self.prober.claim_beside(length, self.ends, refused)?
            }
            _ => self.prober.claim(length, self.ends, patience)?,
        };
        if probed.got == ProbeAnswer::Silence {
            // A single slow probe never decides.
            probed = match self.refused {
                Some(refused) if refused != length => self.prober.claim_beside(length, self.ends, refused)?,
                _ => self.prober.claim(length, self.ends, patience * 3)?,
            };
        }
        let answer = self.answer(&probed.got);
        if probed.got != ProbeAnswer::Silence {
            self.slowest = self.slowest.max(probed.took);
        }
        Ok((answer, probed.got))
    }

    fn answer(&self, got: &ProbeAnswer) -> Answer {
        match got {
            ProbeAnswer::Refused(refusal) if !is_request_taken(got) => Answer::Refused(refusal.limit_bytes),
            ProbeAnswer::Reply { .. } | ProbeAnswer::Silence | ProbeAnswer::Refused(_) => Answer::Passed,
            ProbeAnswer::Ended(..) if self.ends && got.likeness() == self.cut_off => Answer::Passed,
            // The first probe, which teaches the words.
            ProbeAnswer::Ended(..) if self.ends && self.cut_off.is_none() => Answer::Passed,
            ProbeAnswer::Ended(..) => Answer::Refused(None),
        }
    }
}
