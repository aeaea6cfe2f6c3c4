//! Effect of a refusal on its connection and on other calls on it. A loss with every refusal, and never without
//! one, is caused by the refusal.

use super::error::LimitsError;
use crate::{client::Completion, rpc::Outcome};

/// Number of tries without a refusal before a loss is attributed to refusals.
const CONTROLS: usize = 3;

/// Survivors of one call among other calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Survivors {
    /// True if the connection survived, and a later call on it ended.
    pub(super) connection: bool,
    /// True if the neighbour was answered: a call whose request began before the refusal and ended after it.
    pub(super) neighbour: bool,
    /// Failure of the neighbour or of the later call, in the server's words.
    pub(super) failure: Option<String>,
}

/// Survivors of several refusals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Survival {
    /// True if the connection survived; `None` if tries differ.
    pub(super) connection: Option<bool>,
    pub(super) neighbour: Option<bool>,
    /// Description of the differences between tries.
    pub(super) unstable: Option<String>,
}

impl Survivors {
    /// No survivor: the client waited without an answer.
    pub(super) const NONE: Self = Self { connection: false, neighbour: false, failure: None };

    /// Returns the survivors, from the ends of two other calls on the connection, if they ended.
    pub(super) fn of(neighbour: Option<&Completion>, later: Option<&Completion>, is_lost: bool) -> Self {
        let mut failures = [neighbour, later].into_iter().flatten();
        Self {
            // A status from the server came over the connection, so the connection survived, whatever the
            // status is.
            connection: !is_lost && later.is_some_and(|call| !matches!(call.outcome, Outcome::Broken(_))),
            neighbour: neighbour.is_some_and(|call| is_answered(&call.outcome)),
            failure: failures.find_map(|call| failure_of(&call.outcome)),
        }
    }
}

/// Returns true if a reply came.
fn is_answered(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered | Outcome::WrongReply(_))
}

/// Returns the failure of a call, in words.
pub(super) fn failure_of(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed(failure) | Outcome::DeadlineExceeded(failure) | Outcome::Broken(failure) => {
            Some(format!("{}, `{}`", failure.code, failure.message))
        }
        _ => None,
    }
}

/// Returns the survivors of refusals. `control` makes a call that is not refused in place of a refused one.
///
/// # Errors
/// Errors of the control.
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

    /// Builds three refusals; calls without a refusal give the survivors in `control`, repeated.
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
