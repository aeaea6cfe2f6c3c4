//! Tests of parsing and formatting quantities.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[test]
fn sizes_are_binary_or_decimal() {
    for (text, bytes) in [
        ("0", 0),
        ("4194304", 4_194_304),
        ("4_194_304", 4_194_304),
        ("64KiB", 65_536),
        ("1.5MiB", 1_572_864),
        ("1GiB", 1 << 30),
        ("64kB", 64_000),
        ("4MB", 4_000_000),
        ("10 MiB", 10 << 20),
    ] {
        assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
    }
}

#[test]
fn what_is_no_size_says_why() {
    for (text, reason) in [
        ("", "empty"),
        ("-1", "negative"),
        ("4M", "binary or decimal"),
        ("4 parsecs", "unknown"),
        ("1.0001KiB", "whole"),
        ("99999999999999999999", "too large"),
        ("99999999999GiB", "below 2^64"),
        ("1.2.3", "two points"),
        ("KiB", "no number"),
    ] {
        let error = text.parse::<ByteSize>().expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
        assert!(error.contains("write a size"), "{text}: {error}");
    }
}

#[test]
fn a_bare_number_is_no_duration_and_the_error_shows_what_to_write() {
    let error = parse_duration("10").expect_err("no unit").to_string();
    assert_eq!(
        error,
        "`10` is not a duration: a bare number has no unit; write `10ms`, `10s` or another unit"
    );
    assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1_500)));
    assert_eq!(parse_duration("250us"), Ok(Duration::from_micros(250)));
    assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
    assert!(parse_duration("9000000h").is_err());
}

#[test]
fn a_duration_may_have_several_parts_and_zero_needs_no_unit() {
    let seconds = |seconds| Ok(Duration::from_secs(seconds));
    assert_eq!(parse_duration("1h30m"), seconds(5_400));
    assert_eq!(parse_duration("1m30s"), seconds(90));
    assert_eq!(parse_duration("1h 0.5m"), seconds(3_630));
    assert_eq!(parse_duration("1s500ms"), Ok(Duration::from_millis(1_500)));
    assert_eq!(parse_duration("0"), seconds(0));
    assert_eq!(parse_duration("0s"), seconds(0));
    for (text, reason) in [
        ("1h30", "no unit"),
        ("1h0", "no unit"),
        ("30", "no unit"),
        ("1h30x", "unit is unknown"),
        ("1h-30m", "unit is unknown"),
        ("8784h1s", "longer than a year"),
        ("5000000h5000000h", "year"),
        ("", "empty"),
    ] {
        let error = parse_duration(text).expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn numbers_may_have_an_exponent() {
    assert_eq!("1e6".parse(), Ok(Count(1_000_000)));
    assert_eq!("2.5E3".parse(), Ok(Count(2_500)));
    assert_eq!("1e+3".parse(), Ok(Count(1_000)));
    assert_eq!("1e3/s".parse::<Rate>().map(Rate::per_second), Ok(1_000.0));
    assert_eq!("1e3kB".parse(), Ok(ByteSize(1_000_000)));
    for (text, reason) in [
        ("1e-3", "exponent"),
        ("1e19", "exponent"),
        ("1e99999999999", "exponent"),
        ("1.55e1", "not whole"),
        ("1e", "unit is unknown"),
        ("1eggs", "unit is unknown"),
    ] {
        let error = text.parse::<Count>().expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn rates_and_counts_take_multipliers() {
    assert_eq!("2.5k/s".parse::<Rate>().map(Rate::per_second), Ok(2_500.0));
    assert_eq!("5000".parse::<Rate>().map(Rate::per_second), Ok(5_000.0));
    assert_eq!("10k".parse(), Ok(Count(10_000)));
    assert_eq!("1M".parse(), Ok(Count(1_000_000)));
    assert!("0".parse::<Rate>().expect_err("zero").to_string().contains("no call would ever start"));
    assert!("1.5".parse::<Count>().is_err());
    assert!("nan".parse::<Rate>().is_err());
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,40}") {
        let _ = text.parse::<ByteSize>();
        let _ = text.parse::<Rate>();
        let _ = text.parse::<Count>();
        let _ = text.parse::<Limit>();
        let _ = parse_duration(&text);
    }

    #[test]
    fn a_duration_written_exactly_reads_back(nanoseconds in 0_u64..1_000_000_000_000_000) {
        let duration = Duration::from_nanos(nanoseconds);
        prop_assert_eq!(parse_duration(&exact_duration(duration)), Ok(duration));
    }
}
