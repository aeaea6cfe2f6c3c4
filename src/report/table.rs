//! Columns that are as wide as what stands in them.

use std::io::{self, Write};

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

    /// A row whose name stands in the column of the headings.
    pub(super) fn named_row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        self.rows.push((name.to_owned(), cells.into_iter().collect()));
    }

    /// Writes the table. `heading` is `indent` and one columns wide.
    pub(super) fn write(&self, heading: &str, indent: usize, out: &mut impl Write) -> io::Result<()> {
        let widths: Vec<usize> = (0..self.names.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(column));
                let names = self.names.get(column);
                cells.chain(names).map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let aligned = |cells: &[String]| {
            let cells: Vec<String> =
                cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
            cells.join("  ")
        };
        writeln!(out, "{heading}{}", aligned(&self.names))?;
        for (name, cells) in &self.rows {
            writeln!(out, "{:<indent$} {}", format!("  {name}"), aligned(cells))?;
        }
        Ok(())
    }
}
