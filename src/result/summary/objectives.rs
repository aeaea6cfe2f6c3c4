//! Measurement of objectives.

use super::document::{Goodput, ObjectiveRecord};
use crate::{
    measure::{Calls, Latency, Recording},
    result::{
        objective::{CallsOf, Metric, Objective, Statistic, Time},
        quantiles::{rank, samples_needed},
    },
    units::{as_f64, decimal, format_nanoseconds, format_share, grouped},
};

/// Measures an objective. An objective without a figure, or with too few samples, is not met.
pub(super) fn judge(objective: &Objective, recording: &Recording, goodput: &Goodput) -> ObjectiveRecord {
    let calls = |of| calls_of(&recording.calls, of);
    let measured = match objective.metric {
        Metric::Latency(time, statistic) => match latency_of(recording, time) {
            Some(latency) => measure(latency, &recording.calls, statistic),
            None => Err("a closed loop has no intended start, so it has service time alone".to_owned()),
        },
        Metric::Goodput => {
            Ok((goodput.calls_per_second, format!("{} calls/s", decimal(goodput.calls_per_second))))
        }
        Metric::Calls(of) => Ok((as_f64(calls(of)), format!("{} calls", grouped(calls(of))))),
        Metric::Share(_) if recording.calls.planned == 0 => Err("no call was planned".to_owned()),
        Metric::Share(of) => {
            let share = as_f64(calls(of)) / as_f64(recording.calls.planned);
            Ok((share, format_share(share)))
        }
    };
    let expression = objective.expression.clone();
    match measured {
        Ok((measured, shown)) => ObjectiveRecord {
            expression,
            measured: Some(measured).filter(|measured| measured.is_finite()),
            shown,
            met: measured.is_finite() && objective.is_met_by(measured),
        },
        Err(reason) => ObjectiveRecord {
            expression,
            measured: None,
            shown: format!("not measured: {reason}"),
            met: false,
        },
    }
}

/// Returns the number of calls that an objective counts.
pub(super) fn calls_of(calls: &Calls, of: CallsOf) -> u64 {
    let outcomes = &calls.outcomes;
    match of {
        CallsOf::Planned => calls.planned,
        CallsOf::Outcome(kind) => outcomes.of(kind),
        CallsOf::Errors => outcomes.errors(),
    }
}

fn latency_of(recording: &Recording, time: Time) -> Option<&Latency> {
    match time {
        Time::Main => recording.response.as_ref().or(Some(&recording.service)),
        Time::Service => Some(&recording.service),
        Time::Response => recording.response.as_ref(),
        Time::Lateness => recording.lateness.as_ref(),
    }
}

/// Returns a statistic over the *planned* calls, in ns and in words. A call without a verified reply counts as
/// slower than any bound. Only calls refused for their size are excluded.
fn measure(latency: &Latency, calls: &Calls, statistic: Statistic) -> Result<(f64, String), String> {
    let answered = latency.count();
    let planned = calls.planned.saturating_sub(calls.outcomes.refused).max(answered);
    let missing = planned - answered;
    if answered == 0 {
        return Err("no call was answered".to_owned());
    }
    let figure = |nanoseconds: f64| Ok((nanoseconds, format_nanoseconds(nanoseconds)));
    let left_out = || {
        let share = format_share(as_f64(missing) / as_f64(planned));
        format!("{} of {} planned calls ({share}) had no verified reply", grouped(missing), grouped(planned))
    };
    match statistic {
        Statistic::Quantile(quantile) if quantile < 1.0 && planned < samples_needed(quantile) => {
            Err(format!(
                "it needs {} calls, and there were {}",
                grouped(samples_needed(quantile)),
                grouped(planned)
            ))
        }
        Statistic::Quantile(quantile) => {
            let rank = rank(quantile, planned);
            if rank > as_f64(answered) {
                Ok((f64::INFINITY, format!("slower than any bound: {}", left_out())))
            } else {
                let (nanoseconds, shown) =
                    figure(as_f64(latency.quantile_ns((rank - 0.5) / as_f64(answered))))?;
                Ok((nanoseconds, if missing > 0 { format!("{shown}; {}", left_out()) } else { shown }))
            }
        }
        Statistic::Mean | Statistic::Max if missing > 0 => {
            Ok((f64::INFINITY, format!("slower than any bound: {}", left_out())))
        }
        Statistic::Min => figure(as_f64(latency.min_ns())),
        Statistic::Mean => figure(latency.mean_ns()),
        Statistic::Max => figure(as_f64(latency.max_ns())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::Outcomes;

    /// Returns calls answered after 1, 2, 3 ... ms, and calls with other outcomes.
    fn recording(others: Outcomes) -> Recording {
        let mut recording = Recording::new(0, false);
        for milliseconds in 1..=others.answered {
            recording.service.record(Duration::from_millis(milliseconds));
        }
        recording.calls = Calls { planned: others.total(), outcomes: others };
        recording
    }

    fn judged(expression: &str, outcomes: Outcomes) -> ObjectiveRecord {
        let objective: Objective = expression.parse().expect(expression);
        let goodput = Goodput {
            replies: outcomes.answered,
            calls_per_second: 1.0,
            request_bytes_per_second: 1.0,
            reply_bytes_per_second: 1.0,
        };
        judge(&objective, &recording(outcomes), &goodput)
    }

    #[test]
    fn a_call_without_a_verified_reply_counts_as_slower_than_any_bound() {
        let answered = Outcomes { answered: 970, ..Outcomes::default() };
        for missing in [
            Outcomes { unfinished: 30, ..answered },
            Outcomes { shed: 30, ..answered },
            Outcomes { failed: 30, ..answered },
            Outcomes { broken: 30, ..answered },
            Outcomes { deadline_exceeded: 30, ..answered },
            Outcomes { wrong_reply: 30, ..answered },
        ] {
            for expression in ["p99<1h", "max<1h", "mean<1h", "p98<1h", "p99>1ms"] {
                let record = judged(expression, missing);
                assert!(!record.met && record.measured.is_none(), "{record:?}");
                assert_eq!(
                    record.shown,
                    "slower than any bound: 30 of 1,000 planned calls (3.00 %) had no verified reply"
                );
            }
            let median = judged("p50<=501ms", missing);
            assert!(median.met, "500 of 1,000 calls took up to 500 ms: {median:?}");
            assert!(
                median.shown.ends_with("30 of 1,000 planned calls (3.00 %) had no verified reply"),
                "{median:?}"
            );
            assert!(!judged("p50<499ms", missing).met);
            assert!(judged("min<2ms", missing).met);
            assert!(!judged("errors<3%", missing).met && judged("errors<=3%", missing).met);
        }
    }

    #[test]
    fn a_quantile_is_that_of_the_report() {
        for answered in [3_000, 5_000, 8_000, 10_000] {
            let outcomes = Outcomes { answered, ..Outcomes::default() };
            let figure = recording(outcomes).service.quantile_ns(0.999);
            let record = judged("p99.9<1h", outcomes);
            assert_eq!(record.measured, Some(as_f64(figure)), "of {answered}");
        }
    }

    #[test]
    fn refused_calls_alone_are_left_out_of_quantiles() {
        let refused = Outcomes { answered: 970, refused: 30, ..Outcomes::default() };
        let record = judged("p99<=962ms", refused);
        assert!(record.met, "961 of 970: {record:?}");
        assert_eq!(record.shown.matches("planned").count(), 0);
        assert!(!judged("refused==0", refused).met);
    }

    #[test]
    fn without_an_answer_nothing_is_met() {
        let failed = Outcomes { failed: 1_000, ..Outcomes::default() };
        for expression in ["p99<1h", "max<1h", "errors<1%"] {
            assert!(!judged(expression, failed).met, "{expression}");
        }
        assert!(!judged("errors<1%", Outcomes::default()).met);
        assert!(!judged("p99<1h", Outcomes { answered: 200, ..Outcomes::default() }).met, "too few");
    }
}
