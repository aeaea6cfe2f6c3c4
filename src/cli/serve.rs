//! `plimsoll serve`: the reference server.

use std::{
    hint,
    io::{self, Read},
    path::PathBuf,
    process, thread,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use tokio::sync::watch;

use super::{
    listening::{Listening, listen},
    output::{OutputArguments, print},
    signals::Signals,
    status::Status,
};
use crate::{
    cli::values::named,
    endpoint::{
        self,
        tls::{Identity, certificates},
    },
    report::{announcement::Announcement, destination::Destination},
    rpc::Compression,
    server::{self, Bounds, Config, Cut, ServerTls, Windows},
    units::{Count, Limit, exact_duration, grouped, parse_duration},
    view::line,
};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ServeArguments {
    /// Address to listen on; port 0 means any free port, `localhost` means both IPv4 and IPv6; or `unix:PATH`.
    /// Repeatable
    #[arg(long = "listen", value_name = "ADDRESS", value_hint = ValueHint::Hostname, default_value = "localhost:8080")]
    addresses: Vec<String>,

    /// Number of worker threads
    #[arg(long, value_name = "N", default_value = "4", value_parser = positive)]
    threads: usize,

    /// Largest request, in message bytes; a larger one is refused
    #[arg(long, value_name = "SIZE", default_value = "4MiB")]
    max_recv_message_size: Limit,

    /// Largest reply, in message bytes; a larger one is refused
    #[arg(long, value_name = "SIZE", default_value = "unlimited")]
    max_send_message_size: Limit,

    /// Maximum of open connections; further ones are closed at once [default: unlimited]
    #[arg(long, value_name = "N", value_parser = positive)]
    max_connections: Option<usize>,

    /// Maximum of concurrent calls per connection; further ones are refused
    #[arg(long, value_name = "N", default_value_t = Bounds::default().streams, value_parser = streams)]
    max_concurrent_streams: u32,

    /// Maximum of bytes in requests over 16 KiB that one connection may have in progress; further calls end with
    /// `RESOURCE_EXHAUSTED`
    #[arg(long, value_name = "SIZE", default_value = "512MiB")]
    max_request_memory: Limit,

    /// Maximum of bytes in replies over 16 KiB that one connection may leave unread; further replies wait without memory
    #[arg(long, value_name = "SIZE", default_value = "128MiB")]
    max_reply_memory: Limit,

    /// Time to wait for calls in flight after SIGINT or SIGTERM; remaining connections are then closed
    #[arg(long, value_name = "D", value_parser = parse_duration, default_value = "10s")]
    drain: Duration,

    /// Compress replies to callers that accept it; compressed requests are always accepted [default: no compression]
    #[arg(long, value_parser = named::<Compression>(), value_name = "ENCODING")]
    compress: Option<Compression>,

    /// File with the server's certificate and its issuers (PEM): serve over TLS
    #[arg(long, value_name = "FILE", requires = "tls_key", value_hint = ValueHint::FilePath)]
    tls_cert: Option<PathBuf>,

    /// File with the key of --tls-cert (PEM, not encrypted)
    #[arg(long, value_name = "FILE", requires = "tls_cert", value_hint = ValueHint::FilePath)]
    tls_key: Option<PathBuf>,

    /// File with the roots of client certificates (PEM): each client must have one (mTLS)
    #[arg(long, value_name = "FILE", requires = "tls_cert", value_hint = ValueHint::FilePath)]
    tls_client_ca: Option<PathBuf>,

    /// Let request metadata set a delay (`plimsoll-delay: 5ms`), a status (`plimsoll-status: UNAVAILABLE`, with
    /// `plimsoll-message`) or a reply size (`plimsoll-reply-size: 6MiB`)
    #[arg(long)]
    obey: bool,

    /// Extra CPU time per call, such as `400ns`: a slower server, to test a regression gate
    #[arg(long, value_name = "D", value_parser = parse_duration, default_value = "0s")]
    extra_work: Duration,

    /// Extra waiting time per call, without CPU time
    #[arg(long, value_name = "D", value_parser = parse_duration, default_value = "0s")]
    extra_delay: Duration,

    /// End at once when standard input ends: for a parent process that may be killed
    #[arg(long, hide = true)]
    until_input_ends: bool,

    #[command(flatten)]
    output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll serve                                 # localhost:8080, IPv4 and IPv6
  plimsoll serve --listen 127.0.0.1:0            # on a free port, which it prints
  plimsoll serve --max-recv-message-size 100MiB  # larger requests than gRPC's 4 MiB
  plimsoll serve --tls-cert cert.pem --tls-key key.pem
                                                 # over TLS; --tls-client-ca ca.pem asks clients for one
  plimsoll serve --listen unix:/run/app.sock     # on a Unix socket; the file goes at the end
  plimsoll serve --obey                          # for tests: callers set delays and statuses

SIGINT or SIGTERM drains: no new connections, and calls in flight are answered, for --drain at most. What is left \
then is closed, and counted on stderr; the exit status is 0. A second signal closes at once. Besides DoFormat it \
serves grpc.health.v1 and server reflection (v1 and v1alpha).

Defended: message sizes, calls and memory of one connection (the flags above); floods of resets, CONTINUATION, HPACK, \
PING and SETTINGS frames; claimed lengths; a peer that answers no PING within 80 s. Memory of a peak goes back to the \
system within seconds.

Not defended: the number of connections, and so the sum of their memory, unless --max-connections is given; idle \
connections, which stay open; with --obey, one reply of up to 1 GiB at a time on each connection. Without --tls-client-ca \
it has no authentication: use it on networks that you trust.";

/// Largest number of threads and of connections, so that a typing error does not overload the machine.
const MOST: usize = 1_024;

fn positive(text: &str) -> Result<usize, String> {
    let Count(count) = text.parse().map_err(|error: crate::units::QuantityError| error.to_string())?;
    usize::try_from(count)
        .ok()
        .filter(|count| (1..=MOST).contains(count))
        .ok_or_else(|| format!("`{text}` is not a number from 1 to {MOST}"))
}

/// Interval at which freed memory goes back to the operating system: mimalloc's own delay.
const MEMORY_RETURN: Duration = Duration::from_secs(1);

/// Returns the memory of a peak to the operating system, even if the server is idle. mimalloc gives memory back
/// that was free for a second, but only when a thread that has allocated asks for much more, or ends. The threads
/// of an idle server do neither, so once per interval a thread allocates a byte and ends.
async fn return_memory() {
    let mut ticks = tokio::time::interval(MEMORY_RETURN);
    loop {
        ticks.tick().await;
        // Without a thread, the memory goes back at a later tick.
        let _ = thread::Builder::new().spawn(|| drop(hint::black_box(Vec::<u8>::with_capacity(1))));
    }
}

/// Time after a signal without a message; most drains end within it.
const SILENT_DRAIN: Duration = Duration::from_millis(500);

/// Time for the server's threads to finish their current step.
const LAST_STEPS: Duration = Duration::from_secs(1);

fn streams(text: &str) -> Result<u32, String> {
    let Count(count) = text.parse().map_err(|error: crate::units::QuantityError| error.to_string())?;
    u32::try_from(count)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| format!("`{text}` is not a number from 1 to {}", u32::MAX))
}

pub(super) fn execute(arguments: &ServeArguments) -> Result<Status> {
    let destination = arguments.output.reserve()?;
    endpoint::check().context("cannot start the server")?;
    let tls = arguments.tls()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(arguments.threads)
        .thread_name("server")
        .enable_all()
        .build()
        .context("cannot start the server's threads")?;
    let config = Config {
        max_recv_message_size: arguments.max_recv_message_size,
        max_send_message_size: arguments.max_send_message_size,
        max_connections: arguments.max_connections,
        compression: arguments.compress,
        obey: arguments.obey,
        extra_work: arguments.extra_work,
        extra_delay: arguments.extra_delay,
        windows: Windows::default(),
        bounds: Bounds {
            streams: arguments.max_concurrent_streams,
            request_bytes: arguments.max_request_memory,
            reply_bytes: arguments.max_reply_memory,
        },
    };
    let served = runtime.block_on(async {
        // Signals are handled before the line is printed, because its reader may send a signal at once.
        let signals = count_signals()?;
        if cfg!(all(feature = "mimalloc", target_os = "linux")) {
            tokio::spawn(return_memory());
        }
        let Listening { listeners, addresses } = listen(&arguments.addresses, tls.as_ref())?;
        announce(arguments, destination, addresses)?;
        if arguments.until_input_ends {
            end_with_input();
        }
        let drain = after(signals.clone(), 1);
        let cut = end_of_drain(signals, arguments.drain, arguments.output.quiet);
        let cut = server::serve_until(listeners, config, drain, cut).await.context("the server failed")?;
        if cut != Cut::default() && !arguments.output.quiet {
            line(&format!("the drain is over: closed {}", what_was(cut)));
        }
        Ok(Status::Done)
    });
    // Connections close with the runtime; a computing call does not delay the end of this process.
    runtime.shutdown_timeout(LAST_STEPS);
    served
}

impl ServeArguments {
    /// Reads the certificates, if there are any.
    fn tls(&self) -> Result<Option<ServerTls>> {
        let Some((certificate, key)) = self.tls_cert.as_deref().zip(self.tls_key.as_deref()) else {
            return Ok(None);
        };
        let Identity { chain, key: private } = certificates::identity(certificate, key)?;
        let roots = self.tls_client_ca.as_deref().map(certificates::roots).transpose()?;
        let tls = ServerTls::new(chain, private, roots.map(|(roots, _)| roots));
        Ok(Some(tls.with_context(|| {
            format!(
                "`{}` and the key `{}` cannot be used together; give the two files of one pair",
                certificate.display(),
                key.display()
            )
        })?))
    }
}

/// Returns after this number of signals.
async fn after(mut signals: watch::Receiver<u32>, count: u32) {
    let _ = signals.wait_for(|signals| *signals >= count).await;
}

/// Returns at the second signal, or this long after the first.
async fn end_of_drain(signals: watch::Receiver<u32>, drain: Duration, quiet: bool) {
    after(signals.clone(), 1).await;
    let told = async {
        tokio::time::sleep(SILENT_DRAIN.min(drain)).await;
        if !quiet && drain > SILENT_DRAIN {
            line(&format!(
                "waiting for connections to end, {} at most (--drain); a second signal closes them at once",
                exact_duration(drain)
            ));
        }
        tokio::time::sleep(drain.saturating_sub(SILENT_DRAIN)).await;
    };
    tokio::select! {
        () = told => {}
        () = after(signals, 2) => {}
    }
}

fn what_was(cut: Cut) -> String {
    let count = |number: usize, one: &str| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{} {one}{plural}", grouped(number as u64))
    };
    format!("{} with {}", count(cut.connections, "connection"), count(cut.calls, "unanswered call"))
}

fn announce(
    arguments: &ServeArguments,
    destination: Option<Destination>,
    listening: Vec<String>,
) -> Result<()> {
    let document = Announcement::new(listening, process::id());
    if let Some(destination) = destination {
        destination.write(&document)?;
    }
    if arguments.output.quiet {
        return Ok(());
    }
    print(&document, arguments.output.format())
}

/// Ends this process when its input ends, in a separate thread, so that nothing delays the end with the parent.
#[expect(clippy::disallowed_methods, reason = "the parent is gone, and nobody waits for an orderly end")]
fn end_with_input() {
    thread::spawn(|| {
        let mut buffer = [0; 64];
        while matches!(io::stdin().read(&mut buffer), Ok(1..)) {}
        process::exit(0);
    });
}

/// Counts the signals to end.
fn count_signals() -> Result<watch::Receiver<u32>> {
    let (count, counted) = watch::channel(0);
    let mut signals = Signals::new().context("cannot listen for signals")?;
    tokio::spawn(async move {
        loop {
            signals.next().await;
            count.send_modify(|count| *count += 1);
        }
    });
    Ok(counted)
}
