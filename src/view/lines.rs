//! Progress as plain lines, for a stderr that is not a terminal.

use std::{
    io::{Write, stderr},
    time::Duration,
};

use super::words;
use crate::{
    engine::{Event, Expected},
    report::outside::on_one_line,
};

/// Time between two lines about one run.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Displays events as lines: the steps of an experiment, or the states and seconds of a single run.
#[derive(Debug, Default)]
pub(super) struct Lines {
    expected: Option<Expected>,
    /// True if the runs belong to an experiment, whose steps are enough information.
    has_steps: bool,
}

impl Lines {
    /// Returns the line for an event, if it has one.
    fn line_of(&mut self, event: &Event) -> Option<String> {
        if let Some(step) = words::step(event) {
            self.has_steps = true;
            return is_worth_a_line(event).then_some(step);
        }
        if let Event::Run(expected) = event {
            self.expected = Some(*expected);
        }
        let expected = self.expected.filter(|_| !self.has_steps)?;
        match event {
            Event::Second { elapsed, second, in_flight, so_far } => {
                let is_due = elapsed.as_secs().is_multiple_of(LINE_EVERY.as_secs());
                (is_due && !words::is_after_window(&expected, *elapsed)).then(|| {
                    let position = words::position(&expected, *elapsed, so_far);
                    format!("{position}: {}", words::figures(second, *in_flight, so_far))
                })
            }
            event => words::state(event, &expected),
        }
    }

    pub(super) fn show(&mut self, event: &Event) {
        if let Some(text) = self.line_of(event) {
            line(&text);
        }
    }
}

/// Number of results of shards between two lines: 2 s, with shards of a minute.
const RESULTS_PER_LINE: usize = 1_000;

/// Returns true for events that get a line. In a gate, each scenario has a line at the start, at one third, at two
/// thirds and at the end. A search for limits is too short for lines.
fn is_worth_a_line(event: &Event) -> bool {
    match event {
        Event::Repetition { number, of, .. } => *number == 1 || number % (of / 3).max(1) == 0,
        Event::Merged { results, .. } => results.is_multiple_of(RESULTS_PER_LINE),
        Event::Point { .. } | Event::Round { .. } | Event::Flagged { .. } => true,
        _ => false,
    }
}

/// Writes a line to stderr. A closed stderr is ignored.
pub fn line(text: &str) {
    let _ = writeln!(stderr(), "plimsoll: {}", on_one_line(text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Interval, Outcomes};

    fn second(elapsed: u64) -> Event {
        let outcomes = Outcomes { answered: 7, ..Outcomes::default() };
        let second = Box::new(Interval { outcomes, ..Interval::default() });
        Event::Second { elapsed: Duration::from_secs(elapsed), second, in_flight: 2, so_far: outcomes }
    }

    fn run() -> Event {
        let (second, millisecond) = (Duration::from_secs(1), Duration::from_millis(1));
        Event::Run(Expected { calls: None, duration: Some(second * 10), warm_up: millisecond, drain: second })
    }

    #[test]
    fn a_run_has_a_line_for_each_state_and_one_every_five_seconds() {
        let mut lines = Lines::default();
        let events =
            [run(), Event::Connected { window_in: None }, Event::Started, second(4), second(5), second(15)];
        let shown: Vec<String> = events.iter().filter_map(|event| lines.line_of(event)).collect();
        assert_eq!(
            shown,
            [
                "connected; warming up for 1ms",
                "measuring for 10s",
                "5s of 10s: 7 calls/s, 2 in flight, 0 refused, 0 failed"
            ]
        );
    }

    #[test]
    fn runs_of_an_experiment_have_the_line_of_their_step() {
        let mut lines = Lines::default();
        let point = Event::Point { number: 1, of: 2, point: "64 B".to_owned(), left: Duration::from_secs(3) };
        let events = [point, run(), Event::Started, second(5)];
        let shown: Vec<String> = events.iter().filter_map(|event| lines.line_of(event)).collect();
        assert_eq!(shown, ["point 1 of 2: 64 B; about 3.00 s left"]);
    }
}
