//! Flags about the client, on every command that drives a server with a plan.

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::{
    rehearsal::{rehearse, rehearse_other},
    values::{count, named},
};
use crate::{
    endpoint::Located,
    load::{ClientKind, DEFAULT_MAX_RECV, Options, Plan, Settings, Workers},
    measure::cores,
    rpc::{Compression, metadata::Pair},
    units::{Limit, parse_duration},
};

#[derive(Debug, Args)]
pub(super) struct ClientFlags {
    /// Deadline of each call; sent to the server as `grpc-timeout` [default: none]
    #[arg(short, long, value_name = "D", value_parser = parse_duration, help_heading = "Client")]
    timeout: Option<Duration>,

    /// Number of connections in total [default: one per worker]
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Client")]
    connections: Option<u64>,

    /// Generator threads [default: cores; one less if the server is on this machine]
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Client")]
    workers: Option<u64>,

    /// Client's limit for requests, in message bytes [default: unlimited]
    #[arg(long, value_name = "SIZE", help_heading = "Client")]
    max_send_message_size: Option<Limit>,

    /// Client's limit for replies, in message bytes; `unlimited` means 2 GiB-1, and 256 MiB with the stub client
    /// [default: 4MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Client")]
    max_recv_message_size: Option<Limit>,

    /// Compress requests, and accept compressed replies [default: no compression]
    #[arg(long, value_name = "ENCODING", value_parser = named::<Compression>(), help_heading = "Client")]
    compress: Option<Compression>,

    /// HTTP/2 client that makes the calls
    #[arg(long, value_name = "CLIENT", value_parser = named::<ClientKind>(), default_value = "lean", help_heading = "Client")]
    client: ClientKind,

    /// Time that the lean client polls before it blocks. Polling uses a core and avoids CPU wake-up time at low load
    #[arg(long, value_name = "D", value_parser = parse_duration, default_value = "0s", help_heading = "Client")]
    spin: Duration,

    /// Skip the rehearsal: one call before the load that shows whether the server has the method
    #[arg(long, help_heading = "Client")]
    no_rehearsal: bool,

    /// Seed of arrival times and message order; equal seeds give equal sequences of calls
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Client")]
    seed: u64,
}

impl ClientFlags {
    /// Returns the client's own limit for replies, from its flag or by default.
    pub(super) fn max_recv_message_size(&self) -> Limit {
        self.max_recv_message_size.unwrap_or(DEFAULT_MAX_RECV)
    }

    /// Makes one call to a named server, unless a flag skips it. The command's own server has the method.
    ///
    /// # Errors
    /// The server does not have the method, or a call of another method does not end with OK.
    pub(super) fn rehearse(&self, target: Option<&Located>, plan: &Plan) -> Result<()> {
        match target {
            Some(target) if !self.no_rehearsal && plan.other_method.is_some() => rehearse_other(target, plan),
            target => self.rehearse_built_in(target, &plan.options.metadata),
        }
    }

    /// Makes one call of the built-in method to a named server, unless a flag skips it.
    ///
    /// # Errors
    /// The server does not have the method.
    pub(super) fn rehearse_built_in(&self, target: Option<&Located>, metadata: &[Pair]) -> Result<()> {
        match target {
            Some(target) if !self.no_rehearsal => rehearse(target, metadata),
            _ => Ok(()),
        }
    }

    /// Returns settings from these flags, with the defaults of everything else. The default number of workers
    /// depends on whether the server needs cores of this machine too.
    pub(super) fn settings(&self, metadata: Vec<Pair>, shares_machine: bool) -> Settings {
        let cores = cores();
        let free_cores = if shares_machine { cores.saturating_sub(1).max(1) } else { cores };
        let to_usize = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Settings {
            connections: self.connections.map(to_usize),
            workers: self
                .workers
                .map_or(Workers::AtMost(free_cores), |workers| Workers::Exactly(to_usize(workers))),
            options: Options {
                timeout: self.timeout,
                metadata,
                max_send_message_size: self.max_send_message_size.unwrap_or(Limit::Unlimited),
                max_recv_message_size: self.max_recv_message_size(),
                compression: self.compress,
                client: self.client,
                spin: self.spin,
            },
            seed: self.seed,
            ..Settings::default()
        }
    }
}
