//! One connection of tonic's generated client.

use std::{error::Error, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};
use tonic::{ConnectError, Request, Status, metadata::MetadataMap};

use super::{
    channel::{ACCEPTED, encoding, watched_channel},
    error::{causes, in_both_words, is_broken, is_timeout, reset_by_server, sources},
    sockets::Sockets,
    status_origin::{Heard, OriginChannel, is_from_wire},
    uploads::Uploads,
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
        Code, Failure, Message, Origin, Outcome, RESET_WORDS, Sizes, deadline_exceeded,
        format_data::{self, format_data_client::FormatDataClient, message_bytes_of},
        outcome_of_status, own_refusal, recognise,
    },
    units::Limit,
};

/// One connection. Clones share it; the next call reopens a lost connection.
#[derive(Debug, Clone)]
pub struct StubConnection {
    client: FormatDataClient<OriginChannel>,
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
    pub async fn open(target: &Located, options: &Options) -> Result<Self, OpenError> {
        let (channel, sockets) = watched_channel(target).await?;
        // The limit is checked before the call. Tonic would lose the text of its own refusal, and would open
        // a stream only to reset it (grpc/grpc-rust#1334).
        Self::over(channel, sockets, Limit::Unlimited, options)
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
        let upload = self.uploads.begin(message.request_bytes()).await;
        let mut request = Request::new(format_data::data(message));
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
            // Tonic's own timer stops at the reply's headers, before the call has ended.
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
            // The timer has a resolution of 1 ms, so a reply may arrive after the deadline.
            _ if self.timeout.is_some_and(|timeout| done - sent > timeout) => {
                deadline_exceeded(self.timeout.unwrap_or_default())
            }
            Ok(reply) => {
                let text = &reply.get_ref().text;
                let reply_bytes = message_bytes_of(text.len() as u64);
                let outcome = match format_data::difference(message, text) {
                    None => Outcome::Answered,
                    Some(difference) => Outcome::WrongReply(Box::new(difference)),
                };
                let completion = Call { sent, ..call }.end(outcome, done);
                return Completion { reply_bytes, is_own_status, ..completion };
            }
            Err(status) => {
                let (outcome, loss) = match http {
                    Some(answer) if !is_from_wire(&status) => {
                        (in_both_words(answer.outcome(message.sizes()), &status), None)
                    }
                    _ => self.classify(&status, message.sizes()),
                };
                return Completion { is_own_status, loss, ..Call { sent, ..call }.end(outcome, done) };
            }
        };
        Completion { is_own_status, ..Call { sent, ..call }.end(outcome, done) }
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

impl Caller for StubConnection {
    fn call(&mut self, call: Call, message: &Message) -> impl Future<Output = Completion> {
        Self::call(self, call, message)
    }

    fn connections(&self) -> ConnectionAccount {
        self.sockets.account()
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
