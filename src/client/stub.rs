//! Tonic's generated client over its channel: what an application that is built with tonic sees.
//!
//! Its flow-control windows and buffers are tonic's defaults, as an application's would be. It is
//! changed in one respect: tonic closes a connection by itself once it has refused about a thousand
//! replies, taking all calls on it along (hyperium/h2#856), and that is switched off.

pub(crate) mod bare;
mod sockets;
mod uploads;
mod wire;

use std::{error::Error, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};
use tonic::{
    ConnectError, Request, Status, TimeoutExpired, codec::CompressionEncoding, metadata::MetadataMap,
    transport::Endpoint,
};

use super::{
    CONNECT_TIMEOUT, Caller, ConnectionAccount, Ended, Loss, OpenError, Options, Origin, RESET_WORDS,
    TONIC_TIMEOUT, UploadWaits, deadline_exceeded, lean::frame::ErrorCode, metadata, outcome_of_status,
    own_refusal, recognise, user_agent,
};
use crate::{
    outcome::{Code, Difference, Failure, Outcome},
    payload::Message,
    pb::{Data, format_data_client::FormatDataClient},
    plan::Compression,
    target::Located,
    units::Limit,
};
use sockets::Sockets;
use uploads::Uploads;
use wire::over;

pub(super) use wire::{Heard, Wire, is_from_wire, is_own_note};

/// One connection. Clones share it; a lost connection is made again by the next call.
#[derive(Debug, Clone)]
pub struct Connection {
    client: FormatDataClient<Wire>,
    metadata: MetadataMap,
    timeout: Option<Duration>,
    max_send_message_size: Limit,
    uploads: Arc<Uploads>,
    sockets: Sockets,
}

impl Connection {
    /// Connects, on the runtime that this is called from.
    ///
    /// # Errors
    /// When the server does not accept the connection within 3 s, or metadata cannot be sent.
    pub async fn open(target: &Located, options: &Options) -> Result<Self, OpenError> {
        let (channel, sockets) = watched_channel(target).await?;
        // Enforced before the call: tonic would lose the text of its own refusal, and would open
        // a stream only to reset it (grpc/grpc-rust#1334).
        Self::over(channel, sockets, Limit::Unlimited, options)
    }

    /// Connects as an application does that leaves its limits to tonic. Beside the connection, what is known
    /// of its sockets.
    ///
    /// # Errors
    /// Those of [`Connection::open`].
    pub(crate) async fn open_bare(target: &Located, options: &Options) -> Result<(Self, Sockets), OpenError> {
        let (channel, sockets) = watched_channel(target).await?;
        let own = Self::over(channel, sockets.clone(), options.max_send_message_size, options)?;
        Ok((Self { max_send_message_size: Limit::Unlimited, ..own }, sockets))
    }

    fn over(
        channel: Wire,
        sockets: Sockets,
        tonics_limit: Limit,
        options: &Options,
    ) -> Result<Self, OpenError> {
        let mut client = FormatDataClient::new(channel)
            .max_decoding_message_size(options.max_recv_message_size.as_usize())
            .max_encoding_message_size(tonics_limit.as_usize());
        if let Some(compression) = options.compression {
            client = client.send_compressed(encoding(compression));
            for accepted in ACCEPTED {
                client = client.accept_compressed(accepted);
            }
        }
        Ok(Self {
            client,
            metadata: metadata::checked(&options.metadata)?,
            timeout: options.timeout,
            max_send_message_size: options.max_send_message_size,
            uploads: Arc::default(),
            sockets,
        })
    }

    /// Makes one call and verifies its reply. Every way in which it can end is an outcome.
    pub async fn call(&mut self, message: &Message) -> Ended {
        if let Some(refusal) = own_refusal(message, self.max_send_message_size) {
            let now = Instant::now();
            let outcome = Outcome::Refused(Box::new(refusal));
            return Ended { sent: now, done: now, outcome, is_own_status: true, loss: None };
        }
        let upload = self.uploads.begin(message.request_bytes).await;
        let mut request = Request::new(Data { text: message.text.clone() });
        if let Some(upload) = &upload {
            upload.watch(&mut request);
        }
        if !self.metadata.is_empty() {
            *request.metadata_mut() = self.metadata.clone();
        }
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
        }
        let heard = Heard::to(&mut request);
        let sent = Instant::now();
        let reply = match self.timeout {
            None => self.client.do_format(request).await,
            // Tonic's own timer ends with the reply's headers, and the call has not ended then.
            Some(timeout) => match timeout_at(sent + timeout, self.client.do_format(request)).await {
                Ok(reply) => reply,
                Err(_) => Err(Status::deadline_exceeded("the call's own deadline")),
            },
        };
        let done = Instant::now();
        drop(upload);
        let http = heard.http();
        let is_own_status = http.is_none()
            && reply.as_ref().is_err_and(|status| !is_from_wire(status) && reset_by_server(status).is_none());
        let outcome = match reply {
            // The timer ticks in milliseconds: a reply may slip in after the deadline.
            _ if self.timeout.is_some_and(|timeout| done - sent > timeout) => {
                deadline_exceeded(self.timeout.unwrap_or_default())
            }
            Ok(reply) => match Difference::between(&message.expected, &reply.get_ref().text) {
                None => Outcome::Answered,
                Some(difference) => Outcome::WrongReply(Box::new(difference)),
            },
            Err(status) => {
                let (outcome, loss) = match http {
                    Some(answer) if !is_from_wire(&status) => {
                        (in_both_words(answer.outcome(message), &status), None)
                    }
                    _ => self.classify(&status, message),
                };
                return Ended { sent, done, outcome, is_own_status, loss };
            }
        };
        Ended { sent, done, outcome, is_own_status, loss: None }
    }

    fn classify(&self, status: &Status, message: &Message) -> (Outcome, Option<Loss>) {
        let code = Code::from_number(status.code().into());
        if is_from_wire(status) {
            return (outcome_of_status(code, status.message().to_owned(), message, self.timeout), None);
        }
        if let Some(refusal) = recognise(code, status.message(), message, Origin::Local) {
            return (Outcome::Refused(Box::new(refusal)), None);
        }
        if let Some(reason) = reset_by_server(status) {
            let failure = Failure { code, message: format!("{RESET_WORDS}{reason}") };
            return (in_both_words(Outcome::Failed(Box::new(failure)), status), None);
        }
        let outcome = match self.timeout {
            Some(timeout) if code == Code::DEADLINE_EXCEEDED || is_timeout(status) => {
                deadline_exceeded(timeout)
            }
            _ if is_broken(status) => {
                let (loss, message) = self.loss(status);
                return (Outcome::Broken(Box::new(Failure { code, message })), Some(loss));
            }
            _ => Outcome::Failed(Box::new(Failure { code, message: causes(status) })),
        };
        (outcome, None)
    }

    /// How the connection of a broken call was lost, and the cause in words.
    fn loss(&self, status: &Status) -> (Loss, String) {
        let causes = causes(status);
        if sources(status).any(<dyn Error>::is::<ConnectError>) {
            return (Loss::NotConnected, causes);
        }
        match self.sockets.go_away() {
            Some(go_away) => (Loss::GoAway, format!("{go_away}; tonic: {causes}")),
            None => (Loss::Other, causes),
        }
    }
}

/// What a client that compresses takes, too.
pub(super) const ACCEPTED: [CompressionEncoding; 2] = [CompressionEncoding::Gzip, CompressionEncoding::Zstd];

/// Tonic's name for it.
pub(super) fn encoding(compression: Compression) -> CompressionEncoding {
    match compression {
        Compression::Gzip => CompressionEncoding::Gzip,
        Compression::Zstd => CompressionEncoding::Zstd,
    }
}

/// A connection without a client on it.
pub(super) async fn channel(target: &Located) -> Result<Wire, OpenError> {
    watched_channel(target).await.map(|(channel, _)| channel)
}

/// A channel whose sockets are watched.
async fn watched_channel(target: &Located) -> Result<(Wire, Sockets), OpenError> {
    let sockets = Sockets::default();
    let (watch, address) = (sockets.clone(), target.address);
    let connector = tower::service_fn(move |_: http::Uri| {
        let connected = watch.clone().connect(address);
        async move { Ok::<_, std::io::Error>(TokioIo::new(connected.await?)) }
    });
    let channel = endpoint(target)?.connect_with_connector(connector).await;
    Ok((channel.map(over).map_err(|error| unconnected(target, &error))?, sockets))
}

fn endpoint(target: &Located) -> Result<Endpoint, OpenError> {
    let origin = format!("http://{}", target.authority);
    let endpoint = Endpoint::from_shared(format!("http://{}", target.address))
        .and_then(|endpoint| endpoint.user_agent(user_agent()))
        .map_err(|error| unconnected(target, &error))?;
    Ok(endpoint
        .origin(origin.parse().unwrap_or_default())
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_max_local_error_reset_streams(None))
}

fn unconnected(target: &Located, error: &tonic::transport::Error) -> OpenError {
    OpenError::Connect { authority: target.authority.clone(), cause: causes(error) }
}

impl Caller for Connection {
    fn call(&mut self, message: &Message) -> impl Future<Output = Ended> {
        Self::call(self, message)
    }

    fn connections(&self) -> ConnectionAccount {
        self.sockets.account()
    }

    fn upload_waits(&self) -> UploadWaits {
        self.uploads.waits()
    }
}

/// An outcome that HTTP or HTTP/2 decided, with what an application hears from tonic: those words are what its log has.
fn in_both_words(mut outcome: Outcome, status: &Status) -> Outcome {
    let heard = format!("; tonic says {}, `{}`", Code::from_number(status.code().into()), status.message());
    match &mut outcome {
        Outcome::Refused(refusal) => refusal.message += &heard,
        Outcome::Failed(failure) => failure.message += &heard,
        _ => {}
    }
    outcome
}

/// A server that is built with tonic ends a late call in the same words as its client does.
pub(super) fn is_timeout(status: &Status) -> bool {
    status.message() == TONIC_TIMEOUT || sources(status).any(<dyn Error>::is::<TimeoutExpired>)
}

/// Whether the connection was lost, and not one stream reset or one reply malformed.
///
/// The code does not tell: tonic gives CANCELLED, UNKNOWN, INTERNAL or `RESOURCE_EXHAUSTED` to calls
/// that a lost connection took along.
fn is_broken(status: &Status) -> bool {
    let mut has_source = false;
    for source in sources(status) {
        has_source = true;
        if let Some(error) = source.downcast_ref::<h2::Error>() {
            return !error.is_reset();
        }
        if let Some(error) = source.downcast_ref::<hyper::Error>()
            && (error.is_canceled()
                || error.is_closed()
                || error.is_incomplete_message()
                || error.is_timeout())
        {
            return true;
        }
    }
    // What is left are errors from connecting and from reading or writing the socket. A status
    // without a source is about the reply's contents.
    has_source
}

/// The code with which the server reset the call's stream, if it did.
fn reset_by_server(status: &Status) -> Option<ErrorCode> {
    let error = sources(status).find_map(|source| source.downcast_ref::<h2::Error>())?;
    error.reason().filter(|_| error.is_reset() && error.is_remote()).map(|reason| ErrorCode(reason.into()))
}

fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |error| (*error).source())
}

/// An error with its causes, each named once.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = match error.downcast_ref::<Status>() {
        Some(status) => status.message().to_owned(),
        None => error.to_string(),
    };
    for source in sources(error) {
        let cause = source.to_string();
        if !text.contains(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_causes_says_each_once() {
        let inner = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
        let status = Status::from_error(Box::new(inner));
        assert_eq!(causes(&status), "connection refused");
        assert!(is_broken(&status));
    }
}
