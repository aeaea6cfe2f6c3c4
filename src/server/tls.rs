//! TLS of the server.

use std::{io, sync::Arc, time::Duration};

use rustls::{
    Error, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Longest handshake; a peer that takes longer is closed.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// TLS of the server: its certificate, and the client certificates that it accepts.
#[derive(Debug, Clone)]
pub struct ServerTls(Arc<ServerConfig>);

impl ServerTls {
    /// Makes the server's side of TLS 1.2 and 1.3, with HTTP/2 in ALPN. With `client_roots`, each client needs a
    /// certificate that one of them has signed.
    ///
    /// # Errors
    /// The key does not fit the certificate, or a certificate cannot be used.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        client_roots: Option<RootCertStore>,
    ) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = match client_roots {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder
                    .with_client_cert_verifier(verifier.map_err(|error| Error::General(error.to_string()))?)
            }
        };
        let mut config = builder.with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// Makes the handshake with a client.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: S,
    ) -> io::Result<TlsStream<S>> {
        let handshake = TlsAcceptor::from(Arc::clone(&self.0)).accept(socket);
        tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await?
    }
}
