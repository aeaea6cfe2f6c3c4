//! Consistency of saved limits.

use std::io::Read;

use super::{
    document::Limits,
    record::{LimitRecord, State},
};
use crate::{
    result::{Contradiction, Document, DocumentKind, ReadError, document, holds},
    rpc::Side,
};

impl Document for Limits {
    const KIND: DocumentKind = DocumentKind::Limits;

    fn checked(self) -> Result<Self, ReadError> {
        self.check()?;
        Ok(self)
    }
}

impl Limits {
    /// Reads limits.
    ///
    /// # Errors
    /// The document is of another kind, or its sizes contradict each other.
    pub fn read(reader: impl Read) -> Result<Self, ReadError> {
        document::read(reader)
    }

    /// Checks that the sizes agree with the states. The passed and refused messages themselves cannot be
    /// repeated.
    ///
    /// # Errors
    /// Two sizes contradict each other.
    pub fn check(&self) -> Result<(), ReadError> {
        DocumentKind::Limits.check(&self.schema)?;
        Ok(self.limits.iter().try_for_each(check)?)
    }
}

fn check(record: &LimitRecord) -> Result<(), Contradiction> {
    let what = |part: &str| format!("{part} of the {}'s limit for {}s", record.side, record.direction);
    let shown = |size: Option<u64>| size.map_or_else(|| "missing".to_owned(), |size| format!("{size} bytes"));
    let (passed, refused) = (record.largest_passed_bytes, record.smallest_refused_bytes);
    let is_below = |low: Option<u64>, high: Option<u64>| low.zip(high).is_none_or(|(low, high)| low < high);
    holds(
        &what("the largest passed message"),
        shown(passed),
        &format!("less than {}", shown(refused)),
        is_below(passed, refused),
    )?;
    if record.state == State::Found {
        let limit = record.limit_bytes;
        holds(
            &what("the smallest refused message"),
            shown(refused),
            "a size, as for every limit that is found",
            refused.is_some(),
        )?;
        holds(
            &what("the place"),
            shown(limit),
            &format!("less than {}", shown(refused)),
            is_below(limit, refused),
        )?;
        let is_above = limit.zip(passed).is_none_or(|(limit, passed)| passed <= limit);
        holds(&what("the place"), shown(limit), &format!("{} or more", shown(passed)), is_above)?;
    } else {
        holds(
            &what("the place"),
            shown(record.limit_bytes),
            "nothing, because it was not found",
            record.limit_bytes.is_none() || record.state != State::NotReached,
        )?;
    }
    if record.state == State::NotReached {
        holds(
            &what("the smallest refused message"),
            shown(refused),
            "nothing, because it was not reached",
            refused.is_none(),
        )?;
    }
    let is_own = record.side == Side::Client;
    holds(&what("the state"), "none", "the client's alone", record.state != State::Unset || is_own)?;
    holds(
        &what("the confirmation"),
        "there",
        "missing where nothing was found",
        !record.confirmed || record.state != State::Unfinished,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::Direction;

    #[test]
    fn a_limit_lies_between_what_passed_and_what_was_refused() {
        let found = LimitRecord {
            state: State::Found,
            largest_passed_bytes: Some(100),
            smallest_refused_bytes: Some(101),
            limit_bytes: Some(100),
            ..LimitRecord::of(Side::Server, Direction::Request)
        };
        assert_eq!(check(&found), Ok(()));
        for wrong in [
            LimitRecord { largest_passed_bytes: Some(101), ..found.clone() },
            LimitRecord { limit_bytes: Some(99), ..found.clone() },
            LimitRecord { limit_bytes: Some(101), ..found.clone() },
            LimitRecord { smallest_refused_bytes: None, ..found.clone() },
            LimitRecord { state: State::NotReached, ..found.clone() },
            LimitRecord { state: State::Unset, ..found.clone() },
        ] {
            assert!(check(&wrong).is_err(), "{wrong:?}");
        }
    }
}
