//! Figures as markup.

use maud::{Markup, PreEscaped, html};

use crate::{
    report::page::content::{Bar, Chart, Figure, Label, Shape, Table},
    units::{as_f64, grouped},
};

/// Returns a figure as markup.
pub(super) fn figure(figure: &Figure) -> Markup {
    let last = figure.charts.len().saturating_sub(1);
    let columns = figure.has_columns.then_some("");
    html! {
        figure data-columns=[columns] tabindex=[columns.map(|_| "0")] {
            figcaption {
                h2 { (figure.question) }
                @if !figure.answer.is_empty() { p { (figure.answer) } }
            }
            @if !figure.bar.parts.is_empty() { (bar(&figure.bar)) }
            @for (index, chart) in figure.charts.iter().enumerate() {
                (self::chart(chart, index == last))
            }
            @if figure.has_columns { output aria-live="polite" {} }
            @if !figure.point.is_empty() { p.point { (figure.point) } }
            @if let Some(table) = &figure.table {
                @if figure.is_open || figure.charts.is_empty() {
                    (self::table(table, &figure.question))
                } @else {
                    details { summary { "The same figures as a table" } (self::table(table, &figure.question)) }
                }
            }
        }
    }
}

/// Parts of a whole, side by side.
fn bar(bar: &Bar) -> Markup {
    let words: Vec<String> =
        bar.parts.iter().map(|(_, name, count)| format!("{} {name}", grouped(*count))).collect();
    let width = |count: u64| format!("width:{:.2}%", 100.0 * as_f64(count) / as_f64(bar.whole.max(1)));
    html! {
        div.bar role="img" aria-label={ "Of " (grouped(bar.whole)) ": " (words.join(", ")) } {
            @for (class, _, count) in &bar.parts { i class=(class) style=(width(*count)) {} }
        }
        ul.key {
            @for (class, name, count) in &bar.parts {
                li { span class={ "swatch " (class) } {} (name) " " (grouped(*count)) }
            }
        }
    }
}

fn chart(chart: &Chart, has_x: bool) -> Markup {
    let (class, rows) = match chart.shape {
        Shape::Tall => ("chart tall", None),
        Shape::Low => ("chart low", None),
        Shape::Rows(rows) => ("chart rows", Some(format!("--rows:{rows}"))),
    };
    html! {
        @if !chart.key.is_empty() {
            ul.key {
                @for (class, text) in &chart.key {
                    li {
                        svg viewBox="0 0 28 10" aria-hidden="true" { path class={ "line " (class) } d="M1 5h26" {} }
                        (text)
                    }
                }
            }
        }
        div class=(class) role="img" aria-label=(chart.name) style=[rows] {
            @if !chart.unit.is_empty() { div.unit { (chart.unit) } }
            div.y {
                @for Label { place, text, is_minor } in &chart.y {
                    span class=[is_minor.then_some("minor")] style={ "bottom:" (percent(*place)) } { (text) }
                }
            }
            div.box {
                (PreEscaped(chart.drawing.svg()))
                @for ((x, y), text) in &chart.marks {
                    span class=(if *x > 0.5 { "mark left" } else { "mark" }) style={ "left:" (percent(*x)) ";bottom:" (percent(*y)) } { (text) }
                }
            }
            @if has_x {
                div.x {
                    @for (index, Label { place, text, is_minor }) in chart.x.iter().enumerate() {
                        span class=[edge(*place, index, *is_minor)] style={ "left:" (percent(*place)) } { (text) }
                    }
                }
            }
        }
    }
}

fn table(table: &Table, name: &str) -> Markup {
    let class = |column: usize| {
        let is_text = table.texts.contains(&column);
        (is_text && column + 1 == table.head.len()).then_some("text wrap").or(is_text.then_some("text"))
    };
    let of_cell = |row: usize, column: usize| {
        let own = table.classes.get(row).and_then(|row| row.get(column)).map(String::as_str);
        let own = own.filter(|class| !class.is_empty());
        own.or_else(|| class(column))
    };
    html! {
        // A scrolled table can be scrolled with the keyboard.
        div.scroll tabindex="0" role="region" aria-label=(name) {
            table {
                thead { tr { @for (column, text) in table.head.iter().enumerate() { th scope="col" class=[class(column)] { (text) } } } }
                tbody {
                    @for (index, row) in table.rows.iter().enumerate() {
                        tr data-to=[table.edges.get(index).map(|edge| format!("{edge:.1}"))] {
                            @for (column, cell) in row.iter().enumerate() {
                                @if column == 0 { th scope="row" { (cell) } }
                                @else { td class=[of_cell(index, column)] { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Class of a label that would stand out over the end of the axis, or that narrow screens leave out.
fn edge(place: f64, index: usize, is_minor: bool) -> Option<&'static str> {
    match (place < 0.03 && index == 0, place > 0.93, is_minor) {
        (true, _, _) => Some("first"),
        (_, true, false) => Some("last"),
        (_, true, true) => Some("last minor"),
        (_, _, true) => Some("minor"),
        _ => None,
    }
}

fn percent(place: f64) -> String {
    format!("{:.1}%", (place * 100.0).clamp(0.0, 100.0) + 0.0)
}
