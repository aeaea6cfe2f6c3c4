//! Round trips by size: one call at a time over loopback, with tonic's generated client and the
//! reference server in this process.

use std::{hint::black_box, net::SocketAddr, thread};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::{
    client::{Call, OpenError, stub::StubConnection},
    endpoint::Located,
    load::{Mix, Options, Payload},
    rpc::{Message, Method, Outcome, format_data::TextKind},
    server::{self, Config},
    units::Limit,
};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

/// Limit above any message here, for the side whose limit is not measured.
const RAISED: Limit = Limit::Bytes(100 << 20);

fn serve(config: Config) -> SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("threads");
        runtime.block_on(async {
            let listener = server::bind(([127, 0, 0, 1], 0).into()).expect("loopback");
            sender.send(listener.local_addr().expect("bound")).expect("the bench waits");
            server::serve(vec![listener], config, std::future::pending()).await.expect("it serves");
        });
    });
    receiver.recv().expect("it starts")
}

fn connect(address: SocketAddr) -> Result<(LocalRuntime, StubConnection), OpenError> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let runtime = runtime.expect("a runtime");
    let target = Located::local(address);
    let mut options = Options::default();
    options.max_recv_message_size = RAISED;
    let connection = runtime.block_on(StubConnection::open(&target, &options, &Method::format_data()))?;
    Ok((runtime, connection))
}

fn message(bytes: u64) -> Message {
    let mix: Mix = bytes.to_string().parse().expect("a size");
    Payload::new(&mix, TextKind::Ascii, 1).expect("small").messages()[0].clone()
}

fn round_trips(criterion: &mut Criterion) {
    let mut config = Config::default();
    config.max_recv_message_size = RAISED;
    let (runtime, mut connection) = connect(serve(config)).expect("it listens");
    let mut group = criterion.benchmark_group("round_trip");
    for (name, bytes) in [
        ("0B", 0),
        ("64B", 64),
        ("1KiB", 1 << 10),
        ("64KiB", 64 << 10),
        ("1MiB", 1 << 20),
        ("4MiB", 4 << 20),
        ("16MiB", 16 << 20),
    ] {
        let message = message(bytes);
        group.throughput(Throughput::Bytes(2 * bytes));
        group.sample_size(if bytes > 1 << 20 { 10 } else { 50 });
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                let ended = runtime.block_on(connection.call(Call::now(0), black_box(&message)));
                assert_eq!(ended.outcome, Outcome::Answered);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, round_trips);

criterion_main!(benches);
