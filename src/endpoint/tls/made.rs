//! Certificates for one run, made by this program.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// A CA and a server's certificate for `localhost`, 127.0.0.1 and `::1`, in a temporary folder that only this user
/// can read. The folder goes when this value is dropped.
#[derive(Debug)]
pub struct MadeCertificates {
    folder: TempDir,
}

impl MadeCertificates {
    /// Makes the certificates.
    ///
    /// # Errors
    /// The folder cannot be written, or there are no random bytes.
    pub fn new() -> io::Result<Self> {
        // The folder has the mode 0700.
        let folder = tempfile::Builder::new().prefix("plimsoll-tls-").tempdir()?;
        let made = Self { folder };
        let (ca, certificate, key) = make().map_err(io::Error::other)?;
        for (path, text) in [(made.ca(), ca), (made.certificate(), certificate), (made.key(), key)] {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(text.as_bytes())?;
        }
        Ok(made)
    }

    /// File of the CA's certificate.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// File of the server's certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    /// File of the server's key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Makes the CA's certificate, the server's certificate and its key, in PEM.
fn make() -> Result<(String, String, String), rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "plimsoll, for one run");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let key = KeyPair::generate()?;
    let mut server = CertificateParams::new(names.to_vec())?;
    server.distinguished_name.push(DnType::CommonName, "localhost");
    let certificate = server.signed_by(&key, &authority)?;
    Ok((authority.pem(), certificate.pem(), key.serialize_pem()))
}
