//! Settings of TLS, as typed.

use std::path::PathBuf;

/// Settings of TLS to a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TlsSettings {
    /// File with the trusted roots (PEM); `None` trusts those of the system.
    pub cacert: Option<PathBuf>,
    /// Files with the client's certificate and its key (PEM).
    pub identity: Option<(PathBuf, PathBuf)>,
    /// True if any certificate is accepted.
    pub skip_verify: bool,
    /// Name for SNI, which the certificate must have; `None` for the host of the target.
    pub server_name: Option<String>,
    /// True if the connection is used although the server selected no protocol in ALPN.
    pub allow_no_alpn: bool,
}
