//! Cells of a sweep: medians over the repetitions of one size under one load.

use super::grid::GridLoad;
use crate::{
    result::{
        Rating,
        summary::{LatencyFigures, Summary},
    },
    statistics::{median, whole_median},
    units::as_f64,
};

/// Medians over the repetitions of one size under one load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Size of the request.
    pub message_bytes: u64,
    /// Load in a closed or an open loop.
    pub load: GridLoad,
    /// Number of repetitions.
    pub repetitions: usize,
    /// Verified replies per second.
    pub calls_per_second: f64,
    /// Message bytes of requests and replies per second.
    pub bytes_per_second: f64,
    /// Smallest and largest calls per second of the repetitions.
    pub spread: (f64, f64),
    /// Median of the response time in an open loop, of the service time in a closed one; `None` where no call
    /// was answered.
    pub p50_ns: Option<u64>,
    /// 99th percentile of the same time.
    pub p99_ns: Option<u64>,
    /// Refused calls as a share of the planned calls (0..1).
    pub refused: f64,
    /// Calls neither answered nor refused nor unfinished, as a share of the planned calls (0..1).
    pub errors: f64,
    /// Number of repetitions that were not sound.
    pub unsound: usize,
}

/// Returns medians over these results; `None` without results.
pub(super) fn of(message_bytes: u64, load: GridLoad, results: &[&Summary]) -> Option<Cell> {
    let each = |figure: &dyn Fn(&Summary) -> f64| {
        let mut values: Vec<f64> = results.iter().map(|summary| figure(summary)).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let rates = each(&|summary| summary.goodput.calls_per_second);
    let time = |figure: &dyn Fn(&LatencyFigures) -> u64| {
        let figures = results.iter().filter_map(|summary| summary.main_latency().figures.as_ref());
        whole_median(figures.map(figure).collect())
    };
    let share = |of: &dyn Fn(&Summary) -> u64| {
        median(&each(&|summary| as_f64(of(summary)) / as_f64(summary.calls.planned.max(1))))
    };
    let is_unsound = |summary: &&&Summary| summary.soundness.verdict == Rating::Unsound;
    Some(Cell {
        message_bytes,
        load,
        repetitions: results.len(),
        calls_per_second: median(&rates)?,
        spread: (*rates.first()?, *rates.last()?),
        bytes_per_second: median(&each(&|summary| {
            summary.goodput.request_bytes_per_second + summary.goodput.reply_bytes_per_second
        }))?,
        p50_ns: time(&|figures| figures.p50_ns),
        p99_ns: time(&|figures| figures.p99_ns),
        refused: share(&|summary| summary.calls.outcomes.refused)?,
        errors: share(&|summary| {
            let outcomes = summary.calls.outcomes;
            summary.calls.planned - outcomes.answered - outcomes.refused - outcomes.unfinished
        })?,
        unsound: results.iter().filter(is_unsound).count(),
    })
}
