//! The page of a sweep: grids of sizes by loads, and a curve of throughput and latency per size.

use super::content::{self, Band, Chart, Figure, Label, Page, Table, Tone};
use crate::{
    experiment::{
        limits::State,
        sweep::{Cell, GridLoad, Sweep},
    },
    report::{
        plot::{Drawing, Scale},
        sweep::write,
    },
    units::{ByteSize, as_f64, decimal, exact_duration, format_nanoseconds, format_share},
};

/// Fewest loads of a size for a curve.
const FEWEST_LOADS: usize = 2;

/// Fewest loads of a size for a knee: with fewer, the largest quotient is most often at an end.
const FEWEST_FOR_KNEE: usize = 4;

/// Classes of shaded cells, from small to large figures.
const SHADES: [&str; 5] = ["", "s1", "s2", "s3", "s4"];

/// Returns the page of a sweep, whose texts from outside are filtered.
pub(crate) fn page(sweep: &Sweep) -> Page {
    let cells = sweep.cells();
    let mut figures = Vec::new();
    if !cells.is_empty() {
        figures.push(grid(sweep, &cells, &goodput(&cells)));
        figures.push(grid(sweep, &cells, &tail(&cells)));
        figures.extend(sizes(&cells).into_iter().filter_map(|size| curve(&cells, size)));
    }
    let (done, all) = (sweep.points.len(), sweep.order.len());
    let unsound: usize = cells.iter().map(|cell| cell.unsound).sum();
    let mut lines = Vec::new();
    if done < all {
        lines.push((
            "unfinished".to_owned(),
            format!("{done} of {all} points"),
            "run the same command again to continue".to_owned(),
        ));
    }
    if unsound > 0 {
        let text = format!("{unsound} runs; their cells are underlined");
        lines.push(("not sound".to_owned(), text, "`plimsoll report` of a run has its findings".to_owned()));
    }
    let tone = if lines.is_empty() { Tone::Good } else { Tone::Doubtful };
    let target = sweep.asked.target.as_deref().unwrap_or("its own server");
    Page {
        title: content::title("Sweep", None, target),
        band: Band { tone, result: format!("{done} of {all} points measured"), lines },
        figures,
        facts: facts(sweep),
        text: content::text_of(|out| write(sweep, out)),
        ..Page::default()
    }
}

fn facts(sweep: &Sweep) -> Vec<(String, String)> {
    let asked = &sweep.asked;
    let each = exact_duration(asked.settings.duration.unwrap_or_default());
    let warm_up = exact_duration(asked.settings.warm_up);
    let repetitions = match asked.repetitions {
        1 => "one run per point".to_owned(),
        repetitions => format!("medians of up to {repetitions} repetitions"),
    };
    let mut facts = vec![
        ("points", format!("{each} each after {warm_up} of warm-up, {repetitions}")),
        ("sizes", asked.sizes.to_string()),
        ("client", asked.settings.options.client.to_string()),
    ];
    if let Some(first) = sweep.points.first() {
        facts.push(("target", first.target.authority.clone()));
        facts.push(("started", first.started_at.clone()));
        facts.push(("machine", content::machine_words(&first.environment)));
    }
    facts.push(("plimsoll", content::build_words(&sweep.plimsoll)));
    facts.into_iter().map(|(name, words)| (name.to_owned(), words)).collect()
}

fn sizes(cells: &[Cell]) -> Vec<u64> {
    let mut sizes: Vec<u64> = cells.iter().map(|cell| cell.message_bytes).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn load_words(load: GridLoad) -> String {
    match load {
        GridLoad::Concurrency(calls) => format!("{calls} in flight"),
        GridLoad::RatePerSecond(rate) => format!("{} calls/s", decimal(rate)),
    }
}

/// Content of a grid: its question, its answer, the figure of a cell, and the figure in words.
struct Shown {
    question: &'static str,
    answer: String,
    of: fn(&Cell) -> Option<f64>,
    words: fn(&Cell, f64) -> String,
    /// Meaning of the figure.
    point: &'static str,
}

fn goodput(cells: &[Cell]) -> Shown {
    let most = cells.iter().max_by(|left, right| left.calls_per_second.total_cmp(&right.calls_per_second));
    Shown {
        question: "How many calls/s does each size carry?",
        answer: most.map_or_else(String::new, |cell| {
            let (rate, size) = (decimal(cell.calls_per_second), ByteSize(cell.message_bytes));
            format!("The most are {rate} calls/s, of {size} at {}.", load_words(cell.load))
        }),
        of: |cell| Some(cell.calls_per_second),
        words: |cell, rate| {
            let (least, most) = (decimal(cell.spread.0), decimal(cell.spread.1));
            let spread = if least == most { String::new() } else { format!(" ({least} to {most})") };
            format!("{}{spread}", decimal(rate))
        },
        point: "A cell is goodput in calls/s, verified replies alone: the median of its repetitions, with the smallest and the largest.",
    }
}

fn tail(cells: &[Cell]) -> Shown {
    let times = || cells.iter().filter_map(|cell| Some((cell.p99_ns?, cell)));
    let ends = times().min_by_key(|(time, _)| *time).zip(times().max_by_key(|(time, _)| *time));
    let at = |(time, cell): (u64, &Cell)| {
        format!(
            "{} ({}, {})",
            format_nanoseconds(as_f64(time)),
            ByteSize(cell.message_bytes),
            load_words(cell.load)
        )
    };
    Shown {
        question: "How long do calls take?",
        answer: ends.map_or_else(String::new, |(shortest, longest)| match (at(shortest), at(longest)) {
            (shortest, longest) if shortest == longest => format!("p99 is {shortest}."),
            (shortest, longest) => format!("p99 is between {shortest} and {longest}."),
        }),
        of: |cell| cell.p99_ns.map(as_f64),
        words: |_, time| format!("p99 {}", format_nanoseconds(time)),
        point: "A cell is the median of the repetitions' 99th percentiles, of verified replies alone.",
    }
}

/// A grid of sizes by loads. Cells are shaded by the logarithm of their figure; a thick rule is a limit.
fn grid(sweep: &Sweep, cells: &[Cell], shown: &Shown) -> Figure {
    let loads = &sweep.asked.loads;
    let mut table = Table { head: vec!["size".to_owned()], ..Table::default() };
    table.head.extend(loads.iter().map(|load| load_words(*load)));
    let scale = Scale::logarithmic(cells.iter().filter_map(shown.of));
    let limits: Vec<u64> = limits(sweep).into_iter().map(|(_, bytes)| bytes).collect();
    let mut before = 0;
    for size in sizes(cells) {
        let is_over = limits.iter().any(|limit| (before..size).contains(limit) && *limit > 0);
        before = size;
        let mut row = vec![ByteSize(size).to_string()];
        let mut classes = vec![String::new()];
        for load in loads {
            let cell = cells.iter().find(|cell| cell.message_bytes == size && cell.load == *load);
            row.push(cell_words(cell, shown));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place is from 0 to 1"
            )]
            let shade = cell.and_then(shown.of).map_or(0, |figure| (scale.place(figure) * 4.999) as usize);
            let of_cell = [
                if is_over { "limit" } else { "" },
                if cell.is_some_and(|cell| cell.unsound > 0) { "doubt" } else { "" },
                if cell.is_some_and(is_refused) { "hatch" } else { SHADES[shade.min(SHADES.len() - 1)] },
            ];
            classes.push(of_cell.into_iter().filter(|class| !class.is_empty()).collect::<Vec<_>>().join(" "));
        }
        table.row(row);
        table.classes.push(classes);
    }
    let limits: Vec<String> =
        self::limits(sweep).into_iter().map(|(name, bytes)| format!("{name} {}", ByteSize(bytes))).collect();
    let limits = if limits.is_empty() {
        String::new()
    } else {
        format!(" A thick rule is a limit: {}.", limits.join(", "))
    };
    Figure {
        question: shown.question.to_owned(),
        answer: shown.answer.clone(),
        point: format!("{} The stronger the colour, the larger.{limits}", shown.point),
        table: Some(table),
        is_open: true,
        ..Figure::default()
    }
}

/// Returns true if no call was answered because all were too large.
fn is_refused(cell: &Cell) -> bool {
    cell.refused > 0.999
}

fn cell_words(cell: Option<&Cell>, shown: &Shown) -> String {
    let Some(cell) = cell else { return "not measured".to_owned() };
    if is_refused(cell) {
        return "refused".to_owned();
    }
    let mut words = (shown.of)(cell).map_or_else(|| "-".to_owned(), |figure| (shown.words)(cell, figure));
    for (share, what) in [(cell.refused, "refused"), (cell.errors, "errors")] {
        if share > 0.0 {
            words = format!("{words}, {} {what}", format_share(share));
        }
    }
    words
}

/// Limits that the sweep found before its grid, with their names.
fn limits(sweep: &Sweep) -> Vec<(String, u64)> {
    let Some(limits) = &sweep.limits else { return Vec::new() };
    let found = limits.limits.iter().filter(|limit| limit.state == State::Found);
    found
        .filter_map(|limit| Some((format!("{} {}", limit.side, limit.direction), limit.limit_bytes?)))
        .collect()
}

/// The curve of a size: calls per second and p99, in the order of the loads.
fn curve(cells: &[Cell], size: u64) -> Option<Figure> {
    let of_size: Vec<&Cell> =
        cells.iter().filter(|cell| cell.message_bytes == size && cell.p99_ns.is_some()).collect();
    if of_size.len() < FEWEST_LOADS {
        return None;
    }
    let rates = of_size.iter().flat_map(|cell| [cell.calls_per_second, cell.spread.1]);
    // A margin: dots and whiskers must not lie on the edge.
    let x = Scale::from_zero(rates.fold(0.0, f64::max) * 1.02);
    let times = of_size.iter().filter_map(|cell| cell.p99_ns).map(as_f64);
    let y = Scale::logarithmic(times.flat_map(|time| [time * 0.95, time * 1.05]));
    let point = |cell: &Cell| (x.place(cell.calls_per_second), y.place(as_f64(cell.p99_ns.unwrap_or(0))));
    let mut drawing = Drawing::new();
    drawing.line("c1", of_size.iter().map(|cell| point(cell)));
    for cell in &of_size {
        let (_, height) = point(cell);
        drawing.line("c1 thin", [(x.place(cell.spread.0), height), (x.place(cell.spread.1), height)]);
        drawing.dot("c1", point(cell));
    }
    let knee = knee(&of_size);
    let explained =
        knee.map_or("", |_| " The knee has the largest quotient of calls/s and p99 (Kleinrock's power).");
    if let Some(knee) = knee {
        drawing.dot("c2", point(knee));
    }
    let mut table = Table::new(&["load", "calls/s", "from", "to", "p50", "p99"]);
    for cell in &of_size {
        let time =
            |time: Option<u64>| time.map_or_else(|| "-".to_owned(), |time| format_nanoseconds(as_f64(time)));
        table.row([
            load_words(cell.load),
            decimal(cell.calls_per_second),
            decimal(cell.spread.0),
            decimal(cell.spread.1),
            time(cell.p50_ns),
            time(cell.p99_ns),
        ]);
    }
    Some(Figure {
        question: format!("Where does latency break at {}?", ByteSize(size)),
        answer: curve_answer(&of_size, knee),
        charts: vec![
            Chart {
                name: format!("Calls per second and p99 at {}, by load", ByteSize(size)),
                unit: "p99, over calls/s".to_owned(),
                drawing,
                y: Label::ticks(&y, format_nanoseconds),
                x: Label::ticks(&x, decimal),
                ..Chart::default()
            }
            .grid()
            .with_marks(of_size.iter().map(|cell| (point(cell), load_words(cell.load)))),
        ],
        point: format!("A dot is a load, in their order; whiskers are its repetitions.{explained}"),
        table: Some(table),
        ..Figure::default()
    })
}

/// The knee, or why there is none, and the loads whose p99 is that of the answered calls alone.
fn curve_answer(cells: &[&Cell], knee: Option<&Cell>) -> String {
    let mut answer = match knee {
        Some(knee) => format!(
            "The knee is at {}: beyond it, p99 grows faster than the calls per second.",
            load_words(knee.load)
        ),
        None if cells.len() < FEWEST_FOR_KNEE => {
            format!("A knee needs {FEWEST_FOR_KNEE} loads or more, such as -c 1..128.")
        }
        None => "There is no knee between these loads.".to_owned(),
    };
    for cell in cells.iter().filter(|cell| cell.errors > 0.0) {
        let (load, share) = (load_words(cell.load), format_share(cell.errors));
        answer =
            format!("{answer} At {load}, {share} of the calls had no verified reply: its p99 lacks them.");
    }
    answer
}

/// The load with the largest calls per second divided by p99, if it lies inside.
fn knee<'a>(cells: &[&'a Cell]) -> Option<&'a Cell> {
    if cells.len() < FEWEST_FOR_KNEE {
        return None;
    }
    let power = |cell: &Cell| cell.calls_per_second / as_f64(cell.p99_ns.unwrap_or(u64::MAX).max(1));
    let (place, knee) =
        cells.iter().enumerate().max_by(|(_, left), (_, right)| power(left).total_cmp(&power(right)))?;
    (0 < place && place + 1 < cells.len()).then_some(*knee)
}
