//! Quantities for display: few digits, always with a unit.

use std::{fmt::Write as _, time::Duration};

use super::digits::decimal;

/// Formats bytes as hexadecimal digits, two for each.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// Formats a duration for display, in the best-fitting unit: `54.2 us`, `1.50 ms`, `12.0 s`, `0 ns`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    format_nanoseconds(duration.as_secs_f64() * 1e9)
}

/// Formats nanoseconds for display, as [`format_duration`] does.
#[must_use]
pub fn format_nanoseconds(nanoseconds: f64) -> String {
    // Each bound is the value at which rounding to three digits would print 1000 of the smaller unit.
    let (value, unit) = match nanoseconds {
        value if value < 999.5 => (value, "ns"),
        value if value < 999.5e3 => (value / 1e3, "us"),
        value if value < 999.5e6 => (value / 1e6, "ms"),
        value => (value / 1e9, "s"),
    };
    let digits = match value {
        _ if unit == "ns" => 0,
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

/// Formats a duration exactly, in the form that flags accept: `10s`, `1500ms`, `250us`.
#[must_use]
pub fn exact_duration(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    for (factor, unit) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")] {
        if nanoseconds.is_multiple_of(factor) {
            return format!("{}{unit}", nanoseconds / factor);
        }
    }
    format!("{nanoseconds}ns")
}

/// Formats bytes per second for display, in binary units: `12.5 MiB/s`.
#[must_use]
pub fn format_throughput(bytes_per_second: f64) -> String {
    let (value, unit) = match bytes_per_second {
        value if value < 1_024.0 => (value, "B/s"),
        value if value < 1_048_576.0 => (value / 1_024.0, "KiB/s"),
        value if value < 1_073_741_824.0 => (value / 1_048_576.0, "MiB/s"),
        value => (value / 1_073_741_824.0, "GiB/s"),
    };
    format!("{} {unit}", decimal(value))
}

/// Formats a share from 0 to 1 as a percentage. Only an exact 0 or 1 prints as 0 % or 100 %; others print as
/// `<0.01 %` or `>99.99 %` at the ends.
#[must_use]
pub fn format_share(share: f64) -> String {
    // An empty sum of floats is -0.0; adding 0.0 makes it 0.
    let percent = share * 100.0 + 0.0;
    if percent > 0.0 && percent < 0.01 {
        "<0.01 %".to_owned()
    } else if (99.995..100.0).contains(&percent) {
        ">99.99 %".to_owned()
    } else {
        format!("{percent:.2} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{digits::grouped, size::ByteSize};

    #[test]
    fn figures_carry_units_and_few_digits() {
        assert_eq!(format_nanoseconds(54_231.0), "54.2 us");
        assert_eq!(format_nanoseconds(999_999.0), "1.00 ms");
        assert_eq!(format_nanoseconds(1_500_000.0), "1.50 ms");
        assert_eq!(format_nanoseconds(0.0), "0 ns");
        assert_eq!(grouped(4_194_304), "4,194,304");
        assert_eq!(grouped(1), "1");
        assert_eq!(decimal(12_345.6), "12,346");
        assert_eq!(decimal(0.012_345), "0.01235");
        assert_eq!(ByteSize(4_194_305).to_string(), "4,194,305 B");
        assert_eq!(ByteSize(4 << 20).to_string(), "4 MiB");
        assert_eq!(format_share(0.000_001), "<0.01 %");
        assert_eq!(format_share(0.999_999), ">99.99 %");
        assert_eq!(format_share(1.0), "100.00 %");
    }
}
