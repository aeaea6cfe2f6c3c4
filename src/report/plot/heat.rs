//! Heat maps: counts in a grid, in classes of a colour each.

use std::fmt::Write as _;

use super::drawing::{Drawing, SIZE, Unit};
use crate::units::as_f64;

/// Number of classes of colours, by the logarithm of the count.
pub const CLASSES: usize = 8;

/// Names of the classes, from few to many.
const NAMES: [&str; CLASSES] = ["h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8"];

/// A column of a heat map: its place, from 0 to 1, and its counts from the bottom up.
#[derive(Debug)]
pub struct Column {
    /// Left edge.
    pub from: f64,
    /// Right edge.
    pub to: f64,
    /// Counts of its cells.
    pub counts: Vec<u64>,
}

/// Draws a heat map. All cells of a class are one path: vertical strokes as wide as a column. Equal neighbours in a column
/// are one stroke. A column of another width has paths of its own.
pub fn heat(drawing: &mut Drawing, columns: &[Column]) {
    let most = columns.iter().flat_map(|column| &column.counts).copied().max().unwrap_or(0);
    let width = |column: &Column| Unit((column.to - column.from) * SIZE).to_string();
    for part in columns.chunk_by(|left, right| width(left) == width(right)) {
        strokes(drawing, part, &width(&part[0]), most);
    }
}

fn strokes(drawing: &mut Drawing, columns: &[Column], width: &str, most: u64) {
    let mut paths: [String; CLASSES] = Default::default();
    for Column { from, to, counts } in columns {
        let height = SIZE / as_f64(counts.len().max(1) as u64);
        let middle = Unit(f64::midpoint(*from, *to) * SIZE);
        let mut row = 0;
        while row < counts.len() {
            let class = class(counts[row], most);
            let same = counts[row..].iter().take_while(|count| self::class(**count, most) == class).count();
            if let Some(class) = class {
                let top = (SIZE - as_f64((row + same) as u64) * height).round();
                let tall = Unit((SIZE - as_f64(row as u64) * height).round() - top);
                write!(paths[class], "M{middle} {}v{tall}", Unit(top)).expect("memory takes any text");
            }
            row += same;
        }
    }
    for (class, path) in NAMES.into_iter().zip(paths) {
        if !path.is_empty() {
            drawing.add(format_args!(r#"<path class="heat {class}" stroke-width="{width}" d="{path}"/>"#));
        }
    }
}

/// Returns the class of a count; `None` for 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to the number of classes"
)]
fn class(count: u64, most: u64) -> Option<usize> {
    (count > 0).then(|| {
        let share = as_f64(count).ln() / as_f64(most.max(2)).ln();
        ((share * as_f64(CLASSES as u64)) as usize).min(CLASSES - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_a_class_are_one_path() {
        let mut drawing = Drawing::new();
        heat(
            &mut drawing,
            &[
                Column { from: 0.0, to: 0.5, counts: vec![1, 1, 0, 1_000] },
                Column { from: 0.5, to: 1.0, counts: vec![0, 1_000, 0, 0] },
            ],
        );
        let svg = drawing.svg();
        assert_eq!(svg.matches("<path").count(), 2);
        assert!(svg.contains(r#"<path class="heat h1" stroke-width="500" d="M250 500v500"/>"#), "{svg}");
        assert!(
            svg.contains(r#"<path class="heat h8" stroke-width="500" d="M250 0v250M750 500v250"/>"#),
            "{svg}"
        );
        assert_eq!((class(0, 9), class(1, 1), class(u64::MAX, u64::MAX)), (None, Some(0), Some(7)));
    }
}
