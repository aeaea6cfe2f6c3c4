//! One connection of tonic's generated client.

use std::{error::Error, sync::Arc, time::Duration};

use http::uri::PathAndQuery;
use prost::bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use tonic::{ConnectError, Request, Status, client::Grpc, metadata::MetadataMap};

use super::{
    channel::{ACCEPTED, encoding, watched_channel},
    error::{causes, in_both_words, is_broken, is_timeout, reset_by_server, sources},
    raw_codec::RawCodec,
    sockets::Sockets,
    status_origin::{Heard, OriginChannel, is_from_wire},
    uploads::{InFlight, Uploads},
};
use crate::{
    client::{
        account::{ConnectionAccount, Loss, UploadWaits},
        call::{Call, Completion},
        caller::Caller,
        metadata,
        opening::OpenError,
    },
    endpoint::Located,
    load::Options,
    rpc::{
        Code, Failure, Message, Method, Origin, Outcome, RESET_WORDS, Sizes, deadline_exceeded,
        format_data::{self, format_data_client::FormatDataClient, message_bytes_of},
        outcome_of_status, own_refusal, recognise,
        reply::{Checker, ReplyCheck},
    },
    units::Limit,
};

/// One connection. Clones share it; the next call reopens a lost connection.
#[derive(Debug, Clone)]
pub struct StubConnection {
    client: FormatDataClient<OriginChannel>,
    /// Client and path of a method other than the built-in one.
    raw: Option<(Grpc<OriginChannel>, PathAndQuery)>,
    metadata: MetadataMap,
    pub(crate) timeout: Option<Duration>,
    max_send_message_size: Limit,
    pub(super) uploads: Arc<Uploads>,
    sockets: Sockets,
}

impl StubConnection {
    /// Connects, on the calling runtime.
    ///
    /// # Errors
    /// Fails if the server does not accept the connection within 3 s, or metadata cannot be sent.
    pub async fn open(target: &Located, options: &Options, method: &Method) -> Result<Self, OpenError> {
        let (channel, sockets) = watched_channel(target).await?;
        // The limit is checked before the call. Tonic would lose the text of its own refusal, and would open
        // a stream only to reset it (grpc/grpc-rust#1334).
        let raw = (!method.is_built_in()).then(|| channel.clone());
        let own = Self::over(channel, sockets, Limit::Unlimited, options)?;
        let Some(channel) = raw else { return Ok(own) };
        let mut raw = Grpc::new(channel).max_decoding_message_size(options.max_recv_message_size.as_usize());
        if let Some(compression) = options.compression {
            raw = raw.send_compressed(encoding(compression));
            for accepted in ACCEPTED {
                raw = raw.accept_compressed(accepted);
            }
        }
        // A method's path is made of words and dots.
        let path = PathAndQuery::try_from(method.path()).expect("a valid path");
        Ok(Self { raw: Some((raw, path)), ..own })
    }

    /// Connects like an application that leaves its limits to tonic. Also returns the account of the
    /// connection's sockets.
    ///
    /// # Errors
    /// Returns the errors of [`StubConnection::open`].
    pub(crate) async fn open_bare(target: &Located, options: &Options) -> Result<(Self, Sockets), OpenError> {
        let (channel, sockets) = watched_channel(target).await?;
        let own = Self::over(channel, sockets.clone(), options.max_send_message_size, options)?;
        Ok((Self { max_send_message_size: Limit::Unlimited, ..own }, sockets))
    }

    fn over(
        channel: OriginChannel,
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
            raw: None,
            metadata: metadata::checked(&options.metadata)?,
            timeout: options.timeout,
            max_send_message_size: options.max_send_message_size,
            uploads: Arc::default(),
            sockets,
        })
    }

    /// Makes one call and verifies its reply. Every end of the call is an outcome.
    pub async fn call(&mut self, call: Call, message: &Message) -> Completion {
        if let Some(refusal) = own_refusal(message.request_bytes(), self.max_send_message_size) {
            let now = Instant::now();
            let refused = Call { sent: now, ..call }.end(Outcome::Refused(Box::new(refusal)), now);
            return Completion { is_own_status: true, ..refused };
        }
        let in_flight = self.uploads.begin(message.request_bytes()).await;
        let upload = in_flight.as_ref();
        let (heard, sent, ended) = match &self.raw {
            None => {
                let (request, heard) = self.request(format_data::data(message), upload);
                let sent = Instant::now();
                let ended = within(self.timeout, sent, self.client.do_format(request)).await;
                (heard, sent, ended.map(|reply| Got::Text(reply.into_inner().text)))
            }
            Some((client, path)) => {
                let (mut client, path) = (client.clone(), path.clone());
                let (request, heard) = self.request(message.request.clone(), upload);
                let sent = Instant::now();
                let exchange = async {
                    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
                    client.unary(request, path, RawCodec).await
                };
                let ended = within(self.timeout, sent, exchange).await;
                (heard, sent, ended.map(|reply| Got::Bytes(reply.into_inner())))
            }
        };
        let done = Instant::now();
        drop(in_flight);
        let http = heard.http();
        let is_own_status = http.is_none()
            && ended.as_ref().is_err_and(|status| !is_from_wire(status) && reset_by_server(status).is_none());
        let (mut loss, mut reply_bytes) = (None, 0);
        let outcome = match ended {
            // The timer has a resolution of 1 ms, so a reply may arrive after the deadline.
            _ if self.timeout.is_some_and(|timeout| done - sent > timeout) => {
                deadline_exceeded(self.timeout.unwrap_or_default())
            }
            Ok(got) => {
                reply_bytes = got.message_bytes();
                got.verified(message)
            }
            Err(status) => match http {
                Some(answer) if !is_from_wire(&status) => {
                    in_both_words(answer.outcome(message.sizes()), &status)
                }
                _ => {
                    let (outcome, way) = self.classify(&status, message.sizes());
                    loss = way;
                    outcome
                }
            },
        };
        Completion { reply_bytes, is_own_status, loss, ..Call { sent, ..call }.end(outcome, done) }
    }

    /// Makes the request of a call, and the note of an answer that is not gRPC.
    fn request<T>(&self, message: T, upload: Option<&InFlight>) -> (Request<T>, Heard) {
        let mut request = Request::new(message);
        if let Some(upload) = upload {
            upload.watch(&mut request);
        }
        if !self.metadata.is_empty() {
            *request.metadata_mut() = self.metadata.clone();
        }
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
        }
        let heard = Heard::to(&mut request);
        (request, heard)
    }

    fn classify(&self, status: &Status, sizes: Sizes) -> (Outcome, Option<Loss>) {
        let code = Code::from_number(status.code().into());
        if is_from_wire(status) {
            return (outcome_of_status(code, status.message().to_owned(), sizes, self.timeout), None);
        }
        if let Some(refusal) = recognise(code, status.message(), sizes, Origin::Local) {
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

    /// Way in which a broken call lost its connection, and the cause in words.
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

/// A reply, as far as tonic has decoded it.
enum Got {
    /// The text of the built-in method's reply.
    Text(String),
    /// The encoded reply of another method.
    Bytes(Bytes),
}

impl Got {
    fn message_bytes(&self) -> u64 {
        match self {
            Self::Text(text) => message_bytes_of(text.len() as u64),
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Verifies the reply to this message.
    fn verified(&self, message: &Message) -> Outcome {
        let checked = match self {
            Self::Text(text) => Ok(format_data::difference(message, text)),
            Self::Bytes(bytes) => {
                let mut checker = Checker::default();
                checker.begin(bytes.len() as u64);
                checker.take(bytes, &message.expectation).and_then(|()| {
                    Ok(match checker.finish(&message.expectation)? {
                        ReplyCheck::Wrong(difference) => Some(difference),
                        _ => None,
                    })
                })
            }
        };
        match checked {
            Ok(None) => Outcome::Answered,
            Ok(Some(difference)) => Outcome::WrongReply(Box::new(difference)),
            Err(fault) => {
                Outcome::Failed(Box::new(Failure { code: Code::INTERNAL, message: fault.to_owned() }))
            }
        }
    }
}

/// Waits for the end of a call, until its deadline. Tonic's own timer stops at the reply's headers, before the
/// call has ended.
async fn within<T>(
    timeout: Option<Duration>,
    sent: Instant,
    exchange: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    match timeout {
        None => exchange.await,
        Some(timeout) => timeout_at(sent + timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(Status::deadline_exceeded("the call's own deadline"))),
    }
}

impl Caller for StubConnection {
    fn call(&mut self, call: Call, message: &Message) -> impl Future<Output = Completion> {
        Self::call(self, call, message)
    }

    fn connections(&self) -> ConnectionAccount {
        self.sockets.account()
    }

    fn handshakes(&self) -> Vec<Duration> {
        self.sockets.handshakes()
    }

    fn upload_waits(&self) -> UploadWaits {
        self.uploads.waits()
    }
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
