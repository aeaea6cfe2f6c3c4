//! Cost of the generator per call, without the call itself: recording, choosing, scheduling; and the cost of
//! building payloads before a run.

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::{
    client::Call,
    load::{Arrivals, Mix, Payload, Schedule, Stage},
    measure::Recorder,
    rpc::{Outcome, format_data::TextKind},
};
use tokio::time::Instant;

fn payload(sizes: &str, kind: TextKind) -> Payload {
    let mix: Mix = sizes.parse().expect("a mix");
    Payload::new(&mix, kind, 1).expect("small")
}

/// Measures the counting of one answered call. The goal is 100 ns at most.
fn recording(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(1));
    for (name, is_open, sizes) in
        [("closed", false, "64"), ("open", true, "64"), ("open_mix", true, "64,1KiB")]
    {
        let payload = payload(sizes, TextKind::Ascii);
        let start = Instant::now();
        let mut recorder = Recorder::new(&payload, is_open, start, Some(Duration::from_secs(1)));
        let mut k: u64 = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                k = k.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // From 100 us to about 1.1 ms.
                let service = Duration::from_nanos(100_000 + (k >> 44));
                let sent = start + Duration::from_micros(500);
                let intended = is_open.then_some(start + Duration::from_micros(450));
                let call = Call { message: 0, class: 0, is_planned: true, intended, sent, returned: 0 };
                recorder.plan(0);
                recorder.finish(black_box(call.end(Outcome::Answered, sent + service)));
            });
        });
    }
    group.finish();
}

fn choosing(criterion: &mut Criterion) {
    let payload = payload("64@70,1KiB@25,64KiB@5", TextKind::Ascii);
    let mut k = 0;
    criterion.bench_function("pick_of_three_sizes", |bencher| {
        bencher.iter(|| {
            k += 1;
            payload.pick(black_box(k))
        });
    });
}

fn scheduling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arrival");
    group.throughput(Throughput::Elements(1));
    let ramp = Stage { from_per_second: 0.0, to_per_second: 2e6, duration: Duration::from_secs(100_000) };
    let even = Stage::constant(1e6, Duration::from_secs(100_000));
    for (name, stage, arrivals) in [
        ("constant", even, Arrivals::Constant),
        ("poisson", even, Arrivals::Poisson),
        ("ramp", ramp, Arrivals::Constant),
    ] {
        let schedule = Schedule { stages: vec![stage], arrivals, seed: 1, calls: None };
        let mut arrivals = schedule.share(0, 1);
        group.bench_function(name, |bencher| bencher.iter(|| black_box(arrivals.next())));
    }
    group.finish();
}

fn building(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("payload_of_1MiB");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(1 << 20));
    for kind in [TextKind::Ascii, TextKind::Json, TextKind::Unicode, TextKind::Expanding] {
        group.bench_function(BenchmarkId::from_parameter(format!("{kind:?}").to_lowercase()), |bencher| {
            bencher.iter_batched(|| kind, |kind| payload("1MiB", kind), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, recording, choosing, scheduling, building);

criterion_main!(benches);
