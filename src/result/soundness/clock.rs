//! Finding about the wall clock of an agreed start.

use crate::{
    measure::Measurement,
    result::finding::{Finding, FindingKind, Weight},
    units::{as_f64, format_nanoseconds},
};

/// Change of the wall clock from which an agreed start is in doubt, in ns. NTP slews a clock by less in a wait of
/// some seconds.
const MOVED: u64 = 10_000_000;

/// Returns a warning if the wall clock was set between the agreement on a start and the start.
pub(super) fn clock_moved(run: &Measurement) -> Option<Finding> {
    let moved = run.agreed_start?.clock_moved_ns.filter(|moved| moved.unsigned_abs() > MOVED)?;
    let direction = if moved > 0 { "forward" } else { "back" };
    Some(Finding::new(
        FindingKind::ClockMoved,
        Weight::Warning,
        format!(
            "the wall clock was set {direction} by {} while this process waited for the agreed start",
            format_nanoseconds(as_f64(moved.unsigned_abs()))
        ),
        "its window was not that of other processes with the same --start-at; let NTP set the clocks before the run",
    ))
}
