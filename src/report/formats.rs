//! Table of documents and formats: each writer is one row.

use std::io::{self, Write};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    announcement::{self, Announcement},
    benchmarks::{self, BetterWhen},
    compare, csv, hgrm, hlog, html, interference, json, junit, limits, markdown,
    methods::{self, Methods},
    outside,
    page::{self, Page},
    prometheus, reply, sweep, text, verdict,
};
use crate::{
    client::Reply,
    experiment::{
        compare::Comparison, gate::Verdict, interference::Interference, limits::Limits, sweep::Sweep,
    },
    result::{DocumentKind, summary::Summary},
    units::named,
};

/// Format of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    Text,
    /// The whole document as JSON.
    Json,
    /// A page that opens without a network.
    Html,
    /// Rows of comma-separated values.
    Csv,
    /// A report for a CI service.
    Markdown,
    /// Test cases for a CI service.
    Junit,
    /// HdrHistogram's percentile distribution.
    Hgrm,
    /// HdrHistogram's interval log.
    Hlog,
    /// Final figures for Prometheus.
    Prometheus,
    /// A run over time, for Prometheus.
    OpenMetrics,
    /// Bencher's metric format.
    Bencher,
    /// Figures for github-action-benchmark for which smaller is better.
    BenchmarkSmaller,
    /// Figures for github-action-benchmark for which larger is better.
    BenchmarkBigger,
}

named!(Format, "format", {
    Text => "text": "For people",
    Json => "json": "For programs",
    Html => "html": "A page with charts",
    Csv => "csv": "A row for each point",
    Markdown => "markdown": "A report for a CI service",
    Junit => "junit": "Test cases for a CI service",
    Hgrm => "hgrm": "HdrHistogram's percentile distribution, in ms",
    Hlog => "hlog": "HdrHistogram's interval log",
    Prometheus => "prometheus": "Final figures, for a textfile collector or a Pushgateway",
    OpenMetrics => "openmetrics": "The run over time, for promtool",
    Bencher => "bencher": "Bencher's metric format",
    BenchmarkSmaller => "benchmark-smaller": "github-action-benchmark's customSmallerIsBetter",
    BenchmarkBigger => "benchmark-bigger": "github-action-benchmark's customBiggerIsBetter",
});

/// Writes a whole document.
pub type Writer<T> = fn(&T, &mut dyn Write) -> io::Result<()>;

/// A document that can be written.
pub trait Writable: Serialize + Sized + 'static {
    /// Kind of the document.
    const KIND: DocumentKind;
    /// Rows of the table for this kind.
    const WRITERS: &'static [(Format, Writer<Self>)];

    /// Writes the document. A text has colours; strip them for any writer other than a terminal.
    ///
    /// # Errors
    /// Errors of the writer. `Unsupported` for a format that this kind does not have; the message lists its
    /// formats.
    fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match Self::WRITERS.iter().find(|(own, _)| *own == format) {
            Some((_, writer)) => writer(self, out),
            None => Err(io::Error::new(io::ErrorKind::Unsupported, no_writer(Self::KIND, format))),
        }
    }
}

/// Reason why a document cannot be written in a format.
#[derive(Debug, thiserror::Error)]
#[error("{}", no_writer(*.0, *.1))]
pub struct NoWriter(DocumentKind, Format);

/// Checks that documents of this kind have this format.
///
/// # Errors
/// They have not; the message lists their formats.
pub fn check(kind: DocumentKind, format: Format) -> Result<(), NoWriter> {
    if TABLE.contains(&(kind, format)) { Ok(()) } else { Err(NoWriter(kind, format)) }
}

fn no_writer(kind: DocumentKind, format: Format) -> String {
    let own = TABLE.iter().filter(|(document, _)| *document == kind);
    let own: Vec<&str> = own.map(|(_, format)| format.name()).collect();
    format!("{} cannot be written as {format}; its formats are {}", kind.words(), own.join(", "))
}

/// Writes the page of a document, whose texts from outside are filtered first.
fn paged<T: Serialize + DeserializeOwned>(
    document: &T,
    page: fn(&T) -> Page,
    write: fn(&Page, &mut dyn Write) -> io::Result<()>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let shown = outside::shown(document);
    write(&page(shown.as_ref().unwrap_or(document)), out)
}

macro_rules! table {
    ($($document:ident as $kind:ident { $($format:ident => $write:expr),+ $(,)? })+) => {
        /// All documents, each with its formats.
        pub const TABLE: &[(DocumentKind, Format)] =
            &[$($((DocumentKind::$kind, Format::$format)),+),+];

        $(impl Writable for $document {
            const KIND: DocumentKind = DocumentKind::$kind;
            const WRITERS: &'static [(Format, Writer<Self>)] =
                &[$((Format::$format, |document, out| $write(document, out))),+];
        })+
    };
}

table! {
    Summary as Summary {
        Text => text::write_coloured,
        // The results of many shards may share one stream, such as a log.
        Json => |summary: &Summary, out| if summary.shard.is_some() {
            json::write_line(summary, out)
        } else {
            json::write(summary, out)
        },
        Html => |document, out| paged(document, page::run::page, html::write, out),
        Markdown => |document, out| paged(document, page::run::page, markdown::page::write, out),
        Csv => csv::run,
        Junit => junit::run,
        Hgrm => hgrm::write,
        Hlog => hlog::write,
        Prometheus => prometheus::run,
        OpenMetrics => prometheus::series,
    }
    Sweep as Sweep {
        Text => sweep::write_coloured,
        Json => json::write,
        Html => |document, out| paged(document, page::sweep::page, html::write, out),
        Markdown => |document, out| paged(document, page::sweep::page, markdown::page::write, out),
        Csv => csv::sweep,
    }
    Limits as Limits {
        Text => limits::write_coloured,
        Json => json::write,
        Html => |document, out| paged(document, page::limits::page, html::write, out),
        Markdown => |document, out| paged(document, page::limits::page, markdown::page::write, out),
        Csv => csv::limits,
        Prometheus => prometheus::limits,
    }
    Interference as Interference {
        Text => interference::write_coloured,
        Json => json::write,
        Html => |document, out| paged(document, page::interference::page, html::write, out),
        Markdown => |document, out| paged(document, page::interference::page, markdown::page::write, out),
    }
    Comparison as Comparison {
        Text => compare::write_coloured,
        Json => json::write,
        Html => |document, out| paged(document, page::compare::page, html::write, out),
        Markdown => |document, out| paged(document, page::compare::page, markdown::page::write, out),
        Csv => csv::comparison,
    }
    Verdict as Verdict {
        Text => verdict::write_coloured,
        Json => json::write,
        Html => |document, out| paged(document, page::verdict::page, html::write, out),
        Markdown => markdown::write,
        Junit => junit::write,
        Bencher => benchmarks::bencher,
        BenchmarkSmaller => |verdict, out| benchmarks::action(verdict, BetterWhen::SmallerIsBetter, out),
        BenchmarkBigger => |verdict, out| benchmarks::action(verdict, BetterWhen::BiggerIsBetter, out),
    }
    Reply as Reply {
        Text => reply::write,
        Json => json::write,
    }
    Methods as Methods {
        Text => methods::write,
        Json => json::write,
    }
    Announcement as Announcement {
        Text => announcement::write,
        Json => json::write,
    }
}
