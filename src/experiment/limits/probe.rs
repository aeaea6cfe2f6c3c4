//! Probes: single requests, whole or prefix only, each on a connection of its own.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant as Clock},
};

use tokio::time::Instant;

use super::{
    error::LimitsError,
    probe_result::{ProbeAnswer, ProbeResult, longest},
    survival::Survivors,
};
use crate::{
    client::{
        Completion,
        lean::{
            blocking::BlockingConnection,
            request::{Draft, Extent, Requests},
        },
    },
    endpoint::Located,
    load::Options,
    rpc::{Message, Method, format_data},
    stop::Stop,
};

/// Probes up to three times, until the server gives an answer that is no accident: a reply, or a refusal in known
/// words. A server that fails some calls answers the next one.
pub(super) fn settled(
    mut ask: impl FnMut() -> Result<ProbeAnswer, LimitsError>,
) -> Result<ProbeAnswer, LimitsError> {
    let mut got = ask()?;
    for _ in 0..2 {
        if !matches!(got, ProbeAnswer::Ended(..)) {
            break;
        }
        got = ask()?;
    }
    Ok(got)
}

/// Makes probes, and counts them.
pub(super) struct Prober<'a> {
    target: &'a Located,
    options: Options,
    /// Message that the server answers.
    pub(super) small: Message,
    probes: u32,
    /// Number of calls made among neighbours.
    tries: usize,
    since: Clock,
    stop: &'a Stop,
}

impl<'a> Prober<'a> {
    pub(super) fn new(target: &'a Located, options: Options, stop: &'a Stop) -> Self {
        let small = format_data::message(String::new());
        Self { target, options, small, probes: 0, tries: 0, since: Clock::now(), stop }
    }

    /// Returns the number of probes since the last call of this function, and the time since then.
    pub(super) fn take_count(&mut self) -> (u32, Duration) {
        let since = std::mem::replace(&mut self.since, Clock::now());
        (std::mem::take(&mut self.probes), since.elapsed())
    }

    /// Sends a whole message.
    pub(super) fn whole(&mut self, message: Message, patience: Duration) -> Result<ProbeResult, LimitsError> {
        self.alone(Draft { message, extent: Extent::Whole }, patience)
    }

    /// Sends a prefix that claims a message of this length, and then ends the request if `ends` is true.
    pub(super) fn claim(
        &mut self,
        length: u64,
        ends: bool,
        patience: Duration,
    ) -> Result<ProbeResult, LimitsError> {
        self.alone(claim(length, ends), patience)
    }

    /// Returns true if the server compresses the reply to a compressed request.
    pub(super) fn is_compressed(&self) -> Result<bool, LimitsError> {
        // A single call may fail.
        for _ in 0..3 {
            // Some servers compress only longer texts; 400 bytes is long enough.
            let draft = Draft { message: format_data::plain(400), extent: Extent::Whole };
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

    /// Sends a prefix as `claim` does, with a second request on the same connection whose length is known to
    /// be refused. After the second request ends, the first one gets twice the elapsed time and 20 ms more.
    /// Silence then is not due to a lack of time.
    pub(super) fn claim_beside(
        &mut self,
        length: u64,
        ends: bool,
        refused: u64,
    ) -> Result<ProbeResult, LimitsError> {
        let mut exchange = self.open(vec![claim(length, ends), claim(refused, ends)])?;
        self.probes += 1;
        let sent = Instant::now();
        exchange.start(0);
        exchange.start(1);
        let mut until = sent + longest(0);
        while let Some(completion) = self.next(&mut exchange, until)? {
            if completion.call.message == 0 {
                return Ok(probed(completion));
            }
            until = Instant::now() + (sent.elapsed() * 2) + Duration::from_millis(20);
        }
        Ok(ProbeResult { got: ProbeAnswer::Silence, took: sent.elapsed(), uploaded_bytes: None })
    }

    /// Sends a message that is refused, among other calls on the same connection.
    pub(super) fn among_neighbours(
        &mut self,
        draft: Draft,
        patience: Duration,
    ) -> Result<(ProbeResult, Survivors), LimitsError> {
        let small = |extent| Draft { message: self.small.clone(), extent };
        let mut exchange = self.open(vec![small(Extent::Held), draft, small(Extent::Whole)])?;
        self.probes += 1;
        let until = Instant::now() + patience;
        exchange.start(0);
        exchange.start(1);
        let (mut refused, mut neighbour) = (None, None);
        while refused.is_none() {
            let Some(completion) = self.next(&mut exchange, until)? else { break };
            match completion.call.message {
                0 => neighbour = Some(completion),
                _ => refused = Some(probed(completion)),
            }
        }
        exchange.release();
        if neighbour.is_none() {
            neighbour = self.next(&mut exchange, Instant::now() + longest(0))?;
        }
        exchange.start(2);
        let later = self.next(&mut exchange, Instant::now() + longest(0))?;
        // A server may fail every third call. Tries of different lengths do not always meet the failing call.
        let extra = if later.is_some() { self.tries % 3 } else { 0 };
        for _ in 0..extra {
            exchange.start(2);
            if self.next(&mut exchange, Instant::now() + longest(0))?.is_none() {
                break;
            }
        }
        self.tries += 1;
        let survivors = Survivors::of(neighbour.as_ref(), later.as_ref(), exchange.lost().is_some());
        let silence = ProbeResult { got: ProbeAnswer::Silence, took: patience, uploaded_bytes: None };
        Ok((refused.unwrap_or(silence), survivors))
    }

    fn alone(&mut self, draft: Draft, patience: Duration) -> Result<ProbeResult, LimitsError> {
        let mut exchange = self.open(vec![draft])?;
        self.probes += 1;
        let sent = Instant::now();
        exchange.start(0);
        Ok(match self.next(&mut exchange, sent + patience)? {
            Some(completion) => probed(completion),
            None => ProbeResult { got: ProbeAnswer::Silence, took: sent.elapsed(), uploaded_bytes: None },
        })
    }

    fn open(&self, drafts: Vec<Draft>) -> Result<BlockingConnection, LimitsError> {
        if self.stop.is_wanted() {
            return Err(LimitsError::Interrupted);
        }
        let requests = Requests::drafted(&Method::format_data(), drafts, &self.options, self.target.origin());
        BlockingConnection::open(self.target, Arc::new(requests), self.stop).map_err(|source| {
            if self.stop.is_wanted() { LimitsError::Interrupted } else { self.gone(source) }
        })
    }

    /// Returns the next call that ends before `until`; `None` after that time.
    fn next(
        &self,
        exchange: &mut BlockingConnection,
        until: Instant,
    ) -> Result<Option<Completion>, LimitsError> {
        match exchange.next_unless(until, self.stop) {
            None if self.stop.is_wanted() => Err(LimitsError::Interrupted),
            completion => Ok(completion),
        }
    }

    fn gone(&self, source: io::Error) -> LimitsError {
        LimitsError::Gone { target: self.target.authority.clone(), source }
    }
}

pub(super) fn claim(length: u64, ends: bool) -> Draft {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    Draft { message: format_data::message(String::new()), extent: Extent::Claim { length, ends } }
}

fn probed(completion: Completion) -> ProbeResult {
    let took = completion.done.saturating_duration_since(completion.call.sent);
    ProbeResult { got: completion.outcome.into(), took, uploaded_bytes: Some(completion.uploaded_bytes) }
}

impl Sends for Prober<'_> {
    fn send(&mut self, message: Message, patience: Duration) -> Result<ProbeResult, LimitsError> {
        self.whole(message, patience)
    }

    fn send_among_neighbours(
        &mut self,
        message: Message,
        patience: Duration,
    ) -> Result<(ProbeResult, Survivors), LimitsError> {
        self.among_neighbours(Draft { message, extent: Extent::Whole }, patience)
    }

    fn small(&self) -> Message {
        self.small.clone()
    }
}

/// A sender of whole messages.
pub(super) trait Sends {
    /// Sends a message, and waits for the answer, at most for `patience`.
    fn send(&mut self, message: Message, patience: Duration) -> Result<ProbeResult, LimitsError>;
    /// Sends a message that is expected to be refused, among other calls.
    fn send_among_neighbours(
        &mut self,
        message: Message,
        patience: Duration,
    ) -> Result<(ProbeResult, Survivors), LimitsError>;
    /// Returns a message that the server answers.
    fn small(&self) -> Message;
    /// Makes the same calls without a refused one, and returns what survives.
    fn control(&mut self) -> Result<Survivors, LimitsError> {
        Ok(self.send_among_neighbours(self.small(), longest(0))?.1)
    }
}
