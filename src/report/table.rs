//! Tables whose columns are as wide as their content.

use std::io::{self, Write};

use textwrap::core::display_width;

/// Rows of cells, aligned to the right, below a row of names.
pub(super) struct Table {
    names: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

impl Table {
    pub(super) fn new(names: &[&str]) -> Self {
        Self { names: names.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.named_row("", cells);
    }

    /// Adds a row whose name stands in the column of the headings.
    pub(super) fn named_row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        self.rows.push((name.to_owned(), cells.into_iter().collect()));
    }

    /// Writes the table. `heading` must be `indent + 1` columns wide.
    pub(super) fn write(&self, heading: &str, indent: usize, out: &mut impl Write) -> io::Result<()> {
        let widths: Vec<usize> = (0..self.names.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(column));
                let names = self.names.get(column);
                cells.chain(names).map(|cell| display_width(cell)).max().unwrap_or(0)
            })
            .collect();
        let aligned = |cells: &[String]| {
            let cells = cells.iter().zip(&widths).map(|(cell, width)| padding(cell, *width) + cell);
            cells.collect::<Vec<_>>().join("  ")
        };
        writeln!(out, "{heading}{}", aligned(&self.names))?;
        for (name, cells) in &self.rows {
            writeln!(out, "  {name}{} {}", padding(name, indent.saturating_sub(2)), aligned(cells))?;
        }
        Ok(())
    }
}

/// Returns the spaces that pad a text to its column's width, counted in columns of a terminal: some characters take
/// two columns, and accents none.
fn padding(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(display_width(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_in_any_script() {
        let mut table = Table::new(&["code", "sent"]);
        // Two characters that take four columns, and two that take one.
        table.named_row("\u{65e5}\u{672c}", ["OK", "1"].map(str::to_owned));
        table.named_row("e\u{301}", ["\u{65e5}\u{672c}\u{8a9e}", "2"].map(str::to_owned));
        table.named_row("x", ["e\u{301}", "3"].map(str::to_owned));
        let mut out = Vec::new();
        table.write("         ", 8, &mut out).expect("memory takes any bytes");
        assert_eq!(
            String::from_utf8(out).expect("UTF-8").lines().collect::<Vec<_>>(),
            [
                "           code  sent",
                "  \u{65e5}\u{672c}       OK     1",
                "  e\u{301}      \u{65e5}\u{672c}\u{8a9e}     2",
                "  x           e\u{301}     3",
            ]
        );
    }
}
