//! Refused sizes, and the mix without them.

use std::sync::Arc;

use tokio::time::Instant;

use super::document::RefusedSize;
use crate::{
    client::lean::{blocking::BlockingConnection, request::Requests},
    endpoint::Located,
    load::{Load, Mix, Plan, Rates, Settings, Share, Stage, Texts},
    rpc::{Outcome, metadata::Secrets, status_words},
    stop::Stop,
    units::ByteSize,
};

/// Longest wait for the call that shows if a size is refused.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// Reason why there is nothing to compare.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterferenceError {
    /// The experiment was stopped from outside.
    #[error("interrupted")]
    Interrupted,
    /// A closed loop, which has no rate.
    #[error(
        "a comparison with and without refused calls needs equal rates, and a closed loop has none: give --rate"
    )]
    Closed,
    /// A number of calls, which cannot be equal on both sides.
    #[error(
        "a comparison with and without refused calls lasts for a time: leave out --calls, and give --duration"
    )]
    Counted,
    /// A single size.
    #[error(
        "a comparison with and without refused calls needs a mix of sizes, such as `--size 1KiB@95,5MiB@5`"
    )]
    OneSize,
    /// No size is refused.
    #[error(
        "none of these sizes is refused ({0}); add a size above a limit to --size; `plimsoll limits` finds the limits"
    )]
    NoneRefused(String),
    /// No size passes.
    #[error("none of these sizes passes ({0}); add a size below the limits to --size, such as `1KiB@95`")]
    NonePasses(String),
    /// A call was neither answered nor refused.
    #[error("a call of {size} is neither answered nor refused: {what}")]
    Neither {
        /// Size of the call.
        size: ByteSize,
        /// Outcome of the call.
        what: String,
    },
    /// The connection failed.
    #[error("cannot connect to {0}: {1}")]
    Unreachable(String, String),
}

/// Checks that these settings allow a comparison.
///
/// # Errors
/// They do not; the error names the change to make.
pub fn check(settings: &Settings) -> Result<(), InterferenceError> {
    match (&settings.load, settings.calls, &settings.texts) {
        (Load::Closed { .. }, ..) => Err(InterferenceError::Closed),
        (_, Some(_), _) => Err(InterferenceError::Counted),
        (_, _, Texts::Made { mix, .. }) if mix.0.len() > 1 => Ok(()),
        _ => Err(InterferenceError::OneSize),
    }
}

/// Makes one call of each size. Returns the refusals in the order of the plan's messages; `None` for an
/// answered call. A failure or a lost connection counts as a refusal too, because some servers refuse without
/// known words.
///
/// # Errors
/// No size passes, all sizes pass, a call ends in another way, or `stop` came first.
pub fn refused_sizes(
    plan: &Plan,
    target: &Located,
    stop: &Stop,
) -> Result<Vec<Option<RefusedSize>>, InterferenceError> {
    let requests = Arc::new(Requests::new(plan, target.origin()));
    let messages = plan.payload().messages();
    let secrets = Secrets::of(&plan.options.metadata);
    let unless_ended = || if stop.is_wanted() { Err(InterferenceError::Interrupted) } else { Ok(()) };
    let mut seen = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        // A refusal may end its connection.
        let exchange = BlockingConnection::open(target, Arc::clone(&requests), stop);
        unless_ended()?;
        let mut exchange = exchange
            .map_err(|error| InterferenceError::Unreachable(target.authority.clone(), error.to_string()))?;
        exchange.start(index);
        let over = exchange.next_unless(Instant::now() + PATIENCE, stop);
        unless_ended()?;
        let mut outcome = over.map(|over| over.outcome);
        if let Some(said) = outcome.as_mut().and_then(Outcome::message_mut) {
            secrets.hide(said);
        }
        seen.push(refused_size(message.request_bytes(), outcome)?);
    }
    if seen.iter().all(Option::is_none) {
        let sizes: Vec<String> =
            messages.iter().map(|message| ByteSize(message.request_bytes()).to_string()).collect();
        return Err(InterferenceError::NoneRefused(sizes.join(", ")));
    }
    match seen.iter().flatten().next() {
        Some(first) if seen.iter().all(Option::is_some) => {
            Err(InterferenceError::NonePasses(status_words(&first.code, &first.message)))
        }
        _ => Ok(seen),
    }
}

/// Returns the refusal of this size, if it is refused. No outcome means silence.
fn refused_size(
    message_bytes: u64,
    outcome: Option<Outcome>,
) -> Result<Option<RefusedSize>, InterferenceError> {
    let neither = |what: String| Err(InterferenceError::Neither { size: ByteSize(message_bytes), what });
    match outcome {
        Some(Outcome::Answered) => Ok(None),
        Some(Outcome::Refused(refusal)) => Ok(Some(RefusedSize {
            message_bytes,
            side: Some(refusal.side),
            direction: Some(refusal.direction),
            limit_bytes: refusal.limit_bytes,
            code: refusal.code.name().to_owned(),
            message: refusal.message,
        })),
        Some(Outcome::Failed(failure) | Outcome::Broken(failure)) => Ok(Some(RefusedSize {
            message_bytes,
            side: None,
            direction: None,
            limit_bytes: None,
            code: failure.code.name().to_owned(),
            message: failure.message,
        })),
        Some(Outcome::DeadlineExceeded(failure)) => neither(failure.message),
        Some(Outcome::WrongReply(_)) => neither("its reply has another text".to_owned()),
        Some(Outcome::Shed | Outcome::Unfinished) | None => {
            neither(format!("no answer within {} s", PATIENCE.as_secs()))
        }
    }
}

/// Returns the settings without refused sizes, at the rate that the accepted calls have in the mix.
#[must_use]
pub fn without_refused(settings: Settings, refused: &[Option<RefusedSize>]) -> Settings {
    let Texts::Made { mix, kind } = settings.texts else { return settings };
    let all: f64 = mix.0.iter().map(|share| f64::from(share.weight)).sum();
    let passing = mix.0.into_iter().zip(refused).filter(|(_, refused)| refused.is_none());
    let mix = Mix(passing.map(|(share, _)| share).collect());
    let part = mix.0.iter().map(|share: &Share| f64::from(share.weight)).sum::<f64>() / all;
    let load = match settings.load {
        Load::Open { rates, arrivals, max_in_flight } => {
            let rates = match rates {
                Rates::One(rate) => Rates::One(rate * part),
                Rates::Stages(stages) => Rates::Stages(
                    stages
                        .into_iter()
                        .map(|Stage { from_per_second, to_per_second, duration }| Stage {
                            from_per_second: from_per_second * part,
                            to_per_second: to_per_second * part,
                            duration,
                        })
                        .collect(),
                ),
            };
            Load::Open { rates, arrivals, max_in_flight }
        }
        closed @ Load::Closed { .. } => closed,
    };
    Settings { load, texts: Texts::Made { mix, kind }, ..settings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        load::Arrivals,
        rpc::{Code, Failure, format_data::TextKind},
    };

    fn settings(load: Load, mix: &str) -> Settings {
        let texts = Texts::Made { mix: mix.parse().expect("a mix"), kind: TextKind::Ascii };
        Settings { load, texts, ..Settings::default() }
    }

    fn open(rate: f64) -> Load {
        Load::Open { rates: Rates::One(rate), arrivals: Arrivals::Constant, max_in_flight: 10 }
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        let closed = Load::Closed { concurrency: 1 };
        assert_eq!(check(&settings(closed, "1@1,5@1")), Err(InterferenceError::Closed));
        assert_eq!(check(&settings(open(1.0), "1KiB")), Err(InterferenceError::OneSize));
        let counted = Settings { calls: Some(1), ..settings(open(1.0), "64,5MiB") };
        assert_eq!(check(&counted), Err(InterferenceError::Counted));
        assert_eq!(check(&settings(open(1.0), "64,5MiB")), Ok(()));
    }

    #[test]
    fn the_rate_of_the_answered_calls_stays_the_same() {
        let failure = Failure { code: Code::UNAVAILABLE, message: "gone".to_owned() };
        let refused = refused_size(5 << 20, Some(Outcome::Broken(Box::new(failure)))).expect("turned away");
        let settings = settings(open(2_000.0), "64@90,5MiB@5,1KiB@5");
        let without = without_refused(settings, &[None, refused, None]);
        let Load::Open { rates: Rates::One(rate), .. } = without.load else { panic!("an open loop") };
        assert!((rate - 1_900.0).abs() < 1e-9, "{rate}");
        let Texts::Made { mix, .. } = without.texts else { panic!("made") };
        assert_eq!(mix.0.iter().map(|share| share.message_bytes.0).collect::<Vec<_>>(), [64, 1_024]);
    }
}
