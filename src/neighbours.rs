//! What refused calls do to those beside them: the document `plimsoll.neighbours/1`.
//!
//! Two runs at equal rates of the calls that are answered, with and without those that are refused. Rounds
//! of both follow each other, each in the other order than the one before, so that a machine whose speed
//! drifts does not favour one of the two.

mod damage;
mod findings;
mod read;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    client::lean::{exchange::Exchange, request::Requests},
    environment::Build,
    outcome::{Direction, Outcome, Side, status_words},
    payload::{Mix, Share},
    plan::{Load, Plan, Rates, Secrets, Settings, Texts},
    record::Calls,
    schedule::Stage,
    summary::{LatencyRecord, Summary},
    target::Located,
    units::ByteSize,
};
pub use damage::{Damage, Pooling, Ratio};
pub use read::NeighboursReadError;

/// The schema that this program writes.
pub const SCHEMA: &str = "plimsoll.neighbours/1";

/// How long a call is waited for that shows whether its size is refused.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// Calls beside refused ones, and the same calls alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Neighbours {
    /// [`SCHEMA`].
    pub schema: String,
    /// What measured.
    pub plimsoll: Build,
    /// The user's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The sizes that are refused, as one call of each showed.
    pub refused_sizes: Vec<RefusedSize>,
    /// Whether each run had a server process of its own, so that the peaks of memory are those of the run.
    pub fresh_servers: bool,
    /// The same calls alone: all rounds together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without: Option<Arm>,
    /// Beside refused ones: all rounds together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<Arm>,
    /// What differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<Damage>,
    /// What it means, in plain words.
    pub findings: Vec<Finding>,
    /// Each run.
    pub rounds: Vec<Round>,
    /// A run that was interrupted, or whose counterpart was.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unpaired: Vec<Summary>,
}

/// A size of the mix that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedSize {
    /// Of the request.
    pub message_bytes: u64,
    /// Who refuses; absent where the call ends in no known words, but with its stream or its connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// Which message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The limit, where the refusal names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// The code's name.
    pub code: String,
    /// The text, or what was seen in its place.
    pub message: String,
}

/// The calls that are answered, of all rounds on one side of the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Of the sizes that are answered: planned, and what became of them.
    pub calls: Calls,
    /// Verified replies a second: the mean of the rounds.
    pub replies_per_second: f64,
    /// From the intended start to done, of verified replies.
    pub response: LatencyRecord,
    /// From sent to done.
    pub service: LatencyRecord,
    /// From the intended start to sent: the generator's own share.
    pub lateness: LatencyRecord,
    /// Connections that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_connections: Option<u64>,
    /// How much of the time (0..1) requests waited for room in their connection's window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_window: Option<f64>,
    /// How much of the time (0..1) requests waited because the server did not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_up: Option<f64>,
    /// What refused calls uploaded, a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_in_vain_bytes_per_second: Option<f64>,
    /// The server's CPU time, of one core's (1 is one core).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cores: Option<f64>,
    /// The most memory that the server has had, in any round. Without refused calls and without a server of its
    /// own, of the first round alone, which comes before any refused call of this comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_peak_rss_bytes: Option<u64>,
}

/// One run on each side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Whether the run with refused calls came first.
    pub with_came_first: bool,
    /// The calls alone.
    pub without: Summary,
    /// Beside refused ones.
    pub with: Summary,
}

/// Something that follows from the figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A stable name.
    pub name: String,
    /// What was seen, with its figures.
    pub detail: String,
    /// What can be done; empty where nothing need be.
    pub advice: String,
}

/// Why there is nothing to compare.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NeighboursError {
    /// An end was wanted.
    #[error("interrupted")]
    Interrupted,
    /// Only an open loop has a rate.
    #[error(
        "a comparison with and without refused calls needs equal rates, and a closed loop has none: give --rate"
    )]
    Closed,
    /// A count cannot be the same on both sides.
    #[error(
        "a comparison with and without refused calls lasts for a time: leave out --calls, and give --duration"
    )]
    Counted,
    /// There is one size.
    #[error(
        "a comparison with and without refused calls needs a mix of sizes, such as `--size 1KiB@95,5MiB@5`"
    )]
    OneSize,
    /// Every size passes.
    #[error(
        "none of these sizes is refused ({0}); `plimsoll limits` shows where the limits lie, and --size must have one beyond"
    )]
    NoneRefused(String),
    /// No size passes.
    #[error("none of these sizes passes ({0}); --size must have one that does, such as `1KiB@95`")]
    NonePasses(String),
    /// A call was neither answered nor turned away.
    #[error("a call of {size} is neither answered nor refused: {what}")]
    Neither {
        /// Its size.
        size: ByteSize,
        /// What became of it.
        what: String,
    },
    /// There is no connection.
    #[error("cannot connect to {0}: {1}")]
    Unreachable(String, String),
}

/// Whether a comparison can be made of this.
///
/// # Errors
/// When it cannot: with what to change.
pub fn check(settings: &Settings) -> Result<(), NeighboursError> {
    match (&settings.load, settings.calls, &settings.texts) {
        (Load::Closed { .. }, ..) => Err(NeighboursError::Closed),
        (_, Some(_), _) => Err(NeighboursError::Counted),
        (_, _, Texts::Made { mix, .. }) if mix.0.len() > 1 => Ok(()),
        _ => Err(NeighboursError::OneSize),
    }
}

/// Makes one call of each size: how it is refused, in the order of the plan's messages; `None` where it is
/// answered. A failure or a lost connection is taken for a refusal too: some servers have no words.
///
/// # Errors
/// When none passes, or all do, or a call ends in another way, or an end is wanted.
pub fn refused_sizes(
    plan: &Plan,
    target: &Located,
    wants_end: &dyn Fn() -> bool,
) -> Result<Vec<Option<RefusedSize>>, NeighboursError> {
    let requests = Arc::new(Requests::new(plan, &target.authority));
    let messages = plan.payload().messages();
    let secrets = Secrets::of(plan.metadata());
    let unless_ended = || if wants_end() { Err(NeighboursError::Interrupted) } else { Ok(()) };
    let mut seen = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        // A refusal may take its connection along.
        let exchange = Exchange::open(target, Arc::clone(&requests), wants_end);
        unless_ended()?;
        let mut exchange = exchange
            .map_err(|error| NeighboursError::Unreachable(target.authority.clone(), error.to_string()))?;
        exchange.start(index);
        let over = exchange.next_unless(Instant::now() + PATIENCE, wants_end);
        unless_ended()?;
        let mut outcome = over.map(|over| over.outcome);
        if let Some(said) = outcome.as_mut().and_then(Outcome::message_mut) {
            secrets.hide(said);
        }
        seen.push(refused_size(message.request_bytes, outcome)?);
    }
    if seen.iter().all(Option::is_none) {
        let sizes: Vec<String> =
            messages.iter().map(|message| ByteSize(message.request_bytes).to_string()).collect();
        return Err(NeighboursError::NoneRefused(sizes.join(", ")));
    }
    match seen.iter().flatten().next() {
        Some(first) if seen.iter().all(Option::is_some) => {
            Err(NeighboursError::NonePasses(status_words(&first.code, &first.message)))
        }
        _ => Ok(seen),
    }
}

/// How this size is refused, if it is; no outcome is silence.
fn refused_size(
    message_bytes: u64,
    outcome: Option<Outcome>,
) -> Result<Option<RefusedSize>, NeighboursError> {
    let neither = |what: String| Err(NeighboursError::Neither { size: ByteSize(message_bytes), what });
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

/// The same calls without those that are refused: at the rate that they have in the mix.
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

impl Neighbours {
    /// What these rounds show.
    #[must_use]
    pub fn new(
        label: Option<String>,
        refused_sizes: Vec<RefusedSize>,
        fresh_servers: bool,
        rounds: Vec<Round>,
        unpaired: Vec<Summary>,
    ) -> Self {
        let is_refused = |size: u64| refused_sizes.iter().any(|refused| refused.message_bytes == size);
        let withouts: Vec<&Summary> = rounds.iter().map(|round| &round.without).collect();
        let withs: Vec<&Summary> = rounds.iter().map(|round| &round.with).collect();
        let (mut without, with) = (damage::arm(&withouts, &is_refused), damage::arm(&withs, &is_refused));
        // A process never forgets its peak: only the first run has met no refused call, in its first half.
        if let Some(without) = without.as_mut().filter(|_| !fresh_servers) {
            without.server_peak_rss_bytes =
                withouts.first().and_then(|summary| summary.cost.server_peak_rss_bytes);
        }
        let damage = (!rounds.is_empty()).then(|| Damage::of(&rounds));
        let mut own = Self {
            schema: SCHEMA.to_owned(),
            plimsoll: Build::this(),
            label,
            refused_sizes,
            fresh_servers,
            without,
            with,
            damage,
            findings: Vec::new(),
            rounds,
            unpaired,
        };
        own.findings = findings::of(&own);
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        outcome::{Code, Failure},
        payload::TextKind,
        schedule::Arrivals,
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
        assert_eq!(check(&settings(closed, "1@1,5@1")), Err(NeighboursError::Closed));
        assert_eq!(check(&settings(open(1.0), "1KiB")), Err(NeighboursError::OneSize));
        let counted = Settings { calls: Some(1), ..settings(open(1.0), "64,5MiB") };
        assert_eq!(check(&counted), Err(NeighboursError::Counted));
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
