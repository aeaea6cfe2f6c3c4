//! One row per build, for programs that detect change points. Ratios to the base stay comparable across
//! machines.

use std::io::{self, BufRead, Write};

use super::csv;
use crate::experiment::gate::{GateMetric, Verdict, Word};

/// Content of a row besides the figures.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Commit under test, or another name for the build.
    pub commit: &'a str,
}

/// Reason why a row cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file has the columns of other scenarios.
    #[error(
        "its first line is `{got}`, and this gate would write `{expected}`: all rows of a history have the same scenarios; use another file, or select the scenarios of this one"
    )]
    Columns {
        /// Columns of the file.
        got: String,
        /// Columns of this gate.
        expected: String,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Returns the names of a history's columns: `time` and `commit`, then three per scenario.
fn columns(verdict: &Verdict) -> Vec<String> {
    let mut columns = vec!["time".to_owned(), "commit".to_owned()];
    for scenario in &verdict.scenarios {
        columns.extend(
            GateMetric::JUDGED.map(|metric| csv::cell(&format!("{}.{}", scenario.name, metric.name()))),
        );
    }
    columns
}

/// Appends the row of this gate, preceded by the column names in an empty history. Returns the reason for not
/// writing a row if a scenario was not measured completely, because programs that read histories reject empty
/// cells. A metric that is never known, such as the CPU time of a server on another machine, has a cell all the
/// same.
///
/// # Errors
/// The history has other columns, or the writer fails.
pub fn append(
    verdict: &Verdict,
    row: Row<'_>,
    history: impl BufRead,
    mut out: impl Write,
) -> Result<Option<String>, HistoryError> {
    let unmeasured = verdict.scenarios.iter().find(|scenario| scenario.metrics.is_empty());
    let reason = match unmeasured {
        _ if verdict.interrupted => Some("it was interrupted".to_owned()),
        _ if verdict.scenarios.is_empty() => Some("no scenario was measured".to_owned()),
        _ if verdict.verdict == Word::Abstained => Some("it abstained".to_owned()),
        Some(scenario) => Some(format!("{} was not measured", scenario.name)),
        None => None,
    };
    if reason.is_some() {
        return Ok(reason);
    }
    let mut expected = Vec::new();
    csv::row(columns(verdict), &mut expected)?;
    match history.lines().next().transpose()? {
        None => out.write_all(&expected)?,
        Some(got) => {
            let expected = String::from_utf8_lossy(expected.trim_ascii_end()).into_owned();
            if got.trim_end() != expected {
                return Err(HistoryError::Columns { got, expected });
            }
        }
    }
    let mut cells = vec![csv::cell(&verdict.started_at), csv::cell(row.commit)];
    for scenario in &verdict.scenarios {
        cells.extend(GateMetric::JUDGED.map(|metric| {
            let judged = scenario.metrics.iter().find(|judged| judged.metric == metric.name());
            judged.map(|judged| format!("{:.6}", judged.ratio)).unwrap_or_default()
        }));
    }
    csv::row(cells, &mut out)?;
    out.flush()?;
    Ok(None)
}
