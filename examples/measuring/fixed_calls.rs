//! A fixed number of calls in one thread, to be counted from outside (`scripts/deterministic-gate`).
//!
//! `fixed_calls TEXT_BYTES CALLS` makes the calls; `fixed_calls limits` prints the result of each size in each
//! direction.

mod in_process;

use in_process::{calls, channel, runtime};
use plimsoll::{
    rpc::format_data::{Data, format_data_client::FormatDataClient},
    server::Config,
    units::Limit,
};

/// Lengths of texts around the limits of [`limited`], and around gRPC's default.
const TEXTS: [usize; 9] = [0, 1, 996, 997, 998, 999, 4_194_299, 4_194_300, 4_194_301];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    match (arguments.first().map(String::as_str), numbers.as_slice()) {
        (Some("limits"), _) => limits(),
        (_, [text_bytes, count]) => {
            runtime().block_on(async { calls(channel(Config::default()).await, *text_bytes, *count).await });
        }
        _ => panic!("fixed_calls TEXT_BYTES CALLS, or fixed_calls limits"),
    }
}

/// Prints one line per direction, limit and size: the code with which a call ends.
#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn limits() {
    let (unlimited, limited) = (Limit::Unlimited, Limit::Bytes(1_000));
    let config = |receive, send| {
        let mut config = Config::default();
        (config.max_recv_message_size, config.max_send_message_size) = (receive, send);
        config
    };
    for (direction, limit, config) in [
        ("request", "default", Config::default()),
        ("request", "1000", config(limited, unlimited)),
        ("response", "1000", config(unlimited, limited)),
    ] {
        for text_bytes in TEXTS {
            let code = runtime().block_on(async {
                let mut client = FormatDataClient::new(channel(config).await)
                    .max_decoding_message_size(usize::MAX)
                    .max_encoding_message_size(usize::MAX);
                let reply = client.do_format(Data { text: "a".repeat(text_bytes) }).await;
                reply.map_or_else(|status| status.code(), |_| tonic::Code::Ok)
            });
            println!("{direction} {limit} {text_bytes} {code:?}");
        }
    }
}
