//! A minimal server of `example.FormatData` with tonic's own windows, limits and runtime.
//! `scripts/versus-peers` uses it, so that no generator meets a server tuned for it.
//!
//! `cargo run --release --example plain_server [ADDRESS]`: prints its address on the first line.

#![allow(clippy::print_stdout, reason = "a program of its own")]

use plimsoll::rpc::format_data::{
    Data,
    format_data_server::{FormatData, FormatDataServer},
};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

struct Upper;

#[tonic::async_trait]
impl FormatData for Upper {
    async fn do_format(&self, request: Request<Data>) -> Result<Response<Data>, Status> {
        Ok(Response::new(Data { text: request.into_inner().text.to_uppercase() }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("{}", listener.local_addr()?);
    // `Server::tcp_nodelay` would not reach a listener that was bound beforehand.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let service = FormatDataServer::new(Upper).max_decoding_message_size(64 << 20);
    Server::builder().add_service(service).serve_with_incoming(incoming).await?;
    Ok(())
}
