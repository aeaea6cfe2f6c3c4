//! The reference server: `example.FormatData/DoFormat`, health and reflection, over bound listeners.
//!
//! It parses no flags, handles no signals and prints nothing: [`serve`] takes listeners, a
//! [`Config`] and a future that says when to drain.

mod bounded;
mod burden;
mod connection;
mod delays;
mod incoming;
mod instructions;
mod metadata;
mod service;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket},
    sync::OwnedSemaphorePermit,
};
use tokio_stream::{Stream, StreamExt};
use tonic::{codec::CompressionEncoding, server::NamedService, transport::Server};
use tonic_health::ServingStatus;

use crate::{
    pb::{self, format_data_server::FormatDataServer},
    units::Limit,
};
use bounded::Bounding;
use connection::Connections;
use incoming::Incoming;
use service::Formatter;

pub use connection::Cut;
pub use instructions::{DELAY_KEY, MESSAGE_KEY, REPLY_SIZE_KEY, STATUS_KEY};

/// HTTP/2 flow-control window of one stream. Twice gRPC's default message limit: a 4 MiB request
/// never waits for a window update.
///
/// Measured with `cargo bench --bench side_by_side` (4 MiB echo, 4 in flight, 2 cores shared with the
/// client, medians of 7 alternating rounds): these windows and frames brought 1.58 times the calls of
/// tonic's own (1 MiB, 1 MiB, 16 KiB). Frames of 1 MiB alone brought 1.33, these windows alone 1.01;
/// eight times larger windows 1.65, for eight times the memory a caller can make the server hold.
const STREAM_WINDOW: u32 = 8 << 20;

/// HTTP/2 flow-control window of a whole connection: four streams' worth.
const CONNECTION_WINDOW: u32 = 32 << 20;

/// Largest HTTP/2 frame that the server takes: 256 KiB brought 1.54 times the calls of tonic's own
/// 16 KiB, 1 MiB and 4 MiB 1.58.
const FRAME_SIZE: u32 = 1 << 20;

/// Connections that wait in the kernel until they are accepted.
const BACKLOG: u32 = 1_024;

/// What the reference server is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Largest request, in message bytes.
    pub max_recv_message_size: Limit,
    /// Largest reply, in message bytes.
    pub max_send_message_size: Limit,
    /// Connections open at once; one more is closed as soon as it is accepted. `None` for no bound.
    pub max_connections: Option<usize>,
    /// How replies are compressed to callers that take it.
    pub compression: Option<ReplyCompression>,
    /// Whether request metadata may ask for a delay, a status or a reply of another size.
    pub obey: bool,
    /// CPU time that each call is to cost besides its own work: a slower server, to try a gate on.
    pub extra_work: Duration,
    /// Time that each call is to wait besides, without using a core.
    pub extra_delay: Duration,
    /// How the HTTP/2 connection is tuned.
    pub windows: Windows,
    /// How much one connection makes the server hold.
    pub bounds: Bounds,
}

/// How much one connection makes the server hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Calls at once; further ones are refused with `REFUSED_STREAM`, as HTTP/2 has it.
    pub streams: u32,
    /// Bytes of large requests that come or are in work. A request that goes past it ends with
    /// `RESOURCE_EXHAUSTED`.
    pub request_bytes: Limit,
    /// Bytes of large replies that are not yet sent. A further reply waits, and is not made before; one that is
    /// larger than the whole bound is made when no other is there.
    pub reply_bytes: Limit,
}

/// Calls at once on a connection: more than most load tests keep in flight, and some 25 MiB when all wait.
const STREAMS: u32 = 4_096;
/// Requests of one connection: 128 of gRPC's default limit at once.
const REQUEST_BYTES: u64 = 512 << 20;
/// Unsent replies of one connection. A socket takes far less than this at once, so that nothing waits for room
/// that could have been sent.
const REPLY_BYTES: u64 = 128 << 20;

impl Default for Bounds {
    fn default() -> Self {
        Self {
            streams: STREAMS,
            request_bytes: Limit::Bytes(REQUEST_BYTES),
            reply_bytes: Limit::Bytes(REPLY_BYTES),
        }
    }
}

/// How replies are compressed. Requests may be in either way, whatever this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyCompression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// HTTP/2 windows and frame size, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Flow-control window of one stream.
    pub stream: u32,
    /// Flow-control window of a connection.
    pub connection: u32,
    /// Largest frame.
    pub frame: u32,
}

impl Default for Windows {
    fn default() -> Self {
        Self { stream: STREAM_WINDOW, connection: CONNECTION_WINDOW, frame: FRAME_SIZE }
    }
}

impl Default for Config {
    /// gRPC's own defaults: 4 MiB to receive, unlimited to send; obeys nobody.
    fn default() -> Self {
        Self {
            max_recv_message_size: Limit::Bytes(4 << 20),
            max_send_message_size: Limit::Unlimited,
            max_connections: None,
            compression: None,
            obey: false,
            extra_work: Duration::ZERO,
            extra_delay: Duration::ZERO,
            windows: Windows::default(),
            bounds: Bounds::default(),
        }
    }
}

/// Tonic reserves the length that a message's prefix claims, so that an unlimited server would
/// reserve 4 GiB for five bytes. No protobuf message is longer than this.
const LARGEST_MESSAGE: usize = (1 << 31) - 1;

/// Why building the reflection services cannot fail.
const OWN_DESCRIPTORS: &str = "the descriptors were compiled by this build";

/// Listens on one address, with port 0 on a free one.
///
/// # Errors
/// When the address is in use, not of this machine, or not permitted.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that was just stopped leaves connections behind that would keep the port busy.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `shutdown` is done, then answers the calls in flight and returns. A peer that never ends its
/// calls is waited for without end: see [`serve_until`].
///
/// # Errors
/// When the transport cannot be set up.
pub async fn serve(
    listeners: Vec<TcpListener>,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    serve_until(listeners, config, shutdown, std::future::pending()).await.map(|_| ())
}

/// Serves until `shutdown` is done, then answers the calls in flight, until all are answered or `cut` is done.
/// Returns what was cut: its connections close when the runtime ends.
///
/// # Errors
/// When the transport cannot be set up.
pub async fn serve_until(
    listeners: Vec<TcpListener>,
    config: Config,
    shutdown: impl Future<Output = ()>,
    cut: impl Future<Output = ()>,
) -> Result<Cut, tonic::transport::Error> {
    serve_accepted(Incoming::new(listeners, config.max_connections), config, shutdown, cut).await
}

/// Serves on connections of any kind that are there already: without sockets, calls can be counted to the
/// instruction. Does not bound the number of connections.
///
/// # Errors
/// When the transport cannot be set up.
pub async fn serve_on<C>(
    connections: impl Stream<Item = io::Result<C>>,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error>
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let accepted = connections.map(|connection| connection.map(|connection| (connection, None)));
    serve_accepted(accepted, config, shutdown, std::future::pending()).await.map(|_| ())
}

async fn serve_accepted<C>(
    accepted: impl Stream<Item = io::Result<(C, Option<OwnedSemaphorePermit>)>>,
    config: Config,
    shutdown: impl Future<Output = ()>,
    cut: impl Future<Output = ()>,
) -> Result<Cut, tonic::transport::Error>
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let open = Arc::new(Connections::new(config.bounds));
    let connections = accepted.map(|accepted| accepted.map(|(socket, place)| open.open(socket, place)));
    let (mut health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<FormatDataServer<Formatter>>().await;
    let mut formatter = FormatDataServer::new(Formatter::new(&config))
        .max_decoding_message_size(config.max_recv_message_size.as_usize().min(LARGEST_MESSAGE))
        .max_encoding_message_size(config.max_send_message_size.as_usize())
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd);
    formatter = match config.compression {
        None => formatter,
        Some(ReplyCompression::Gzip) => formatter.send_compressed(CompressionEncoding::Gzip),
        Some(ReplyCompression::Zstd) => formatter.send_compressed(CompressionEncoding::Zstd),
    };
    let Windows { stream, connection, frame } = config.windows;
    let serving = Server::builder()
        .layer(Bounding)
        .initial_stream_window_size(stream)
        .initial_connection_window_size(connection)
        .max_frame_size(frame)
        .max_concurrent_streams(config.bounds.streams)
        // A client's refusals are resets. The defaults, made against floods from strangers, close
        // the connection after 20 of them in a row, with all the calls on it.
        .http2_max_pending_accept_reset_streams(Some(1_000_000))
        .http2_max_local_error_reset_streams(None)
        .http2_keepalive_interval(Some(Duration::from_secs(60)))
        .add_service(formatter)
        .add_service(health_service)
        .add_service(reflection().build_v1().expect(OWN_DESCRIPTORS))
        // The version before the standard's: older tools ask for this one alone.
        .add_service(reflection().build_v1alpha().expect(OWN_DESCRIPTORS))
        .serve_with_incoming_shutdown(connections, async {
            shutdown.await;
            for service in ["", <FormatDataServer<Formatter> as NamedService>::NAME] {
                health.set_service_status(service, ServingStatus::NotServing).await;
                // Ends the streams of those who watch it: they would hold the drain up for ever.
                health.clear_service_status(service).await;
            }
        });
    tokio::select! {
        served = serving => served.map(|()| Cut::default()),
        () = cut => Ok(open.cut()),
    }
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(pb::DESCRIPTOR)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
