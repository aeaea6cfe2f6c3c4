//! Place where a server listens, and connections to it.

use std::{
    fmt, io,
    net::SocketAddr,
    os::fd::OwnedFd,
    path::PathBuf,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketType, sockopt},
};

/// Pause before the next attempt at a Unix socket whose queue is full.
const FULL_QUEUE: Duration = Duration::from_millis(1);

/// Place where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// Address and port of TCP.
    Tcp(SocketAddr),
    /// File of a Unix socket.
    Unix(PathBuf),
    /// Unix socket with a name in place of a file (Linux).
    UnixAbstract(String),
}

impl Place {
    /// Reads the name of a Unix socket: `unix:PATH`, `unix:///PATH` or `unix-abstract:NAME`. `None` for any other
    /// name.
    ///
    /// # Errors
    /// The path or the name is empty, too long, or not of this system.
    #[must_use]
    pub fn of_unix_name(text: &str) -> Option<Result<Self, &'static str>> {
        let place = if let Some(name) = text.strip_prefix("unix-abstract:") {
            Self::UnixAbstract(name.to_owned())
        } else {
            let path = text.strip_prefix("unix:")?;
            let path = match path.strip_prefix("//") {
                None => path,
                Some(path) if path.starts_with('/') => path,
                Some(_) => {
                    return Some(Err("a path behind `unix://` is absolute: it begins with a third `/`"));
                }
            };
            Self::Unix(path.into())
        };
        let is_empty = match &place {
            Self::Unix(path) => path.as_os_str().is_empty(),
            Self::UnixAbstract(name) => name.is_empty(),
            Self::Tcp(_) => false,
        };
        Some(match place.unix_address() {
            _ if is_empty => Err("the name of the socket is empty"),
            Ok(_) => Ok(place),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                Err("only Linux has Unix sockets with abstract names")
            }
            Err(_) => Err("the name of a Unix socket has at most 107 bytes, and no byte 0"),
        })
    }

    /// Returns the address, if it is one of TCP.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) | Self::UnixAbstract(_) => None,
        }
    }

    /// Word for the kind of sockets: `tcp` or `unix`.
    #[must_use]
    pub fn transport(&self) -> &'static str {
        if self.tcp().is_some() { "tcp" } else { "unix" }
    }

    /// Address of a Unix socket.
    ///
    /// # Errors
    /// The name is too long, or of another system; or the place is one of TCP.
    pub(crate) fn unix_address(&self) -> io::Result<SocketAddrUnix> {
        match self {
            Self::Unix(path) => Ok(SocketAddrUnix::new(path)?),
            #[cfg(target_os = "linux")]
            Self::UnixAbstract(name) => Ok(SocketAddrUnix::new_abstract_name(name.as_bytes())?),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Starts to connect a non-blocking socket.
    ///
    /// # Errors
    /// The system has no socket left, or refuses the connection at once.
    pub(crate) fn connecting(&self) -> io::Result<OwnedFd> {
        let family = match self {
            Self::Tcp(SocketAddr::V4(_)) => AddressFamily::INET,
            Self::Tcp(SocketAddr::V6(_)) => AddressFamily::INET6,
            Self::Unix(_) | Self::UnixAbstract(_) => AddressFamily::UNIX,
        };
        let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        let connected = match self {
            Self::Tcp(address) => {
                sockopt::set_tcp_nodelay(&socket, true)?;
                rustix::net::connect(&socket, address)
            }
            Self::Unix(_) | Self::UnixAbstract(_) => rustix::net::connect(&socket, &self.unix_address()?),
        };
        match connected {
            Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
            Err(error) => Err(error.into()),
        }
    }

    /// Connects a non-blocking socket within `timeout`. Calls `check` about every `tick`; its error ends the wait.
    ///
    /// # Errors
    /// The server does not accept the connection in time, or `check` fails.
    pub(crate) fn connect(
        &self,
        timeout: Duration,
        tick: Duration,
        check: impl Fn() -> io::Result<()>,
    ) -> io::Result<OwnedFd> {
        let until = Instant::now() + timeout;
        let late = || io::Error::new(io::ErrorKind::TimedOut, "connection timed out");
        loop {
            let socket = match self.connecting() {
                // The queue of a Unix socket is full; a queue of TCP would keep the attempt.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.tcp().is_none() => {
                    check()?;
                    if Instant::now() >= until {
                        return Err(late());
                    }
                    poll(&mut [], Some(&timespec(FULL_QUEUE)))?;
                    continue;
                }
                socket => socket?,
            };
            while !is_ready(&socket, PollFlags::OUT, tick)? {
                check()?;
                if Instant::now() >= until {
                    return Err(late());
                }
            }
            sockopt::socket_error(&socket).and_then(|state| state)?;
            return Ok(socket);
        }
    }
}

/// Waits for readiness of a socket, for at most `timeout`. Returns false after that time, or after a signal.
///
/// # Errors
/// The system cannot wait.
pub(crate) fn is_ready(socket: &OwnedFd, flags: PollFlags, timeout: Duration) -> io::Result<bool> {
    match poll(&mut [PollFd::new(socket, flags)], Some(&timespec(timeout))) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Self::UnixAbstract(name) => write!(formatter, "unix-abstract:{name}"),
        }
    }
}
