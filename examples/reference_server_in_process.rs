//! The reference server in this process, with size limits of its own, and the limits that callers meet.
//!
//! `cargo run --release --example reference_server_in_process`

#![allow(clippy::print_stdout, reason = "a program of its own")]

use std::error::Error;

use plimsoll::{Events, Limit, LimitsSettings, Located, ReferenceServer, ServerConfig, Stop, find_limits};

fn main() -> Result<(), Box<dyn Error>> {
    let mut config = ServerConfig::default();
    config.max_recv_message_size = Limit::Bytes(100_000);
    let server = ReferenceServer::start(config)?;
    println!("serves on {}", server.address());

    let target = Located::local(server.address());
    let mut settings = LimitsSettings::default();
    settings.up_to = 8 << 20;
    let limits = find_limits(&target, &settings, &Stop::new(), &Events::none())?;
    for limit in &limits.limits {
        let bytes = limit.limit_bytes.map_or("none found".to_owned(), |bytes| format!("{bytes} bytes"));
        println!("{} limit for {}s: {bytes}", limit.side, limit.direction);
    }

    let is_found = limits.limits.iter().any(|limit| limit.limit_bytes == Some(100_000));
    if is_found { Ok(()) } else { Err("the server's limit was not found".into()) }
}
