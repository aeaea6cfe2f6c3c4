//! One call with its whole response: initial metadata, reply, trailers, status, time.

use std::{fmt, io, sync::Arc, time::Duration};

use prost::{Message as _, bytes::Bytes};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;
use tonic::{
    Request, Status,
    client::Grpc,
    metadata::{KeyAndValueRef, MetadataMap},
};

use super::{
    lean::{blocking::BlockingConnection, connection::RawResponse, request::Requests},
    metadata,
    opening::OpenError,
    stub,
};
use crate::{
    endpoint::Located,
    load::{ClientKind, Options, Payload, PlanError},
    rpc::{
        self, Code, Message, Method, Outcome, PREFIX_BYTES,
        format_data::Data,
        metadata::{Pair, Secrets},
        over_own_limit, status_words,
    },
    stop::Stop,
    units::{Limit, nanoseconds_of},
};

/// The response of one call.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Reply {
    /// Kind of the document: `plimsoll.call/1`.
    pub schema: &'static str,
    /// Host and port as typed.
    pub target: String,
    /// The reply's text; absent if there was no reply, and for a method other than the built-in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The reply of another method as JSON; absent without a schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub message: Option<Box<serde_json::value::RawValue>>,
    /// Message bytes of the reply; absent if there was no reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_bytes: Option<u64>,
    /// The encoded reply.
    #[serde(skip)]
    pub bytes: Option<Bytes>,
    /// Status of the call.
    pub status: CallStatus,
    /// Metadata that the server sent before the reply.
    pub initial_metadata: Vec<Pair>,
    /// Metadata that the server sent after the reply.
    pub trailing_metadata: Vec<Pair>,
    /// Service time in ns: from the send to the end of the call.
    pub service_ns: u64,
}

/// A status, with its code as name and number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CallStatus {
    /// The code's name.
    pub code: &'static str,
    /// The code's number.
    pub number: i32,
    /// The status text.
    pub message: String,
}

/// Error of a call that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The connection could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The text or an option is not valid.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The system provides no runtime.
    #[error("cannot set up the client")]
    Setup(#[from] io::Error),
}

impl Reply {
    /// Returns true if the status is OK.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status.number == 0
    }

    /// Turns the reply into a failure, because its message cannot be read.
    pub(crate) fn fail(&mut self, code: Code, why: impl fmt::Display) {
        let message = format!("the reply cannot be read: {why}");
        self.status = CallStatus { code: code.name(), number: code.number(), message };
        (self.bytes, self.message_bytes) = (None, None);
    }
}

impl fmt::Display for CallStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, number, message } = self;
        formatter.write_str(&status_words(format_args!("{code} ({number})"), message))
    }
}

/// Makes one call of the built-in method. A status other than OK is a reply too, not an error.
///
/// # Errors
/// Fails if there is no connection, or metadata cannot be sent.
pub fn call(target: &Located, options: &Options, text: String) -> Result<Reply, CallError> {
    let payload = Payload::of_text(text).map_err(PlanError::from)?;
    let mut reply = call_method(target, options, &Method::format_data(), &payload.messages()[0])?;
    if let Some(bytes) = &reply.bytes {
        match Data::decode(bytes.clone()) {
            Ok(data) => reply.text = Some(data.text),
            Err(error) => reply.fail(Code::INTERNAL, error.to_string()),
        }
    }
    Ok(reply)
}

/// Makes one call of any unary method. A status other than OK is a reply too, not an error.
///
/// # Errors
/// Fails if there is no connection, or metadata cannot be sent.
pub fn call_method(
    target: &Located,
    options: &Options,
    method: &Method,
    message: &Message,
) -> Result<Reply, CallError> {
    let mut reply = match options.client {
        ClientKind::Lean => call_lean(target, options, method, message),
        ClientKind::Stub => call_stub(target, options, method, message),
    }?;
    // A server may repeat the metadata that it received.
    let secrets = Secrets::of(&options.metadata);
    secrets.hide(&mut reply.status.message);
    for pair in reply.initial_metadata.iter_mut().chain(&mut reply.trailing_metadata) {
        secrets.hide(&mut pair.value);
    }
    Ok(reply)
}

fn call_lean(
    target: &Located,
    options: &Options,
    method: &Method,
    message: &Message,
) -> Result<Reply, CallError> {
    metadata::checked(&options.metadata)?;
    let requests = Requests::of(method, [message.clone()].into(), options, target.origin());
    let failed = |error: io::Error| OpenError::of(target, error);
    let mut exchange = BlockingConnection::open(target, Arc::new(requests), &Stop::new()).map_err(failed)?;
    exchange.watch();
    exchange.start(0);
    // One call was started, so one call ends.
    let completion = exchange.next(None).ok_or_else(|| failed(io::Error::other("the call did not end")))?;
    let seen = exchange.take_seen();
    let service = completion.done.saturating_duration_since(completion.call.sent);
    let status =
        |code: Code, message: String| CallStatus { code: code.name(), number: code.number(), message };
    let (bytes, status) = match completion.outcome {
        // The reader of the reply decides if it is the expected one.
        Outcome::Answered | Outcome::WrongReply(_) => match message_of(&seen, options) {
            Ok(bytes) => (Some(bytes), CallStatus { code: "OK", number: 0, message: String::new() }),
            Err(error) => (None, status(Code::INTERNAL, format!("the reply cannot be read: {error}"))),
        },
        Outcome::Refused(refusal) => (None, status(refusal.code, refusal.message)),
        Outcome::Failed(failure) | Outcome::DeadlineExceeded(failure) | Outcome::Broken(failure) => {
            (None, status(failure.code, failure.message))
        }
        Outcome::Shed | Outcome::Unfinished => {
            (None, status(Code::UNKNOWN, "the call was not made".to_owned()))
        }
    };
    let mut blocks = seen.blocks.into_iter().map(|fields| {
        let pairs = fields.into_iter().map(|(name, value)| Pair::new(name, value));
        pairs.filter(|pair| !is_protocol(&pair.name)).collect::<Vec<_>>()
    });
    let first = blocks.next().unwrap_or_default();
    let (initial_metadata, trailing_metadata) = match blocks.next_back() {
        Some(last) => (first, last),
        // A response with one header block and no reply consists of its trailers.
        None if bytes.is_none() => (Vec::new(), first),
        None => (first, Vec::new()),
    };
    Ok(Reply {
        schema: "plimsoll.call/1",
        target: target.shown(),
        text: None,
        message: None,
        message_bytes: bytes.as_ref().map(|bytes| bytes.len() as u64),
        bytes,
        status,
        initial_metadata,
        trailing_metadata,
        service_ns: nanoseconds_of(service),
    })
}

/// The message of a received reply, decompressed if need be.
fn message_of(seen: &RawResponse, options: &Options) -> Result<Bytes, Box<dyn std::error::Error>> {
    let message = seen.body.get(PREFIX_BYTES..).unwrap_or_default();
    let mut fields = seen.blocks.iter().flatten();
    let compression = fields
        .find(|(name, _)| name == "grpc-encoding")
        .and_then(|(_, value)| rpc::of_encoding(value.as_bytes()))
        .filter(|_| seen.body.first() == Some(&1));
    let Some(compression) = compression else { return Ok(Bytes::copy_from_slice(message)) };
    let most = options.max_recv_message_size.as_usize();
    let unpacked = rpc::unpacked(compression, message, most)?
        .ok_or("the decompressed message is over the client's own limit")?;
    Ok(unpacked.into())
}

/// Makes the call with tonic's client, on a runtime of its own.
fn call_stub(
    target: &Located,
    options: &Options,
    method: &Method,
    message: &Message,
) -> Result<Reply, CallError> {
    crate::endpoint::check()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let channel = stub::channel(target).await?;
        let metadata = metadata::checked(&options.metadata)?;
        let request_bytes = message.request_bytes();
        if let Limit::Bytes(limit) = options.max_send_message_size
            && request_bytes > limit
        {
            let status = Status::out_of_range(over_own_limit(request_bytes, limit));
            return Ok(ended(target, Err(status), &Parts::default(), Duration::ZERO));
        }
        let recv_limit = options.max_recv_message_size.as_usize();
        let mut client = Grpc::new(channel).max_decoding_message_size(recv_limit);
        if let Some(compression) = options.compression {
            client = client.send_compressed(stub::encoding(compression));
            for accepted in stub::ACCEPTED {
                client = client.accept_compressed(accepted);
            }
        }
        let mut request = Request::new(message.request.clone());
        *request.metadata_mut() = metadata;
        if let Some(timeout) = options.timeout {
            request.set_timeout(timeout);
        }
        let heard = stub::Heard::to(&mut request);
        let sent = Instant::now();
        let mut parts = Parts::default();
        let exchange = exchange(&mut client, method, request, &mut parts);
        let outcome = match options.timeout {
            None => exchange.await,
            Some(timeout) => match tokio::time::timeout_at(sent + timeout, exchange).await {
                Ok(Err(status)) if !stub::is_timeout(&status) => Err(status),
                Ok(Ok(bytes)) => Ok(bytes),
                _ => {
                    let timeout = crate::units::exact_duration(timeout);
                    Err(Status::deadline_exceeded(format!("no reply within {timeout}")))
                }
            },
        };
        let took = sent.elapsed();
        // The server's answer counts, not tonic's interpretation of it.
        let outcome = outcome.map_err(|status| match heard.http() {
            Some(answer) if !stub::is_from_wire(&status) => {
                Status::new(answer.code().number().into(), answer.words())
            }
            _ => status,
        });
        Ok(ended(target, outcome, &parts, took))
    })
}

/// Metadata that may have arrived before a call failed.
#[derive(Debug, Default)]
struct Parts {
    initial: MetadataMap,
    trailing: MetadataMap,
}

/// Makes a unary call and reads it as a stream. The generated client would merge both kinds of metadata.
async fn exchange(
    client: &mut Grpc<stub::OriginChannel>,
    method: &Method,
    request: Request<Bytes>,
    parts: &mut Parts,
) -> Result<Bytes, Status> {
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = http::uri::PathAndQuery::try_from(method.path());
    let path = path.map_err(|error| Status::internal(error.to_string()))?;
    let response = client.server_streaming(request, path, stub::RawCodec).await;
    let mut response = response.inspect_err(|status| parts.trailing = status.metadata().clone())?;
    parts.initial = std::mem::take(response.metadata_mut());
    let mut messages = response.into_inner();
    let message = messages.message().await;
    let message = message.inspect_err(|status| parts.trailing = status.metadata().clone())?;
    if let Some(trailers) = messages.trailers().await? {
        parts.trailing = trailers;
    }
    message.ok_or_else(|| Status::internal("the server sent no reply"))
}

fn ended(target: &Located, outcome: Result<Bytes, Status>, parts: &Parts, took: Duration) -> Reply {
    let (bytes, status) = match outcome {
        Ok(bytes) => (Some(bytes), CallStatus { code: "OK", number: 0, message: String::new() }),
        Err(status) => {
            let code = Code::from_number(status.code().into());
            let message = stub::causes(&status);
            (None, CallStatus { code: code.name(), number: code.number(), message })
        }
    };
    Reply {
        schema: "plimsoll.call/1",
        target: target.shown(),
        text: None,
        message: None,
        message_bytes: bytes.as_ref().map(|bytes| bytes.len() as u64),
        bytes,
        status,
        initial_metadata: pairs(&parts.initial),
        trailing_metadata: pairs(&parts.trailing),
        service_ns: nanoseconds_of(took),
    }
}

fn pairs(metadata: &MetadataMap) -> Vec<Pair> {
    let pair = |name: &str, value: &[u8]| Pair::new(name, String::from_utf8_lossy(value));
    metadata
        .iter()
        .map(|entry| match entry {
            KeyAndValueRef::Ascii(key, value) => pair(key.as_str(), value.as_encoded_bytes()),
            KeyAndValueRef::Binary(key, value) => pair(key.as_str(), value.as_encoded_bytes()),
        })
        .filter(|pair| !is_protocol(&pair.name))
        .collect()
}

/// Returns true if a header belongs to gRPC rather than to the server's metadata.
fn is_protocol(name: &str) -> bool {
    name.starts_with(':')
        || matches!(
            name,
            "content-type" | "grpc-status" | "grpc-message" | "grpc-encoding" | "grpc-accept-encoding"
        )
        || stub::is_own_note(name)
}
