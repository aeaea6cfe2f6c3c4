//! Functions that serve on bound listeners.

use std::{future::Future, io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::OwnedSemaphorePermit,
};
use tokio_stream::{Stream, StreamExt};
use tonic::{codec::CompressionEncoding, server::NamedService, transport::Server};
use tonic_health::ServingStatus;

use super::{
    bounded::Bounding,
    config::{Config, Windows},
    connection::{Connections, Cut},
    incoming::Incoming,
    listener::Listener,
    service::Formatter,
};
use crate::{
    rpc::{
        Compression, LARGEST_MESSAGE,
        format_data::{self, format_data_server::FormatDataServer},
    },
    units::Limit,
};

/// Limit for an unlimited server. Tonic reserves the length that a message's prefix claims, so that an
/// unlimited server would reserve 4 GiB for five bytes. No protobuf message is longer than this limit.
const CAP: Limit = Limit::Bytes(LARGEST_MESSAGE);

/// Reason why building the reflection services cannot fail.
const OWN_DESCRIPTORS: &str = "the descriptors were compiled by this build";

/// Serves until `shutdown` ends, then answers the calls in flight and returns. The wait for a peer that never
/// ends its calls has no bound: see [`serve_until`].
///
/// # Errors
/// The transport cannot be set up.
pub async fn serve(
    listeners: Vec<impl Into<Listener>>,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    serve_until(listeners, config, shutdown, std::future::pending()).await.map(|_| ())
}

/// Serves until `shutdown` ends, then answers the calls in flight, until all are answered or `cut` ends.
/// Returns the connections and calls that were cut; these connections close when the runtime ends.
///
/// # Errors
/// The transport cannot be set up.
pub async fn serve_until(
    listeners: Vec<impl Into<Listener>>,
    config: Config,
    shutdown: impl Future<Output = ()>,
    cut: impl Future<Output = ()>,
) -> Result<Cut, tonic::transport::Error> {
    serve_accepted(
        Incoming::new(listeners.into_iter().map(Into::into).collect(), config.max_connections),
        config,
        shutdown,
        cut,
    )
    .await
}

/// Serves on existing connections of any kind. Without sockets, calls can be counted to the instruction. The
/// number of connections has no bound.
///
/// # Errors
/// The transport cannot be set up.
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
        .max_decoding_message_size(config.max_recv_message_size.as_usize().min(CAP.as_usize()))
        .max_encoding_message_size(config.max_send_message_size.as_usize())
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd);
    formatter = match config.compression {
        None => formatter,
        Some(Compression::Gzip) => formatter.send_compressed(CompressionEncoding::Gzip),
        Some(Compression::Zstd) => formatter.send_compressed(CompressionEncoding::Zstd),
    };
    let Windows { stream, connection, frame } = config.windows;
    let serving = Server::builder()
        .layer(Bounding)
        .initial_stream_window_size(stream)
        .initial_connection_window_size(connection)
        .max_frame_size(frame)
        .max_concurrent_streams(config.bounds.streams)
        // A client's refusals are resets. The default bounds, made against floods, close the connection after
        // 20 resets in a row, with all its calls.
        .http2_max_pending_accept_reset_streams(Some(1_000_000))
        .http2_max_local_error_reset_streams(None)
        .http2_keepalive_interval(Some(Duration::from_secs(60)))
        .add_service(formatter)
        .add_service(health_service)
        .add_service(reflection().build_v1().expect(OWN_DESCRIPTORS))
        // The version before the standard: older tools request only this one.
        .add_service(reflection().build_v1alpha().expect(OWN_DESCRIPTORS))
        .serve_with_incoming_shutdown(connections, async {
            shutdown.await;
            for service in ["", <FormatDataServer<Formatter> as NamedService>::NAME] {
                health.set_service_status(service, ServingStatus::NotServing).await;
                // This ends the streams of watching callers, which would otherwise delay the drain forever.
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
        .register_encoded_file_descriptor_set(format_data::DESCRIPTOR)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
