//! A drawing: lines, areas, rectangles and dots, as SVG.

use std::fmt::{self, Write as _};

/// Units of a drawing in each direction.
pub(super) const SIZE: f64 = 1_000.0;

/// A point: places between 0 and 1, from the left and from the bottom.
pub type Point = (f64, f64);

/// A drawing as SVG, in a box that its page stretches.
#[derive(Debug, Default)]
pub struct Drawing {
    body: String,
}

/// A number of a drawing, with one decimal.
pub(super) struct Unit(pub(super) f64);

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No place is negative, but rounding leaves a negative zero.
        let tenths = (self.0 * 10.0).round() / 10.0 + 0.0;
        if tenths.fract() == 0.0 {
            write!(formatter, "{tenths:.0}")
        } else {
            write!(formatter, "{tenths:.1}")
        }
    }
}

/// Places as units: from the left, and from the top.
fn units((x, y): Point) -> (Unit, Unit) {
    (Unit(x.clamp(0.0, 1.0) * SIZE), Unit((1.0 - y.clamp(0.0, 1.0)) * SIZE))
}

impl Drawing {
    /// Makes an empty drawing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws a line through these points.
    pub fn line(&mut self, class: &'static str, points: impl IntoIterator<Item = Point>) {
        let path = path(points);
        if !path.is_empty() {
            self.add(format_args!(r#"<path class="line {class}" d="{path}"/>"#));
        }
    }

    /// Fills the area between these points, which end where they begin.
    pub fn area(&mut self, class: &'static str, points: impl IntoIterator<Item = Point>) {
        let path = path(points);
        if !path.is_empty() {
            self.add(format_args!(r#"<path class="area {class}" d="{path}Z"/>"#));
        }
    }

    /// Draws a rectangle between two corners.
    pub fn rectangle(&mut self, class: &'static str, low: Point, high: Point) {
        let (left, bottom) = (low.0.clamp(0.0, 1.0) * SIZE, (1.0 - low.1.clamp(0.0, 1.0)) * SIZE);
        let (right, top) = (high.0.clamp(0.0, 1.0) * SIZE, (1.0 - high.1.clamp(0.0, 1.0)) * SIZE);
        let (width, height) = (Unit((right - left).max(0.0)), Unit((bottom - top).max(0.0)));
        let (x, y) = (Unit(left), Unit(top));
        self.add(format_args!(
            r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}"/>"#
        ));
    }

    /// Draws a dot: round at any stretch, because it is a line without length and with round ends.
    pub fn dot(&mut self, class: &'static str, at: Point) {
        let (x, y) = units(at);
        self.add(format_args!(r#"<path class="dot {class}" d="M{x} {y}h.01"/>"#));
    }

    /// Draws a vertical line over the whole height.
    pub fn upright(&mut self, class: &'static str, x: f64) {
        self.line(class, [(x, 0.0), (x, 1.0)]);
    }

    /// Draws a horizontal line over the whole width.
    pub fn level(&mut self, class: &'static str, y: f64) {
        self.line(class, [(0.0, y), (1.0, y)]);
    }

    /// Draws all of another drawing over this one.
    pub fn append(&mut self, other: &Self) {
        self.body.push_str(&other.body);
    }

    pub(super) fn add(&mut self, element: fmt::Arguments<'_>) {
        self.body.write_fmt(element).expect("memory takes any text");
    }

    /// Returns the SVG. It has no name: the page describes it.
    #[must_use]
    pub fn svg(&self) -> String {
        format!(
            r#"<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true" focusable="false">{}</svg>"#,
            self.body
        )
    }
}

/// Writes a path in few bytes: moves relative to the point before, as most points are steps. Places are tenths of a unit
/// from the left, and units from the top.
fn path(points: impl IntoIterator<Item = Point>) -> String {
    let mut path = String::new();
    let mut at: Option<(f64, f64)> = None;
    // A level part, not written yet.
    let mut level = 0.0;
    for (x, y) in points {
        let x = (x.clamp(0.0, 1.0) * SIZE * 10.0).round() / 10.0;
        let y = ((1.0 - y.clamp(0.0, 1.0)) * SIZE).round();
        let Some((from_x, from_y)) = at.replace((x, y)) else {
            write!(path, "M{} {}", Unit(x), Unit(y)).expect("memory takes any text");
            continue;
        };
        let (right, down) = (x - from_x, y - from_y);
        if down == 0.0 {
            level += right;
            continue;
        }
        push_level(&mut path, std::mem::take(&mut level));
        let (right, down) = (Unit(right).to_string(), Unit(down).to_string());
        let space = if down.starts_with('-') { "" } else { " " };
        if right == "0" {
            write!(path, "v{down}").expect("memory takes any text");
        } else {
            write!(path, "l{right}{space}{down}").expect("memory takes any text");
        }
    }
    push_level(&mut path, level);
    path
}

fn push_level(path: &mut String, right: f64) {
    let right = Unit(right).to_string();
    if right != "0" {
        write!(path, "h{right}").expect("memory takes any text");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_written_in_few_bytes_and_end_where_they_must() {
        let steps = [0.2, 0.2, 0.7, 0.3].into_iter().zip(0..).flat_map(|(height, step)| {
            let from = f64::from(step) / 3.0;
            [(from, height), (from + 1.0 / 3.0, height)]
        });
        assert_eq!(path(steps), "M0 800h666.7v-500h333.3v400");
        assert_eq!(path([(0.5, 0.5)]), "M500 500");
    }

    #[test]
    fn a_drawing_is_numbers_and_classes() {
        let mut drawing = Drawing::new();
        drawing.line("p50", [(0.0, 0.0), (0.12345, 1.0), (2.0, -1.0)]);
        drawing.line("empty", []);
        drawing.rectangle("bar", (0.1, 0.0), (0.3, 0.5));
        drawing.dot("run", (0.5, 0.25));
        assert_eq!(
            drawing.svg(),
            concat!(
                r#"<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true" focusable="false">"#,
                r#"<path class="line p50" d="M0 1000l123.5-1000l876.5 1000"/>"#,
                r#"<rect class="bar" x="100" y="500" width="200" height="500"/>"#,
                r#"<path class="dot run" d="M500 750h.01"/></svg>"#,
            )
        );
        assert_eq!(Unit(-0.04).to_string(), "0");
    }
}
