//! Search for all four limits.

use super::{
    client_side, compressed,
    document::{Limits, LimitsSettings},
    error::{LimitsError, causes},
    findings,
    probe::{Prober, settled},
    probe_result::{self, ProbeAnswer},
    record::{LimitRecord, State},
    replies::{self, Reach},
    server_requests,
};
use crate::{
    endpoint::Located,
    engine::{Event, Events},
    load::Options,
    measure::Build,
    result::document::DocumentKind,
    rpc::{
        Direction, LARGEST_MESSAGE, Side,
        format_data::{self, longest_text_within},
        metadata::Secrets,
        status_words,
    },
    stop::Stop,
    units::{Limit, nanoseconds_of},
};

/// Searches for all four limits. Events name the limit that is searched, and `stop` is checked before each
/// probe.
///
/// # Errors
/// The server does not answer even a small call. If the server disappears later, the result keeps the limits
/// found so far, with the reason in `ended_early`.
pub fn find<'a>(
    target: &'a Located,
    settings: &LimitsSettings,
    stop: &'a Stop,
    events: &Events,
) -> Result<Limits, LimitsError> {
    let mut limits = Limits {
        schema: DocumentKind::Limits.schema().to_owned(),
        plimsoll: Build::this(),
        target: target.shown(),
        client: settings.options.client,
        up_to_bytes: settings.up_to,
        limits: Vec::new(),
        findings: Vec::new(),
        ended_early: None,
        interrupted: false,
    };
    // The client's own limits are raised until their turn, so that they do not interfere.
    let unlimited = Options {
        max_send_message_size: Limit::Unlimited,
        max_recv_message_size: Limit::Bytes(LARGEST_MESSAGE),
        compression: None,
        ..settings.options.clone()
    };
    let packing = Options { compression: settings.options.compression, ..unlimited.clone() };
    let packing = settings.options.compression.map(|_| Prober::new(target, packing, stop));
    let mut prober = Prober::new(target, unlimited, stop);
    let secrets = Secrets::of(&settings.options.metadata);
    let grows = handshake(&mut prober, target).map_err(|error| error.without(&secrets))?;
    let mut search = LimitSearch { settings, target, prober, packing, records: Vec::new(), events, stop };
    if let Err(error) = search.all(grows) {
        limits.ended_early = Some(causes(&error));
        limits.interrupted = matches!(error, LimitsError::Interrupted);
    }
    // A call meets the client's own limit first.
    search.records.sort_by_key(|record| order(record.side, record.direction));
    limits.limits = search.records;
    limits.findings = findings::of(&limits.limits, grows, settings);
    limits.hide(&secrets);
    Ok(limits)
}

/// Returns the position of a limit in the order in which a call meets the limits.
fn order(side: Side, direction: Direction) -> u8 {
    match (side, direction) {
        (Side::Client, Direction::Request) => 0,
        (Side::Server, Direction::Request) => 1,
        (Side::Server, Direction::Response) => 2,
        (Side::Client, Direction::Response) => 3,
    }
}

/// Finds a small message that the server answers, for all later probes. Returns true if the server's
/// upper-casing makes texts longer.
fn handshake(prober: &mut Prober<'_>, target: &Located) -> Result<bool, LimitsError> {
    let mute = |got: &ProbeAnswer| LimitsError::Mute {
        target: target.authority.clone(),
        what: target.diagnosis().unwrap_or_else(|| match got {
            ProbeAnswer::Ended(failure, _) => status_words(failure.code, &failure.message),
            ProbeAnswer::Refused(refusal) => status_words(refusal.code, &refusal.message),
            ProbeAnswer::Reply { .. } | ProbeAnswer::Silence => "no answer within 5 s".to_owned(),
        }),
    };
    // With a limit below 5 bytes, only the empty text passes.
    for text in ["abc", ""] {
        let small = format_data::message(text.to_owned());
        let got = settled(|| Ok(prober.whole(small.clone(), probe_result::longest(0))?.got))?;
        match got {
            ProbeAnswer::Reply { .. } => prober.small = small,
            ProbeAnswer::Refused(_) if !text.is_empty() => continue,
            other => return Err(mute(&other)),
        }
        break;
    }
    let growing = format_data::growing(6, 2).unwrap_or_else(|| prober.small.clone());
    Ok(match settled(|| Ok(prober.whole(growing.clone(), probe_result::longest(0))?.got))? {
        ProbeAnswer::Reply { is_right } => is_right,
        // If even this message does not pass, no larger message will be tried.
        ProbeAnswer::Refused(_) => true,
        ProbeAnswer::Ended(..) | ProbeAnswer::Silence => false,
    })
}

/// The search for all limits.
struct LimitSearch<'a, 'o> {
    settings: &'a LimitsSettings,
    target: &'a Located,
    prober: Prober<'a>,
    /// A prober that compresses, if compression was requested.
    packing: Option<Prober<'a>>,
    records: Vec<LimitRecord>,
    events: &'o Events,
    stop: &'a Stop,
}

impl LimitSearch<'_, '_> {
    fn all(&mut self, grows: bool) -> Result<(), LimitsError> {
        let up_to = self.settings.up_to;
        let _ = self.prober.take_count();
        let receives = self.one(Side::Server, Direction::Request, |search, record| {
            server_requests::find(&mut search.prober, up_to, record)?;
            match &mut search.packing {
                Some(packing) => compressed::servers_request(packing, record),
                None => Ok(()),
            }
        })?;
        // An unstable limit gives no known size.
        let largest = receives.largest_passed_bytes;
        let is_known = largest.is_some() && receives.state != State::Unstable;
        let taken = largest.unwrap_or(0).min(up_to);
        let is_cut =
            receives.lowest().is_some_and(|limit| limit > up_to) || receives.state == State::NotReached;
        let reach = Reach { room: longest_text_within(taken), grows, up_to, is_cut };
        let unknown = |record: &mut LimitRecord| {
            record.detail = Some("not looked for: what requests the server takes is not known".to_owned());
        };
        let sends = self.one(Side::Server, Direction::Response, |search, record| {
            if !is_known {
                unknown(record);
                return Ok(());
            }
            replies::find_servers(&mut search.prober, reach, record)?;
            match &mut search.packing {
                Some(packing) => compressed::replies(packing, reach, packing.is_compressed()?, record),
                None => Ok(()),
            }
        })?;
        let servers = sends.largest_passed_bytes.filter(|_| sends.state == State::Found);
        // Each of the client's limits is searched with the other one raised.
        let asked = &Options { compression: None, ..self.settings.options.clone() };
        let compression = self.settings.options.compression;
        let compresses = match &mut self.packing {
            Some(packing) => packing.is_compressed()?,
            None => false,
        };
        // The other calls must pass, whatever the limit is.
        let small = |limit: Limit| match limit {
            Limit::Bytes(bytes) if bytes < self.prober.small.request_bytes() => {
                format_data::message(String::new())
            }
            _ => self.prober.small.clone(),
        };
        let (small_sent, small_taken) =
            (small(asked.max_send_message_size), small(asked.max_recv_message_size));
        let send = Options { max_recv_message_size: Limit::Bytes(LARGEST_MESSAGE), ..asked.clone() };
        let receive = Options { max_send_message_size: Limit::Unlimited, ..asked.clone() };
        let limit = asked.max_recv_message_size.as_bytes();
        let (kind, target, stop) = (self.settings.options.client, self.target, self.stop);
        self.one(Side::Client, Direction::Request, |_, record| {
            let packing = Options { compression, ..send.clone() };
            let mut own = client_side::OwnClient::open(kind, send, target, small_sent.clone(), stop)?;
            let result = client_side::find_send(&mut own, asked.max_send_message_size, up_to, record);
            record.probes = own.take_probes();
            result?;
            if compression.is_none() {
                return Ok(());
            }
            let message =
                compressed::refused_size(record).map(|size| format_data::plain(longest_text_within(size)));
            let mut own = client_side::OwnClient::open(kind, packing, target, small_sent, stop)?;
            let result = compressed::clients(&mut own, message, record);
            record.probes += own.take_probes();
            result
        })?;
        self.one(Side::Client, Direction::Response, |_, record| {
            if !is_known {
                unknown(record);
                return Ok(());
            }
            let packing = Options { compression, ..receive.clone() };
            let mut own = client_side::OwnClient::open(kind, receive, target, small_taken.clone(), stop)?;
            let result = replies::find_clients(&mut own, reach, limit, servers, record);
            record.probes = own.take_probes();
            result?;
            if compression.is_none() {
                return Ok(());
            }
            let size = compressed::refused_size(record).filter(|_| compresses);
            let message = size.and_then(|size| reach.message(longest_text_within(size)));
            let mut own = client_side::OwnClient::open(kind, packing, target, small_taken, stop)?;
            let result = compressed::clients(&mut own, message, record);
            record.probes += own.take_probes();
            result
        })?;
        Ok(())
    }

    /// Searches for one limit. Results before an error are kept.
    fn one(
        &mut self,
        side: Side,
        direction: Direction,
        find: impl FnOnce(&mut Self, &mut LimitRecord) -> Result<(), LimitsError>,
    ) -> Result<LimitRecord, LimitsError> {
        self.events.send(|| Event::Limit { side, direction });
        let mut record = LimitRecord::of(side, direction);
        let result = find(self, &mut record);
        let (probes, elapsed) = self.prober.take_count();
        record.probes += probes;
        if let Some(packing) = &mut self.packing {
            record.probes += packing.take_count().0;
        }
        record.elapsed_ns = nanoseconds_of(elapsed);
        self.records.push(record.clone());
        result.map(|()| record)
    }
}
