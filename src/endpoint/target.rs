//! Address of the server under test.

use std::{
    fmt,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    os::fd::OwnedFd,
    str::FromStr,
};

use super::{
    located::{ConnectSettings, LocateError, Located, TICK},
    place::Place,
};

/// Address of a server as typed: `localhost:8080`, `https://[::1]:8443`, `unix:/run/app.sock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    name: Name,
    is_https: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Host { host: String, port: u16 },
    Unix(Place),
}

/// Error for a text that is not a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{got}` is not a target: {reason}; {way_out}")]
pub struct TargetError {
    got: String,
    reason: String,
    way_out: String,
}

impl TargetError {
    fn new(got: &str, reason: impl Into<String>) -> Self {
        let way_out = "write a host and a port, such as `localhost:8080` or `http://[::1]:8080`".to_owned();
        Self { got: got.escape_debug().to_string(), reason: reason.into(), way_out }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let error = |reason: &str| TargetError::new(text, reason);
        if let Some(place) = Place::of_unix_name(text) {
            let name = Name::Unix(place.map_err(|reason| TargetError {
                way_out: "write `unix:PATH`, `unix:///PATH` or `unix-abstract:NAME`".to_owned(),
                ..error(reason)
            })?);
            return Ok(Self { name, is_https: false });
        }
        let (bare, is_https) = without_scheme(text)?;
        if let Some((address, path)) = bare.split_once('/') {
            let reason = format!("a target has no path, but this one has `/{path}`");
            let way_out =
                format!("write `{address}` alone; --method package.Service/Method names what is called");
            return Err(TargetError { way_out, ..TargetError::new(text, reason) });
        }
        let Some((host, port)) = bare.rsplit_once(':') else {
            if bare.parse::<u16>().is_ok() {
                let way_out = format!("write `localhost:{bare}`");
                return Err(TargetError { way_out, ..TargetError::new(text, "it is a port without a host") });
            }
            return Err(error("it has no port"));
        };
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => {
                address
                    .parse::<std::net::Ipv6Addr>()
                    .map_err(|_| error("the brackets hold no IPv6 address"))?;
                address
            }
            None if host.contains(':') => return Err(error("an IPv6 address needs brackets")),
            None => host,
        };
        if host.is_empty() {
            return Err(error("it has no host"));
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if !host.bytes().all(is_name) {
            return Err(error("the host has a character that is not valid in a name or an address"));
        }
        let port = port.parse().ok().filter(|port| *port > 0);
        let port = port.ok_or_else(|| error("the port is not a number from 1 to 65535"))?;
        Ok(Self { name: Name::Host { host: host.to_owned(), port }, is_https })
    }
}

/// Removes the scheme from a target: HTTP's, or one of those in gRPC's names. Also returns true for HTTPS.
fn without_scheme(text: &str) -> Result<(&str, bool), TargetError> {
    let error = |reason: &str| Err(TargetError::new(text, reason));
    for name in ["ipv4:", "ipv6:"] {
        if let Some(address) = text.strip_prefix(name) {
            return Ok((address, false));
        }
    }
    if let Some(name) = text.strip_prefix("dns:").filter(|name| !name.starts_with("//") && name.contains(':'))
    {
        return Ok((name, false));
    }
    match text.split_once("://") {
        None => Ok((text, false)),
        Some((scheme @ ("http" | "https" | "grpc" | "grpcs"), rest)) => {
            Ok((rest.strip_suffix('/').unwrap_or(rest), scheme.ends_with('s')))
        }
        // The form is `dns://SERVER/NAME`, usually without a server: `dns:///NAME`.
        Some(("dns" | "passthrough", rest)) => match rest.split_once('/') {
            Some(("", name)) => Ok((name, false)),
            _ => error(
                "a DNS server in the target is not supported; leave it out, as in `dns:///localhost:8080`",
            ),
        },
        Some((scheme, _)) => Err(TargetError::new(
            text,
            format!("the scheme `{scheme}` is not supported; use http, https, unix, dns or passthrough"),
        )),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Name::Host { host, port } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Name::Host { host, port } => write!(formatter, "{host}:{port}"),
            Name::Unix(place) => place.fmt(formatter),
        }
    }
}

impl Target {
    /// Returns true if the target says `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Returns the first of the target's addresses that accepts a connection, in the resolver's order.
    ///
    /// # Errors
    /// Fails if the name has no address, or none of its addresses accepts within 3 s; with `https`, if the server
    /// cannot be used with TLS.
    pub fn locate(&self) -> Result<Located, LocateError> {
        self.locate_with(&ConnectSettings::default())
    }

    /// Does what [`Target::locate`] does, with these settings.
    ///
    /// # Errors
    /// Fails as [`Target::locate`] does, and if the settings cannot be used.
    pub fn locate_with(&self, settings: &ConnectSettings) -> Result<Located, LocateError> {
        let shown = self.to_string();
        let (places, host) = match &self.name {
            Name::Unix(place) => (vec![place.clone()], "localhost".to_owned()),
            Name::Host { host, port } => {
                let addresses = (host.as_str(), *port)
                    .to_socket_addrs()
                    .map_err(|source| LocateError::Name { target: shown.clone(), source })?;
                (addresses.map(Place::Tcp).collect(), host.clone())
            }
        };
        let sent_authority = match &self.name {
            Name::Host { .. } => shown.clone(),
            // gRPC's name for the host behind a Unix socket.
            Name::Unix(_) => host.clone(),
        };
        let mut tried = Vec::new();
        for place in places {
            match place.connect(settings.connect_timeout, TICK, || Ok(())) {
                Ok(socket) => {
                    let located = Located {
                        is_local: is_local(&place, &socket),
                        process: peer_of(&place, &socket),
                        place,
                        authority: shown,
                        tls: None,
                        connect_timeout: settings.connect_timeout,
                        sent_authority,
                        negotiated: None,
                    };
                    return located.secured(Some(socket), settings, &host, settings.is_tls || self.is_https);
                }
                Err(error) => tried.push(format!("{place}: {error}")),
            }
        }
        Err(LocateError::NobodyListens { target: shown, tried: tried.join(", ") })
    }
}

/// Returns true if both ends of the connection have one address: the server is on this machine.
fn is_local(place: &Place, socket: &OwnedFd) -> bool {
    let Some(address) = place.tcp() else { return true };
    let own = rustix::net::getsockname(socket).ok().and_then(|own| SocketAddr::try_from(own).ok());
    own.map(|own: SocketAddr| own.ip()) == Some::<IpAddr>(address.ip())
}

/// Process that listens at a Unix socket, if the system reports it.
fn peer_of(place: &Place, socket: &OwnedFd) -> Option<u32> {
    #[cfg(target_os = "linux")]
    if place.tcp().is_none() {
        let peer = rustix::net::sockopt::socket_peercred(socket).ok()?;
        return u32::try_from(peer.pid.as_raw_nonzero().get()).ok();
    }
    let _ = (place, socket);
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn targets_are_hosts_with_ports() {
        for (text, shown) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("localhost:8080", "localhost:8080"),
            ("http://localhost:8080/", "localhost:8080"),
            ("[::1]:8080", "[::1]:8080"),
            ("dns:///localhost:8080", "localhost:8080"),
            ("dns:localhost:8080", "localhost:8080"),
            ("passthrough:///127.0.0.1:80", "127.0.0.1:80"),
            ("ipv4:127.0.0.1:80", "127.0.0.1:80"),
            ("ipv6:[::1]:80", "[::1]:80"),
            ("dns:80", "dns:80"),
            ("https://localhost:8443", "localhost:8443"),
            ("grpcs://[::1]:8443/", "[::1]:8443"),
            ("unix:app.sock", "unix:app.sock"),
            ("unix:///run/app.sock", "unix:/run/app.sock"),
            ("unix-abstract:app", "unix-abstract:app"),
        ] {
            assert_eq!(text.parse::<Target>().map(|target| target.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn what_is_no_target_says_why() {
        for (text, reason) in [
            ("", "no port"),
            ("localhost", "no port"),
            ("localhost:0", "1 to 65535"),
            ("localhost:65536", "1 to 65535"),
            (":8080", "no host"),
            ("::1:8080", "brackets"),
            ("[localhost]:8080", "no IPv6"),
            ("ftp://localhost:1", "scheme"),
            ("a b:80", "character"),
            ("http://user@host:80", "character"),
            (
                "localhost:8080/pkg.Svc/Method",
                "a target has no path, but this one has `/pkg.Svc/Method`; write `localhost:8080`",
            ),
            ("http://localhost:8080/x", "this one has `/x`"),
            ("8080", "port without a host; write `localhost:8080`"),
            ("unix:", "empty; write `unix:PATH`"),
            ("unix://x", "begins with a third `/`"),
            ("unix-abstract:", "empty"),
            ("dns://1.1.1.1/host:80", "DNS server"),
            ("xds:///x:1", "scheme `xds`"),
            ("localhost:\u{1b}[31m", "1 to 65535"),
        ] {
            let error = text.parse::<Target>().expect_err(text).to_string();
            assert!(!error.contains('\u{1b}'), "{error:?}");
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_port_where_nobody_listens_is_named() {
        // The port was free a moment ago, and the system does not assign it again at once.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound");
        drop(listener);
        let target: Target = format!("localhost:{}", address.port()).parse().expect("a target");
        let error = target.locate().expect_err("nobody listens").to_string();
        assert!(error.contains(&address.to_string()), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<Target>();
        }
    }
}
