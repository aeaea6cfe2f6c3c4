//! What a refusal does to its connection and to other calls on it, which is confirmed as the limit is: what is lost
//! beside each refusal, and never without one, is lost because of it.

use super::error::LimitsError;
use crate::{client::Completion, rpc::Outcome};

/// Tries without a refusal, before a loss is put down to refusals.
const CONTROLS: usize = 3;

/// What was left standing after one call in the midst of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Survivors {
    /// Whether the connection stood, and a later call on it came to an end.
    pub(super) connection: bool,
    /// Whether a call was answered whose request had begun before, and ended after it.
    pub(super) neighbour: bool,
    /// How the neighbour or the later call failed, where the server said so.
    pub(super) failure: Option<String>,
}

/// What several refusals left standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Survival {
    /// `None` where tries differ.
    pub(super) connection: Option<bool>,
    pub(super) neighbour: Option<bool>,
    /// How they differ.
    pub(super) unstable: Option<String>,
}

impl Survivors {
    /// Nothing is left after a client that waited in vain.
    pub(super) const NONE: Self = Self { connection: false, neighbour: false, failure: None };

    /// By how two other calls on the connection ended, if they did.
    pub(super) fn of(neighbour: Option<&Completion>, later: Option<&Completion>, is_lost: bool) -> Self {
        let mut failures = [neighbour, later].into_iter().flatten();
        Self {
            // A status of the server's came over the connection: it stood, whatever the status says.
            connection: !is_lost && later.is_some_and(|call| !matches!(call.outcome, Outcome::Broken(_))),
            neighbour: neighbour.is_some_and(|call| is_answered(&call.outcome)),
            failure: failures.find_map(|call| failure_of(&call.outcome)),
        }
    }
}

/// Whether a reply came.
fn is_answered(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered | Outcome::WrongReply(_))
}

/// How a call failed, in words.
pub(super) fn failure_of(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed(failure) | Outcome::DeadlineExceeded(failure) | Outcome::Broken(failure) => {
            Some(format!("{}, `{}`", failure.code, failure.message))
        }
        _ => None,
    }
}

/// What refusals left standing. `control` makes a call that is not refused in their place.
///
/// # Errors
/// Those of the control.
pub(super) fn confirmed(
    refusals: &[&Survivors],
    mut control: impl FnMut() -> Result<Survivors, LimitsError>,
) -> Result<Survival, LimitsError> {
    let all = |survivors: &[&Survivors], what: fn(&Survivors) -> bool| {
        let standing = survivors.iter().filter(|survivors| what(survivors)).count();
        (standing, survivors.len())
    };
    let parts: [fn(&Survivors) -> bool; 2] =
        [|survivors| survivors.connection, |survivors| survivors.neighbour];
    let counts = parts.map(|what| all(refusals, what));
    let is_lost = |(standing, _): (usize, usize)| standing == 0;
    let mut controls = Vec::new();
    if counts.into_iter().any(is_lost) {
        for _ in 0..CONTROLS {
            controls.push(control()?);
        }
    }
    let without: Vec<&Survivors> = controls.iter().collect();
    let mut words = Vec::new();
    let mut verdict = |name: &str, (standing, of): (usize, usize), what| {
        if standing == of {
            return Some(true);
        }
        let (fine, tries) = all(&without, what);
        if standing == 0 && fine == tries {
            return Some(false);
        }
        let control = if tries == 0 { String::new() } else { format!(", and {fine} of {tries} without one") };
        words.push(format!("{name} survived {standing} of {of} refusals{control}"));
        None
    };
    let connection = verdict("the connection", counts[0], parts[0]);
    let neighbour = verdict("a concurrent call", counts[1], parts[1]);
    let failure = refusals.iter().chain(&without).find_map(|survivors| survivors.failure.as_ref());
    let failure = failure.map(|failure| format!(" ({failure})")).unwrap_or_default();
    let unstable = (!words.is_empty()).then(|| words.join("; ") + &failure);
    Ok(Survival { connection, neighbour, unstable })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survivors(connection: bool, neighbour: bool) -> Survivors {
        let failure = (!neighbour).then(|| "UNAVAILABLE, `flaky`".to_owned());
        Survivors { connection, neighbour, failure }
    }

    /// Three refusals, and then what calls without one come to, over and over.
    fn confirm(refusals: [(bool, bool); 3], controls: &[(bool, bool)]) -> Survival {
        let refusals = refusals.map(|(connection, neighbour)| survivors(connection, neighbour));
        let mut controls = controls.iter().cycle();
        let control = || {
            let (connection, neighbour) = *controls.next().expect("no control was due");
            Ok(survivors(connection, neighbour))
        };
        confirmed(&refusals.each_ref(), control).expect("no probe fails")
    }

    #[test]
    fn what_stands_each_time_needs_no_control() {
        let both = confirm([(true, true); 3], &[]);
        assert_eq!((both.connection, both.neighbour, both.unstable), (Some(true), Some(true), None));
    }

    #[test]
    fn what_is_lost_beside_each_refusal_and_never_without_one_is_lost_by_it() {
        let both = confirm([(false, false); 3], &[(true, true)]);
        assert_eq!((both.connection, both.neighbour, both.unstable), (Some(false), Some(false), None));
        let one = confirm([(true, false); 3], &[(true, true)]);
        assert_eq!((one.connection, one.neighbour, one.unstable), (Some(true), Some(false), None));
    }

    #[test]
    fn what_is_lost_without_a_refusal_too_is_not_put_down_to_it() {
        let flaky = confirm([(true, false); 3], &[(true, false), (true, true)]);
        assert_eq!((flaky.connection, flaky.neighbour), (Some(true), None));
        let words = flaky.unstable.expect("said");
        assert!(words.contains("0 of 3 refusals, and 1 of 3 without one"), "{words}");
        assert!(words.contains("UNAVAILABLE, `flaky`"), "{words}");
        // A server that closes each connection after a few calls.
        let closes = confirm([(false, true); 3], &[(false, true)]);
        assert_eq!((closes.connection, closes.neighbour), (None, Some(true)));
    }

    #[test]
    fn tries_that_differ_are_unstable() {
        let mixed = confirm([(true, true), (true, false), (true, true)], &[]);
        assert_eq!((mixed.connection, mixed.neighbour), (Some(true), None));
        assert!(mixed.unstable.is_some_and(|words| words.contains("2 of 3 refusals (")));
    }
}
