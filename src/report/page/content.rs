//! Content of a page, for any format: what a reader must know first, and figures. A figure is a question, its answer,
//! charts, and the same numbers as a table.

use std::io;

use crate::{
    measure::{Build, Environment},
    report::plot::{Drawing, Point, Scale},
    result::summary::TargetRecord,
};

/// A page about one document.
#[derive(Debug, Default)]
pub struct Page {
    /// Title.
    pub(crate) title: String,
    /// Trust, objectives or verdict: before any figure.
    pub(crate) band: Band,
    /// The figures that a reader looks for first.
    pub(crate) headline: Vec<String>,
    /// Figures, in their order.
    pub(crate) figures: Vec<Figure>,
    /// Facts about the making of the document: names and values.
    pub(crate) facts: Vec<(String, String)>,
    /// The report as text: every figure of the document that a terminal shows.
    pub(crate) text: String,
}

/// The first part of a page.
#[derive(Debug, Default)]
pub(crate) struct Band {
    /// Weight of its worst line.
    pub(crate) tone: Tone,
    /// The result in a few words; empty if there is none beside the lines.
    pub(crate) result: String,
    /// Lines: a strong word, a text, and the next step.
    pub(crate) lines: Vec<(String, String, String)>,
}

/// Tone of a band, or of a part of a bar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing speaks against the figures.
    #[default]
    Good,
    /// Read on before you rely on small differences.
    Doubtful,
    /// Something is wrong.
    Bad,
}

/// Parts of a whole, by class, with their words and counts.
#[derive(Debug, Default)]
pub(crate) struct Bar {
    /// The whole.
    pub(crate) whole: u64,
    /// Parts: class, words, count.
    pub(crate) parts: Vec<(&'static str, String, u64)>,
}

/// A label at an axis.
#[derive(Debug)]
pub(crate) struct Label {
    /// Place between 0 and 1.
    pub(crate) place: f64,
    /// Text.
    pub(crate) text: String,
    /// True if it is left out on narrow screens.
    pub(crate) is_minor: bool,
}

/// A chart: a drawing with labels at its axes.
#[derive(Debug, Default)]
pub(crate) struct Chart {
    /// Content in one sentence, for readers who do not see it.
    pub(crate) name: String,
    /// Quantity and unit of the vertical axis.
    pub(crate) unit: String,
    /// Drawing.
    pub(crate) drawing: Drawing,
    /// Labels of the vertical axis, or of the rows.
    pub(crate) y: Vec<Label>,
    /// Labels of the horizontal axis.
    pub(crate) x: Vec<Label>,
    /// Words next to points of the drawing: the point, from the left and from the bottom, and its text.
    pub(crate) marks: Vec<(Point, String)>,
    /// Lines by class, with their names.
    pub(crate) key: Vec<(&'static str, String)>,
    /// Shape.
    pub(crate) shape: Shape,
}

/// Shape of a chart.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Shape {
    /// For curves.
    #[default]
    Tall,
    /// For one of several charts over each other.
    Low,
    /// For this number of rows with a label each.
    Rows(usize),
}

/// A figure of a page.
#[derive(Debug, Default)]
pub(crate) struct Figure {
    /// Question that the figure answers: its heading.
    pub(crate) question: String,
    /// The answer, in a sentence with figures.
    pub(crate) answer: String,
    /// Parts of a whole; empty for other figures.
    pub(crate) bar: Bar,
    /// Charts over each other, with one horizontal axis.
    pub(crate) charts: Vec<Chart>,
    /// Meaning of a point of the charts.
    pub(crate) point: String,
    /// Table with the figures of the charts.
    pub(crate) table: Option<Table>,
    /// True if the table is shown without a click.
    pub(crate) is_open: bool,
    /// True if the rows of the table are columns of the charts.
    pub(crate) has_columns: bool,
}

/// A table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Headings.
    pub(crate) head: Vec<String>,
    /// Cells. The first cell of a row is its heading.
    pub(crate) rows: Vec<Vec<String>>,
    /// Right edges of the columns of the charts, in thousandths; empty if rows are no columns.
    pub(crate) edges: Vec<f64>,
    /// Columns with texts, which are not aligned at their end.
    pub(crate) texts: Vec<usize>,
    /// Classes of cells, by row and column; empty for a plain table.
    pub(crate) classes: Vec<Vec<String>>,
}

impl Table {
    /// Makes an empty table with these headings.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|text| (*text).to_owned()).collect(), ..Self::default() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Returns the table with these columns as texts.
    pub(crate) fn with_texts(self, texts: &[usize]) -> Self {
        Self { texts: texts.to_vec(), ..self }
    }
}

impl Label {
    pub(crate) fn new(place: f64, text: impl Into<String>) -> Self {
        Self { place, text: text.into(), is_minor: false }
    }

    /// Labels of a scale's ticks. On narrow screens every second one is left out.
    pub(crate) fn ticks(scale: &Scale, text: impl Fn(f64) -> String) -> Vec<Self> {
        let ticks = scale.ticks();
        let is_crowded = ticks.len() > 4;
        ticks
            .iter()
            .enumerate()
            .map(|(index, tick)| Self {
                place: tick.place,
                text: text(tick.value),
                is_minor: is_crowded && index % 2 == 1,
            })
            .collect()
    }
}

impl Label {
    /// Labels of a scale's ticks for an axis on which they must lie so far apart. Powers of ten come first.
    pub(crate) fn apart(scale: &Scale, least: f64, text: impl Fn(f64) -> String) -> Vec<Self> {
        let is_power = |value: f64| (value.log10() - value.log10().round()).abs() < 1e-9;
        let (powers, others): (Vec<_>, Vec<_>) =
            scale.ticks().into_iter().partition(|tick| is_power(tick.value));
        let mut labels: Vec<Self> = Vec::new();
        for tick in powers.into_iter().chain(others) {
            if labels.iter().all(|label| (label.place - tick.place).abs() >= least) {
                labels.push(Self::new(tick.place, text(tick.value)));
            }
        }
        labels
    }
}

impl Chart {
    /// Adds words next to points, but not where they would lie on those before.
    pub(crate) fn with_marks(mut self, marks: impl IntoIterator<Item = (Point, String)>) -> Self {
        for ((x, y), text) in marks {
            let lies_on =
                |((left, low), _): &(Point, String)| (x - left).abs() < 0.12 && (y - low).abs() < 0.1;
            if !self.marks.iter().any(lies_on) {
                self.marks.push(((x, y), text));
            }
        }
        self
    }

    /// Draws a faint line at each label of the axes.
    pub(crate) fn grid(mut self) -> Self {
        let mut grid = Drawing::new();
        for label in &self.y {
            grid.level("grid", label.place);
        }
        for label in &self.x {
            grid.upright("grid", label.place);
        }
        grid.append(&self.drawing);
        self.drawing = grid;
        self
    }
}

/// Title of a page: `Run mine of localhost:8080`.
pub(crate) fn title(what: &str, label: Option<&str>, target: &str) -> String {
    let label = label.map_or_else(String::new, |label| format!(" {label}"));
    format!("{what}{label} of {target}")
}

/// A target for a title. The port of an own server means nothing after its run.
pub(crate) fn target_words(target: &TargetRecord) -> &str {
    if target.server.is_some() { "its own server" } else { &target.authority }
}

/// Returns a report as text.
pub(crate) fn text_of(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut text = Vec::new();
    write(&mut text).expect("memory takes any text");
    String::from_utf8_lossy(&text).into_owned()
}

/// Returns a machine in words.
pub(crate) fn machine_words(machine: &Environment) -> String {
    let model = machine.cpu_model.as_deref().unwrap_or(&machine.architecture);
    format!("{model}, {} cores, {}", machine.cores, machine.os)
}

/// Returns a build in words.
pub(crate) fn build_words(build: &Build) -> String {
    let commit = build.commit.as_deref().map_or_else(String::new, |commit| format!(", {commit}"));
    format!("{}{commit}", build.version)
}

/// Returns a quantile in words: `99.9 %`.
pub(crate) fn quantile_words(quantile: f64) -> String {
    if quantile == 0.0 { "min".to_owned() } else { format!("{} %", (quantile * 100.0 * 1e9).round() / 1e9) }
}
