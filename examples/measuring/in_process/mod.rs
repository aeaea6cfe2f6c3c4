//! A client and the reference server in one thread, over memory instead of a socket, so that their work is
//! equal each time, down to the instruction.

use hyper_util::rt::TokioIo;
use plimsoll::{
    rpc::format_data::{Data, format_data_client::FormatDataClient},
    server::{Config, serve_on},
};
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// Size of the memory between client and server, in bytes: as much as a socket of a busy machine holds.
const PIPE: usize = 256 << 10;

/// Returns a channel to a server that runs on this runtime.
pub(crate) async fn channel(config: Config) -> Channel {
    let (ours, theirs) = tokio::io::duplex(PIPE);
    // The channel stays open as long as the runtime, because the stream of connections has no end.
    let connections = tokio_stream::StreamExt::chain(
        tokio_stream::once(Ok::<_, std::io::Error>(theirs)),
        tokio_stream::pending(),
    );
    tokio::spawn(serve_on(connections, config, std::future::pending()));
    let mut ours = Some(ours);
    let connector = service_fn(move |_| {
        let io = ours.take().map(TokioIo::new);
        async move { io.ok_or_else(|| std::io::Error::other("there is one connection")) }
    });
    Endpoint::from_static("http://in.process").connect_with_connector(connector).await.expect("it is there")
}

/// Makes this number of calls, one after the other, and checks each reply.
pub(crate) async fn calls(channel: Channel, text_bytes: usize, count: usize) {
    let mut client = FormatDataClient::new(channel)
        .max_decoding_message_size(usize::MAX)
        .max_encoding_message_size(usize::MAX);
    for _ in 0..count {
        let reply = client.do_format(Data { text: "a".repeat(text_bytes) }).await.expect("it is answered");
        let text = reply.into_inner().text;
        assert!(text.len() == text_bytes && text.bytes().all(|byte| byte == b'A'));
    }
}

/// Returns a runtime with one thread.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
