//! Flags about the connection to a server: TLS, names and the time to connect.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, bail};
use clap::{Args, ValueHint};

use crate::{
    endpoint::{CONNECT_TIMEOUT, ConnectSettings, Target, TlsSettings},
    experiment::gate::Contender,
    units::parse_duration,
};

/// Flags about the connection to a server.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(super) struct TransportFlags {
    /// Use TLS, as with a target that begins with `https://`
    #[arg(long, conflicts_with = "plaintext", help_heading = "Transport")]
    tls: bool,

    /// Use no TLS [default, unless the target begins with `https://`]
    #[arg(long, help_heading = "Transport")]
    plaintext: bool,

    /// File with the trusted roots (PEM) [default: the roots of this machine]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Transport")]
    cacert: Option<PathBuf>,

    /// File with the client's certificate and its issuers (PEM), for servers that ask for one (mTLS)
    #[arg(long, value_name = "FILE", requires = "key", value_hint = ValueHint::FilePath, help_heading = "Transport")]
    cert: Option<PathBuf>,

    /// File with the key of --cert (PEM, not encrypted)
    #[arg(long, value_name = "FILE", requires = "cert", value_hint = ValueHint::FilePath, help_heading = "Transport")]
    key: Option<PathBuf>,

    /// Accept any certificate of the server; the result shows that it was not verified
    #[arg(long, conflicts_with = "cacert", help_heading = "Transport")]
    skip_verify: bool,

    /// Value of `:authority`, and the name in the server's certificate [default: those of TARGET]
    #[arg(long, value_name = "NAME", help_heading = "Transport")]
    authority: Option<String>,

    /// Name in the server's certificate and in SNI, without a change of `:authority`
    #[arg(long, value_name = "NAME", help_heading = "Transport")]
    server_name: Option<String>,

    /// Use a connection although the server selected no protocol in ALPN
    #[arg(long, help_heading = "Transport")]
    allow_no_alpn: bool,

    /// Longest wait for a connection: until the server has accepted it, finished TLS and sent its SETTINGS
    #[arg(long, value_name = "D", value_parser = parse_duration, help_heading = "Transport")]
    connect_timeout: Option<Duration>,
}

impl TransportFlags {
    /// Files with certificates and keys.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let files = [("a trusted root", &self.cacert), ("a certificate", &self.cert), ("a key", &self.key)];
        files.into_iter().filter_map(|(words, path)| Some((words, path.as_deref()?)))
    }

    /// Returns the settings of connections to these targets; none stands for the command's own server.
    ///
    /// # Errors
    /// Flags contradict each other or the targets.
    pub(super) fn settings(&self, targets: &[&Target], has_own_tls: bool) -> Result<ConnectSettings> {
        if has_own_tls && self.plaintext {
            bail!("--plaintext contradicts --server-tls; leave out one of the two");
        }
        if let Some(flag) = self.flag_of_tls().filter(|_| targets.is_empty() && !has_own_tls) {
            bail!(
                "{flag} is about TLS; --server-tls starts plimsoll's own server with TLS, a TARGET names another one"
            );
        }
        if targets.is_empty() && self.tls {
            bail!(
                "--tls is for a server that is running already (TARGET); --server-tls starts plimsoll's own server with TLS"
            );
        }
        if has_own_tls && self.cacert.is_some() {
            bail!("--server-tls makes and trusts its own certificates; leave out --cacert");
        }
        self.checked(targets.iter().any(|target| target.is_https()), self.tls || has_own_tls)
    }

    /// Returns the settings. `is_tls` decides about targets that do not say `https` themselves.
    fn checked(&self, has_https: bool, is_tls: bool) -> Result<ConnectSettings> {
        if self.plaintext && has_https {
            bail!("--plaintext contradicts the https:// of the target; leave out one of the two");
        }
        if let Some(flag) = self.flag_of_tls().filter(|_| !is_tls && !has_https) {
            bail!(
                "{flag} is about TLS, and this connection has none; write https:// before the target, or add --tls"
            );
        }
        let authority = self.authority.clone();
        if let Some(name) = authority.as_deref().filter(|name| !is_authority(name)) {
            bail!(
                "`{}` is no authority; write a host, with a port if the server expects one, such as `api.example:443`",
                name.escape_debug()
            );
        }
        if self.connect_timeout.is_some_and(|timeout| timeout.is_zero()) {
            bail!("--connect-timeout is 0; give the time that a connection may take, such as 3s");
        }
        Ok(ConnectSettings {
            is_tls,
            tls: TlsSettings {
                cacert: self.cacert.clone(),
                identity: self.cert.clone().zip(self.key.clone()),
                skip_verify: self.skip_verify,
                server_name: self.server_name.clone(),
                allow_no_alpn: self.allow_no_alpn,
            },
            authority,
            connect_timeout: self.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
        })
    }

    /// Name of the first flag that is about TLS.
    fn flag_of_tls(&self) -> Option<&'static str> {
        let flags = [
            ("--cacert", self.cacert.is_some()),
            ("--cert", self.cert.is_some()),
            ("--skip-verify", self.skip_verify),
            ("--server-name", self.server_name.is_some()),
            ("--allow-no-alpn", self.allow_no_alpn),
        ];
        flags.iter().find(|(_, given)| *given).map(|(flag, _)| *flag)
    }

    /// Returns true if connections to this target have TLS.
    pub(super) fn is_tls(&self, target: &Target) -> bool {
        self.tls || target.is_https()
    }

    /// Returns the settings of connections to the two servers of a gate.
    ///
    /// # Errors
    /// Flags contradict each other or the servers.
    pub(super) fn settings_of(&self, contenders: &[&Contender]) -> Result<ConnectSettings> {
        let targets: Vec<&Target> = contenders
            .iter()
            .filter_map(|contender| match contender {
                Contender::Address(target) => Some(target),
                Contender::Program(_) => None,
            })
            .collect();
        self.checked(targets.iter().any(|target| target.is_https()), self.tls)
    }
}

/// Returns true for a text that can be an `:authority`: no spaces, no control characters, no path.
fn is_authority(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_~:[]@%!$&'()*+,;=".contains(&byte))
}
