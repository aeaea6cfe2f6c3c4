//! The server of an experiment: a running server, or the reference server in a child process.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use crate::{
    endpoint::{ChildError, ChildServer, ConnectSettings, LocateError, Located, MadeCertificates},
    measure::server_processes,
    result::summary::ServerRecord,
    units::Limit,
};

/// A server for an experiment.
#[derive(Debug, Clone)]
pub enum Server {
    /// A server that is already running.
    There(Located),
    /// The reference server, started for each use as `program serve` in a child process.
    Own {
        /// Path of a `plimsoll` program.
        program: PathBuf,
        /// Configuration of the server.
        record: ServerRecord,
        /// Settings of connections to it.
        connect: ConnectSettings,
        /// Certificates of a server with TLS.
        certificates: Option<Arc<MadeCertificates>>,
    },
}

/// Error of a server that could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The child process does not serve.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// The server cannot be used.
    #[error(transparent)]
    Connect(#[from] LocateError),
}

/// A server that accepts connections. A child process ends when this value is dropped.
#[derive(Debug)]
pub struct Driven {
    /// Address of the server.
    pub located: Located,
    child: Option<ChildServer>,
}

impl Server {
    /// Starts the server, unless it is already running.
    ///
    /// # Errors
    /// The child process does not start, or does not listen within 10 s, or cannot be used with the settings.
    pub fn start(&self) -> Result<Driven, ServerError> {
        let (program, record, connect, certificates) = match self {
            Self::There(located) => return Ok(Driven { located: located.clone(), child: None }),
            Self::Own { program, record, connect, certificates } => (program, record, connect, certificates),
        };
        let limit = |limit: Limit| match limit {
            Limit::Bytes(bytes) => bytes.to_string(),
            Limit::Unlimited => "unlimited".to_owned(),
        };
        let mut flags: Vec<OsString> = [
            ("--threads", record.threads.to_string()),
            ("--max-recv-message-size", limit(record.max_recv_message_bytes)),
            ("--max-send-message-size", limit(record.max_send_message_bytes)),
        ]
        .into_iter()
        .chain(record.compression.map(|compression| ("--compress", compression.to_string())))
        .flat_map(|(name, value)| [name.to_owned(), value])
        .chain(record.obey.then(|| "--obey".to_owned()))
        .map(OsString::from)
        .collect();
        if let Some(made) = certificates {
            let files = [("--tls-cert", made.certificate()), ("--tls-key", made.key())];
            flags.extend(files.into_iter().flat_map(|(flag, file)| [flag.into(), file.into()]));
        }
        let child = ChildServer::start(program, &flags)?;
        let located = Located::local(child.address()).with(connect)?;
        Ok(Driven { located, child: Some(child) })
    }

    /// Returns the configuration of a server that is started for each use.
    #[must_use]
    pub fn record(&self) -> Option<ServerRecord> {
        match self {
            Self::There(_) => None,
            Self::Own { record, .. } => Some(record.clone()),
        }
    }

    /// Returns the server that is already running.
    #[must_use]
    pub fn there(&self) -> Option<&Located> {
        match self {
            Self::There(located) => Some(located),
            Self::Own { .. } => None,
        }
    }

    /// Returns true if the server shares this machine with the generator.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.there().is_none_or(|located| located.is_local)
    }
}

impl Driven {
    /// Returns the server's processes, if they run on this machine and are known.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        match &self.child {
            Some(child) => vec![child.id()],
            None => server_processes(&self.located),
        }
    }

    /// Returns how a child process ended, if it has ended.
    pub fn ended(&mut self) -> Option<String> {
        self.child.as_mut().and_then(ChildServer::ended)
    }
}
