//! A page as Markdown: its figures as tables.

use std::io::{self, Write};

use super::escape::escaped;
use crate::report::page::{
    Page,
    content::{Figure, Table, Tone},
};

/// Most rows of a table. A summary of a CI job has room for 1 MiB.
const MOST_ROWS: usize = 200;

/// Writes a page.
///
/// # Errors
/// Errors of the writer.
pub fn write(page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let mark = match page.band.tone {
        Tone::Good => "✅",
        Tone::Doubtful => "⚠️",
        Tone::Bad => "❌",
    };
    writeln!(out, "## {mark} {}\n", escaped(&page.title))?;
    if !page.band.result.is_empty() {
        writeln!(out, "**{}**\n", escaped(&page.band.result))?;
    }
    for (word, text, advice) in &page.band.lines {
        let word = if word.is_empty() { String::new() } else { format!("**{}** ", escaped(word)) };
        let advice = if advice.is_empty() { String::new() } else { format!("; {}", escaped(advice)) };
        writeln!(out, "- {word}{}{advice}", escaped(text))?;
    }
    writeln!(out)?;
    for line in &page.headline {
        writeln!(out, "{}\n", escaped(line))?;
    }
    for Figure { question, answer, table: of_figure, .. } in &page.figures {
        writeln!(out, "### {}\n", escaped(question))?;
        if !answer.is_empty() {
            writeln!(out, "{}\n", escaped(answer))?;
        }
        if let Some(of_figure) = of_figure {
            table(of_figure, out)?;
        }
    }
    if !page.facts.is_empty() {
        writeln!(out, "<details><summary>How was it made?</summary>\n")?;
        for (name, value) in &page.facts {
            writeln!(out, "- {}: {}", escaped(name), escaped(value))?;
        }
        writeln!(out, "\n</details>")?;
    }
    out.flush()
}

fn table(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    let cells = |cells: &[String]| cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" | ");
    writeln!(out, "| {} |", cells(&table.head))?;
    let rules: Vec<&str> = (0..table.head.len())
        .map(|column| if column == 0 || table.texts.contains(&column) { "---" } else { "---:" })
        .collect();
    writeln!(out, "| {} |", rules.join(" | "))?;
    for row in table.rows.iter().take(MOST_ROWS) {
        writeln!(out, "| {} |", cells(row))?;
    }
    let left = table.rows.len().saturating_sub(MOST_ROWS);
    if left > 0 {
        writeln!(out, "\n{left} more rows are in the JSON document.")?;
    }
    writeln!(out)
}
