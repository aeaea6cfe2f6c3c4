//! Lines of Prometheus' text format, which are also those of `OpenMetrics`.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use crate::report::outside::on_one_line;

/// Writes the head of a family.
pub(super) fn family(name: &str, kind: &str, help: &str, out: &mut dyn Write) -> io::Result<()> {
    // Gauges and histograms of seconds name their unit.
    let unit = if name.ends_with("_seconds") { format!("# UNIT {name} seconds\n") } else { String::new() };
    write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{unit}")
}

/// Labels as `{name="value",...}`; empty without labels.
pub(super) fn labels(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        let separator = if text.is_empty() { '{' } else { ',' };
        let value = on_one_line(value).replace('\\', r"\\").replace('"', r#"\""#);
        write!(text, "{separator}{name}=\"{value}\"").expect("memory takes any text");
    }
    if !text.is_empty() {
        text.push('}');
    }
    text
}

/// A number: whole numbers without a decimal point.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() { "NaN".to_owned() } else { format!("{value}") }
}
