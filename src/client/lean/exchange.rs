//! One call and all that can be seen of it, over a connection of its own that blocks.

use std::{
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    connection::{Connection, MOST_SLICES, Over, Seen},
    request::Requests,
    streams::Call,
};
use crate::{
    client::CONNECT_TIMEOUT,
    outcome::{Code, Failure},
    plan::Plan,
    target::Located,
};

/// Makes a call of the plan's first message. How it ended, and what came back.
///
/// # Errors
/// When the server does not accept the connection within 3 s.
pub(crate) fn exchange(plan: Arc<Plan>, target: &Located) -> io::Result<(Over, Seen)> {
    let requests = Arc::new(Requests::new(plan, &target.authority));
    let mut socket = TcpStream::connect_timeout(&target.address, CONNECT_TIMEOUT)?;
    socket.set_nodelay(true)?;
    // A server that does not read must not keep the client from reading.
    socket.set_write_timeout(Some(Duration::from_millis(10)))?;
    let mut connection = Connection::new(requests, 1);
    connection.watch();
    let mut over = Vec::new();
    let sent = Instant::now();
    connection.start(Call { message: 0, is_planned: true, intended: None, sent, returned: 0 }, &mut over);
    let mut buffer = vec![0; 64 << 10];
    while over.is_empty() {
        if let Err(failure) = step(&mut socket, &mut connection, &mut buffer, &mut over) {
            connection.lose(&failure, Instant::now(), &mut over);
            let returned = connection.take_returned().into_iter();
            over.extend(returned.map(|call| Over::broken(call, failure.clone(), Instant::now())));
        }
    }
    let seen = connection.take_seen();
    // One call was started, and so one has ended.
    over.pop().map(|over| (over, seen)).ok_or_else(|| io::Error::other("the call had no end"))
}

/// Writes what there is to be written, and waits for what comes.
fn step(
    socket: &mut TcpStream,
    connection: &mut Connection,
    buffer: &mut [u8],
    over: &mut Vec<Over>,
) -> Result<(), Failure> {
    let failure = |message: String| Failure { code: Code::UNAVAILABLE, message };
    let failed = |error: io::Error| failure(error.to_string());
    if let Some(reason) = connection.closing().filter(|_| connection.is_idle()) {
        return Err(reason.clone());
    }
    let now = Instant::now();
    // Half a message may be written while a refusal has come: what can be read goes first.
    let patience = match connection.next_deadline() {
        _ if connection.has_output() => Duration::from_micros(1),
        Some(deadline) => deadline.saturating_duration_since(now).max(Duration::from_micros(1)),
        None if connection.is_ready() => Duration::from_secs(3_600),
        None => CONNECT_TIMEOUT,
    };
    if connection.has_output() {
        let mut slices = [IoSlice::new(&[]); MOST_SLICES];
        let count = connection.slices(&mut slices);
        match socket.write_vectored(&slices[..count]) {
            Ok(bytes) => connection.written(bytes),
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    socket.set_read_timeout(Some(patience)).map_err(failed)?;
    match socket.read(buffer) {
        Ok(0) => return Err(failure("the server closed the connection".to_owned())),
        Ok(bytes) => {
            let received = connection.receive(&buffer[..bytes], Instant::now(), over);
            received.map_err(|error| failure(format!("the server broke the protocol: {error}")))?;
        }
        Err(error) if is_timeout(&error) => {
            if !connection.is_ready() && !connection.has_output() && patience >= CONNECT_TIMEOUT {
                return Err(failure("the server did not answer as an HTTP/2 server within 3 s".to_owned()));
            }
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => {}
        Err(error) => return Err(failed(error)),
    }
    connection.expire(Instant::now(), over);
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
