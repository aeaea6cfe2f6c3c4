//! Certificates and keys in files (PEM).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// Certificate of this side, with its chain and its private key.
#[derive(Debug)]
pub struct Identity {
    /// The certificate first, then its issuers.
    pub chain: Vec<CertificateDer<'static>>,
    /// Key of the certificate.
    pub key: PrivateKeyDer<'static>,
}

/// Error of a file with certificates or a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFileError {
    /// The file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file has no certificate.
    #[error(
        "`{path}` has no certificate ({why}); a certificate is in PEM: it begins with `-----BEGIN CERTIFICATE-----`"
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        why: String,
    },
    /// The file has no private key.
    #[error(
        "`{path}` has no private key ({why}); a key is in PEM and not encrypted: PKCS#8, PKCS#1 (RSA) or SEC1 (EC)"
    )]
    NoKey {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        why: String,
    },
    /// The file has a certificate that cannot be a root.
    #[error("`{path}` has a certificate that cannot be trusted as a root: {why}")]
    Root {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        why: String,
    },
}

/// Reads the certificates of a file.
///
/// # Errors
/// The file cannot be read, or has no certificate.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateFileError> {
    let bytes = read(path)?;
    let fault = |why: String| CertificateFileError::NoCertificate { path: path.to_owned(), why };
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let all = all.map_err(|error| fault(error.to_string()))?;
    if all.is_empty() { Err(fault("no such section".to_owned())) } else { Ok(all) }
}

/// Reads a certificate with its chain, and its key.
///
/// # Errors
/// A file cannot be read, or does not have its part.
pub fn identity(certificate: &Path, key: &Path) -> Result<Identity, CertificateFileError> {
    let chain = certificates(certificate)?;
    let bytes = read(key)?;
    let key = PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|error| CertificateFileError::NoKey { path: key.to_owned(), why: error.to_string() })?;
    Ok(Identity { chain, key })
}

/// Reads roots from a file.
///
/// # Errors
/// The file cannot be read, or has no certificate, or one that cannot be a root.
pub fn roots(path: &Path) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), CertificateFileError> {
    let all = certificates(path)?;
    let mut store = RootCertStore::empty();
    for certificate in &all {
        store
            .add(certificate.clone())
            .map_err(|error| CertificateFileError::Root { path: path.to_owned(), why: error.to_string() })?;
    }
    Ok((store, all))
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateFileError> {
    fs::read(path).map_err(|source| CertificateFileError::Read { path: path.to_owned(), source })
}
