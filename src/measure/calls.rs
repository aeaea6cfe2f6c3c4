//! How many calls there were, and what became of them.
//!
//! Sums saturate: a document from elsewhere may hold any numbers, and is refused for its sums.

use serde::{Deserialize, Serialize};

use crate::rpc::Outcome;

/// Planned calls, and what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Calls {
    /// Calls that should have been made. Counted when they became due, not summed up afterwards.
    pub planned: u64,
    /// What became of them.
    #[serde(flatten)]
    pub outcomes: Outcomes,
}

/// Calls by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcomes {
    /// The reply had the expected text.
    pub answered: u64,
    /// A reply came, with another text.
    pub wrong_reply: u64,
    /// Over a size limit.
    pub refused: u64,
    /// Ended with a status other than OK.
    pub failed: u64,
    /// Their own deadline passed first.
    pub deadline_exceeded: u64,
    /// Lost with their connection.
    pub broken: u64,
    /// Never sent.
    pub shed: u64,
    /// Still in flight when the drain ended.
    pub unfinished: u64,
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
        *match outcome {
            Outcome::Answered => &mut self.answered,
            Outcome::WrongReply(_) => &mut self.wrong_reply,
            Outcome::Refused(_) => &mut self.refused,
            Outcome::Failed(_) => &mut self.failed,
            Outcome::DeadlineExceeded(_) => &mut self.deadline_exceeded,
            Outcome::Broken(_) => &mut self.broken,
            Outcome::Shed => &mut self.shed,
            Outcome::Unfinished => &mut self.unfinished,
        } += 1;
    }

    /// Adds what others counted.
    pub fn add(&mut self, other: &Self) {
        let Self { answered, wrong_reply, refused, failed, deadline_exceeded, broken, shed, unfinished } =
            other;
        self.answered = self.answered.saturating_add(*answered);
        self.wrong_reply = self.wrong_reply.saturating_add(*wrong_reply);
        self.refused = self.refused.saturating_add(*refused);
        self.failed = self.failed.saturating_add(*failed);
        self.deadline_exceeded = self.deadline_exceeded.saturating_add(*deadline_exceeded);
        self.broken = self.broken.saturating_add(*broken);
        self.shed = self.shed.saturating_add(*shed);
        self.unfinished = self.unfinished.saturating_add(*unfinished);
    }

    /// All calls that ended.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sent().saturating_add(self.shed)
    }

    /// All calls that were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        let Self { answered, wrong_reply, refused, failed, deadline_exceeded, broken, shed: _, unfinished } =
            self;
        [answered, wrong_reply, refused, failed, deadline_exceeded, broken, unfinished]
            .into_iter()
            .fold(0, |sum, calls| sum.saturating_add(*calls))
    }

    /// Calls without a verified reply, whatever became of them: all but those answered.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.total().saturating_sub(self.answered)
    }
}
