//! What a command drives: the server that was named, or the reference server in a child process.

use crate::cli::values::named;
use crate::rpc::Compression;
use std::{env, ffi::OsString};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::values::count;
use crate::{
    endpoint::{ChildServer, Located, Target},
    measure::listeners_at,
    result::summary::ServerRecord,
    server,
    units::Limit,
};

/// Worker threads of a server that is started here: the default of `plimsoll serve`.
const SERVER_THREADS: usize = 4;

/// Flags for the server that a command starts when it is given no target.
#[derive(Debug, Args)]
pub(super) struct OwnServer {
    /// Threads of the server that this run starts [default: 4]
    #[arg(id = "server-threads", long = "server-threads", value_name = "N", value_parser = count, help_heading = "Own server (without TARGET)")]
    threads: Option<u64>,

    /// Its limit for requests, in message bytes [default: 4MiB]
    #[arg(
        id = "server-max-recv-message-size",
        long = "server-max-recv-message-size",
        value_name = "SIZE",
        help_heading = "Own server (without TARGET)"
    )]
    max_recv_message_size: Option<Limit>,

    /// Its limit for replies, in message bytes [default: unlimited]
    #[arg(
        id = "server-max-send-message-size",
        long = "server-max-send-message-size",
        value_name = "SIZE",
        help_heading = "Own server (without TARGET)"
    )]
    max_send_message_size: Option<Limit>,

    /// Compress its replies to callers that take it, as `plimsoll serve --compress`
    #[arg(
        id = "server-compress",
        long = "server-compress",
        value_parser = named::<Compression>(),
        value_name = "ENCODING",
        help_heading = "Own server (without TARGET)"
    )]
    compress: Option<Compression>,

    /// Let request metadata ask it for delays, statuses and sizes, as `plimsoll serve --obey`
    #[arg(id = "server-obey", long = "server-obey", help_heading = "Own server (without TARGET)")]
    obey: bool,
}

/// A server that accepts connections. A child lives as long as this.
#[derive(Debug)]
pub(super) struct Driven {
    pub(super) located: Located,
    child: Option<ChildServer>,
}

impl OwnServer {
    /// Finds the target, which must not come with flags for a server of one's own. `None` where there is
    /// none.
    pub(super) fn locate(&self, target: Option<&Target>) -> Result<Option<Located>> {
        let Some(target) = target else { return Ok(None) };
        let flags = [
            ("--server-threads", self.threads.is_some()),
            ("--server-max-recv-message-size", self.max_recv_message_size.is_some()),
            ("--server-max-send-message-size", self.max_send_message_size.is_some()),
            ("--server-compress", self.compress.is_some()),
            ("--server-obey", self.obey),
        ];
        if let Some((flag, _)) = flags.iter().find(|(_, given)| *given) {
            bail!(
                "{flag} is for the server that a command starts itself, and {target} is there already; leave out one of the two"
            );
        }
        Ok(Some(target.locate()?))
    }

    /// What was found, or the reference server in a child process of this very program.
    pub(super) fn driven(&self, located: Option<Located>) -> Result<Driven> {
        if let Some(located) = located {
            return Ok(Driven { located, child: None });
        }
        let program =
            env::current_exe().context("cannot find this program's own file to start a server from")?;
        let server = self.record();
        let limit = |limit: Limit| match limit {
            Limit::Bytes(bytes) => bytes.to_string(),
            Limit::Unlimited => "unlimited".to_owned(),
        };
        let flags: Vec<OsString> = [
            ("--threads", server.threads.to_string()),
            ("--max-recv-message-size", limit(server.max_recv_message_bytes)),
            ("--max-send-message-size", limit(server.max_send_message_bytes)),
        ]
        .into_iter()
        .chain(server.compression.map(|compression| ("--compress", compression.to_string())))
        .flat_map(|(name, value)| [name.to_owned(), value])
        .chain(server.obey.then(|| "--obey".to_owned()))
        .map(OsString::from)
        .collect();
        let child = ChildServer::start(&program, &flags)?;
        let address = child.address();
        let located = Located { address, authority: address.to_string(), is_local: true };
        Ok(Driven { located, child: Some(child) })
    }

    /// How a server is started.
    pub(super) fn record(&self) -> ServerRecord {
        let defaults = server::Config::default();
        ServerRecord {
            threads: self
                .threads
                .map_or(SERVER_THREADS, |threads| usize::try_from(threads).unwrap_or(usize::MAX)),
            max_recv_message_bytes: self.max_recv_message_size.unwrap_or(defaults.max_recv_message_size),
            max_send_message_bytes: self.max_send_message_size.unwrap_or(defaults.max_send_message_size),
            compression: self.compress,
            obey: self.obey,
        }
    }
}

impl Driven {
    /// The server's processes, where they are on this machine and known.
    pub(super) fn processes(&self) -> Vec<u32> {
        match &self.child {
            Some(child) => vec![child.id()],
            None if self.located.is_local => listeners_at(self.located.address),
            None => Vec::new(),
        }
    }

    /// How a child ended, if it has.
    pub(super) fn ended(&mut self) -> Option<String> {
        self.child.as_mut().and_then(ChildServer::ended)
    }
}
