//! Listeners: sockets of TCP and Unix sockets, each in plaintext or with TLS.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    task::{Context, Poll, ready},
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketType},
};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};
use tokio_util::either::Either;

use super::tls::ServerTls;

/// Backlog of a listener: connections that wait in the kernel to be accepted.
const BACKLOG: u32 = 1_024;

/// A socket that a client has connected.
pub(super) type Raw = Either<TcpStream, UnixStream>;

/// A listener, with or without TLS.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    pub(super) tls: Option<ServerTls>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// Dropped with the listener; `None` for an abstract name.
        _file: Option<SocketFile>,
    },
}

/// File of a Unix socket, which goes with its listener.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

/// Listens on one address; port 0 means any free port.
///
/// # Errors
/// The address is in use, does not belong to this machine, or is not permitted.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Connections of a server that was just stopped would otherwise keep the port busy.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Listener {
    /// Listens on a Unix socket. The file of a server that has ended is replaced; the file goes with this value.
    ///
    /// # Errors
    /// A server listens there, another file is in the way, or the folder cannot be written.
    pub fn unix(path: &Path) -> io::Result<Self> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
                fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            listener => listener?,
        };
        let file = fs::symlink_metadata(path)?;
        let file = SocketFile { path: path.to_owned(), inode: (file.dev(), file.ino()) };
        Ok(Self { socket: Socket::Unix { listener, _file: Some(file) }, tls: None })
    }

    /// Listens on a Unix socket with a name in place of a file.
    ///
    /// # Errors
    /// A server listens there, or the system has no such sockets.
    #[cfg(target_os = "linux")]
    pub fn unix_abstract(name: &str) -> io::Result<Self> {
        use std::os::{linux::net::SocketAddrExt, unix::net};
        let address = net::SocketAddr::from_abstract_name(name)?;
        let listener = net::UnixListener::bind_addr(&address)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            socket: Socket::Unix { listener: UnixListener::from_std(listener)?, _file: None },
            tls: None,
        })
    }

    /// Puts TLS on the connections of this listener.
    #[must_use]
    pub fn with_tls(self, tls: Option<ServerTls>) -> Self {
        Self { tls, ..self }
    }

    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Raw>> {
        Poll::Ready(match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, _) = ready!(listener.poll_accept(context))?;
                // Without this option, small replies wait for the acknowledgement of the reply before.
                stream.set_nodelay(true).map(|()| Either::Left(stream))
            }
            Socket::Unix { listener, .. } => {
                ready!(listener.poll_accept(context)).map(|(stream, _)| Either::Right(stream))
            }
        })
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self { socket: Socket::Tcp(listener), tls: None }
    }
}

/// Returns true for the file of a Unix socket where no server listens any more. A server whose queue is full listens.
fn is_stale(path: &Path) -> bool {
    let is_refused = || {
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        let connected = rustix::net::connect(&socket, &SocketAddrUnix::new(path)?);
        Ok::<_, Errno>(connected == Err(Errno::CONNREFUSED))
    };
    fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) && is_refused().unwrap_or(false)
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have replaced the file meanwhile.
        let is_own =
            fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.inode);
        if is_own {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dead_servers_file_is_replaced_and_a_live_ones_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("app.sock");
        // The file stays where a process is killed.
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
        assert!(path.exists());
        let first = Listener::unix(&path).expect("the stale file is replaced");
        let error = Listener::unix(&path).expect_err("a server listens");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(!path.exists(), "the file goes with its listener");
        fs::write(&path, "no socket").expect("writable");
        Listener::unix(&path).expect_err("another file is in the way");
        assert_eq!(fs::read(&path).expect("it is still there"), b"no socket");
    }
}
