//! A report of your own: a saved result, or a fresh one, as a Markdown table with one row per size and per second.
//!
//! `cargo run --release --example own_report -- [RESULT.json]`; `plimsoll run -o RESULT.json` writes such a file.

use std::{
    error::Error,
    fs::File,
    io::{self, Write},
    time::Duration,
};

use plimsoll::{
    Events, LatencyRecord, Located, Plan, ReferenceServer, ServerConfig, Settings, Stop, Summary, TextKind,
    Texts,
};

fn main() -> Result<(), Box<dyn Error>> {
    let summary = match std::env::args().nth(1) {
        // A file whose figures contradict each other is an error.
        Some(path) => Summary::read(File::open(path)?)?,
        None => fresh()?,
    };
    write(&summary, &mut io::stdout().lock())?;
    Ok(())
}

/// Result of a short run with two sizes, of which 1 KiB is sent nine times as often.
fn fresh() -> Result<Summary, Box<dyn Error>> {
    let server = ReferenceServer::start(ServerConfig::default())?;
    let target = Located::local(server.address());
    let mut settings = Settings::closed(8);
    settings.texts = Texts::Made { mix: "1KiB@9,64KiB@1".parse()?, kind: TextKind::Ascii };
    settings.warm_up = Duration::from_millis(200);
    settings.duration = Some(Duration::from_secs(2));
    let measurement = plimsoll::run(&Plan::new(settings)?, &target, &Stop::new(), &Events::none())?;
    Ok(Summary::of(&measurement, &target, &[])?)
}

/// Writes a finished result. The printer computes no figure: quantiles come from the record.
fn write(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# {} ({})", summary.target.authority, summary.soundness.verdict)?;
    writeln!(out, "\n{:.0} calls/s were answered and verified.", summary.goodput.calls_per_second)?;
    writeln!(out, "\n| part | answered | p50 (us) | p99 (us) |\n|---|---:|---:|---:|")?;
    row(out, "all", summary.main_latency())?;
    for size in &summary.sizes {
        row(out, &format!("{} bytes", size.message_bytes), &size.latency)?;
    }
    for interval in &summary.intervals {
        row(out, &format!("from {} s", interval.start_ns / 1_000_000_000), &interval.latency)?;
    }
    Ok(())
}

fn row(out: &mut impl Write, part: &str, latency: &LatencyRecord) -> io::Result<()> {
    let microseconds = |nanoseconds: Option<u64>| {
        nanoseconds.map_or("-".to_owned(), |nanoseconds| (nanoseconds / 1_000).to_string())
    };
    let p50 = microseconds(latency.figures.map(|figures| figures.p50_ns));
    let p99 = microseconds(latency.figures.map(|figures| figures.p99_ns));
    writeln!(out, "| {part} | {} | {p50} | {p99} |", latency.count)
}
