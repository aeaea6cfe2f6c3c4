//! How many calls there were, and what became of them.
//!
//! Sums saturate: a document from elsewhere may hold any numbers, and is refused for its sums.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rpc::{Outcome, OutcomeKind};

/// Planned calls, and what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Calls {
    /// Calls that should have been made. Counted when they became due, not summed up afterwards.
    pub planned: u64,
    /// Their outcomes.
    #[serde(flatten)]
    pub outcomes: Outcomes,
}

/// Makes [`Outcomes`]: a count for each outcome.
macro_rules! outcomes {
    ($($(#[$doc:meta])* $count:ident: $kind:ident),+ $(,)?) => {
        /// Calls by outcome.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
        pub struct Outcomes {
            $($(#[$doc])* pub $count: u64),+
        }

        impl Outcomes {
            /// Calls that ended so.
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
    /// The reply had the expected text.
    answered: Answered,
    /// A reply came, with another text.
    wrong_reply: WrongReply,
    /// Over a size limit.
    refused: Refused,
    /// Ended with a status other than OK.
    failed: Failed,
    /// Their own deadline passed first.
    deadline_exceeded: DeadlineExceeded,
    /// Lost with their connection.
    broken: Broken,
    /// Never sent.
    shed: Shed,
    /// Still in flight when the drain ended.
    unfinished: Unfinished,
}

/// Calls got lost, or were counted twice: a defect of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{planned} calls were planned, but {ended} ended: this is a defect of plimsoll, and no figure of this run can be trusted"
)]
pub struct NotConserved {
    planned: u64,
    ended: u64,
}

impl NotConserved {
    /// Two sums of one run that should be equal.
    pub(crate) fn unless_equal(planned: u64, ended: u64) -> Result<(), Self> {
        if planned == ended { Ok(()) } else { Err(Self { planned, ended }) }
    }
}

impl Calls {
    /// Whether every planned call has exactly one outcome.
    ///
    /// # Errors
    /// When the sums differ.
    pub fn check(&self) -> Result<(), NotConserved> {
        NotConserved::unless_equal(self.planned, self.outcomes.total())
    }

    /// Adds what another worker counted.
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

    /// Adds what others counted.
    pub fn add(&mut self, other: &Self) {
        for kind in OutcomeKind::VALUES {
            let sum = self.of_mut(*kind);
            *sum = sum.saturating_add(other.of(*kind));
        }
    }

    /// All calls that ended.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sum(|_| true)
    }

    /// All calls that were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sum(|kind| kind != OutcomeKind::Shed)
    }

    /// Calls that were sent and waited for, and had no verified reply, their size not being the reason.
    #[must_use]
    pub fn unverified(&self) -> u64 {
        self.sum(OutcomeKind::is_unverified)
    }

    fn sum(&self, counts: impl Fn(OutcomeKind) -> bool) -> u64 {
        let kinds = OutcomeKind::VALUES.iter().filter(|kind| counts(**kind));
        kinds.fold(0, |sum, kind| sum.saturating_add(self.of(*kind)))
    }

    /// Calls without a verified reply, whatever became of them: all but those answered.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.total().saturating_sub(self.answered)
    }
}
