//! Certificates for tests: authorities, and what they sign.

use std::{fs, path::PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// A folder of certificates and keys in PEM.
pub(crate) struct Certificates {
    folder: TempDir,
    root: CertifiedIssuer<'static, KeyPair>,
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).expect("names")
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(&[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Certificates {
    /// Makes a root, in `ca.pem`, and a certificate for this machine, `server`.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let root = CertifiedIssuer::self_signed(authority("root"), key).expect("a root");
        let made = Self { folder, root };
        made.write("ca.pem", &made.root.pem());
        made.leaf("server", &["localhost", "127.0.0.1"], |_| {});
        made
    }

    /// Signs a certificate for these names: `NAME.pem` and `NAME.key`.
    pub(crate) fn leaf(&self, name: &str, names: &[&str], change: impl FnOnce(&mut CertificateParams)) {
        self.signed(name, names, &self.root, "", change);
    }

    fn signed(
        &self,
        name: &str,
        names: &[&str],
        issuer: &Issuer<'_, KeyPair>,
        chain: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let key = KeyPair::generate().expect("a key");
        let mut params = params(names);
        change(&mut params);
        let certificate = params.signed_by(&key, issuer).expect("signed");
        self.write(&format!("{name}.pem"), &format!("{}{chain}", certificate.pem()));
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }

    /// Signs a certificate by an intermediate authority: `NAME.pem` with the chain, `NAME-alone.pem` without.
    pub(crate) fn leaf_of_intermediate(&self, name: &str) {
        let key = KeyPair::generate().expect("a key");
        let between = CertifiedIssuer::signed_by(authority("between"), key, &self.root).expect("signed");
        self.signed(name, &["localhost", "127.0.0.1"], &between, &between.pem(), |_| {});
        let chain = fs::read_to_string(self.path(&format!("{name}.pem"))).expect("written");
        let alone = chain.split_inclusive("-----END CERTIFICATE-----").next().expect("one").to_owned();
        self.write(&format!("{name}-alone.pem"), &alone);
    }

    /// Makes a certificate that signed itself and may sign others, as `openssl req -x509` does: `NAME.pem`.
    pub(crate) fn self_signed(&self, name: &str) {
        let key = KeyPair::generate().expect("a key");
        let mut own = authority(name);
        own.subject_alt_names = params(&["localhost", "127.0.0.1"]).subject_alt_names;
        let certificate = own.self_signed(&key).expect("signed");
        self.write(&format!("{name}.pem"), &certificate.pem());
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("writable");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Path of a file, for a command line.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }
}
