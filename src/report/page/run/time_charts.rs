//! Charts over time: calls per second, quantiles, heat map, CPU time.

use super::columns::{Column, Columns};
use crate::{
    load::{PlannedLoad, Stage},
    report::{
        page::content::{Chart, Label, Shape},
        plot::{Drawing, Scale, heat},
    },
    result::{
        samples_needed,
        summary::{LatencyFigures, Summary},
    },
    units::{as_f64, decimal, format_nanoseconds},
};

/// Most columns of the heat map; beyond, neighbours are merged.
const MOST_HEAT_COLUMNS: usize = 300;

/// Least distance of the labels of times: a line of text in a low chart.
const LEAST_APART: f64 = 0.15;

/// Parts that all charts over time share.
struct Axis<'a> {
    columns: &'a Columns,
    /// Columns that are long enough for a rate. The table has the calls of the others.
    drawn: Vec<&'a Column>,
    /// Seconds of the whole axis.
    scale: Scale,
    /// End of the window, from 0 to 1.
    window_end: f64,
    shows_drain: bool,
}

/// Charts of a run over each other. A run without an answered call has no times to draw.
pub(super) fn charts(summary: &Summary, columns: &Columns) -> Vec<Chart> {
    let axis = Axis {
        columns,
        drawn: columns.all.iter().filter(|column| column.has_rate).collect(),
        scale: Scale::linear(0.0, as_f64(columns.end_ns) / 1e9),
        window_end: as_f64(summary.window_ns) / as_f64(columns.end_ns),
        shows_drain: columns.shows_drain(summary.window_ns),
    };
    let mut charts = vec![axis.calls(summary)];
    if let Some(times) = columns.times {
        let which = if summary.plan.is_open() { "response time" } else { "service time" };
        charts.push(axis.quantiles(which, times));
        charts.push(axis.heat_map(which, times));
    }
    charts.extend(axis.cpu());
    charts
}

impl Axis<'_> {
    /// Begins a drawing: the drain is shaded.
    fn drawing(&self) -> Drawing {
        let mut drawing = Drawing::new();
        if self.shows_drain {
            drawing.rectangle("fgrid", (self.window_end, 0.0), (1.0, 1.0));
        }
        drawing
    }

    fn labels(&self) -> Vec<Label> {
        let is_short = self.columns.end_ns < 1_000_000_000;
        Label::ticks(&self.scale, |seconds| {
            if is_short { format_nanoseconds(seconds * 1e9) } else { format!("{} s", decimal(seconds)) }
        })
    }

    fn chart(&self, name: String, unit: &str, drawing: Drawing, y: Vec<Label>) -> Chart {
        Chart {
            name,
            unit: unit.to_owned(),
            drawing,
            y,
            x: self.labels(),
            shape: Shape::Low,
            ..Chart::default()
        }
    }

    fn calls(&self, summary: &Summary) -> Chart {
        let planned = planned(summary, self.columns.end_ns);
        let columns = &self.drawn;
        let highest = columns.iter().map(|column| column.per_second() + column.lost_per_second());
        let highest = highest.chain(planned.iter().map(|(_, rate)| *rate)).fold(0.0, f64::max);
        let scale = Scale::from_zero(highest);
        let mut drawing = self.drawing();
        let steps = |of: fn(&Column) -> f64| {
            columns.iter().flat_map(move |column| {
                let (from, to) = column.place;
                [(from, scale.place(of(column))), (to, scale.place(of(column)))]
            })
        };
        let ends = columns.last().zip(columns.first());
        let down = ends.map(|(last, first)| [(last.place.1, 0.0), (first.place.0, 0.0)]);
        drawing.area("f1 soft", steps(Column::per_second).chain(down.into_iter().flatten()));
        drawing.line("c1", steps(Column::per_second));
        let mut key = vec![("c1", "answered".to_owned())];
        if columns.iter().any(|column| column.lost() > 0) {
            let sum = |column: &Column| column.per_second() + column.lost_per_second();
            let mut back: Vec<_> = steps(Column::per_second).collect();
            back.reverse();
            drawing.area("fbad soft", steps(sum).chain(back));
            drawing.line("cbad dots", steps(sum));
            key.push(("cbad dots", "and not answered".to_owned()));
        }
        if !planned.is_empty() {
            drawing.line("c2 dash", planned.iter().map(|(x, rate)| (*x, scale.place(*rate))));
            key.push(("c2 dash", "planned".to_owned()));
        }
        let name = "Answered calls per second over the run".to_owned();
        Chart { key, ..self.chart(name, "calls/s", drawing, Label::ticks(&scale, decimal)) }.grid()
    }

    fn quantiles(&self, which: &str, times: Scale) -> Chart {
        let mut drawing = self.drawing();
        let mut key = Vec::new();
        let seconds: Vec<&Column> = self.columns.seconds.iter().filter(|column| column.has_rate).collect();
        // Lines end where no call ended, and where a quantile has too few calls.
        let mut line =
            |class, name: &str, columns: &[&Column], needed: u64, of: fn(&LatencyFigures) -> u64| {
                let known = |column: &Column| {
                    let figures = column.figures.as_ref().filter(|_| column.calls.answered >= needed)?;
                    Some(as_f64(of(figures)))
                };
                if columns.iter().any(|column| known(column).is_some()) {
                    steps(columns, &mut drawing, class, &times, known);
                    key.push((class, name.to_owned()));
                }
            };
        line("c1 dots", "max", &self.drawn, 1, |figures| figures.max_ns);
        let (p99, columns) =
            if seconds.is_empty() { ("p99", &self.drawn) } else { ("p99 of each second", &seconds) };
        line("c2", p99, columns, samples_needed(0.99), |figures| figures.p99_ns);
        line("c3 dash", "p50", &self.drawn, samples_needed(0.5), |figures| figures.p50_ns);
        let name = format!("Median, 99th percentile and maximum of the {which} over the run");
        Chart {
            key,
            ..self.chart(name, which, drawing, Label::apart(&times, LEAST_APART, format_nanoseconds))
        }
        .grid()
    }

    fn heat_map(&self, which: &str, times: Scale) -> Chart {
        let columns = &self.columns.all;
        let together = columns.len().div_ceil(MOST_HEAT_COLUMNS).max(1);
        let merged = columns.chunks(together).map(|part| {
            let mut counts = vec![0_u64; part[0].cells.len()];
            for (sum, cell) in part.iter().flat_map(|column| column.cells.iter().enumerate()) {
                counts[sum] = counts[sum].saturating_add(*cell);
            }
            heat::Column { from: part[0].place.0, to: part[part.len() - 1].place.1, counts }
        });
        let mut drawing = self.drawing();
        heat::heat(&mut drawing, &merged.collect::<Vec<_>>());
        let name = format!("Heat map of the {which} over the run: the more calls, the stronger the colour");
        let unit = format!("{which}, the more calls the stronger");
        self.chart(name, &unit, drawing, Label::apart(&times, LEAST_APART, format_nanoseconds))
    }

    /// CPU time of both sides; `None` if it was not read.
    fn cpu(&self) -> Option<Chart> {
        let both = |column: &&Column| [column.client_cores, column.server_cores];
        let highest = self.drawn.iter().flat_map(both).flatten().reduce(f64::max)?;
        let scale = Scale::from_zero(highest);
        let mut drawing = self.drawing();
        let mut key = Vec::new();
        let mut line = |class, name: &str, of: fn(&Column) -> Option<f64>| {
            if self.drawn.iter().any(|column| of(column).is_some()) {
                steps(&self.drawn, &mut drawing, class, &scale, of);
                key.push((class, name.to_owned()));
            }
        };
        line("c1", "server", |column| column.server_cores);
        line("c2 dash", "generator", |column| column.client_cores);
        let name = "CPU time of both sides over the run, in cores".to_owned();
        Some(
            Chart { key, ..self.chart(name, "CPU, in cores", drawing, Label::ticks(&scale, decimal)) }.grid(),
        )
    }
}

/// Draws a line of steps. It ends where a value is not known.
fn steps(
    columns: &[&Column],
    drawing: &mut Drawing,
    class: &'static str,
    scale: &Scale,
    of: impl Fn(&Column) -> Option<f64>,
) {
    for part in columns.split(|column| of(column).is_none()) {
        let known = part.iter().filter_map(|column| Some((column.place, scale.place(of(column)?))));
        drawing.line(class, known.flat_map(|((from, to), height)| [(from, height), (to, height)]));
    }
}

/// The planned rate of these calls over time; empty in a closed loop. The plan is that of all shards.
fn planned(summary: &Summary, end_ns: u64) -> Vec<(f64, f64)> {
    let PlannedLoad::Open { stages, .. } = &summary.plan.load else { return Vec::new() };
    let share = match (&summary.shard, &summary.shards) {
        (Some(shard), _) => 1.0 / as_f64(shard.of.max(1)),
        (None, Some(shards)) => as_f64(shards.merged.len() as u64) / as_f64(shards.of.max(1)),
        (None, None) => 1.0,
    };
    let end = as_f64(end_ns) / 1e9;
    let window = as_f64(summary.window_ns) / 1e9;
    let mut points = Vec::new();
    let mut start = 0.0;
    for Stage { from_per_second, to_per_second, duration } in stages {
        let whole = duration.as_secs_f64();
        // A run that was interrupted, or that ended by its count, ends within a stage.
        let length = whole.min(window - start);
        if length <= 0.0 {
            break;
        }
        let last = from_per_second + (to_per_second - from_per_second) * length / whole;
        points.push((start / end, from_per_second * share));
        start += length;
        points.push((start / end, last * share));
    }
    points
}
