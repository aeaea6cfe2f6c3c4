//! Simulation of a large run: made results of many shards, merged file by file.
//!
//! `merged_shards [SHARDS] [SECONDS] [CALLS]` makes the results of 10,000 shards of 60 s with 50 calls per second and
//! shard, in a process of its own. A tenth of the shards is five times slower. Then it merges them as `plimsoll merge`
//! does, and prints CPU time, memory, and the merged percentiles next to those of all samples, sorted.

#![expect(clippy::cast_precision_loss, reason = "counts of a simulation are small")]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use plimsoll::{
    Events, Located, Plan, ReferenceServer, ServerConfig, Settings, Stop, Summary,
    client::{Call, Completion},
    experiment::merge::Merging,
    load::Shard,
    measure::{
        AgreedStart, Measurement, Recorder, ShardOrigin, Timeline, own_peak_memory_bytes, own_thread_time,
    },
    rpc::Outcome,
};

/// Quantiles that are compared.
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// Share of shards that are slow, as a divisor, and their factor.
const SLOW: (u64, f64) = (10, 5.0);

struct Simulation {
    shards: u64,
    seconds: u64,
    calls_per_second: u64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default| arguments.get(index).map_or(Ok(default), |text| text.parse());
    let numbers = || Ok::<_, std::num::ParseIntError>([number(0, 10_000)?, number(1, 60)?, number(2, 50)?]);
    let [shards, seconds, calls_per_second] = numbers().expect("merged_shards [SHARDS] [SECONDS] [CALLS]");
    let simulation = Simulation { shards, seconds, calls_per_second };
    match arguments.get(3) {
        Some(folder) => simulation.make(Path::new(folder)),
        None => simulation.merge(),
    }
}

impl Simulation {
    fn plan(&self, shard: Shard) -> Plan {
        let mut settings = Settings::open((self.shards * self.calls_per_second) as f64);
        settings.duration = Some(Duration::from_secs(self.seconds));
        settings.shard = shard;
        Plan::new(settings).expect("valid")
    }

    /// Makes all results, and prints the quantiles of all samples.
    fn make(&self, folder: &Path) {
        let origin = a_measurement();
        let target = Located::local(([127, 0, 0, 1], 8080).into());
        let mut samples: Vec<u32> = Vec::new();
        for index in 0..self.shards {
            let shard = Shard { index, of: self.shards };
            let measurement = self.shard(shard, &origin, &mut samples);
            let summary = Summary::of(&measurement, &target, &[]).expect("conserved");
            let file = fs::File::create(folder.join(format!("{index:07}.json"))).expect("a file");
            serde_json::to_writer(std::io::BufWriter::new(file), &summary).expect("written");
        }
        samples.sort_unstable();
        let last = samples.len() - 1;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let of = |quantile: f64| samples[((last as f64 * quantile).round() as usize).min(last)];
        println(&QUANTILES.map(|quantile| of(quantile).to_string()).join(" "));
    }

    /// The measurement of one shard: its calls at their times, with made latencies.
    fn shard(&self, shard: Shard, origin: &Measurement, samples: &mut Vec<u32>) -> Measurement {
        let plan = self.plan(shard);
        let start = tokio::time::Instant::now();
        let mut recorder = Recorder::new(plan.payload(), true, start, plan.duration, plan.interval());
        let mut timeline = Timeline::new(plan.interval());
        let factor = if shard.index.is_multiple_of(SLOW.0) { SLOW.1 } else { 1.0 };
        let mut random = Random(shard.index + 1);
        for arrival in
            plan.schedule().share(0, 1).take_while(|arrival| arrival.k < self.seconds * self.calls_per_second)
        {
            // One schedule would be walked for each shard: this shard's arrivals are spaced evenly instead.
            let sent = start + arrival.at * u32::try_from(self.shards).expect("a number of shards");
            let took = latency(&mut random, factor);
            samples.push(u32::try_from(took.as_nanos()).expect("up to 4 s"));
            recorder.plan(0);
            if let Some((second, interval)) = recorder.take_interval(sent, 1) {
                timeline.add(second, &interval);
            }
            let call = Call { intended: Some(sent), sent, ..Call::now(0) };
            let completion = call.end(Outcome::Answered, sent + took);
            recorder.finish(Completion { reply_bytes: 64, ..completion });
        }
        let (recording, (second, interval)) = recorder.into_recording();
        timeline.add(second, &interval);
        let mut measurement = origin.clone();
        measurement.plan = plan.document();
        measurement.shard = Some(ShardOrigin {
            index: shard.index,
            of: shard.of,
            host: Some(format!("node-{}", shard.index)),
        });
        measurement.agreed_start =
            Some(AgreedStart { at: Duration::from_secs(1_700_000_000), clock_moved_ns: None });
        measurement.started_at = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        measurement.window = Duration::from_secs(self.seconds);
        measurement.ended_by_count = false;
        measurement.recording = recording;
        measurement.timeline = timeline;
        measurement
    }

    /// Makes the results in another process, merges them and prints what it took.
    fn merge(&self) {
        let folder = tempfile::tempdir().expect("a folder");
        let numbers = [self.shards, self.seconds, self.calls_per_second].map(|number| number.to_string());
        let made = Command::new(std::env::current_exe().expect("this program"))
            .args(&numbers)
            .arg(folder.path())
            .output()
            .expect("this program runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut files: Vec<PathBuf> = fs::read_dir(folder.path())
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        let bytes: u64 = files.iter().map(|file| fs::metadata(file).expect("a file").len()).sum();
        let (began, cpu) = (Instant::now(), own_thread_time().expect("Linux").running);
        let mut merging = Merging::default();
        for file in &files {
            let document = fs::read(file).expect("readable");
            merging.add(&file.display().to_string(), &document).expect("a shard");
        }
        let merged = merging.finish(false, None, &[]).expect("all are there");
        let cpu = own_thread_time().expect("Linux").running.saturating_sub(cpu);
        println(&format!(
            "{} shards of {} s, {} calls, {:.0} kB per result: {:.1} s of CPU, {:.1} s in all, {:.2} ms per shard, {} MiB at most",
            self.shards,
            self.seconds,
            merged.calls.planned,
            bytes as f64 / 1e3 / self.shards as f64,
            cpu.as_secs_f64(),
            began.elapsed().as_secs_f64(),
            cpu.as_secs_f64() * 1e3 / self.shards as f64,
            own_peak_memory_bytes().expect("Linux") >> 20,
        ));
        let latency = merged.latency.response.expect("an open loop").decode().expect("a histogram");
        let exact = String::from_utf8(made.stdout).expect("UTF-8");
        for (quantile, exact) in QUANTILES.iter().zip(exact.split_whitespace()) {
            let (merged, exact) = (latency.quantile_ns(*quantile), exact.parse::<u64>().expect("a number"));
            let difference = (merged as f64 / exact as f64 - 1.0) * 100.0;
            println(&format!(
                "quantile {quantile}: merged {merged} ns, all samples {exact} ns, {difference:+.3} %"
            ));
        }
    }
}

/// Returns a real measurement, for everything that the simulation does not make.
fn a_measurement() -> Measurement {
    let server = ReferenceServer::start(ServerConfig::default()).expect("a server");
    let mut settings = Settings::open(100.0);
    settings.calls = Some(1);
    settings.warm_up = Duration::ZERO;
    let plan = Arc::new(Plan::new(settings).expect("valid"));
    let target = Located::local(server.address());
    plimsoll::run(&plan, &target, &Stop::new(), &Events::none()).expect("a run")
}

/// A latency with a long tail: 200 us at the median, lognormal.
fn latency(random: &mut Random, factor: f64) -> Duration {
    let normal = (-2.0 * random.fraction().ln()).sqrt() * (std::f64::consts::TAU * random.fraction()).cos();
    Duration::from_secs_f64((200e-6 * (normal * 0.8).exp() * factor).min(4.0))
}

/// Splitmix64, seeded per shard.
struct Random(u64);

impl Random {
    /// Returns a number above 0, up to 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + f64::EPSILON
    }
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn println(text: &str) {
    println!("{text}");
    std::io::stdout().flush().expect("stdout");
}
