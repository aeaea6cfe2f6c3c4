//! Cost of the generator per call, without the call itself: recording, interval, choosing, scheduling; and the cost of
//! building payloads before a run.

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use plimsoll::{
    client::Call,
    load::{Arrivals, FINE_INTERVAL, Mix, Payload, Schedule, Stage},
    measure::{Recorder, Timeline},
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
        let mut recorder =
            Recorder::new(&payload, is_open, start, Some(Duration::from_secs(1)), FINE_INTERVAL);
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

/// Measures the end of an interval of 1,000 calls: what the worker does, and what the driver does with the report. There
/// are ten per second and worker, so the goal is 1 ms at most, 1 % of a core.
fn interval(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("interval");
    for (name, is_open) in [("closed", false), ("open", true)] {
        let payload = payload("64", TextKind::Ascii);
        let start = Instant::now();
        let mut recorder = Recorder::new(&payload, is_open, start, None, FINE_INTERVAL);
        let mut timeline = Timeline::new(FINE_INTERVAL);
        let (mut k, mut number): (u64, u32) = (0, 0);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let mut took = Duration::ZERO;
                for _ in 0..rounds {
                    for _ in 0..1_000 {
                        k = k.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        let service = Duration::from_nanos(100_000 + (k >> 44));
                        let sent = start + FINE_INTERVAL * number;
                        let intended = is_open.then_some(sent);
                        let call =
                            Call { message: 0, class: 0, is_planned: true, intended, sent, returned: 0 };
                        recorder.plan(0);
                        recorder.finish(call.end(Outcome::Answered, sent + service));
                    }
                    number += 1;
                    let ends = start + FINE_INTERVAL * number;
                    let since = std::time::Instant::now();
                    let (_, interval) = recorder.take_interval(ends, 1).expect("it has ended");
                    // Rows beyond the first thousand become longer, which takes longer.
                    timeline.add(u64::from(number) % 1_000, black_box(&interval));
                    drop(interval);
                    took += since.elapsed();
                    if number.is_multiple_of(1_000) {
                        timeline = Timeline::new(FINE_INTERVAL);
                    }
                }
                took
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

criterion_group!(benches, recording, interval, choosing, scheduling, building);

criterion_main!(benches);
