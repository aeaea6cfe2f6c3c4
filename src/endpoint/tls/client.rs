//! The client's side of TLS to one server.

use std::sync::Arc;

use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    client::{Resumption, WebPkiServerVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName},
};

use super::{
    certificates::{self, CertificateFileError},
    settings::TlsSettings,
    verifier::{Trust, Verifier},
};

/// Name of HTTP/2 in ALPN.
pub(crate) const H2: &[u8] = b"h2";

/// TLS to one server: what is sent, trusted and required.
#[derive(Debug)]
#[non_exhaustive]
pub struct Tls {
    /// rustls' configuration, shared by all connections.
    pub(crate) config: Arc<ClientConfig>,
    /// Name for SNI, which the certificate must have.
    pub(crate) name: ServerName<'static>,
    /// The settings.
    pub settings: TlsSettings,
}

/// Error of settings that make no TLS client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] CertificateFileError),
    /// The system has no trusted roots.
    #[error("this machine has no trusted roots ({0}); --cacert FILE names them")]
    NoRoots(String),
    /// The client's key does not fit its certificate.
    #[error("the key `{key}` does not fit the certificate `{certificate}`; give the two files of one pair")]
    Mismatch {
        /// File of the certificate.
        certificate: String,
        /// File of the key.
        key: String,
    },
    /// The client's certificate cannot be used.
    #[error("the client certificate `{certificate}` cannot be used: {why}")]
    Identity {
        /// File of the certificate.
        certificate: String,
        /// The reason.
        why: String,
    },
    /// The name is no name of a server.
    #[error("`{0}` is not the name of a server: {1}; --server-name gives the name in the certificate")]
    Name(String, String),
    /// The provider of ciphers does not have the versions.
    #[error("TLS cannot be set up")]
    Provider(#[source] rustls::Error),
}

impl Tls {
    /// Reads the files and makes the client's side. `host` is the target's host, a name or an address.
    ///
    /// # Errors
    /// A file cannot be used, a key does not fit its certificate, or there are no roots.
    pub fn new(settings: TlsSettings, host: &str) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let trust = if settings.skip_verify { None } else { Some(trust(&settings, &provider)?) };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Provider)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier { provider, trust }));
        let mut config = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let identity = certificates::identity(certificate, key)?;
                let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
                builder.with_client_auth_cert(identity.chain, identity.key).map_err(|error| match error {
                    rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { certificate, key },
                    error => TlsError::Identity { certificate, why: error.to_string() },
                })?
            }
        };
        config.alpn_protocols = vec![H2.to_vec()];
        // A reconnect costs a full handshake, as with gRPC's own clients, so its figure is the worst case.
        config.resumption = Resumption::disabled();
        let name = settings.server_name.clone().unwrap_or_else(|| host.to_owned());
        let server_name = ServerName::try_from(name.clone())
            .map_err(|error| TlsError::Name(name.escape_debug().to_string(), error.to_string()))?;
        Ok(Self { config: Arc::new(config), name: server_name, settings })
    }

    /// Begins a session.
    ///
    /// # Errors
    /// rustls has no random bytes, or no cipher that fits.
    pub(crate) fn session(&self) -> Result<ClientConnection, rustls::Error> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone())
    }

    /// The name that the certificate must have.
    #[must_use]
    pub fn server_name(&self) -> String {
        self.name.to_str().into_owned()
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.settings) == (&other.name, &other.settings)
    }
}

impl Eq for Tls {}

fn trust(settings: &TlsSettings, provider: &Arc<CryptoProvider>) -> Result<Trust, TlsError> {
    let (store, roots): (RootCertStore, Vec<CertificateDer<'static>>) = match &settings.cacert {
        Some(path) => certificates::roots(path)?,
        None => (system_roots()?, Vec::new()),
    };
    let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    let chains = chains.build().map_err(|error| TlsError::NoRoots(error.to_string()))?;
    Ok(Trust { chains, roots })
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    // Some systems keep roots that rustls does not read; the others still serve.
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let why = found.errors.first().map_or_else(|| "none was found".to_owned(), ToString::to_string);
        return Err(TlsError::NoRoots(why));
    }
    Ok(store)
}
