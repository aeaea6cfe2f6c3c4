//! A server that misbehaves in one chosen way, over real HTTP/2 or without HTTP/2.

use std::{net::SocketAddr, sync::mpsc, thread};

use h2::{
    Reason,
    server::{self, SendResponse},
};
use http::{HeaderMap, HeaderValue, Response};
use prost::bytes::Bytes;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

/// Behaviour of the server for each call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Script {
    /// Answers with this text.
    Reply(&'static str),
    /// Ends with a status and no reply.
    Status(&'static str, &'static str),
    /// Ends with a status whose details are not base64.
    BrokenDetails,
    /// Ends with such a status in trailers, after the reply's headers.
    BrokenDetailsInTrailers,
    /// Resets the stream.
    Reset(Reason),
    /// Sends headers, then resets the stream.
    ResetAfterHeaders(Reason),
    /// Answers with this HTTP status, without gRPC.
    Http(u16),
    /// Sends a reply and ends without a status.
    NoStatus,
    /// Sends bytes that are not a message.
    NoMessage,
    /// Claims a message of this length, and sends none of it.
    Claim(u32),
    /// Never answers.
    Silence,
    /// Answers ten calls, then closes the connection with GOAWAY.
    GoAway(Reason),
    /// Answers ten calls, then closes the socket.
    Close,
    /// Sends bytes that are not HTTP/2.
    Garbage,
    /// Closes each connection as soon as it is made.
    Slam,
}

/// Starts the server; it runs as long as the test process.
pub(crate) fn start(script: Script) -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
            sender.send(listener.local_addr().expect("bound")).expect("the test waits");
            let mut first = true;
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                stream.set_nodelay(true).expect("a socket");
                // The run looks whether somebody listens, with a connection of its own.
                let is_probe = std::mem::take(&mut first);
                tokio::spawn(async move {
                    let _ = converse(stream, script, is_probe).await;
                });
            }
        });
    });
    receiver.recv().expect("the server starts")
}

async fn converse(mut stream: TcpStream, script: Script, is_probe: bool) -> Result<(), h2::Error> {
    match script {
        Script::Garbage => {
            let _ = stream.write_all(&[b'x'; 4_096]).await;
            return Ok(());
        }
        Script::Slam if !is_probe => return Ok(()),
        _ => {}
    }
    let mut connection = server::handshake(stream).await?;
    let mut calls = 0;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted?;
        calls += 1;
        match script {
            Script::GoAway(reason) if calls > 10 => {
                connection.abrupt_shutdown(reason);
                continue;
            }
            Script::Close if calls > 10 => return Ok(()),
            _ => {}
        }
        tokio::spawn(async move {
            let _ = answer(respond, script).await;
            drop(request);
        });
    }
    Ok(())
}

async fn answer(mut respond: SendResponse<Bytes>, script: Script) -> Result<(), h2::Error> {
    let headers = Response::builder().header("content-type", "application/grpc");
    let status = |code: &'static str, message: &'static str| {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static(code));
        trailers.insert("grpc-message", HeaderValue::from_static(message));
        trailers
    };
    let message = |body: &[u8]| {
        let length = u32::try_from(body.len()).expect("small").to_be_bytes();
        Bytes::from([&[0], length.as_slice(), body].concat())
    };
    let reply = |text: &str| {
        let length = u8::try_from(text.len()).expect("small");
        message(&[&[0x0a, length], text.as_bytes()].concat())
    };
    let well_formed = headers.body(()).expect("a response");
    match script {
        Script::Status(code, text) => {
            let mut only = well_formed;
            *only.headers_mut() = status(code, text);
            respond.send_response(only, true)?;
        }
        Script::BrokenDetails => {
            let mut only = well_formed;
            *only.headers_mut() = status("9", "broken details");
            only.headers_mut().insert("grpc-status-details-bin", HeaderValue::from_static("!?!"));
            respond.send_response(only, true)?;
        }
        Script::BrokenDetailsInTrailers => {
            let mut body = respond.send_response(well_formed, false)?;
            let mut trailers = status("9", "broken details");
            trailers.insert("grpc-status-details-bin", HeaderValue::from_static("!?!"));
            body.send_trailers(trailers)?;
        }
        Script::Reset(reason) => respond.send_reset(reason),
        Script::ResetAfterHeaders(reason) => respond.send_response(well_formed, false)?.send_reset(reason),
        Script::Http(code) => {
            let mut plain = Response::new(());
            *plain.status_mut() = code.try_into().expect("a status");
            respond.send_response(plain, true)?;
        }
        Script::NoStatus => respond.send_response(well_formed, false)?.send_data(reply("A"), true)?,
        Script::NoMessage => {
            let mut body = respond.send_response(well_formed, false)?;
            body.send_data(message(&[0xff; 16]), false)?;
            body.send_trailers(status("0", ""))?;
        }
        Script::Claim(length) => {
            let mut body = respond.send_response(well_formed, false)?;
            body.send_data(Bytes::from([&[0], length.to_be_bytes().as_slice()].concat()), false)?;
            std::future::pending::<()>().await;
        }
        Script::Silence => std::future::pending().await,
        Script::Reply(text) => {
            let mut body = respond.send_response(well_formed, false)?;
            body.send_data(reply(text), false)?;
            body.send_trailers(status("0", ""))?;
        }
        Script::GoAway(_) | Script::Close | Script::Garbage | Script::Slam => {
            // The reply to the text of these tests.
            let mut body = respond.send_response(well_formed, false)?;
            body.send_data(reply("ABC"), false)?;
            body.send_trailers(status("0", ""))?;
        }
    }
    Ok(())
}
