//! What goes on during a run, on stderr: one line that renews itself on a terminal, plain lines
//! every few seconds elsewhere.

use std::{
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    engine::{INTERRUPTED_DRAIN, Progress},
    experiment::gate,
    load::Plan,
    measure::{INTERVAL, Interval, Outcomes},
    report::{outside::on_one_line, verdict},
    units::{as_f64, exact_duration, format_nanoseconds, grouped},
};

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows the progress of one run.
#[derive(Debug)]
pub struct Display {
    kind: Kind,
    end: End,
    warm_up: Duration,
    drain: Duration,
}

#[derive(Debug)]
enum Kind {
    Silent,
    Lines,
    Bar(ProgressBar),
}

/// What the run ends by.
#[derive(Debug, Clone, Copy)]
enum End {
    Time(Duration),
    Calls(u64),
}

impl Display {
    /// For a run of this plan; silent when `quiet`.
    #[must_use]
    pub fn new(plan: &Plan, quiet: bool) -> Self {
        let end = match (plan.calls(), plan.duration()) {
            (Some(calls), _) => End::Calls(calls.get()),
            (None, duration) => End::Time(duration.unwrap_or_default()),
        };
        let kind = if quiet {
            Kind::Silent
        } else if stderr().is_terminal() {
            Kind::Bar(bar(end))
        } else {
            Kind::Lines
        };
        Self { kind, end, warm_up: plan.warm_up(), drain: plan.drain() }
    }

    /// Shows how far the run has come.
    pub fn show(&mut self, progress: &Progress<'_>) {
        let warm_up = exact_duration(self.warm_up);
        match progress {
            Progress::Connected if self.warm_up.is_zero() => {}
            Progress::Connected => self.say(&format!("connected; warming up for {warm_up}")),
            Progress::Started => match self.end {
                End::Time(duration) => self.say(&format!("measuring for {}", exact_duration(duration))),
                End::Calls(calls) => self.say(&format!("measuring {} calls", grouped(calls))),
            },
            Progress::Second { elapsed, second, in_flight, so_far } => {
                self.second(*elapsed, second, *in_flight, so_far);
            }
            Progress::Draining { is_interrupted: true } => {
                let drain = exact_duration(self.drain.min(INTERRUPTED_DRAIN));
                self.say(&format!(
                    "interrupted: waiting up to {drain} for calls in flight; interrupt again to end at once"
                ));
            }
            Progress::Draining { is_interrupted: false } => {
                if let Kind::Bar(bar) = &self.kind {
                    bar.set_message("waiting for calls in flight");
                }
            }
        }
    }

    /// Takes the progress off the screen.
    pub fn finish(self) {
        if let Kind::Bar(bar) = self.kind {
            bar.finish_and_clear();
        }
    }

    fn say(&self, text: &str) {
        match &self.kind {
            Kind::Silent => {}
            Kind::Lines => line(text),
            Kind::Bar(bar) => bar.set_message(on_one_line(text)),
        }
    }

    fn second(&self, elapsed: Duration, second: &Interval, in_flight: u64, so_far: &Outcomes) {
        // What comes after the window is the drain's.
        if matches!(self.end, End::Time(duration) if elapsed > duration) {
            return;
        }
        let figures = figures(second, in_flight, so_far);
        match &self.kind {
            Kind::Silent => {}
            Kind::Lines => {
                if elapsed.as_secs().is_multiple_of(LINE_EVERY.as_secs()) {
                    line(&format!("{}: {figures}", self.position(elapsed, so_far)));
                }
            }
            Kind::Bar(bar) => {
                match self.end {
                    End::Time(_) => bar.set_position(elapsed.as_secs()),
                    End::Calls(_) => bar.set_position(so_far.total()),
                }
                let left = match self.end {
                    End::Time(duration) => {
                        format!("{} s left  ", duration.saturating_sub(elapsed).as_secs_f64().ceil())
                    }
                    End::Calls(calls) => {
                        format!("{} calls left  ", grouped(calls.saturating_sub(so_far.total())))
                    }
                };
                bar.set_message(left + &figures);
            }
        }
    }

    fn position(&self, elapsed: Duration, so_far: &Outcomes) -> String {
        match self.end {
            End::Time(duration) => format!("{} of {}", exact_duration(elapsed), exact_duration(duration)),
            End::Calls(calls) => format!("{} of {} calls", grouped(so_far.total()), grouped(calls)),
        }
    }
}

/// The last second's rate and latency; refusals and failures since the start.
fn figures(second: &Interval, in_flight: u64, so_far: &Outcomes) -> String {
    let rate = grouped(second.outcomes.answered / INTERVAL.as_secs());
    let mut parts = vec![format!("{rate} calls/s"), format!("{} in flight", grouped(in_flight))];
    if second.latency.count() > 0 {
        for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
            let nanoseconds = as_f64(second.latency.quantile_ns(quantile));
            parts.push(format!("{name} {}", format_nanoseconds(nanoseconds)));
        }
    }
    let failed = so_far.errors() - so_far.refused - so_far.shed - so_far.unfinished;
    parts.push(format!("{} refused", grouped(so_far.refused)));
    parts.push(format!("{} failed", grouped(failed)));
    if so_far.shed > 0 {
        parts.push(format!("{} shed", grouped(so_far.shed)));
    }
    parts.join(", ")
}

fn bar(end: End) -> ProgressBar {
    let length = match end {
        End::Time(duration) => duration.as_secs().max(1),
        End::Calls(calls) => calls,
    };
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    // The template is a constant; were it wrong, the default one would do.
    if let Ok(style) = ProgressStyle::with_template("{spinner} [{bar:10}] {wide_msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A line on stderr. Whoever has closed it does not want to know.
pub fn line(text: &str) {
    let _ = writeln!(stderr(), "plimsoll: {}", on_one_line(text));
}

/// One line on a terminal that says what is being done.
#[derive(Debug)]
pub struct Steps(Option<ProgressBar>);

impl Steps {
    /// Shows nothing when `quiet`.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        Self((!quiet).then(|| {
            let style = ProgressStyle::with_template("{elapsed_precise}  {msg}");
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        }))
    }

    /// Shows what is being done now.
    pub fn show(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(on_one_line(what));
            bar.tick();
        }
    }

    /// Shows that it goes on.
    pub fn tick(&self) {
        if let Some(bar) = &self.0 {
            bar.tick();
        }
    }

    /// Takes the line off the screen.
    pub fn finish(self) {
        if let Some(bar) = self.0 {
            bar.finish_and_clear();
        }
    }
}

/// How a gate goes on: one line on a terminal, and a line a minute or so elsewhere.
#[derive(Debug)]
pub struct GateDisplay {
    steps: Steps,
    lines: bool,
}

impl GateDisplay {
    /// Shows nothing when `quiet`.
    #[must_use]
    pub fn new(quiet: bool, is_terminal: bool) -> Self {
        Self { steps: Steps::new(quiet || !is_terminal), lines: !quiet && !is_terminal }
    }

    /// Shows how far the gate has come.
    pub fn show(&mut self, progress: &gate::Progress<'_>) {
        match progress {
            gate::Progress::Limits(arm) => {
                self.steps.show(&format!("looking for the limits of the {}", arm.name()));
            }
            gate::Progress::Repetition { scenario, number, of, confirming, so_far } => {
                let again = if *confirming { ", second run" } else { "" };
                let known = verdict::running(so_far);
                let known = if known.is_empty() { known } else { format!(": {known}") };
                let text = format!("{number} of {of}{again}, {scenario}{known}");
                self.steps.show(&text);
                // Each scenario at the start, at a third, at two thirds and at the end.
                if self.lines && (*number == 1 || number % (of / 3).max(1) == 0) {
                    line(&text);
                }
            }
            gate::Progress::Flagged(names) => {
                let text = format!("flagged: {}; measuring again", names.join(", "));
                self.steps.show(&text);
                if self.lines {
                    line(&text);
                }
            }
        }
    }

    /// Takes the progress off the screen.
    pub fn finish(self) {
        self.steps.finish();
    }
}
