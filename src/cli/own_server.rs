//! The server under test: the named server, or the reference server in a child process.

use std::{env, sync::Arc};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{transport_flags::TransportFlags, values::count};
use crate::{
    cli::values::named,
    endpoint::{Located, MadeCertificates, Target},
    experiment::driven::Server,
    result::summary::ServerRecord,
    rpc::Compression,
    server,
    units::Limit,
};

/// Worker threads of the command's own server: the default of `plimsoll serve`.
const SERVER_THREADS: usize = 4;

/// Flags for the server that a command starts if it has no target.
#[derive(Debug, Args)]
pub(super) struct OwnServer {
    /// Number of worker threads of the server [default: 4]
    #[arg(id = "server-threads", long = "server-threads", value_name = "N", value_parser = count, help_heading = "Own server (without TARGET)")]
    threads: Option<u64>,

    /// Server's limit for requests, in message bytes [default: 4MiB]
    #[arg(
        id = "server-max-recv-message-size",
        long = "server-max-recv-message-size",
        value_name = "SIZE",
        help_heading = "Own server (without TARGET)"
    )]
    max_recv_message_size: Option<Limit>,

    /// Server's limit for replies, in message bytes [default: unlimited]
    #[arg(
        id = "server-max-send-message-size",
        long = "server-max-send-message-size",
        value_name = "SIZE",
        help_heading = "Own server (without TARGET)"
    )]
    max_send_message_size: Option<Limit>,

    /// Compress replies to callers that accept it, as `plimsoll serve --compress` [default: no compression]
    #[arg(
        id = "server-compress",
        long = "server-compress",
        value_parser = named::<Compression>(),
        value_name = "ENCODING",
        help_heading = "Own server (without TARGET)"
    )]
    compress: Option<Compression>,

    /// Let request metadata set delays, statuses and reply sizes, as `plimsoll serve --obey`
    #[arg(id = "server-obey", long = "server-obey", help_heading = "Own server (without TARGET)")]
    obey: bool,

    /// Serve over TLS, with a CA and a certificate that are made for this run
    #[arg(id = "server-tls", long = "server-tls", help_heading = "Own server (without TARGET)")]
    tls: bool,
}

impl OwnServer {
    /// Returns the target, which excludes flags for the command's own server; without a target, the reference
    /// server in a child process of this program.
    ///
    /// # Errors
    /// Both are given, no server accepts connections at the target, or this program's own file is not found.
    pub(super) fn server(&self, target: Option<&Target>, transport: &TransportFlags) -> Result<Server> {
        if let Some(located) = self.locate(target, transport)? {
            return Ok(Server::There(located));
        }
        let mut connect = transport.settings(&[], self.tls)?;
        let certificates = self.tls.then(MadeCertificates::new).transpose();
        let certificates = certificates.context("cannot make certificates for the run")?.map(Arc::new);
        if !connect.tls.skip_verify {
            connect.tls.cacert = certificates.as_ref().map(|made| made.ca());
        }
        let program =
            env::current_exe().context("cannot find this program's own file to start a server from")?;
        Ok(Server::Own { program, record: self.record(), connect, certificates })
    }

    fn locate(&self, target: Option<&Target>, transport: &TransportFlags) -> Result<Option<Located>> {
        let Some(target) = target else { return Ok(None) };
        let flags = [
            ("--server-threads", self.threads.is_some()),
            ("--server-max-recv-message-size", self.max_recv_message_size.is_some()),
            ("--server-max-send-message-size", self.max_send_message_size.is_some()),
            ("--server-compress", self.compress.is_some()),
            ("--server-obey", self.obey),
            ("--server-tls", self.tls),
        ];
        if let Some((flag, _)) = flags.iter().find(|(_, given)| *given) {
            bail!(
                "{flag} configures the server that plimsoll starts itself, but {target} is a running server; leave out one of the two"
            );
        }
        Ok(Some(target.locate_with(&transport.settings(&[target], false)?)?))
    }

    /// Returns the settings of the server to start.
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
            tls: self.tls,
        }
    }
}
