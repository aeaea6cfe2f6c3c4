//! A server that answers every call with the same bytes, without reading the request. It is faster than any
//! server with work to do, so that the generator limits a run. For `scripts/check-figures`.
//!
//! `cargo run --release --example canned_server -- TEXT [ADDRESS]`: the reply is TEXT in upper case. Prints
//! its address on the first line.

#![allow(clippy::print_stdout, reason = "a program of its own")]

mod canned;

use std::{io, net::TcpListener};

use plimsoll::rpc::format_data::Data;
use prost::Message;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let text = arguments.next().unwrap_or_else(|| "abc".to_owned());
    let listener = TcpListener::bind(arguments.next().as_deref().unwrap_or("127.0.0.1:0"))?;
    println!("{}", listener.local_addr()?);
    canned::serve(&listener, &Data { text: text.to_uppercase() }.encode_to_vec());
    Ok(())
}
