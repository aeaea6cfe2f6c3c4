//! The reference server inside the process that uses it: for tests and examples of other programs.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    thread::{Builder, JoinHandle},
    time::Duration,
};

use tokio::{runtime, sync::watch, time::sleep};

use super::{config::Config, listener::bind, serve::serve_until};

/// Threads that serve: as many as `plimsoll serve` has by default.
const THREADS: usize = 4;

/// Time for calls in flight to end when the value is dropped. Calls that take longer are cut.
const DRAIN: Duration = Duration::from_secs(2);

/// Time for the threads to end the step that they are at.
const LAST_STEPS: Duration = Duration::from_secs(1);

/// A reference server in this process, on a free port of 127.0.0.1, with threads of its own.
///
/// The value serves until it is dropped. The drop waits for calls in flight, at most 2 s, and closes the listener
/// before it returns. Client and server share the cores of one process: use a server in a process of its own to
/// measure latency, and this one to test.
pub struct ReferenceServer {
    address: SocketAddr,
    /// Dropped to end the server.
    end: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ReferenceServer {
    /// Starts a server. Connections are accepted when this returns.
    ///
    /// # Errors
    /// When no port is free, or the system refuses threads.
    pub fn start(config: Config) -> io::Result<Self> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("server")
            .enable_all()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?
        };
        let address = listener.local_addr()?;
        let (end, ended) = watch::channel(());
        let thread = Builder::new().name("reference server".to_owned()).spawn(move || {
            let cut = {
                let ended = ended.clone();
                async {
                    dropped(ended).await;
                    sleep(DRAIN).await;
                }
            };
            // An error is one of the transport's set-up, of which there is none on a listener that is bound.
            let _ = runtime.block_on(serve_until(vec![listener], config, dropped(ended), cut));
            runtime.shutdown_timeout(LAST_STEPS);
        })?;
        Ok(Self { address, end: Some(end), thread: Some(thread) })
    }

    /// Address of the server: 127.0.0.1 and its port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Debug for ReferenceServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReferenceServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for ReferenceServer {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Returns when the sender was dropped.
async fn dropped(mut end: watch::Receiver<()>) {
    while end.changed().await.is_ok() {}
}

#[cfg(test)]
mod tests {
    use std::{io::Read, net::TcpStream};

    use super::*;

    #[test]
    fn it_accepts_connections_until_it_is_dropped() {
        let server = ReferenceServer::start(Config::default()).expect("it starts");
        let address = server.address();
        let mut connection = TcpStream::connect(address).expect("it listens");
        let mut first = [0];
        connection.read_exact(&mut first).expect("it sends its settings");
        drop(server);
        // A connection that was not accepted yet would end as a reset; this one was.
        let mut rest = Vec::new();
        let _ = connection.read_to_end(&mut rest);
        TcpStream::connect(address).expect_err("nothing listens any more");
    }

    #[test]
    fn two_servers_have_two_addresses() {
        let start = || ReferenceServer::start(Config::default()).expect("it starts");
        let (first, second) = (start(), start());
        assert_ne!(first.address(), second.address());
    }
}
