//! TLS in front of a server without it, with any of rustls' settings, and with faults.

use std::{net::SocketAddr, sync::Arc};

use plimsoll::endpoint::tls::certificates::identity;
use rustls::{ServerConfig, SupportedProtocolVersion, crypto::ring};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::certificates::Certificates;

/// Behaviour after the handshake.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Behaviour {
    /// Bytes go to the server and back.
    Pass,
    /// After this many bytes of the server, bytes that are no TLS follow on the socket.
    Garbage(usize),
    /// After this many bytes of the server, the connection ends without a word.
    Cut(usize),
    /// The handshake is never answered.
    Mute,
}

/// Settings of the server's side: these versions and protocols.
pub(crate) fn config(
    certificates: &Certificates,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&[u8]],
) -> ServerConfig {
    let identity =
        identity(&certificates.path("server.pem"), &certificates.path("server.key")).expect("files");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(versions).expect("versions").with_no_client_auth();
    let mut config = builder.with_single_cert(identity.chain, identity.key).expect("a pair");
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config
}

/// Starts the front of a server; it runs as long as the test process.
pub(crate) fn start(config: ServerConfig, server: SocketAddr, behaviour: Behaviour) -> SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
            sender.send(listener.local_addr().expect("bound")).expect("the test waits");
            let acceptor = TlsAcceptor::from(Arc::new(config));
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                stream.set_nodelay(true).expect("a socket");
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let _ = serve(stream, acceptor, server, behaviour).await;
                });
            }
        });
    });
    receiver.recv().expect("the front starts")
}

async fn serve(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    server: SocketAddr,
    behaviour: Behaviour,
) -> std::io::Result<()> {
    if matches!(behaviour, Behaviour::Mute) {
        let mut stream = stream;
        while stream.read(&mut [0; 1_024]).await? > 0 {}
        return Ok(());
    }
    let mut stream = acceptor.accept(stream).await?;
    let mut server = TcpStream::connect(server).await?;
    let (Behaviour::Garbage(most) | Behaviour::Cut(most)) = behaviour else {
        copy_bidirectional(&mut stream, &mut server).await?;
        return Ok(());
    };
    let (mut left, mut up, mut down) = (most, [0; 4_096], [0; 4_096]);
    while left > 0 {
        tokio::select! {
            read = stream.read(&mut up) => match read? {
                0 => return Ok(()),
                bytes => server.write_all(&up[..bytes]).await?,
            },
            read = server.read(&mut down) => {
                let bytes = read?;
                left = left.saturating_sub(bytes.max(1));
                stream.write_all(&down[..bytes]).await?;
                stream.flush().await?;
            }
        }
    }
    if matches!(behaviour, Behaviour::Garbage(_)) {
        stream.get_mut().0.write_all(&[b'x'; 100]).await?;
    }
    Ok(())
}
