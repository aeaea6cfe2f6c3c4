//! Tonic's channel to a target.

use hyper_util::rt::TokioIo;
use tonic::{codec::CompressionEncoding, transport::Endpoint};

use super::{
    error::causes,
    sockets::Sockets,
    status_origin::{OriginChannel, over},
};
use crate::{
    client::opening::{CONNECT_TIMEOUT, OpenError, user_agent},
    endpoint::Located,
    rpc::Compression,
};

/// Compressions of replies that a compressing client accepts.
pub(crate) const ACCEPTED: [CompressionEncoding; 2] = [CompressionEncoding::Gzip, CompressionEncoding::Zstd];

/// Tonic's value for a compression.
pub(crate) fn encoding(compression: Compression) -> CompressionEncoding {
    match compression {
        Compression::Gzip => CompressionEncoding::Gzip,
        Compression::Zstd => CompressionEncoding::Zstd,
    }
}

/// Opens a connection without a client on it.
pub(crate) async fn channel(target: &Located) -> Result<OriginChannel, OpenError> {
    watched_channel(target).await.map(|(channel, _)| channel)
}

/// Opens a channel whose sockets are watched.
pub(super) async fn watched_channel(target: &Located) -> Result<(OriginChannel, Sockets), OpenError> {
    let sockets = Sockets::default();
    let (watch, address) = (sockets.clone(), target.address);
    let connector = tower::service_fn(move |_: http::Uri| {
        let connected = watch.clone().connect(address);
        async move { Ok::<_, std::io::Error>(TokioIo::new(connected.await?)) }
    });
    let channel = endpoint(target)?.connect_with_connector(connector).await;
    Ok((channel.map(over).map_err(|error| unconnected(target, &error))?, sockets))
}

fn endpoint(target: &Located) -> Result<Endpoint, OpenError> {
    let origin = format!("http://{}", target.authority);
    let endpoint = Endpoint::from_shared(format!("http://{}", target.address))
        .and_then(|endpoint| endpoint.user_agent(user_agent()))
        .map_err(|error| unconnected(target, &error))?;
    Ok(endpoint
        .origin(origin.parse().unwrap_or_default())
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_max_local_error_reset_streams(None))
}

fn unconnected(target: &Located, error: &tonic::transport::Error) -> OpenError {
    OpenError::Connect { authority: target.authority.clone(), cause: causes(error) }
}
