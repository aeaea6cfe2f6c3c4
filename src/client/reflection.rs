//! Server reflection: the schema of a server's services, fetched from the server itself.
//!
//! Version v1 is asked first, then v1alpha; their messages are the same. What a server sends is bounded.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    io,
    time::Duration,
};

use prost::Message as _;
use prost_types::FileDescriptorProto;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code as TonicCode, Request, Status, Streaming, client::Grpc};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, ServerReflectionResponse, server_reflection_request::MessageRequest,
    server_reflection_response::MessageResponse,
};

use super::{metadata, opening::OpenError, stub};
use crate::{
    endpoint::Located,
    rpc::{
        Code,
        metadata::{Pair, Secrets},
        schema::{Schema, SchemaError},
    },
    units::ByteSize,
};

/// Most bytes of descriptors that a server may send.
const MOST_BYTES: usize = 64 << 20;

/// Most files that a server may send.
const MOST_FILES: usize = 4_096;

/// Longest wait for the whole schema.
const PATIENCE: Duration = Duration::from_secs(10);

/// The versions of the service, in the order of asking.
const VERSIONS: [(&str, &str); 2] = [
    ("v1", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
    ("v1alpha", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
];

/// Error of a schema that cannot be fetched from the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReflectionError {
    /// The connection could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The system provides no runtime.
    #[error("cannot set up the client")]
    Setup(#[from] io::Error),
    /// The server has no reflection.
    #[error(
        "{target} does not serve reflection ({said}); give the schema with --proto FILE -I DIR, or --protoset FILE"
    )]
    Unserved {
        /// The target as typed.
        target: String,
        /// The server's answers, by version.
        said: String,
    },
    /// The server wants credentials.
    #[error(
        "{target} wants credentials for reflection ({said}); -m is sent there too, --reflect-metadata replaces it"
    )]
    Credentials {
        /// The target as typed.
        target: String,
        /// The server's answer.
        said: String,
    },
    /// The server does not answer.
    #[error(
        "{0} did not send its schema within 10 s; give the schema with --proto FILE -I DIR, or --protoset FILE"
    )]
    Slow(String),
    /// The server sends too much.
    #[error(
        "{target} sends a schema of more than {most}; give the schema with --proto FILE -I DIR, or --protoset FILE"
    )]
    TooLarge {
        /// The target as typed.
        target: String,
        /// The bound.
        most: String,
    },
    /// The schema cannot be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// Failure of one version.
enum Failure {
    Status(Status),
    TooLarge(String),
    NoService,
}

/// Fetches the schema of a service, or of all services. `sent` is the metadata of the calls.
///
/// # Errors
/// Fails if there is no connection, or no reflection, or if the schema is too large or cannot be used.
pub fn schema_of(target: &Located, service: Option<&str>, sent: &[Pair]) -> Result<Schema, ReflectionError> {
    crate::endpoint::check()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fetched = runtime.block_on(async {
        let slow = || ReflectionError::Slow(target.authority.clone());
        tokio::time::timeout(PATIENCE, fetch(target, service, sent)).await.map_err(|_| slow())?
    });
    Ok(Schema::of_files(&fetched?, &target.authority, "give the schema with --proto FILE -I DIR")?)
}

async fn fetch(
    target: &Located,
    service: Option<&str>,
    sent: &[Pair],
) -> Result<Vec<Vec<u8>>, ReflectionError> {
    let secrets = Secrets::of(sent);
    let mut answers = Vec::new();
    for (version, path) in VERSIONS {
        let authority = || target.authority.clone();
        match fetch_by(target, path, service, sent).await? {
            Ok(files) => return Ok(files),
            Err(Failure::TooLarge(most)) => {
                return Err(ReflectionError::TooLarge { target: authority(), most });
            }
            Err(Failure::NoService) => {
                let name = service.unwrap_or_default().to_owned();
                let known = match fetch_names(target, path, sent).await? {
                    Ok(names) => names.join(", "),
                    Err(_) => "other services".to_owned(),
                };
                let nearest = crate::units::nearest(&name, known.split(", "));
                let nearest = nearest.map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
                let source_name = authority();
                return Err(SchemaError::NoService { source_name, name, nearest, known }.into());
            }
            Err(Failure::Status(status)) => {
                let mut words = status.message().to_owned();
                secrets.hide(&mut words);
                let code = Code::from_number(status.code().into()).name();
                let words = if words.is_empty() { String::new() } else { format!(", \"{words}\"") };
                let said = format!("{version}: {code}{words}");
                if matches!(status.code(), TonicCode::Unauthenticated | TonicCode::PermissionDenied) {
                    return Err(ReflectionError::Credentials { target: authority(), said });
                }
                answers.push(format!("{version}: {code}"));
            }
        }
    }
    Err(ReflectionError::Unserved { target: target.authority.clone(), said: answers.join(", ") })
}

/// Questions and answers of one version.
struct Session {
    questions: mpsc::UnboundedSender<ServerReflectionRequest>,
    answers: Streaming<ServerReflectionResponse>,
}

impl Session {
    /// Asks the first question; without one, some servers do not even send headers.
    async fn open(
        target: &Located,
        path: &'static str,
        sent: &[Pair],
        first: MessageRequest,
    ) -> Result<Result<Self, Status>, OpenError> {
        let channel = stub::channel(target).await?;
        let metadata = metadata::checked(sent)?;
        let (questions, receiver) = mpsc::unbounded_channel();
        let mut request = Request::new(UnboundedReceiverStream::new(receiver));
        *request.metadata_mut() = metadata;
        let _ = questions.send(question(target, first));
        let mut client = Grpc::new(channel).max_decoding_message_size(MOST_BYTES);
        let opened = async {
            client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
            let codec = ProstCodec::<ServerReflectionRequest, ServerReflectionResponse>::default();
            let path = http::uri::PathAndQuery::from_static(path);
            client.streaming(request, path, codec).await
        };
        Ok(opened.await.map(|response| Self { questions, answers: response.into_inner() }))
    }

    async fn ask(&mut self, target: &Located, asked: MessageRequest) -> Result<MessageResponse, Status> {
        let _ = self.questions.send(question(target, asked));
        self.answer().await
    }

    async fn answer(&mut self) -> Result<MessageResponse, Status> {
        let answer = self.answers.message().await?.and_then(|answer| answer.message_response);
        answer.ok_or_else(|| Status::internal("the reflection service ended without an answer"))
    }
}

fn question(target: &Located, asked: MessageRequest) -> ServerReflectionRequest {
    ServerReflectionRequest { host: target.authority.clone(), message_request: Some(asked) }
}

type Fetched<T> = Result<Result<T, Failure>, OpenError>;

/// Fetches the names of all services.
async fn fetch_names(target: &Located, path: &'static str, sent: &[Pair]) -> Fetched<Vec<String>> {
    let mut session =
        match Session::open(target, path, sent, MessageRequest::ListServices(String::new())).await? {
            Ok(session) => session,
            Err(status) => return Ok(Err(Failure::Status(status))),
        };
    Ok(match session.answer().await {
        Ok(MessageResponse::ListServicesResponse(list)) => {
            Ok(list.service.into_iter().map(|service| service.name).collect())
        }
        Ok(MessageResponse::ErrorResponse(error)) => {
            Err(Failure::Status(Status::new(error.error_code.into(), error.error_message)))
        }
        Ok(_) => Err(Failure::Status(Status::internal("the reflection service answered another question"))),
        Err(status) => Err(Failure::Status(status)),
    })
}

/// Fetches the files of a service, or of all services.
async fn fetch_by(
    target: &Located,
    path: &'static str,
    service: Option<&str>,
    sent: &[Pair],
) -> Fetched<Vec<Vec<u8>>> {
    let symbols = match service {
        Some(service) => vec![service.to_owned()],
        None => match fetch_names(target, path, sent).await? {
            Ok(names) => names,
            Err(failure) => return Ok(Err(failure)),
        },
    };
    let mut open: VecDeque<MessageRequest> =
        symbols.into_iter().map(MessageRequest::FileContainingSymbol).collect();
    let Some(first) = open.pop_front() else { return Ok(Ok(Vec::new())) };
    let mut session = match Session::open(target, path, sent, first.clone()).await? {
        Ok(session) => session,
        Err(status) => return Ok(Err(Failure::Status(status))),
    };
    let mut answer = session.answer().await;
    let mut asked = first;
    let mut files: Vec<Vec<u8>> = Vec::new();
    let (mut have, mut wanted, mut was_asked) = (HashSet::new(), BTreeSet::new(), HashSet::new());
    let mut bytes = 0;
    // True after the server has ended the stream because of a file that it does not have.
    let mut ended = false;
    loop {
        match answer {
            Ok(MessageResponse::FileDescriptorResponse(answer)) => {
                for file in answer.file_descriptor_proto {
                    let Ok(descriptor) = FileDescriptorProto::decode(file.as_slice()) else {
                        let what = "the reflection service sent a file that is no descriptor";
                        return Ok(Err(Failure::Status(Status::internal(what))));
                    };
                    wanted.extend(descriptor.dependency.iter().cloned());
                    if have.insert(descriptor.name().to_owned()) {
                        bytes += file.len();
                        files.push(file);
                    }
                }
                if bytes > MOST_BYTES {
                    return Ok(Err(Failure::TooLarge(ByteSize(MOST_BYTES as u64).to_string())));
                }
                if files.len() > MOST_FILES {
                    return Ok(Err(Failure::TooLarge(format!("{MOST_FILES} files"))));
                }
            }
            // A file that the server does not have may not be needed.
            Ok(MessageResponse::ErrorResponse(_)) if matches!(asked, MessageRequest::FileByFilename(_)) => {}
            Ok(MessageResponse::ErrorResponse(_)) if service.is_none() => {}
            Ok(MessageResponse::ErrorResponse(error))
                if error.error_code == i32::from(TonicCode::NotFound) =>
            {
                return Ok(Err(Failure::NoService));
            }
            Ok(MessageResponse::ErrorResponse(error)) => {
                let status = Status::new(error.error_code.into(), error.error_message);
                return Ok(Err(Failure::Status(status)));
            }
            Ok(_) => {
                let what = "the reflection service answered another question";
                return Ok(Err(Failure::Status(Status::internal(what))));
            }
            Err(status) if status.code() == TonicCode::OutOfRange => {
                return Ok(Err(Failure::TooLarge(ByteSize(MOST_BYTES as u64).to_string())));
            }
            // Some servers end the stream in place of an answer.
            Err(status)
                if status.code() == TonicCode::NotFound
                    && service.is_some()
                    && matches!(asked, MessageRequest::FileContainingSymbol(_)) =>
            {
                return Ok(Err(Failure::NoService));
            }
            Err(status) if status.code() == TonicCode::NotFound => ended = true,
            Err(status) => return Ok(Err(Failure::Status(status))),
        }
        asked = loop {
            if let Some(next) = open.pop_front() {
                break next;
            }
            match wanted.pop_first() {
                // Each file is asked for once.
                Some(name) if !have.contains(&name) && was_asked.insert(name.clone()) => {
                    break MessageRequest::FileByFilename(name);
                }
                Some(_) => {}
                None => return Ok(Ok(files)),
            }
        };
        if std::mem::take(&mut ended) {
            session = match Session::open(target, path, sent, asked.clone()).await? {
                Ok(session) => session,
                Err(status) => return Ok(Err(Failure::Status(status))),
            };
            answer = session.answer().await;
        } else {
            answer = session.ask(target, asked.clone()).await;
        }
    }
}
