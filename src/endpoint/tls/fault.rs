//! Faults of TLS in words: what happened, and the way out.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, pki_types::UnixTime};

use super::{client::Tls, verifier::is_authority};

/// Largest number of a certificate's names in an error.
const MOST_NAMES: usize = 3;

/// Describes a fault of a session with this target.
pub(crate) fn words(error: &Error, target: &str, tls: &Tls) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate_words(error, target, tls),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => no_tls(target),
        Error::AlertReceived(alert) => alert_words(*alert, target, tls),
        Error::NoApplicationProtocol => no_alpn(target),
        Error::PeerIncompatible(why) => {
            format!("{target} and this program have no TLS 1.2 or 1.3 with a cipher in common ({why:?})")
        }
        error => format!("TLS with {target} failed: {error}"),
    }
}

/// Describes an I/O error of a session; rustls' own errors may be in it.
pub(crate) fn io_words(error: &io::Error, target: &str, tls: &Tls) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => words(error, target, tls),
        None if is_end(error) => ended(target, tls),
        None => error.to_string(),
    }
}

/// A server that answers a TLS handshake with something else.
pub(crate) fn no_tls(target: &str) -> String {
    format!("{target} does not speak TLS; leave out --tls, or write http:// in place of https://")
}

/// A server that ends the connection in place of a handshake.
pub(crate) fn ended(target: &str, tls: &Tls) -> String {
    let way_out = if tls.settings.identity.is_some() {
        "it may not trust the certificate of --cert, or not speak TLS"
    } else {
        "it may ask for a client certificate (--cert FILE and --key FILE), or not speak TLS"
    };
    format!("{target} closed the connection during the TLS handshake; {way_out}")
}

/// A server that ends the connection right after the handshake. Some servers do so, without an alert, if they do not
/// accept the client's certificate.
pub(crate) fn ended_after(target: &str, tls: &Tls) -> String {
    let cause = if tls.settings.identity.is_some() {
        "it probably does not trust the certificate of --cert"
    } else {
        "it probably requires a client certificate: give --cert FILE and --key FILE"
    };
    format!("{target} closed the connection right after the TLS handshake; {cause}")
}

/// A server that selected no protocol.
pub(crate) fn no_alpn(target: &str) -> String {
    format!(
        "{target} selected no protocol in ALPN, where gRPC needs h2; --allow-no-alpn uses the connection anyway"
    )
}

/// A server that speaks TLS to a client that does not.
pub(crate) fn wants_tls(target: &str) -> String {
    if target.starts_with("unix") {
        return format!("{target} speaks TLS; give --tls");
    }
    format!("{target} speaks TLS; write https://{target}, or give --tls")
}

fn certificate_words(error: &CertificateError, target: &str, tls: &Tls) -> String {
    let name = tls.server_name();
    match error {
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().take(MOST_NAMES).map(|name| name_in(name)).collect();
            let names = match presented.len() {
                0 => "no name".to_owned(),
                all if all > MOST_NAMES => {
                    format!("{} and {} more names", names.join(", "), all - MOST_NAMES)
                }
                _ => names.join(", "),
            };
            format!(
                "{target} has a certificate for {names}, not for {name}; --authority NAME, or --server-name NAME for the certificate alone, gives the right name"
            )
        }
        CertificateError::NotValidForName => {
            format!(
                "{target} has a certificate that is not for {name}; --server-name NAME gives the right name"
            )
        }
        CertificateError::UnknownIssuer => format!(
            "the certificate of {target} has an issuer that is not trusted here; --cacert FILE trusts its issuer, --skip-verify any certificate"
        ),
        error if is_authority(error) => format!(
            "{target} has a self-signed certificate that is not trusted here; --cacert FILE with that very certificate trusts it, --skip-verify any certificate"
        ),
        CertificateError::ExpiredContext { time, not_after } => format!(
            "the certificate of {target} expired at {}, and it is {} now; renew it, or use --skip-verify",
            instant(*not_after),
            instant(*time)
        ),
        CertificateError::Expired => {
            format!("the certificate of {target} has expired; renew it, or use --skip-verify")
        }
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "the certificate of {target} is valid from {}, and it is {} now; check the clocks, or use --skip-verify",
            instant(*not_before),
            instant(*time)
        ),
        error => format!(
            "the certificate of {target} cannot be verified ({error}); --skip-verify accepts any certificate"
        ),
    }
}

/// The name in rustls' description of a subject alternative name: `DnsName("a.example")`.
fn name_in(described: &str) -> &str {
    described.split_once('"').and_then(|(_, rest)| rest.split_once('"')).map_or(described, |(name, _)| name)
}

fn alert_words(alert: AlertDescription, target: &str, tls: &Tls) -> String {
    let has_identity = tls.settings.identity.is_some();
    match alert {
        AlertDescription::NoApplicationProtocol => {
            format!("{target} refused h2 in ALPN: it serves another protocol on this port, and no gRPC")
        }
        AlertDescription::CertificateRequired | AlertDescription::BadCertificate if !has_identity => {
            format!("{target} asks for a client certificate; give --cert FILE and --key FILE")
        }
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError
            if has_identity =>
        {
            format!(
                "{target} does not accept the client certificate (alert {alert:?}); check --cert and --key, and the CA that the server trusts"
            )
        }
        AlertDescription::HandshakeFailure if !has_identity => format!(
            "{target} refused the TLS handshake (alert {alert:?}); it may ask for a client certificate (--cert FILE and --key FILE), or have no cipher in common"
        ),
        AlertDescription::ProtocolVersion => {
            format!("{target} has no TLS version in common with this program, which has TLS 1.2 and 1.3")
        }
        AlertDescription::UnrecognisedName => format!(
            "{target} has no certificate for the name {}; --server-name NAME gives another name",
            tls.server_name()
        ),
        alert => format!("{target} ended TLS with the alert {alert:?}"),
    }
}

fn instant(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    chrono::DateTime::from_timestamp(seconds, 0).map_or_else(
        || format!("{seconds} s since 1970"),
        |time| time.format("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

pub(crate) fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::tls::TlsSettings;

    #[test]
    fn each_fault_has_a_way_out() {
        let tls =
            Tls::new(TlsSettings { skip_verify: true, ..TlsSettings::default() }, "localhost").expect("TLS");
        for (error, expected) in [
            (
                Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                    expected: tls.name.clone(),
                    presented: vec!["DnsName(\"other.example\")".to_owned()],
                }),
                "x:1 has a certificate for other.example, not for localhost; --authority NAME",
            ),
            (
                Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                    expected: tls.name.clone(),
                    presented: (0..400).map(|k| format!("DnsName(\"a{k}.example\")")).collect(),
                }),
                "for a0.example, a1.example, a2.example and 397 more names, not for localhost",
            ),
            (Error::InvalidCertificate(CertificateError::UnknownIssuer), "--cacert FILE trusts its issuer"),
            (
                Error::InvalidCertificate(CertificateError::ExpiredContext {
                    time: UnixTime::since_unix_epoch(std::time::Duration::from_secs(86_400)),
                    not_after: UnixTime::since_unix_epoch(std::time::Duration::ZERO),
                }),
                "expired at 1970-01-01 00:00 UTC, and it is 1970-01-02 00:00 UTC now",
            ),
            (
                Error::AlertReceived(AlertDescription::CertificateRequired),
                "asks for a client certificate; give --cert",
            ),
            (Error::AlertReceived(AlertDescription::NoApplicationProtocol), "refused h2 in ALPN"),
            (
                Error::InvalidMessage(InvalidMessage::InvalidContentType),
                "does not speak TLS; leave out --tls",
            ),
        ] {
            let words = words(&error, "x:1", &tls);
            assert!(words.contains(expected), "{words}");
        }
    }
}
