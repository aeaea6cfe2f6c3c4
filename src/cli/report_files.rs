//! Files for reports besides the JSON document: one flag per format. The table of documents and formats decides which
//! flags a command has.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Command};

use super::{
    output::{BOTH_ON_STDOUT, OutputArguments, flag, is_stdout},
    session::Outputs,
    values::one_of_these,
};
use crate::{
    report::{Format, destination::Destination, formats},
    result::DocumentKind,
};

/// Commands with reports, and the documents that they write. `plimsoll report` reads all kinds.
const COMMANDS: [(&str, Option<DocumentKind>); 8] = [
    ("run", Some(DocumentKind::Summary)),
    ("merge", Some(DocumentKind::Summary)),
    ("sweep", Some(DocumentKind::Sweep)),
    ("limits", Some(DocumentKind::Limits)),
    ("interference", Some(DocumentKind::Interference)),
    ("compare", Some(DocumentKind::Comparison)),
    ("gate", Some(DocumentKind::Verdict)),
    ("report", None),
];

/// Flags for reports. A command shows those of its document; the others are an error with the document's formats.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reports")]
pub(super) struct ReportFiles {
    /// Write a page with charts: one file that opens without a network. `-` is stdout, here and in the flags below
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write Markdown, for a CI service
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Write rows of comma-separated values, times in ns and sizes in bytes
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Write JUnit XML: a test case per objective, or per part of a verdict
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write HdrHistogram's percentile distribution, in ms
    #[arg(long, value_name = "FILE")]
    hgrm: Option<PathBuf>,

    /// Write HdrHistogram's interval log, version 1.3
    #[arg(long, value_name = "FILE")]
    hlog: Option<PathBuf>,

    /// Write the final figures for Prometheus: a textfile collector or a Pushgateway
    #[arg(long, value_name = "FILE")]
    prometheus: Option<PathBuf>,

    /// Write the run over time as `OpenMetrics`, for `promtool tsdb create-blocks-from openmetrics`
    #[arg(long, value_name = "FILE")]
    openmetrics: Option<PathBuf>,

    /// Write Bencher's metric format, for `bencher run --adapter json --file FILE`
    #[arg(long, value_name = "FILE")]
    bencher: Option<PathBuf>,

    /// Write github-action-benchmark's `customSmallerIsBetter`: p50 and the server's CPU time, in ns
    #[arg(long, value_name = "FILE")]
    benchmark_smaller: Option<PathBuf>,

    /// Write github-action-benchmark's `customBiggerIsBetter`: calls/s
    #[arg(long, value_name = "FILE")]
    benchmark_bigger: Option<PathBuf>,
}

impl ReportFiles {
    fn all(&self) -> [(Format, Option<&Path>); 11] {
        let Self {
            html,
            markdown,
            csv,
            junit,
            hgrm,
            hlog,
            prometheus,
            openmetrics,
            bencher,
            benchmark_smaller,
            benchmark_bigger,
        } = self;
        [
            (Format::Html, html.as_deref()),
            (Format::Markdown, markdown.as_deref()),
            (Format::Csv, csv.as_deref()),
            (Format::Junit, junit.as_deref()),
            (Format::Hgrm, hgrm.as_deref()),
            (Format::Hlog, hlog.as_deref()),
            (Format::Prometheus, prometheus.as_deref()),
            (Format::OpenMetrics, openmetrics.as_deref()),
            (Format::Bencher, bencher.as_deref()),
            (Format::BenchmarkSmaller, benchmark_smaller.as_deref()),
            (Format::BenchmarkBigger, benchmark_bigger.as_deref()),
        ]
    }

    /// Flags that were given, with their files.
    pub(super) fn given(&self) -> Vec<(String, &Path)> {
        self.all().into_iter().filter_map(|(format, file)| Some((flag(format), file?))).collect()
    }

    /// Returns the flags with other files.
    pub(super) fn with_files(&self, file: impl Fn(&Path) -> PathBuf) -> Self {
        let mut files = self.clone();
        for path in [
            &mut files.html,
            &mut files.markdown,
            &mut files.csv,
            &mut files.junit,
            &mut files.hgrm,
            &mut files.hlog,
            &mut files.prometheus,
            &mut files.openmetrics,
            &mut files.bencher,
            &mut files.benchmark_smaller,
            &mut files.benchmark_bigger,
        ] {
            *path = path.as_deref().map(&file);
        }
        files
    }

    /// Reserves all outputs of a command.
    ///
    /// # Errors
    /// An output cannot be written, the document has no such format, or two outputs would go to one place.
    pub(super) fn outputs(&self, output: &OutputArguments, kind: DocumentKind) -> Result<Outputs> {
        let printed = self.printed(output, kind)?;
        Outputs::new(output.reserve()?, printed, self.reserve(kind)?)
    }

    /// Reserves the files of these flags alone.
    ///
    /// # Errors
    /// A file cannot be written, or the document has no such format.
    pub(super) fn reserve(&self, kind: DocumentKind) -> Result<Vec<(Destination, Format)>> {
        self.check(kind)?;
        let given = self.all().into_iter().filter_map(|(format, file)| Some((format, file?)));
        given.map(|(format, file)| Ok((Destination::reserve(file)?, format))).collect()
    }

    /// Returns the format on stdout; `None` if a report goes there by its flag.
    ///
    /// # Errors
    /// More than one output would go to stdout, or the document has no such format.
    pub(super) fn printed(&self, output: &OutputArguments, kind: DocumentKind) -> Result<Option<Format>> {
        check_name(output.output.as_deref())?;
        self.check(kind)?;
        let flags: Vec<String> = self
            .given()
            .into_iter()
            .filter(|(_, file)| is_stdout(Some(file)))
            .map(|(flag, _)| flag)
            .collect();
        match flags.as_slice() {
            [] => {
                let format = output.format();
                formats::check(kind, format)?;
                if is_stdout(output.output.as_deref()) && format != Format::Json {
                    bail!(BOTH_ON_STDOUT);
                }
                Ok(Some(format))
            }
            [flag] if output.format.is_some() || is_stdout(output.output.as_deref()) => bail!(
                "`{flag} -` writes to stdout, and so does -O, or `-o -`; leave out one of the two, or give {flag} a file"
            ),
            [_] => Ok(None),
            flags => bail!("{} all write to stdout; give `-` to one of them", flags.join(" and ")),
        }
    }

    /// Checks that the document has the formats of these flags.
    fn check(&self, kind: DocumentKind) -> Result<()> {
        for (format, file) in self.all() {
            if file.is_some() {
                formats::check(kind, format)?;
            }
        }
        Ok(())
    }
}

/// Checks that a file's name does not promise another format than JSON.
pub(super) fn check_name(output: Option<&Path>) -> Result<()> {
    let Some(path) = output else { return Ok(()) };
    let format = match path.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "htm") => Format::Html,
        Some("md") => Format::Markdown,
        Some("csv") => Format::Csv,
        Some("xml") => Format::Junit,
        Some("hgrm") => Format::Hgrm,
        Some("hlog") => Format::Hlog,
        Some("prom") => Format::Prometheus,
        _ => return Ok(()),
    };
    let (path, flag) = (path.display(), flag(format));
    bail!("`-o {path}` would write the JSON document; for {format}, write {flag} {path}")
}

/// Returns the command line whose commands show the formats of their documents.
pub(super) fn with_formats(mut command: Command) -> Command {
    for (name, kind) in COMMANDS {
        command = command.mut_subcommand(name, |command| {
            let has = |format: &Format| kind.is_none_or(|kind| formats::check(kind, *format).is_ok());
            let formats: Vec<Format> = Format::VALUES.iter().copied().filter(has).collect();
            let hidden = Format::VALUES.iter().filter(|format| !has(format)).map(|format| format.name());
            let hidden: Vec<String> = hidden.map(|name| name.replace('-', "_")).collect();
            command.mut_arg("format", |argument| argument.value_parser(one_of_these(&formats))).mut_args(
                |argument| {
                    let is_hidden = hidden.iter().any(|name| argument.get_id() == name.as_str());
                    if is_hidden { argument.hide(true) } else { argument }
                },
            )
        });
    }
    command
}
