//! TLS to a server: settings, certificates, the client's configuration, and faults in words.

pub mod settings;
pub mod certificates;
mod made;
mod verifier;
mod client;
pub(crate) mod fault;
mod check;

pub use certificates::{CertificateFileError, Identity};
pub(crate) use check::{Negotiated, check, speaks_tls};
pub use client::{Tls, TlsError};
pub use made::MadeCertificates;
pub use settings::TlsSettings;
