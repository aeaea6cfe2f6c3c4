//! Numbers of calls, by outcome.
//!
//! Sums saturate: a document from elsewhere may contain any numbers, and is refused if its sums differ.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rpc::{Outcome, OutcomeKind};

/// Planned calls, and their outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Calls {
    /// Planned calls. Each call is counted when it becomes due, independently of the outcomes.
    pub planned: u64,
    /// Numbers of calls by outcome.
    #[serde(flatten)]
    pub outcomes: Outcomes,
}

/// Defines [`Outcomes`], with one count per outcome.
macro_rules! outcomes {
    ($($(#[$doc:meta])* $count:ident: $kind:ident),+ $(,)?) => {
        /// Calls by outcome.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
        pub struct Outcomes {
            $($(#[$doc])* pub $count: u64),+
        }

        impl Outcomes {
            /// Number of calls with this outcome.
            #[must_use]
            pub const fn of(&self, kind: OutcomeKind) -> u64 {
                match kind {
                    $(OutcomeKind::$kind => self.$count),+
                }
            }

            const fn of_mut(&mut self, kind: OutcomeKind) -> &mut u64 {
                match kind {
                    $(OutcomeKind::$kind => &mut self.$count),+
                }
            }
        }
    };
}

outcomes! {
    /// Calls whose reply had the expected text.
    answered: Answered,
    /// Calls whose reply had another text.
    wrong_reply: WrongReply,
    /// Calls over a size limit.
    refused: Refused,
    /// Calls that ended with a status other than OK.
    failed: Failed,
    /// Calls whose own deadline passed first.
    deadline_exceeded: DeadlineExceeded,
    /// Calls that were lost with their connection.
    broken: Broken,
    /// Calls that were never sent, because too many were in flight.
    shed: Shed,
    /// Calls still in flight when the drain ended.
    unfinished: Unfinished,
}

/// Error of counts that contradict each other: calls were lost or counted twice, a defect of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{planned} calls were planned, but {ended} ended: this is a defect of plimsoll, and no figure of this run can be trusted"
)]
pub struct NotConserved {
    planned: u64,
    ended: u64,
}

impl NotConserved {
    /// Compares two sums of one run that must be equal.
    pub(crate) fn unless_equal(planned: u64, ended: u64) -> Result<(), Self> {
        if planned == ended { Ok(()) } else { Err(Self { planned, ended }) }
    }
}

impl Calls {
    /// Checks that every planned call has exactly one outcome.
    ///
    /// # Errors
    /// Fails if the sums differ.
    pub fn check(&self) -> Result<(), NotConserved> {
        NotConserved::unless_equal(self.planned, self.outcomes.total())
    }

    /// Adds the counts of another worker.
    pub fn add(&mut self, other: &Self) {
        let Self { planned, outcomes } = other;
        self.planned = self.planned.saturating_add(*planned);
        self.outcomes.add(outcomes);
    }
}

impl Outcomes {
    /// Counts one call.
    pub fn count(&mut self, outcome: &Outcome) {
        *self.of_mut(outcome.kind()) += 1;
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        for kind in OutcomeKind::VALUES {
            let sum = self.of_mut(*kind);
            *sum = sum.saturating_add(other.of(*kind));
        }
    }

    /// Number of all ended calls.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sum(|_| true)
    }

    /// Number of all sent calls.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sum(|kind| kind != OutcomeKind::Shed)
    }

    /// Number of calls that were sent and waited for, had no verified reply, and were not over a size limit.
    #[must_use]
    pub fn unverified(&self) -> u64 {
        self.sum(OutcomeKind::is_unverified)
    }

    fn sum(&self, counts: impl Fn(OutcomeKind) -> bool) -> u64 {
        let kinds = OutcomeKind::VALUES.iter().filter(|kind| counts(**kind));
        kinds.fold(0, |sum, kind| sum.saturating_add(self.of(*kind)))
    }

    /// Number of calls without a verified reply, for any reason.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.total().saturating_sub(self.answered)
    }
}
