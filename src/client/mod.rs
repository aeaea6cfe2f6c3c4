//! The clients that make calls, and what they share: how a call ends, and how a refusal is
//! recognised.

pub(crate) mod compression;
mod http_answer;
pub mod lean;
mod metadata;
mod refusal;
pub mod single;
pub mod stub;

use std::{io, time::Duration};

use tokio::time::Instant;

use crate::{
    outcome::{Code, Direction, Failure, Outcome, Refusal, Side},
    payload::Message,
    plan::{Compression, MetadataError, Pair, Plan},
    target::{Located, is_lack_of_means},
    units::{Limit, exact_duration},
};

pub(crate) use http_answer::HttpAnswer;
pub(crate) use refusal::{Origin, recognise, refusal_of_http_413};

/// Time for a connection to be made, the first and any later one.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How often a client that waits looks whether an end is wanted: sooner than a person notices.
pub(crate) const INTERRUPT_TICK: Duration = Duration::from_millis(50);

/// How tonic words its own deadline, on either side; it has the code CANCELLED.
const TONIC_TIMEOUT: &str = "Timeout expired";

/// How the words begin for a stream that the server reset.
pub(crate) const RESET_WORDS: &str = "the server reset the stream: ";

/// How the words begin for an answer in HTTP instead of gRPC.
pub(crate) const HTTP_WORDS: &str = "the server answered with HTTP status ";

/// What a client is told once, for all its calls.
#[derive(Debug, Clone)]
pub struct Options {
    /// The largest request that it sends, in message bytes.
    pub max_send_message_size: Limit,
    /// The largest reply that it takes, in message bytes.
    pub max_recv_message_size: Limit,
    /// The deadline of each call.
    pub timeout: Option<Duration>,
    /// Sent with each call.
    pub metadata: Vec<Pair>,
    /// How requests are compressed; compressed replies are then taken too.
    pub compression: Option<Compression>,
}

impl Options {
    /// What a plan tells its clients.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self {
            max_send_message_size: plan.max_send_message_size(),
            max_recv_message_size: plan.max_recv_message_size(),
            timeout: plan.timeout(),
            metadata: plan.metadata().to_vec(),
            compression: plan.compression(),
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server does not accept one.
    #[error("cannot connect to {authority} ({cause})")]
    Connect {
        /// The target as it was written.
        authority: String,
        /// What the transport said.
        cause: String,
    },
    /// The system refuses this program a means that every connection needs.
    #[error("plimsoll cannot connect to {authority}: this is no failure of the server")]
    Means {
        /// The target as it was written.
        authority: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A pair of metadata cannot be sent.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

impl OpenError {
    /// A connection that the system does not make.
    pub(crate) fn of(target: &Located, source: io::Error) -> Self {
        let authority = target.authority.clone();
        if is_lack_of_means(&source) {
            Self::Means { authority, source }
        } else {
            Self::Connect { authority, cause: source.to_string() }
        }
    }
}

/// A call that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The instant before the client was given the call.
    pub sent: Instant,
    /// The instant at which the client had the reply, before it was verified.
    pub done: Instant,
    /// What became of it: never shed or unfinished.
    pub outcome: Outcome,
    /// Whether the client made the status of a failure itself.
    pub is_own_status: bool,
    /// How the connection of a broken call was lost, where the client knows.
    pub loss: Option<Loss>,
}

/// How large requests waited because too much was left of others that were refused: time of the generator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UploadWaits {
    /// How many.
    pub count: u64,
    /// How long, all together.
    pub time: Duration,
}

impl UploadWaits {
    /// What it grew by since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self { count: self.count.saturating_sub(earlier.count), time: self.time.saturating_sub(earlier.time) }
    }

    /// Adds what others waited.
    pub fn add(&mut self, other: Self) {
        let Self { count, time } = other;
        self.count += count;
        self.time += time;
    }
}

/// What became of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connections {
    /// Connections on which the server sent its SETTINGS.
    pub made: u64,
    /// Connections that the server ended with GOAWAY and without a call lost.
    pub closed: u64,
    /// Connections that ended in any other way.
    pub lost: u64,
    /// Attempts to connect that failed.
    pub failed_attempts: u64,
}

/// What became of connections, and how long calls had none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectionAccount {
    /// The connections.
    pub connections: Connections,
    /// With calls that waited for a connection, because the last one had ended: the longest time of all
    /// places for a connection. The stub's channel tells only how long it took to connect.
    pub unconnected: Duration,
    /// With no attempt to connect under way, because the last one had failed: the longest time of all places.
    /// A closed loop starts no call in that time.
    pub paused: Duration,
}

impl ConnectionAccount {
    /// What it grew by since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            connections: self.connections.since(earlier.connections),
            unconnected: self.unconnected.saturating_sub(earlier.unconnected),
            paused: self.paused.saturating_sub(earlier.paused),
        }
    }

    /// Adds the account of other connections.
    pub fn add(&mut self, other: Self) {
        let Self { connections, unconnected, paused } = other;
        self.connections.add(connections);
        self.unconnected = self.unconnected.max(unconnected);
        self.paused = self.paused.max(paused);
    }
}

/// How a call lost its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// There was none: an attempt to connect failed.
    NotConnected,
    /// The server ended it with GOAWAY.
    GoAway,
    /// It ended in another way.
    Other,
}

impl Connections {
    /// Connections since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            made: self.made.saturating_sub(earlier.made),
            closed: self.closed.saturating_sub(earlier.closed),
            lost: self.lost.saturating_sub(earlier.lost),
            failed_attempts: self.failed_attempts.saturating_sub(earlier.failed_attempts),
        }
    }

    /// Adds other connections.
    pub fn add(&mut self, other: Self) {
        let Self { made, closed, lost, failed_attempts } = other;
        self.made += made;
        self.closed += closed;
        self.lost += lost;
        self.failed_attempts += failed_attempts;
    }
}

/// Something that makes calls over one connection, as futures. Clones share the connection.
pub(crate) trait Caller: Clone + 'static {
    /// Makes one call and verifies its reply.
    fn call(&mut self, message: &Message) -> impl Future<Output = Ended>;

    /// What became of the connections that calls went over.
    fn connections(&self) -> ConnectionAccount {
        ConnectionAccount::default()
    }

    /// How calls of this connection waited for what is left of refused uploads.
    fn upload_waits(&self) -> UploadWaits {
        UploadWaits::default()
    }
}

/// Whether this metadata can be sent.
///
/// # Errors
/// For the first pair that cannot.
pub(crate) fn check_metadata(pairs: &[Pair]) -> Result<(), OpenError> {
    metadata::checked(pairs).map(|_| ())
}

/// What this program calls itself.
pub(crate) fn user_agent() -> String {
    concat!("plimsoll/", env!("CARGO_PKG_VERSION")).to_owned()
}

/// A sentence about a `grpc-status` that is not the number of a code; `None` where it is. The call then ends with
/// UNKNOWN, and without this sentence nobody would know why.
pub(crate) fn not_a_code(value: &[u8]) -> Option<String> {
    /// UNAUTHENTICATED.
    const LAST: u32 = 16;
    const MOST_SHOWN: usize = 40;
    let text = std::str::from_utf8(value).ok();
    let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    if digits.and_then(|text| text.parse().ok()).is_some_and(|number: u32| number <= LAST) {
        return None;
    }
    let shown = String::from_utf8_lossy(&value[..value.len().min(MOST_SHOWN)]);
    let dots = if value.len() > MOST_SHOWN { "..." } else { "" };
    Some(format!("the server's `grpc-status: {}{dots}` is no code from 0 to 16", shown.escape_default()))
}

/// What a status other than OK amounts to that the server sent.
pub(crate) fn outcome_of_status(
    code: Code,
    text: String,
    message: &Message,
    timeout: Option<Duration>,
) -> Outcome {
    if let Some(refusal) = recognise(code, &text, message, Origin::Wire) {
        return Outcome::Refused(Box::new(refusal));
    }
    match timeout {
        // A server that is built with tonic ends a late call in the same words as its client does.
        Some(timeout) if code == Code::DEADLINE_EXCEEDED || text == TONIC_TIMEOUT => {
            deadline_exceeded(timeout)
        }
        _ => Outcome::Failed(Box::new(Failure { code, message: text })),
    }
}

/// The end of a call whose deadline has passed.
pub(crate) fn deadline_exceeded(timeout: Duration) -> Outcome {
    let message = format!("no reply within {}", exact_duration(timeout));
    Outcome::DeadlineExceeded(Box::new(Failure { code: Code::DEADLINE_EXCEEDED, message }))
}

/// The refusal of a request that is over the client's own limit.
pub(crate) fn own_refusal(message: &Message, max_send: Limit) -> Option<Refusal> {
    let Limit::Bytes(limit) = max_send else { return None };
    (message.request_bytes > limit).then(|| Refusal {
        side: Side::Client,
        direction: Direction::Request,
        message_bytes: message.request_bytes,
        limit_bytes: Some(limit),
        http_status: None,
        code: Code::OUT_OF_RANGE,
        message: over_own_limit(message.request_bytes, limit),
    })
}

/// The text of the client's own refusal to send.
pub(crate) fn over_own_limit(message_bytes: u64, limit: u64) -> String {
    format!("not sent: {message_bytes} bytes are over the client's own limit of {limit} bytes")
}

/// The text of the client's own refusal to take a reply.
pub(crate) fn over_own_receive_limit(message_bytes: u64, limit: u64) -> String {
    format!("not taken: {message_bytes} bytes are over the client's own limit of {limit} bytes")
}
