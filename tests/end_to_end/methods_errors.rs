//! What can be wrong with a method, its schema or its data: each is said before any load.

use std::{fs, net::SocketAddr, pin::Pin, thread};

use plimsoll::rpc::format_data::DESCRIPTOR;
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt as _, wrappers::TcpListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server as TonicServer};
use tonic_reflection::pb::v1::{
    ErrorResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest,
    ServerReflectionResponse, ServiceResponse,
    server_reflection_request::MessageRequest,
    server_reflection_response::MessageResponse,
    server_reflection_server::{ServerReflection, ServerReflectionServer},
};

use crate::process::{Server, output_of, plimsoll, text};

/// Returns the error of a check that cannot be made.
fn of_check(target: &str, check: &str) -> String {
    refused(&["run", target, "--method", "grpc.health.v1.Health/Check", "--check", check])
}

/// Runs the binary. Returns stderr of a command that ended with status 2.
fn refused(arguments: &[&str]) -> String {
    let output = output_of(arguments);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    error
}

#[test]
fn what_a_server_does_not_have_is_said_with_the_nearest() {
    let server = Server::start(&[]);
    let target = server.target();
    for (method, words) in [
        (
            "grpc.health.v1.Health/Chek",
            "grpc.health.v1.Health has no method Chek (did you mean Check?); it has Check, Watch",
        ),
        (
            "grpc.health.v1.Helth/Check",
            "has no service grpc.health.v1.Helth (did you mean grpc.health.v1.Health?); it has example.FormatData",
        ),
        (
            "grpc.health.v1.Health/Watch",
            "grpc.health.v1.Health/Watch streams its replies; this version drives unary methods",
        ),
        ("Health", "is not the name of a method; write package.Service/Method"),
    ] {
        for command in ["call", "run"] {
            let error = refused(&[command, &target, "--method", method]);
            assert!(error.contains(words), "{command}: {error}");
        }
    }
}

#[test]
fn data_that_is_no_message_is_said_with_its_place() {
    let server = Server::start(&[]);
    let target = server.target();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("carts.ndjson");
    let path = format!("@{}", file.display());
    let of = |data: &str| refused(&["run", &target, "--method", "grpc.health.v1.Health/Check", "-d", data]);
    fs::write(&file, "{}\n{\"service\":\"x\"}\n{\"service\":\"x\",\"servce\":1}\n").expect("writable");
    let error = of(&path);
    assert!(error.contains("message 3 of") && error.contains("carts.ndjson (line 3, column "), "{error}");
    assert!(
        error.contains("HealthCheckRequest has no field \"servce\"; did you mean \"service\"?"),
        "{error}"
    );
    fs::write(&file, "{}\n{\"service\" \"x\"}\n").expect("writable");
    let error = of(&path);
    assert!(error.contains("message 2 of") && error.contains("(line 2, column 1"), "{error}");
    fs::write(&file, "\n").expect("writable");
    assert!(of(&path).contains("has no message; give at least one"));
    fs::write(&file, b"\xff{}").expect("writable");
    assert!(of(&path).contains("is not UTF-8: its first wrong byte is number 0"));
    let error = of(r#"{"service":"a","service":"b"}"#);
    assert!(error.contains("the key \"service\" occurs twice"), "{error}");
    let error = of(r#"{"service":7}"#);
    assert!(error.contains("message 1 of --data (line 1, column "), "{error}");
    assert!(of("@/nowhere/x").contains("cannot read the data of `/nowhere/x`"));
    let error = refused(&["run", &target, "--method", "grpc.health.v1.Health/Check", "-s", "1KiB"]);
    assert!(error.contains("--size makes texts for example.FormatData/DoFormat without --method"), "{error}");
    let error = refused(&["run", &target, "--method", "grpc.health.v1.Health/Check", "--expect", "upper"]);
    assert!(error.contains("`upper` is the check of example.FormatData/DoFormat"), "{error}");
    let error =
        refused(&["run", &target, "--method", "grpc.health.v1.Health/Check", "--expect", "{\"sta\":1}"]);
    assert!(error.contains("the expected reply of --expect (line 1"), "{error}");
    let error = of_check(&target, "staus == SERVING");
    assert!(error.contains("HealthCheckResponse has no field staus; did you mean status?"), "{error}");
}

#[test]
fn a_first_call_that_fails_ends_the_command_unless_that_is_wanted() {
    let server = Server::start(&[]);
    let target = server.target();
    let arguments = [
        "run",
        &target,
        "-n",
        "5",
        "-w",
        "0s",
        "--method",
        "grpc.health.v1.Health/Check",
        "-d",
        r#"{"service":"no"}"#,
    ];
    let error = refused(&arguments);
    assert!(error.contains("the first call ended with NOT_FOUND (5): service not registered; nothing was measured; --no-rehearsal"), "{error}");
    let output = output_of(&[&arguments[..], &["--no-rehearsal"]].concat());
    assert!(
        text(&output.stdout).contains("5 planned: 0 answered (0.00 %), 5 failed"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn a_first_reply_that_is_wrong_ends_the_command_and_call_says_so_too() {
    let server = Server::start(&[]);
    let target = server.target();
    let health = [&target, "--method", "grpc.health.v1.Health/Check"];
    for (flags, words) in [
        (["--check", "status == NOT_SERVING"], "wrong: expected status == NOT_SERVING, got 1"),
        (["--expect", "{}"], "wrong: expected"),
    ] {
        let error = refused(&[&["run"], &health[..], &flags].concat());
        assert!(error.contains(&format!("the first reply is {words}")), "{error}");
        let output = output_of(&[&["call"], &health[..], &flags].concat());
        let error = text(&output.stderr);
        assert!(
            output.status.code() == Some(2) && error.contains(&format!("the reply is {words}")),
            "{error}"
        );
        assert!(text(&output.stdout).contains("SERVING"), "the reply is shown");
    }
    let error = refused(&[&["call"], &health[..], &["-d", "{}{}"]].concat());
    assert!(error.contains("the data has 2 messages, and this command makes one call"), "{error}");
    let error = refused(&["call", &target, "hello", "--method", "grpc.health.v1.Health/Check"]);
    assert!(error.contains("a text is for example.FormatData/DoFormat"), "{error}");
    let error = refused(&["run", "--method", "grpc.health.v1.Health/Check"]);
    assert!(error.contains("--method needs a server: name it"), "{error}");
}

#[test]
fn a_server_without_reflection_needs_a_schema() {
    let target = reflecting(|_| Answer::End(Status::unimplemented("no such service"))).to_string();
    let error = refused(&["methods", &target]);
    assert!(
        error.contains("does not serve reflection (v1: UNIMPLEMENTED, v1alpha: UNIMPLEMENTED); give the schema with --proto FILE -I DIR, or --protoset FILE"),
        "{error}"
    );
}

#[test]
fn reflection_that_wants_credentials_says_how_to_give_them_and_repeats_none() {
    let target =
        reflecting(|_| Answer::End(Status::unauthenticated("no user s3cret-token-value"))).to_string();
    let error = refused(&["methods", &target, "-m", "x-token: s3cret-token-value"]);
    assert!(error.contains("wants credentials for reflection (v1: UNAUTHENTICATED"), "{error}");
    assert!(error.contains("-m is sent there too") && !error.contains("s3cret"), "{error}");
}

#[test]
fn metadata_is_sent_to_reflection_and_can_be_replaced_there() {
    let target = reflecting(|request| {
        let token =
            request.metadata().get("x-token").map(|value| value.to_str().unwrap_or_default().to_owned());
        if token.as_deref() == Some("right") {
            Answer::Files(vec![file()])
        } else {
            Answer::End(Status::permission_denied("no"))
        }
    })
    .to_string();
    let listed = |arguments: &[&str]| output_of(&[&["methods", &target], arguments].concat()).status.code();
    assert_eq!(listed(&["-m", "x-token: right"]), Some(0));
    assert_eq!(listed(&["-m", "x-token: wrong"]), Some(2));
    assert_eq!(listed(&["-m", "x-token: wrong", "--reflect-metadata", "x-token: right"]), Some(0));
    let mut expanded = plimsoll(&["methods", &target, "--reflect-metadata", "x-token: ${T}", "--expand-env"]);
    assert_eq!(expanded.env("T", "right").output().expect("the binary runs").status.code(), Some(0));
}

#[test]
fn reflection_that_answers_garbage_or_far_too_much_is_refused() {
    let garbage = reflecting(|_| Answer::Files(vec![b"\xff\xff\xffnothing".to_vec()])).to_string();
    let error = refused(&["methods", &garbage]);
    assert!(error.contains("does not serve reflection (v1: INTERNAL"), "{error}");
    let nothing = reflecting(|_| Answer::Files(Vec::new())).to_string();
    assert!(refused(&["methods", &nothing, "a.B/C"]).contains("has no service a.B"));
    let much = reflecting(|_| {
        // A file may be 3 MiB; each has another name.
        let named = |k: u32| {
            let name = format!("f{k}.proto");
            let package = "p".repeat(3 << 20);
            let mut bytes = vec![0x0a, u8::try_from(name.len()).expect("short")];
            bytes.extend(name.as_bytes());
            bytes.extend([0x12, 0x80, 0x80, 0xc0, 0x01]);
            bytes.extend(package.as_bytes());
            bytes
        };
        Answer::Files((0..30).map(named).collect())
    });
    let error = refused(&["methods", &much.to_string()]);
    assert!(error.contains("sends a schema of more than 64 MiB"), "{error}");
}

#[test]
#[ignore = "second suite: it lasts as long as the client waits for a schema, 10 s"]
fn reflection_that_never_answers_is_left() {
    let target = reflecting(|_| Answer::Never).to_string();
    assert!(refused(&["methods", &target]).contains("did not send its schema within 10 s"));
}

/// The file of the built-in method.
fn file() -> Vec<u8> {
    // A set with one file: a tag, a length of two bytes or one, and the file.
    let length_bytes = DESCRIPTOR[1..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
    DESCRIPTOR[1 + length_bytes..].to_vec()
}

enum Answer {
    Files(Vec<Vec<u8>>),
    End(Status),
    Never,
}

struct Reflection<F>(F);

type Answers = Pin<Box<dyn Stream<Item = Result<ServerReflectionResponse, Status>> + Send>>;

#[tonic::async_trait]
impl<F> ServerReflection for Reflection<F>
where
    F: Fn(&Request<Streaming<ServerReflectionRequest>>) -> Answer + Send + Sync + 'static,
{
    type ServerReflectionInfoStream = Answers;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let files = match (self.0)(&request) {
            Answer::End(status) => return Err(status),
            Answer::Never => std::future::pending().await,
            Answer::Files(files) => files,
        };
        let respond = move |asked: Result<ServerReflectionRequest, Status>| {
            let message = match asked?.message_request {
                Some(MessageRequest::ListServices(_)) => {
                    let service = vec![ServiceResponse { name: "example.FormatData".to_owned() }];
                    MessageResponse::ListServicesResponse(ListServiceResponse { service })
                }
                _ if files.is_empty() => MessageResponse::ErrorResponse(ErrorResponse {
                    error_code: 5,
                    error_message: "not found".to_owned(),
                }),
                _ => MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
                    file_descriptor_proto: files.clone(),
                }),
            };
            Ok(ServerReflectionResponse {
                message_response: Some(message),
                ..ServerReflectionResponse::default()
            })
        };
        Ok(Response::new(Box::pin(request.into_inner().map(respond))))
    }
}

/// Starts a server whose reflection (v1) answers so; it has no other service.
fn reflecting<F>(answer: F) -> SocketAddr
where
    F: Fn(&Request<Streaming<ServerReflectionRequest>>) -> Answer + Send + Sync + 'static,
{
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    listener.set_nonblocking(true).expect("a socket");
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let incoming = TcpListenerStream::new(TcpListener::from_std(listener).expect("a socket"));
            let service =
                ServerReflectionServer::new(Reflection(answer)).max_encoding_message_size(usize::MAX);
            let _ = TonicServer::builder().add_service(service).serve_with_incoming(incoming).await;
        });
    });
    address
}

#[test]
#[ignore = "second suite: it reads 6 GiB"]
fn data_and_messages_of_two_gibibytes_are_refused_and_never_cut() {
    let server = Server::start(&[]);
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = format!("@{}", file.path().display());
    // Without blocks on the disk: all bytes are 0.
    let of = |bytes: u64, data: &str| {
        file.as_file().set_len(bytes).expect("a sparse file");
        let input = fs::File::open(file.path()).expect("the file");
        let method = ["call", &server.target(), "--method", "example.FormatData/DoFormat"];
        let output =
            plimsoll(&method).args(["--data-binary", data]).stdin(input).output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr)
    };
    let error = of((2 << 30) + 1, &path);
    assert!(
        error.contains("cannot read the data of `/") && error.contains("it has more than 2 GiB"),
        "{error}"
    );
    let error = of((2 << 30) + 1, "@-");
    assert!(error.contains("cannot read the data from standard input: it has more than 2 GiB"), "{error}");
    let error = of(2 << 30, &path);
    assert!(
        error.contains("a message of 2,147,483,648 bytes is over protobuf's limit; use 2,147,483,647"),
        "{error}"
    );
}
