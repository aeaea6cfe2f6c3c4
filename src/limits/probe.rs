//! Single requests, whole or of a prefix alone, each on a connection of its own.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant as Clock},
};

use tokio::time::Instant;

use crate::{
    client::{
        HTTP_WORDS, Options, RESET_WORDS,
        lean::{
            connection::Over,
            exchange::Exchange,
            request::{Draft, Extent, Requests},
        },
    },
    outcome::{Failure, Outcome, Refusal},
    payload::Message,
    target::Located,
};

use super::{Cause, LimitsError, survival::Survivors, whole::Sends};

/// How long a whole message is waited for that nothing is known of: 64 MiB through the slowest server that was
/// measured took 2 s, and a link may have a few MiB a second.
pub(super) fn longest(message_bytes: u64) -> Duration {
    const BYTES_PER_SECOND: u64 = 2 << 20;
    Duration::from_secs(5) + Duration::from_millis(message_bytes.saturating_mul(1_000) / BYTES_PER_SECOND)
}

/// What came of a probe.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Got {
    /// The server took the message and replied.
    Reply {
        /// Whether with the text in upper case.
        is_right: bool,
    },
    /// A size refusal, recognised by its words.
    Refused(Refusal),
    /// The call ended in another way.
    Ended(Failure, Cause),
    /// Nothing, for as long as it was waited.
    Silence,
}

/// A probe that is over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Probed {
    pub(super) got: Got,
    /// From the send.
    pub(super) took: Duration,
    /// Bytes of prefix and message that went to the socket, where that is known.
    pub(super) uploaded_bytes: Option<u64>,
}

/// Makes probes, and counts them.
pub(super) struct Prober<'a> {
    target: &'a Located,
    options: Options,
    /// A text that the server answers.
    pub(super) small: Message,
    probes: u32,
    /// Calls that were made among neighbours.
    tries: usize,
    since: Clock,
    wants_end: &'a dyn Fn() -> bool,
}

impl<'a> Prober<'a> {
    pub(super) fn new(target: &'a Located, options: Options, wants_end: &'a dyn Fn() -> bool) -> Self {
        let small = Message::new(String::new());
        Self { target, options, small, probes: 0, tries: 0, since: Clock::now(), wants_end }
    }

    /// Probes since this was asked last, and the time that they took.
    pub(super) fn take_count(&mut self) -> (u32, Duration) {
        let since = std::mem::replace(&mut self.since, Clock::now());
        (std::mem::take(&mut self.probes), since.elapsed())
    }

    /// Sends a whole message.
    pub(super) fn whole(&mut self, message: Message, patience: Duration) -> Result<Probed, LimitsError> {
        self.alone(Draft { message, extent: Extent::Whole }, patience)
    }

    /// Sends a prefix that claims a message of this length, and then ends the request or not.
    pub(super) fn claim(
        &mut self,
        length: u64,
        ends: bool,
        patience: Duration,
    ) -> Result<Probed, LimitsError> {
        self.alone(claim(length, ends), patience)
    }

    /// Whether the server compresses a reply to a request that was.
    pub(super) fn is_compressed(&self) -> Result<bool, LimitsError> {
        // One call may fail.
        for _ in 0..3 {
            // Long enough for those that compress only what is worth it.
            let draft = Draft { message: Message::plain(400), extent: Extent::Whole };
            let mut exchange = self.open(vec![draft])?;
            exchange.watch();
            exchange.start(0);
            let _ = self.next(&mut exchange, Instant::now() + longest(0))?;
            if let Some(flag) = exchange.take_seen().body.first() {
                return Ok(*flag == 1);
            }
        }
        Ok(false)
    }

    /// The same, with a second such request on the same connection whose claim is known to be refused.
    /// When that one has ended and this one has not, it is not for want of time: it waits twice as long
    /// again, and a little more.
    pub(super) fn claim_beside(
        &mut self,
        length: u64,
        ends: bool,
        refused: u64,
    ) -> Result<Probed, LimitsError> {
        let mut exchange = self.open(vec![claim(length, ends), claim(refused, ends)])?;
        self.probes += 1;
        let sent = Instant::now();
        exchange.start(0);
        exchange.start(1);
        let mut until = sent + longest(0);
        while let Some(over) = self.next(&mut exchange, until)? {
            if over.call.message == 0 {
                return Ok(probed(over));
            }
            until = Instant::now() + (sent.elapsed() * 2) + Duration::from_millis(20);
        }
        Ok(Probed { got: Got::Silence, took: sent.elapsed(), uploaded_bytes: None })
    }

    /// Sends something that is refused, in the midst of other calls on the same connection.
    pub(super) fn among_neighbours(
        &mut self,
        draft: Draft,
        patience: Duration,
    ) -> Result<(Probed, Survivors), LimitsError> {
        let small = |extent| Draft { message: self.small.clone(), extent };
        let mut exchange = self.open(vec![small(Extent::Held), draft, small(Extent::Whole)])?;
        self.probes += 1;
        let until = Instant::now() + patience;
        exchange.start(0);
        exchange.start(1);
        let (mut refused, mut neighbour) = (None, None);
        while refused.is_none() {
            let Some(over) = self.next(&mut exchange, until)? else { break };
            match over.call.message {
                0 => neighbour = Some(over),
                _ => refused = Some(probed(over)),
            }
        }
        exchange.release();
        if neighbour.is_none() {
            neighbour = self.next(&mut exchange, Instant::now() + longest(0))?;
        }
        exchange.start(2);
        let later = self.next(&mut exchange, Instant::now() + longest(0))?;
        // A server may fail each third call. Tries of unequal length do not always hit the same one.
        let extra = if later.is_some() { self.tries % 3 } else { 0 };
        for _ in 0..extra {
            exchange.start(2);
            if self.next(&mut exchange, Instant::now() + longest(0))?.is_none() {
                break;
            }
        }
        self.tries += 1;
        let survivors = Survivors::of(neighbour.as_ref(), later.as_ref(), exchange.lost().is_some());
        let silence = Probed { got: Got::Silence, took: patience, uploaded_bytes: None };
        Ok((refused.unwrap_or(silence), survivors))
    }

    fn alone(&mut self, draft: Draft, patience: Duration) -> Result<Probed, LimitsError> {
        let mut exchange = self.open(vec![draft])?;
        self.probes += 1;
        let sent = Instant::now();
        exchange.start(0);
        Ok(match self.next(&mut exchange, sent + patience)? {
            Some(over) => probed(over),
            None => Probed { got: Got::Silence, took: sent.elapsed(), uploaded_bytes: None },
        })
    }

    fn open(&self, drafts: Vec<Draft>) -> Result<Exchange, LimitsError> {
        if (self.wants_end)() {
            return Err(LimitsError::Interrupted);
        }
        let requests = Requests::drafted(drafts, &self.options, &self.target.authority);
        Exchange::open(self.target, Arc::new(requests), self.wants_end)
            .map_err(|source| if (self.wants_end)() { LimitsError::Interrupted } else { self.gone(source) })
    }

    /// The next call that ends, within that time; none when it has passed.
    fn next(&self, exchange: &mut Exchange, until: Instant) -> Result<Option<Over>, LimitsError> {
        match exchange.next_unless(until, self.wants_end) {
            None if (self.wants_end)() => Err(LimitsError::Interrupted),
            over => Ok(over),
        }
    }

    fn gone(&self, source: io::Error) -> LimitsError {
        LimitsError::Gone { target: self.target.authority.clone(), source }
    }
}

pub(super) fn claim(length: u64, ends: bool) -> Draft {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    Draft { message: Message::new(String::new()), extent: Extent::Claim { length, ends } }
}

fn probed(over: Over) -> Probed {
    let took = over.done.saturating_duration_since(over.call.sent);
    Probed { got: over.outcome.into(), took, uploaded_bytes: Some(over.uploaded_bytes) }
}

impl From<Outcome> for Got {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Answered => Self::Reply { is_right: true },
            Outcome::WrongReply(_) => Self::Reply { is_right: false },
            Outcome::Refused(refusal) => Self::Refused(*refusal),
            Outcome::Broken(failure) => Self::Ended(*failure, Cause::ConnectionLost),
            Outcome::Failed(failure) | Outcome::DeadlineExceeded(failure) => {
                let cause = if failure.message.starts_with(RESET_WORDS) {
                    Cause::StreamReset
                } else if failure.message.starts_with(HTTP_WORDS) {
                    Cause::HttpStatus
                } else {
                    Cause::Status
                };
                Self::Ended(*failure, cause)
            }
            Outcome::Shed | Outcome::Unfinished => Self::Silence,
        }
    }
}

impl Got {
    /// What a call that ended badly has in common with others like it: everything but numbers.
    pub(super) fn likeness(&self) -> Option<String> {
        let Self::Ended(failure, _) = self else { return None };
        let words: String = failure.message.chars().filter(|character| !character.is_ascii_digit()).collect();
        Some(format!("{} {words}", failure.code))
    }
}

impl Sends for Prober<'_> {
    fn send(&mut self, message: Message, patience: Duration) -> Result<Probed, LimitsError> {
        self.whole(message, patience)
    }

    fn send_among_neighbours(
        &mut self,
        message: Message,
        patience: Duration,
    ) -> Result<(Probed, Survivors), LimitsError> {
        self.among_neighbours(Draft { message, extent: Extent::Whole }, patience)
    }

    fn small(&self) -> Message {
        self.small.clone()
    }
}
