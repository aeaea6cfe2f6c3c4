//! Progress on one line of a terminal, which is redrawn.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::words;
use crate::{
    engine::{Event, Expected},
    report::outside::on_one_line,
};

/// Time between two frames, even without events.
const TICK: Duration = Duration::from_millis(200);

/// Displays events on one line: a bar for a single run; for an experiment, its step and the figures of the current
/// run.
#[derive(Debug)]
pub(super) struct Bar {
    drawn: ProgressBar,
    expected: Option<Expected>,
    step: Option<String>,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self {
            drawn: ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            expected: None,
            step: None,
        }
    }

    pub(super) fn show(&mut self, event: &Event) {
        if let Some(step) = words::step(event) {
            if self.step.is_none() {
                self.style("{elapsed_precise}  {wide_msg}");
            }
            self.say(&step);
            self.step = Some(step);
            return;
        }
        if let Event::Run(expected) = event {
            self.expected = Some(*expected);
            if self.step.is_none() {
                self.style("{spinner} [{bar:10}] {wide_msg}");
                let seconds = expected.duration.unwrap_or_default().as_secs().max(1);
                self.drawn.set_length(expected.calls.unwrap_or(seconds));
            }
        }
        let Some(expected) = self.expected else { return };
        match event {
            Event::Second { elapsed, second, in_flight, so_far } => {
                if words::is_after_window(&expected, *elapsed) {
                    return;
                }
                let figures = words::figures(second, *in_flight, so_far);
                if let Some(step) = &self.step {
                    self.say(&format!("{step}; {figures}"));
                } else {
                    self.drawn.set_position(match expected.calls {
                        Some(_) => so_far.total(),
                        None => elapsed.as_secs(),
                    });
                    self.say(&format!("{}  {figures}", words::left(&expected, *elapsed, so_far)));
                }
            }
            Event::Draining { is_interrupted: false } if self.step.is_none() => {
                self.say("waiting for calls in flight");
            }
            event if self.step.is_none() || matches!(event, Event::Draining { is_interrupted: true }) => {
                if let Some(state) = words::state(event, &expected) {
                    self.say(&state);
                }
            }
            _ => {}
        }
    }

    /// Removes the line from the screen.
    pub(super) fn finish(&self) {
        self.drawn.finish_and_clear();
    }

    fn style(&self, template: &str) {
        // The template is a constant; if it were invalid, the default style would be used.
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.drawn.set_style(style.progress_chars("=> "));
        }
        self.drawn.enable_steady_tick(TICK);
    }

    fn say(&self, text: &str) {
        self.drawn.set_message(on_one_line(text));
    }
}
