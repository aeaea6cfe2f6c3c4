//! Tonic's channel to a target.

use std::sync::Arc;

use hyper_util::rt::TokioIo;
use tonic::{codec::CompressionEncoding, transport::Endpoint};

use super::{
    error::causes,
    sockets::Sockets,
    status_origin::{OriginChannel, over},
};
use crate::{
    client::opening::{OpenError, user_agent},
    endpoint::{Located, Origin},
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
    let (watch, to) = (sockets.clone(), Arc::new(target.clone()));
    let connector = tower::service_fn(move |_: http::Uri| {
        let connected = watch.clone().connect(Arc::clone(&to));
        async move { Ok::<_, std::io::Error>(TokioIo::new(connected.await?)) }
    });
    let channel = endpoint(target)?.connect_with_connector(connector).await;
    Ok((channel.map(over).map_err(|error| unconnected(target, &error))?, sockets))
}

fn endpoint(target: &Located) -> Result<Endpoint, OpenError> {
    let Origin { scheme, authority } = target.origin();
    let origin = format!("{scheme}://{authority}");
    // The connector knows the place; tonic needs an address of some kind.
    let endpoint = Endpoint::from_shared("http://localhost".to_owned())
        .and_then(|endpoint| endpoint.user_agent(user_agent()))
        .map_err(|error| unconnected(target, &error))?;
    Ok(endpoint
        .origin(origin.parse().unwrap_or_default())
        .connect_timeout(target.connect_timeout)
        .http2_max_local_error_reset_streams(None))
}

fn unconnected(target: &Located, error: &tonic::transport::Error) -> OpenError {
    OpenError::Connect { authority: target.authority.clone(), cause: causes(error) }
}
