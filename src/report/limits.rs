//! Text about limits for a person: a table, the observations, and the findings.

use std::{
    io::{self, Write},
    time::Duration,
};

use super::{
    outside::{Colours, write_text},
    style::{BAD, DOUBTFUL, GOOD, NONE, findings, heading, plain, printable},
    table::Table,
};
use crate::{
    experiment::limits::{Compressed, Counts, LimitRecord, Limits, State},
    units::{ByteSize, format_duration, grouped},
};

/// Width of the first column, with the names of the limits.
const NAMES: usize = 18;

/// Name of a limit that another limit hides.
const BEHIND: &str = "  behind it";

/// Writes limits as plain text.
///
/// # Errors
/// Errors of the writer.
pub fn write(limits: &Limits, out: impl Write) -> io::Result<()> {
    write_text(limits, Colours::Without, out, render)
}

/// Writes limits with colours, as escape sequences.
///
/// # Errors
/// Errors of the writer.
pub fn write_coloured(limits: &Limits, out: impl Write) -> io::Result<()> {
    write_text(limits, Colours::With, out, render)
}

fn render(limits: &Limits, out: &mut Vec<u8>) -> io::Result<()> {
    let client = limits.client.to_string();
    writeln!(
        out,
        "{}{}; {client} client; messages of up to {} sent",
        heading("limits"),
        limits.target,
        ByteSize(limits.up_to_bytes)
    )?;
    writeln!(out)?;
    table(&limits.limits, out)?;
    writeln!(out)?;
    for record in &limits.limits {
        seen(record, out)?;
    }
    if let Some(why) = &limits.ended_early {
        writeln!(out, "{}{BAD}the search ended early{BAD:#}: {}", heading("ended"), plain(why))?;
    }
    let found = limits.findings.iter().map(|finding| (finding.detail.as_str(), finding.advice.as_str()));
    findings(found, out)?;
    out.flush()
}

/// Returns the name of a limit.
pub(crate) fn name(record: &LimitRecord) -> String {
    format!("{}, {}", record.side, record.direction)
}

/// Headings of the cells of a limit.
pub(crate) const HEADINGS: [&str; 10] = [
    "limit",
    "passed",
    "refused",
    "code",
    "refusal",
    "uploaded",
    "connection",
    "neighbour",
    "probes",
    "time",
];

/// Returns the cells of a limit.
pub(crate) fn cells(record: &LimitRecord) -> [String; HEADINGS.len()] {
    let survived = |survived: Option<bool>| match survived {
        None if record.survival_unstable.is_some() => "unstable".to_owned(),
        None => NONE.to_owned(),
        Some(true) => "survived".to_owned(),
        Some(false) => "lost".to_owned(),
    };
    let limit = match record.state {
        State::Found if record.behind.is_some() => format!("{} (in front)", size(record.limit_bytes)),
        State::Found if record.confirmed => size(record.limit_bytes),
        State::Found => format!("{} (by prefix)", size(record.limit_bytes)),
        State::NotReached => "not reached".to_owned(),
        State::Hidden => "hidden".to_owned(),
        State::Unset => "none".to_owned(),
        State::Unstable => "unstable".to_owned(),
        State::Unfinished => "unfinished".to_owned(),
    };
    let passed = match record.state {
        State::NotReached => size(record.searched_to_bytes),
        _ => size(record.largest_passed_bytes),
    };
    [
        limit,
        passed,
        size(record.smallest_refused_bytes),
        record.status().unwrap_or_else(|| NONE.to_owned()),
        record.refusal_time().map_or_else(|| NONE.to_owned(), format_duration),
        size(record.uploaded_bytes),
        survived(record.connection_survived),
        survived(record.neighbour_survived),
        grouped(record.probes.into()),
        format_duration(Duration::from_nanos(record.elapsed_ns)),
    ]
}

fn size(size: Option<u64>) -> String {
    size.map_or_else(|| NONE.to_owned(), |size| format!("{} B", grouped(size)))
}

fn table(records: &[LimitRecord], out: &mut impl Write) -> io::Result<()> {
    let mut table = Table::new(&HEADINGS);
    for record in records {
        table.named_row(&name(record), cells(record));
        if let Some(behind) = &record.behind {
            table.named_row(
                BEHIND,
                [
                    format!("{} (by prefix)", size(Some(behind.limit_bytes))),
                    NONE.to_owned(),
                    size(Some(behind.smallest_refused_bytes)),
                    behind.code.clone().unwrap_or_else(|| NONE.to_owned()),
                ]
                .into_iter()
                .chain([NONE; 6].map(str::to_owned)),
            );
        }
    }
    table.write(&" ".repeat(NAMES + 1), NAMES, out)
}

/// Returns words for the bytes of a compressed message that a limit counts.
fn counted(compressed: &Compressed) -> String {
    let counts = match compressed.counts {
        Counts::Compressed => "counts compressed bytes alone: a message that decompresses to more passes",
        Counts::Decompressed => "counts decompressed bytes alone",
        Counts::Both => "counts both compressed and decompressed bytes",
        Counts::Neither => "does not hold for compressed messages",
        Counts::NotCompressed => "the server does not compress replies",
        Counts::Unknown => "it is unknown which bytes of a compressed message it counts",
    };
    match (&compressed.code, &compressed.message) {
        (Some(code), Some(message)) if message.is_empty() => format!("{counts} ({code})"),
        (Some(code), Some(message)) => format!("{counts} ({code}, `{}`)", printable(message)),
        _ => counts.to_owned(),
    }
}

/// Returns the refusals of a limit in words, and further remarks; empty without any.
pub(crate) fn remarks(record: &LimitRecord) -> String {
    let message = record.message.as_ref().filter(|message| !message.is_empty());
    let message = message.map(|message| format!("refuses with `{}`", printable(message)));
    let detail = record.detail.as_deref().map(plain);
    let compressed = record.compressed.as_ref().map(counted);
    [message, compressed, detail].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Writes the remarks about a limit.
fn seen(record: &LimitRecord, out: &mut impl Write) -> io::Result<()> {
    let style = match record.state {
        State::Found | State::NotReached | State::Unset => GOOD,
        State::Hidden => DOUBTFUL,
        State::Unstable | State::Unfinished => BAD,
    };
    let remarks = remarks(record);
    if remarks.is_empty() {
        return Ok(());
    }
    writeln!(out, "{style}{}{style:#}  {remarks}", name(record))?;
    match record.behind.as_ref().and_then(|behind| behind.message.as_ref()) {
        Some(message) => writeln!(out, "{BEHIND}  refuses prefixes with `{}`", printable(message)),
        None => Ok(()),
    }
}
