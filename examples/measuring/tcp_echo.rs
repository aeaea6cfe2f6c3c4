//! Echo of messages of one size over plain TCP, without HTTP/2, protobuf or verification: the upper bound of
//! this machine for `scripts/versus-peers`.
//!
//! `cargo run --release --example tcp_echo -- BYTES CONNECTIONS SECONDS`: prints messages per second.

#![allow(clippy::print_stdout, reason = "a program of its own")]

use std::{
    error::Error,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// Receives each message whole before sending it back, like a server that reads its requests.
fn echo(mut stream: TcpStream, bytes: usize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut message = vec![0; bytes];
    loop {
        stream.read_exact(&mut message)?;
        stream.write_all(&message)?;
    }
}

/// Returns the number of messages echoed on one connection until this instant.
fn drive(stream: &mut TcpStream, bytes: usize, until: Instant) -> std::io::Result<u64> {
    stream.set_nodelay(true)?;
    let (sent, mut got) = (vec![b'x'; bytes], vec![0; bytes]);
    let mut messages = 0;
    while Instant::now() < until {
        stream.write_all(&sent)?;
        stream.read_exact(&mut got)?;
        messages += 1;
    }
    Ok(messages)
}

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<u64> = std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let &[bytes, connections, seconds] = numbers.as_slice() else {
        return Err("write BYTES CONNECTIONS SECONDS".into());
    };
    let bytes = usize::try_from(bytes)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut drivers = Vec::new();
    for _ in 0..connections {
        let mut stream = TcpStream::connect(address)?;
        let (server, _) = listener.accept()?;
        // Ends with an error when the driver has closed its side.
        thread::spawn(move || echo(server, bytes));
        drivers.push(thread::spawn(move || drive(&mut stream, bytes, until)));
    }
    let mut messages = 0;
    for driver in drivers {
        messages += driver.join().map_err(|_| "a driver panicked")??;
    }
    println!("{}", messages / seconds);
    Ok(())
}
