//! Objectives (SLOs): figures that a run must reach, in the syntax of `--assert`.
//!
//! Examples: `p99<5ms`, `service.p50<=300us`, `response.p99.9<1s`, `goodput>10k/s`, `refused==0`,
//! `errors<0.1%`.

use std::{fmt, str::FromStr};

use crate::{
    rpc::OutcomeKind,
    units::{Count, Named, Rate, as_f64, hint, parse_duration},
};

/// A figure of a run, compared with a bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// The text on the command line.
    pub expression: String,
    /// The figure.
    pub metric: Metric,
    /// The relation between the figure and the bound.
    pub comparison: Relation,
    /// The bound: ns, calls per second, a number of calls, or a share (0..1) of the planned calls.
    pub bound: f64,
}

/// A figure that an objective is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// A statistic of a latency, in ns.
    Latency(Time, Statistic),
    /// Verified replies per second.
    Goodput,
    /// A number of calls.
    Calls(CallsOf),
    /// A number of calls as a share (0..1) of the planned calls.
    Share(CallsOf),
}

/// One of a call's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// Response time in an open loop, service time in a closed one.
    Main,
    /// Time from the intended start to the end.
    Response,
    /// Time from the send to the end.
    Service,
    /// Time from the intended start to the send.
    Lateness,
}

/// A statistic of a latency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// A quantile, 0..1.
    Quantile(f64),
    /// The minimum.
    Min,
    /// The mean.
    Mean,
    /// The maximum.
    Max,
}

/// The calls that an objective counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallsOf {
    /// All planned calls.
    Planned,
    /// Calls with this outcome.
    Outcome(OutcomeKind),
    /// All planned calls except answered ones.
    Errors,
}

/// A relation between a figure and its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    Different,
}

/// A syntax error of an objective: the place and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectiveError {
    expression: String,
    /// Byte offset of the first character that does not fit.
    offset: usize,
    reason: String,
}

impl std::error::Error for ObjectiveError {}

impl fmt::Display for ObjectiveError {
    /// Writes the reason, the expression, and a mark below the place.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.expression[..self.offset].chars().count();
        writeln!(formatter, "this objective cannot be read: {}", self.reason)?;
        writeln!(formatter, "    {}", self.expression)?;
        writeln!(formatter, "    {:before$}^", "")?;
        write!(formatter, "write for example `p99<5ms`, `goodput>10k/s`, `refused==0` or `errors<0.1%`")
    }
}

const COMPARISONS: [(&str, Relation); 6] = [
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("==", Relation::Equal),
    ("!=", Relation::Different),
    ("<", Relation::Below),
    (">", Relation::Above),
];

impl CallsOf {
    fn named(name: &str) -> Option<Self> {
        match name {
            "planned" => Some(Self::Planned),
            "errors" => Some(Self::Errors),
            outcome => OutcomeKind::named(outcome).ok().map(Self::Outcome),
        }
    }
}

impl FromStr for Objective {
    type Err = ObjectiveError;

    fn from_str(expression: &str) -> Result<Self, ObjectiveError> {
        let error =
            |offset, reason: String| ObjectiveError { expression: expression.to_owned(), offset, reason };
        let Some(operator) = expression.find(['<', '>', '=', '!']) else {
            return Err(error(expression.len(), "it has no comparison (<, <=, >, >=, == or !=)".to_owned()));
        };
        let (figure, rest) = expression.split_at(operator);
        let known = COMPARISONS.iter().find(|(sign, _)| rest.starts_with(sign));
        let Some((sign, comparison)) = known else {
            return Err(error(operator, "the comparison is not <, <=, >, >=, == or !=".to_owned()));
        };
        let metric = metric(figure.trim()).map_err(|reason| {
            let indent = figure.len() - figure.trim_start().len();
            error(indent, reason)
        })?;
        let bound_text = &rest[sign.len()..];
        let bound_at = expression.len() - bound_text.trim_start().len();
        let (metric, bound) = bound(metric, bound_text.trim()).map_err(|reason| error(bound_at, reason))?;
        Ok(Self { expression: expression.to_owned(), metric, comparison: *comparison, bound })
    }
}

fn metric(figure: &str) -> Result<Metric, String> {
    if figure == "goodput" {
        return Ok(Metric::Goodput);
    }
    if let Some(calls) = CallsOf::named(figure) {
        return Ok(Metric::Calls(calls));
    }
    let (time, statistic) = match figure.split_once('.') {
        Some(("response", rest)) => (Time::Response, rest),
        Some(("service", rest)) => (Time::Service, rest),
        Some(("lateness", rest)) => (Time::Lateness, rest),
        _ => (Time::Main, figure),
    };
    let statistic = match statistic {
        "min" => Statistic::Min,
        "mean" => Statistic::Mean,
        "max" => Statistic::Max,
        quantile => Statistic::Quantile(self::quantile(quantile).ok_or_else(|| unknown(figure))?),
    };
    Ok(Metric::Latency(time, statistic))
}

/// Reads a quantile: `p99.9` gives 0.999.
fn quantile(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('p')?;
    let is_plain = digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.chars().all(|character| character.is_ascii_digit() || character == '.');
    let percent: f64 = digits.parse().ok().filter(|_| is_plain)?;
    (percent <= 100.0).then_some(percent / 100.0)
}

fn unknown(figure: &str) -> String {
    let outcomes: Vec<&str> = OutcomeKind::VALUES.iter().map(|kind| kind.name()).collect();
    let others = ["min", "mean", "max", "goodput", "planned", "errors"];
    let hint = hint(figure, others.into_iter().chain(outcomes.iter().copied()));
    let outcomes = outcomes.join(", ");
    format!(
        "`{figure}` is not a known figure; {hint}there are pNN, min, mean and max (alone, or after response., service. or lateness.), goodput, planned, {outcomes}, errors"
    )
}

/// Reads a bound in the metric's unit. A percentage turns a number of calls into a share.
fn bound(metric: Metric, text: &str) -> Result<(Metric, f64), String> {
    match (metric, text.strip_suffix('%')) {
        (Metric::Latency(..), _) => {
            let duration = parse_duration(text).map_err(|error| error.to_string())?;
            Ok((metric, as_f64(crate::units::nanoseconds_of(duration))))
        }
        (Metric::Goodput, _) if matches!(text, "0" | "0/s") => Ok((metric, 0.0)),
        (Metric::Goodput, _) => {
            let rate: Rate = text.parse().map_err(|error: crate::units::QuantityError| error.to_string())?;
            Ok((metric, rate.per_second()))
        }
        (Metric::Calls(calls) | Metric::Share(calls), Some(percent)) => {
            let percent: Option<f64> = percent.trim().parse().ok();
            let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
            let percent = percent.ok_or_else(|| format!("`{text}` is not a percentage from 0% to 100%"))?;
            Ok((Metric::Share(calls), percent / 100.0))
        }
        (Metric::Calls(_) | Metric::Share(_), None) => {
            let count: Count =
                text.parse().map_err(|error: crate::units::QuantityError| error.to_string())?;
            Ok((metric, as_f64(count.0)))
        }
    }
}

impl Objective {
    /// Returns true if a measured figure meets the bound.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "counts are whole, and exact as floats")]
    pub fn is_met_by(&self, measured: f64) -> bool {
        match self.comparison {
            Relation::Below => measured < self.bound,
            Relation::AtMost => measured <= self.bound,
            Relation::Above => measured > self.bound,
            Relation::AtLeast => measured >= self.bound,
            Relation::Equal => measured == self.bound,
            Relation::Different => measured != self.bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(expression: &str) -> (Metric, Relation, f64) {
        let objective: Objective = expression.parse().unwrap_or_else(|error| panic!("{error}"));
        (objective.metric, objective.comparison, objective.bound)
    }

    #[test]
    fn objectives_read_as_documented() {
        use Metric::{Calls, Goodput, Latency, Share};
        use Relation::{Above, AtMost, Below, Equal};
        let p99 = |time| Latency(time, Statistic::Quantile(0.99));
        for (expression, expected) in [
            ("p99<5ms", (p99(Time::Main), Below, 5e6)),
            ("service.p50 <= 300us", (Latency(Time::Service, Statistic::Quantile(0.5)), AtMost, 3e5)),
            ("lateness.max<1s", (Latency(Time::Lateness, Statistic::Max), Below, 1e9)),
            ("goodput>10k/s", (Goodput, Above, 1e4)),
            ("refused==0", (Calls(CallsOf::Outcome(OutcomeKind::Refused)), Equal, 0.0)),
            ("goodput>0", (Goodput, Above, 0.0)),
            ("errors<0.1%", (Share(CallsOf::Errors), Below, 0.001)),
        ] {
            assert_eq!(parsed(expression), expected, "{expression}");
        }
        let (Latency(Time::Response, Statistic::Quantile(quantile)), ..) = parsed("response.p99.9<1s") else {
            panic!("not a quantile")
        };
        assert!((quantile - 0.999).abs() < 1e-12);
    }

    #[test]
    fn an_error_marks_the_place() {
        for (expression, mark, reason) in [
            ("p99", "    p99\n       ^", "no comparison"),
            ("p99<5", "    p99<5\n        ^", "no unit"),
            ("speed<5ms", "    speed<5ms\n    ^", "not a known figure"),
            ("p101<5ms", "    p101<5ms\n    ^", "not a known figure"),
            ("pinf<5ms", "    pinf<5ms\n    ^", "not a known figure"),
            ("errors<101%", "    errors<101%\n           ^", "percentage"),
            ("p99=5ms", "    p99=5ms\n       ^", "the comparison is not"),
            ("refused<1.5", "    refused<1.5\n            ^", "count"),
        ] {
            let error = expression.parse::<Objective>().expect_err(expression).to_string();
            assert!(error.contains(mark), "{error}");
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn bounds_are_met_as_their_signs_say() {
        let meets = |expression: &str, measured| {
            expression.parse::<Objective>().expect(expression).is_met_by(measured)
        };
        assert!(meets("refused==0", 0.0) && !meets("refused==0", 1.0));
        assert!(meets("p50<=1us", 1_000.0) && !meets("p50<1us", 1_000.0));
        assert!(meets("answered!=0", 3.0) && meets("goodput>=5", 5.0));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,30}") {
            if let Err(error) = text.parse::<Objective>() {
                let _ = error.to_string();
            }
        }
    }
}
