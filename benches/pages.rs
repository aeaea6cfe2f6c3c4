//! Time to write the page of a run. The goal for the page of a run with 1,024 intervals is 100 ms.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use plimsoll::{
    measure::Latency,
    report::{Format, Writable},
    result::summary::{LatencyRecord, Summary},
};

const DOCUMENT: &[u8] = include_bytes!("../tests/data/documents/summary.json");

/// Replies of an interval: enough for its 99th percentile.
const REPLIES: u64 = 2_000;

/// Returns a result with this number of intervals, each with other times.
fn run(intervals: u64, length: Duration) -> Summary {
    let mut summary = Summary::read(DOCUMENT).expect("a result");
    let row = summary.intervals[0].clone();
    let length_ns = u64::try_from(length.as_nanos()).expect("short");
    let mut k: u64 = 1;
    let row = |number: u64| {
        let mut latency = Latency::new();
        for _ in 0..REPLIES {
            k = k.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // From 100 us to about 8 ms, most of them short.
            let short = 100_000 + (k >> 45);
            latency.record(Duration::from_nanos(if k >> 58 == 0 { short * 15 } else { short }));
        }
        let mut row = row.clone();
        (row.start_ns, row.length_ns) = (number * length_ns, length_ns);
        row.calls.answered = REPLIES;
        row.latency = LatencyRecord::from(&latency);
        row
    };
    summary.intervals = (0..intervals).map(row).collect();
    summary.window_ns = intervals * length_ns;
    summary
}

fn writing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("page");
    group.sample_size(20);
    for (intervals, milliseconds) in [(100, 100), (1_000, 100), (1_024, 1_000)] {
        let summary = run(intervals, Duration::from_millis(milliseconds));
        let name = BenchmarkId::from_parameter(format!("{intervals}_of_{milliseconds}_ms"));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut page = Vec::new();
                summary.write(Format::Html, &mut page).expect("memory takes any bytes");
                page
            });
        });
    }
    group.finish();
}

criterion_group!(benches, writing);
criterion_main!(benches);
