//! Address of the server under test.

use std::{
    fmt, io,
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    str::FromStr,
    time::Duration,
};

/// Longest wait for an address to accept a connection, and for a client to make its first and any later
/// connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Address of a server as typed: `localhost:8080`, `http://[::1]:8080`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
}

/// A target whose address is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Located {
    /// The address that accepted a connection.
    pub address: SocketAddr,
    /// Host and port as typed: the server receives them as `:authority`.
    pub authority: String,
    /// True if the server runs on the same machine as the generator.
    pub is_local: bool,
}

impl Located {
    /// A server that listens on this address of this machine. Nothing is tried: a run that cannot connect says so.
    #[must_use]
    pub fn local(address: SocketAddr) -> Self {
        Self { address, authority: address.to_string(), is_local: true }
    }
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

/// Error for a target that cannot be reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocateError {
    /// The name has no address.
    #[error("cannot find an address for `{target}`")]
    Name {
        /// The target as typed.
        target: String,
        /// The resolver's error.
        source: io::Error,
    },
    /// No address of the target accepts connections.
    #[error(
        "nothing accepts connections at {target} ({tried}); is the server running? `plimsoll serve` starts one, and `plimsoll run` without a target starts its own"
    )]
    NobodyListens {
        /// The target as typed.
        target: String,
        /// Each address with the result of its attempt.
        tried: String,
    },
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let error = |reason: &str| TargetError::new(text, reason);
        let bare = without_scheme(text)?;
        if let Some((address, path)) = bare.split_once('/') {
            let reason = format!("a target has no path, but this one has `/{path}`");
            let way_out = format!(
                "write `{address}` alone; plimsoll calls example.FormatData/DoFormat, and no other method yet"
            );
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
        Ok(Self { host: host.to_owned(), port })
    }
}

/// Removes the scheme from a target: HTTP's, or one of those in gRPC's names.
fn without_scheme(text: &str) -> Result<&str, TargetError> {
    let error = |reason: &str| Err(TargetError::new(text, reason));
    if text.starts_with("unix:") || text.starts_with("unix-abstract:") {
        return error("Unix sockets are not supported yet");
    }
    for name in ["ipv4:", "ipv6:"] {
        if let Some(address) = text.strip_prefix(name) {
            return Ok(address);
        }
    }
    if let Some(name) = text.strip_prefix("dns:").filter(|name| !name.starts_with("//") && name.contains(':'))
    {
        return Ok(name);
    }
    match text.split_once("://") {
        None => Ok(text),
        Some(("http", rest)) => Ok(rest.strip_suffix('/').unwrap_or(rest)),
        Some(("https" | "grpcs", _)) => error("TLS is not supported yet"),
        // The form is `dns://SERVER/NAME`, usually without a server: `dns:///NAME`.
        Some(("dns" | "passthrough", rest)) => match rest.split_once('/') {
            Some(("", name)) => Ok(name),
            _ => error(
                "a DNS server in the target is not supported; leave it out, as in `dns:///localhost:8080`",
            ),
        },
        Some((scheme, _)) => Err(TargetError::new(
            text,
            format!("the scheme `{scheme}` is not supported; use http, dns or passthrough"),
        )),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(formatter, "[{host}]:{port}")
        } else {
            write!(formatter, "{host}:{port}")
        }
    }
}

impl Target {
    /// Returns the first of the target's addresses that accepts a connection, in the resolver's order.
    ///
    /// # Errors
    /// Fails if the name has no address, or none of its addresses accepts within 3 s.
    pub fn locate(&self) -> Result<Located, LocateError> {
        let addresses = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|source| LocateError::Name { target: self.to_string(), source })?;
        let mut tried = Vec::new();
        for address in addresses {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    let own = stream.local_addr().ok().map(|own| own.ip());
                    let is_local = own == Some(address.ip());
                    return Ok(Located { address, authority: self.to_string(), is_local });
                }
                Err(error) => tried.push(format!("{address}: {error}")),
            }
        }
        Err(LocateError::NobodyListens { target: self.to_string(), tried: tried.join(", ") })
    }
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
            ("https://localhost:1", "TLS"),
            ("unix:/tmp/socket", "Unix"),
            ("ftp://localhost:1", "scheme"),
            ("a b:80", "character"),
            ("http://user@host:80", "character"),
            (
                "localhost:8080/pkg.Svc/Method",
                "a target has no path, but this one has `/pkg.Svc/Method`; write `localhost:8080`",
            ),
            ("http://localhost:8080/x", "this one has `/x`"),
            ("8080", "port without a host; write `localhost:8080`"),
            ("unix:///x", "Unix"),
            ("unix-abstract:x", "Unix"),
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
