//! Server under test, as documents describe it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{endpoint::Located, rpc::Compression, units::Limit};

/// Server under test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct TargetRecord {
    /// Host and port from the command line.
    pub authority: String,
    /// Address of the connections.
    pub address: String,
    /// True if the server shared the machine with the generator.
    pub is_local: bool,
    /// Kind of sockets: `tcp` or `unix`; absent in documents of versions without Unix sockets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transport: Option<String>,
    /// TLS to the server; absent in plaintext.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls: Option<TlsRecord>,
    /// Settings of the server, where the run started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerRecord>,
}

/// TLS to a server, as its first handshake ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct TlsRecord {
    /// Version: `1.2` or `1.3`.
    pub version: String,
    /// Name of the cipher suite, as IANA lists it.
    pub cipher: String,
    /// Protocol that the server selected in ALPN; absent if it selected none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alpn: Option<String>,
    /// Name for SNI, which the certificate had.
    pub server_name: String,
    /// True if the server's certificate was verified.
    pub verified: bool,
    /// True if the client had a certificate too.
    pub client_certificate: bool,
}

/// The reference server that a run started for itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerRecord {
    /// Number of worker threads.
    pub threads: usize,
    /// Size limit of requests; `null` for none.
    pub max_recv_message_bytes: Limit,
    /// Size limit of replies; `null` for none.
    pub max_send_message_bytes: Limit,
    /// Compression of replies to callers that accept it; absent without compression.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compression: Option<Compression>,
    /// True if the server obeyed instructions in metadata.
    pub obey: bool,
    /// True if the server had TLS, with certificates made for the run.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub tls: bool,
}

impl TargetRecord {
    /// Returns the record of a server under test, and how the run started it, if it did.
    #[must_use]
    pub fn of(located: &Located, server: Option<ServerRecord>) -> Self {
        let tls = located.tls.as_ref().zip(located.negotiated.as_ref()).map(|(tls, negotiated)| TlsRecord {
            version: negotiated.version.clone(),
            cipher: negotiated.cipher.clone(),
            alpn: negotiated.alpn.clone(),
            server_name: tls.server_name(),
            verified: !tls.settings.skip_verify,
            client_certificate: tls.settings.identity.is_some(),
        });
        let place = &located.place;
        Self {
            authority: located.authority.clone(),
            address: place.to_string(),
            is_local: located.is_local,
            transport: Some(place.transport().to_owned()),
            tls,
            server,
        }
    }
}
