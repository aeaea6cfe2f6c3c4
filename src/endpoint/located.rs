//! A server whose address is known, and the way to connect to it.

use std::{io, net::SocketAddr, os::fd::OwnedFd, sync::Arc, time::Duration};

use super::{
    place::Place,
    tls::{self, Negotiated, Tls, TlsError, TlsSettings},
};

/// Default of the longest wait for a connection, with TLS and the server's SETTINGS on it.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest wait of a diagnosis: a server with TLS answers within a round trip.
const DIAGNOSIS: Duration = Duration::from_millis(500);

/// Interval of checks while a connection is made.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// Settings of connections to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectSettings {
    /// True if TLS is used, even if the target does not say `https`.
    pub is_tls: bool,
    /// Settings of TLS.
    pub tls: TlsSettings,
    /// Value of `:authority`, and the name in the certificate; `None` for the target's.
    pub authority: Option<String>,
    /// Longest wait for a connection, with TLS and the server's SETTINGS on it.
    pub connect_timeout: Duration,
}

impl Default for ConnectSettings {
    fn default() -> Self {
        Self { is_tls: false, tls: TlsSettings::default(), authority: None, connect_timeout: CONNECT_TIMEOUT }
    }
}

/// Scheme and authority of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `http`, or `https` with TLS.
    pub scheme: &'static str,
    /// Value of `:authority`.
    pub authority: String,
}

/// A plaintext origin.
impl From<&str> for Origin {
    fn from(authority: &str) -> Self {
        Self { scheme: "http", authority: authority.to_owned() }
    }
}

/// A target whose address is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Located {
    /// The place that accepted a connection.
    pub place: Place,
    /// Target as typed, without a scheme, for people.
    pub authority: String,
    /// True if the server runs on the same machine as the generator.
    pub is_local: bool,
    /// TLS to the server; `None` for plaintext.
    pub tls: Option<Arc<Tls>>,
    /// Longest wait for a connection, with TLS and the server's SETTINGS on it.
    pub connect_timeout: Duration,
    /// Value of `:authority` in calls.
    pub sent_authority: String,
    /// Results of the first handshake.
    pub(crate) negotiated: Option<Negotiated>,
    /// Process at the other end of a Unix socket, if the system reports it.
    pub(crate) process: Option<u32>,
}

impl Located {
    /// A server that listens on this address of this machine. Nothing is tried: a run that cannot connect says so.
    #[must_use]
    pub fn local(address: SocketAddr) -> Self {
        Self {
            place: Place::Tcp(address),
            authority: address.to_string(),
            is_local: true,
            tls: None,
            connect_timeout: CONNECT_TIMEOUT,
            sent_authority: address.to_string(),
            negotiated: None,
            process: None,
        }
    }

    /// Applies settings to this server: tries TLS if they require it.
    ///
    /// # Errors
    /// The settings are wrong, or the server cannot be used with them.
    pub fn with(self, settings: &ConnectSettings) -> Result<Self, LocateError> {
        let host =
            self.place.tcp().map_or_else(|| "localhost".to_owned(), |address| address.ip().to_string());
        self.secured(None, settings, &host, settings.is_tls)
    }

    /// Target for people and documents: with `https://` if it has TLS.
    #[must_use]
    pub fn shown(&self) -> String {
        let scheme = if self.tls.is_some() { "https://" } else { "" };
        format!("{scheme}{}", self.authority)
    }

    /// Scheme and authority of calls to this server.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Origin { scheme, authority: self.sent_authority.clone() }
    }

    /// Looks for the cause of connections that failed: a server with TLS, which a client without TLS cannot use.
    /// Makes one more connection.
    #[must_use]
    pub fn diagnosis(&self) -> Option<String> {
        let patience = self.connect_timeout.min(DIAGNOSIS);
        let is_mistaken = self.tls.is_none() && tls::speaks_tls(&self.place, patience);
        is_mistaken.then(|| tls::fault::wants_tls(&self.authority))
    }

    /// Applies the settings, and tries TLS on this connection, or on one of its own.
    pub(super) fn secured(
        mut self,
        socket: Option<OwnedFd>,
        settings: &ConnectSettings,
        host: &str,
        is_tls: bool,
    ) -> Result<Self, LocateError> {
        self.connect_timeout = settings.connect_timeout;
        if let Some(authority) = &settings.authority {
            self.sent_authority.clone_from(authority);
        }
        if !is_tls {
            return Ok(self);
        }
        let mut wanted = settings.tls.clone();
        if wanted.server_name.is_none() {
            wanted.server_name = settings.authority.as_deref().map(|name| host_of(name).to_owned());
        }
        let tls = Tls::new(wanted, host)?;
        // A server may serve one connection after the other, so the one that is open is used.
        let connected = match socket {
            Some(socket) => Ok(socket),
            None => self.place.connect(self.connect_timeout, TICK, || Ok(())),
        };
        let socket = connected.map_err(|error| LocateError::NobodyListens {
            target: self.authority.clone(),
            tried: error.to_string(),
        })?;
        let negotiated = tls::check(&socket, &self.authority, &tls, self.connect_timeout);
        self.negotiated = Some(negotiated.map_err(LocateError::Tls)?);
        self.tls = Some(Arc::new(tls));
        Ok(self)
    }
}

/// Host of an authority: a name, or an address without its brackets.
fn host_of(authority: &str) -> &str {
    if let Some((address, _)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.contains(':') => host,
        _ => authority,
    }
}

/// Error for a target that cannot be reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocateError {
    /// The name has no address.
    #[error("cannot find an address for `{target}`")]
    Name {
        /// The target as typed.
        target: String,
        /// The resolver's error.
        source: io::Error,
    },
    /// No address of the target accepts connections.
    #[error(
        "nothing accepts connections at {target} ({tried}); is the server running? `plimsoll serve` starts one, and `plimsoll run` without a target starts its own"
    )]
    NobodyListens {
        /// The target as typed.
        target: String,
        /// Each address with the result of its attempt.
        tried: String,
    },
    /// TLS is set up wrongly.
    #[error(transparent)]
    Settings(#[from] TlsError),
    /// The server cannot be used with TLS.
    #[error("{0}")]
    Tls(String),
}
