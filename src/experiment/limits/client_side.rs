//! The client's own limits: behaviour of this client, or of an application built with tonic, at its limits.

use std::time::Duration;

use super::{
    error::LimitsError,
    probe::{Prober, Sends},
    probe_result::{Cause, ProbeAnswer, ProbeResult},
    record::{LimitRecord, State, bytes},
    search::Search,
    survival::{Survivors, failure_of},
    whole_messages::{self, Whole},
};
use crate::{
    client::{
        Completion,
        stub::{AmongOthers, DefaultClient},
    },
    endpoint::Located,
    load::{ClientKind, Options},
    rpc::{
        Direction, Message, Outcome, Side,
        format_data::{self, longest_text_within, message_bytes_of},
    },
    stop::Stop,
    units::Limit,
};

/// The client whose own limits are searched.
pub(super) enum OwnClient<'a> {
    Lean(Box<Prober<'a>>),
    Stub(Box<TonicClient<'a>>),
}

/// An application's client, and the calls made at the same time as the probe.
pub(super) struct TonicClient<'a> {
    client: DefaultClient<'a>,
    small: Message,
    probes: u32,
    tries: usize,
    stop: &'a Stop,
}

impl<'a> OwnClient<'a> {
    pub(super) fn open(
        kind: ClientKind,
        options: Options,
        target: &'a Located,
        small: Message,
        stop: &'a Stop,
    ) -> Result<Self, LimitsError> {
        Ok(match kind {
            ClientKind::Lean => {
                let mut prober = Prober::new(target, options, stop);
                prober.small = small;
                Self::Lean(Box::new(prober))
            }
            ClientKind::Stub => {
                let client = DefaultClient::new(target, options).map_err(LimitsError::Setup)?;
                Self::Stub(Box::new(TonicClient { client, small, probes: 0, tries: 0, stop }))
            }
        })
    }

    /// Returns the number of probes since the last call of this function.
    pub(super) fn take_probes(&mut self) -> u32 {
        match self {
            Self::Lean(prober) => prober.take_count().0,
            Self::Stub(client) => std::mem::take(&mut client.probes),
        }
    }
}

impl Sends for OwnClient<'_> {
    fn send(&mut self, message: Message, patience: Duration) -> Result<ProbeResult, LimitsError> {
        match self {
            Self::Lean(prober) => prober.send(message, patience),
            Self::Stub(client) => client.send(message, patience),
        }
    }

    fn send_among_neighbours(
        &mut self,
        message: Message,
        patience: Duration,
    ) -> Result<(ProbeResult, Survivors), LimitsError> {
        match self {
            Self::Lean(prober) => prober.send_among_neighbours(message, patience),
            Self::Stub(client) => client.send_among_neighbours(message, patience),
        }
    }

    fn small(&self) -> Message {
        match self {
            Self::Lean(prober) => prober.small(),
            Self::Stub(client) => client.small(),
        }
    }
}

impl TonicClient<'_> {
    /// Counts a probe that is about to be made.
    fn count(&mut self) -> Result<(), LimitsError> {
        if self.stop.is_wanted() {
            return Err(LimitsError::Interrupted);
        }
        self.probes += 1;
        Ok(())
    }
}

impl Sends for TonicClient<'_> {
    fn send(&mut self, message: Message, patience: Duration) -> Result<ProbeResult, LimitsError> {
        self.count()?;
        let call = self.client.call(&message, patience, self.stop)?;
        match call {
            None if self.stop.is_wanted() => Err(LimitsError::Interrupted),
            None => Ok(ProbeResult { got: ProbeAnswer::Silence, took: patience, uploaded_bytes: None }),
            Some(completion) => Ok(probed(completion)),
        }
    }

    fn send_among_neighbours(
        &mut self,
        message: Message,
        patience: Duration,
    ) -> Result<(ProbeResult, Survivors), LimitsError> {
        self.count()?;
        // Tries differ in length, as they do for the lean client.
        let all = self.client.call_among(&message, &self.small, self.tries % 3, patience, self.stop)?;
        self.tries += 1;
        if all.is_none() && self.stop.is_wanted() {
            return Err(LimitsError::Interrupted);
        }
        let Some(AmongOthers { completion, failed_neighbour, later, is_one_connection }) = all else {
            let silence = ProbeResult { got: ProbeAnswer::Silence, took: patience, uploaded_bytes: None };
            return Ok((silence, Survivors::NONE));
        };
        let is_lost = !is_one_connection || matches!(later, Outcome::Broken(_));
        let failure = failed_neighbour.as_ref().and_then(failure_of).or_else(|| failure_of(&later));
        let survivors = Survivors { connection: !is_lost, neighbour: failed_neighbour.is_none(), failure };
        Ok((probed(completion), survivors))
    }

    fn small(&self) -> Message {
        self.small.clone()
    }
}

fn probed(completion: Completion) -> ProbeResult {
    let took = completion.done.saturating_duration_since(completion.call.sent);
    let got = match completion.outcome.into() {
        // A lost connection does not show which side closed it.
        ProbeAnswer::Ended(failure, Cause::Status) if completion.is_own_status => {
            ProbeAnswer::Ended(failure, Cause::OwnStatus)
        }
        other => other,
    };
    ProbeResult { got, took, uploaded_bytes: None }
}

/// Returns true if the client sent the message, whatever the server did with it.
pub(super) fn is_sent(got: &ProbeAnswer) -> bool {
    match got {
        ProbeAnswer::Refused(refusal) => {
            (refusal.side, refusal.direction) != (Side::Client, Direction::Request)
        }
        ProbeAnswer::Ended(_, cause) => *cause != Cause::OwnStatus,
        ProbeAnswer::Reply { .. } | ProbeAnswer::Silence => true,
    }
}

/// Searches for the client's own limit for requests, whose configured value is `limit`.
pub(super) fn find_send(
    client: &mut OwnClient<'_>,
    limit: Limit,
    up_to: u64,
    record: &mut LimitRecord,
) -> Result<(), LimitsError> {
    let Limit::Bytes(limit) = limit else {
        record.state = State::Unset;
        record.detail =
            Some("the client has no limit for requests; --max-send-message-size sets one".to_owned());
        return Ok(());
    };
    let edge = longest_text_within(limit);
    if message_bytes_of(edge + 1) > up_to {
        record.state = State::NotReached;
        record.detail = Some(format!(
            "it is {}, and no larger messages than {} were sent; --up-to allows more",
            bytes(limit),
            bytes(up_to)
        ));
        return Ok(());
    }
    let whole = Whole {
        message: &|text| Some(format_data::plain(text)),
        // The server's answer does not matter here: the message was sent.
        is_passed: &is_sent,
        refuses: (Side::Client, Direction::Request),
        silence_refuses: false,
    };
    whole_messages::find(client, &whole, Search::of_texts(0, vec![edge, edge + 1]), record)?;
    // The client's limit is known beforehand: something else refused any smaller message.
    if let Some(refused) = record.smallest_refused_bytes.filter(|refused| *refused <= limit) {
        let message = record.message.take().unwrap_or_default();
        record.unstable(&format!(
            "{} were not sent, although the client's limit is {}: {message}",
            bytes(refused),
            bytes(limit)
        ));
    }
    Ok(())
}
