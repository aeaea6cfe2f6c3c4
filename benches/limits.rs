//! Cost of refusals by limit, size and client, one call at a time over loopback; and the cost of a search for
//! all limits of a server.

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use plimsoll::{
    endpoint::Located,
    engine,
    engine::Events,
    experiment::limits::{self, State},
    load::{ClientKind, DEFAULT_MAX_RECV, Mix, Plan, Settings, Texts},
    rpc::format_data::TextKind,
    server::{self, Config},
    stop::Stop,
    units::Limit,
};
use tokio::runtime::Builder;

/// Limit above any message here, for the side whose limit is not measured.
const RAISED: Limit = Limit::Bytes(100 << 20);

/// Limit below any message here.
const SMALL: Limit = Limit::Bytes(1_000);

fn serve(config: Config) -> Located {
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("threads");
        runtime.block_on(async {
            let listener = server::bind(([127, 0, 0, 1], 0).into()).expect("loopback");
            sender.send(listener.local_addr().expect("bound")).expect("the bench waits");
            server::serve(vec![listener], config, std::future::pending()).await.expect("it serves");
        });
    });
    let address: SocketAddr = receiver.recv().expect("it starts");
    Located::local(address)
}

/// Returns a configuration with these limits for requests and for replies.
fn limited(recv: Limit, send: Limit) -> Config {
    let mut config = Config::default();
    (config.max_recv_message_size, config.max_send_message_size) = (recv, send);
    config
}

/// Returns the time of this number of calls, one after the other, each of which is refused.
fn refused(target: &Located, settings: Settings) -> Duration {
    let plan = Arc::new(Plan::new(settings).expect("a plan"));
    let run = engine::run_beside(&plan, target, &[], &Stop::new(), &Events::none()).expect("it runs");
    assert_eq!(run.recording.calls.outcomes.refused, run.recording.calls.planned);
    // Calls that the client itself refuses may end within one tick of the clock.
    run.window.max(Duration::from_nanos(1))
}

fn refusals(criterion: &mut Criterion) {
    let cases = [
        ("client_send", limited(RAISED, RAISED), SMALL, RAISED),
        ("server_receive", limited(SMALL, RAISED), RAISED, RAISED),
        ("server_send", limited(RAISED, SMALL), RAISED, RAISED),
        ("client_receive", limited(RAISED, RAISED), RAISED, SMALL),
    ];
    for (name, config, send, recv) in cases {
        let target = serve(config);
        let mut group = criterion.benchmark_group(format!("refusal/{name}"));
        group.sample_size(10);
        for client in [ClientKind::Lean, ClientKind::Stub] {
            for size in ["2KiB", "64KiB", "1MiB", "16MiB"] {
                let mix: Mix = size.parse().expect("a size");
                let settings = |calls| {
                    let mut settings = Settings::closed(1);
                    settings.calls = Some(calls);
                    settings.warm_up = Duration::ZERO;
                    settings.texts = Texts::Made { mix: mix.clone(), kind: TextKind::Ascii };
                    settings.options.client = client;
                    settings.options.max_send_message_size = send;
                    settings.options.max_recv_message_size = recv;
                    settings
                };
                let name = BenchmarkId::new(client.name(), size);
                group.bench_function(name, |bencher| {
                    bencher.iter_custom(|calls| refused(&target, settings(calls)));
                });
            }
        }
        group.finish();
    }
}

fn finding_limits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("find_limits");
    group.sample_size(10);
    let small = Limit::Bytes(100_000);
    for (name, config) in [
        ("defaults", Config::default()),
        ("100kB", limited(small, small)),
        ("send_5MB", limited(DEFAULT_MAX_RECV, Limit::Bytes(5_000_000))),
    ] {
        let target = serve(config);
        let settings = limits::LimitsSettings::default();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let found =
                    limits::find(&target, &settings, &Stop::new(), &Events::none()).expect("it answers");
                assert_eq!(found.limits[1].state, State::Found);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, refusals, finding_limits);

criterion_main!(benches);
