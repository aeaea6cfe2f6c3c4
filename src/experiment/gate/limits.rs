//! Comparison of size limits: a difference of one byte is a change, without statistics.

use super::verdict::{LimitsVerdict, MovedLimit};
use crate::{
    experiment::limits::{LimitRecord, Limits, State},
    rpc::{Direction, Side},
    units::grouped,
};

/// Compares the server's limits.
pub(super) fn compare(base: Limits, candidate: Limits) -> LimitsVerdict {
    let (mut moved, mut not_compared) = (Vec::new(), Vec::new());
    for direction in [Direction::Request, Direction::Response] {
        let (one, other) = (of(&base, direction), of(&candidate, direction));
        let (Some(one), Some(other)) = (one, other) else {
            not_compared.push(format!("for {direction}s: the search did not get so far"));
            continue;
        };
        let (base, candidate) = (described(one), described(other));
        match has_moved(one, other) {
            Some(true) => moved.push(MovedLimit { direction, base, candidate }),
            Some(false) => {}
            None => not_compared.push(format!("for {direction}s: base {base}, candidate {candidate}")),
        }
    }
    LimitsVerdict { moved, not_compared, base, candidate }
}

fn of(limits: &Limits, direction: Direction) -> Option<&LimitRecord> {
    limits.limits.iter().find(|record| record.side == Side::Server && record.direction == direction)
}

/// Returns true if a limit has moved; `None` if that is not known.
fn has_moved(base: &LimitRecord, candidate: &LimitRecord) -> Option<bool> {
    let is_hidden = |record: &LimitRecord| record.state == State::Hidden;
    if is_known(base) && is_known(candidate) {
        return Some(key(base) != key(candidate));
    }
    // A limit that is hidden on both sides counts as unmoved, because no difference is visible. If less passes on
    // one side, the limit in front moved, and that limit is reported.
    if is_hidden(base) && is_hidden(candidate) {
        return Some(false);
    }
    // A size that is refused on one side passes on the other.
    let refutes = |hidden: &LimitRecord, found: &LimitRecord| {
        is_hidden(hidden)
            && passed(hidden).zip(found.smallest_refused_bytes).is_some_and(|(one, other)| one >= other)
    };
    (refutes(base, candidate) || refutes(candidate, base)).then_some(true)
}

/// Returns the largest message that is known to pass.
fn passed(record: &LimitRecord) -> Option<u64> {
    record.largest_passed_bytes.or(record.searched_to_bytes)
}

fn is_known(record: &LimitRecord) -> bool {
    matches!(record.state, State::Found | State::NotReached)
}

/// Returns the parts that must be equal. Excluded are the text of a refusal, which may contain a version or
/// an address, and the size up to which the search went.
fn key(record: &LimitRecord) -> (State, Option<u64>, Option<u64>, Option<&str>) {
    match record.state {
        State::Found => {
            let (passed, refused) = (record.largest_passed_bytes, record.smallest_refused_bytes);
            (record.state, passed, refused, record.code.as_deref())
        }
        state => (state, None, None, None),
    }
}

fn described(record: &LimitRecord) -> String {
    let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "?".to_owned(), grouped);
    match record.state {
        State::Found => {
            let code = record.status().or_else(|| record.message.clone());
            let code = code.unwrap_or_else(|| "no status".to_owned());
            let passed = bytes(record.largest_passed_bytes);
            match record.largest_passed_bytes {
                Some(_) => format!(
                    "{passed} bytes pass, {} are refused ({code})",
                    bytes(record.smallest_refused_bytes)
                ),
                None => format!("{} bytes are refused ({code})", bytes(record.smallest_refused_bytes)),
            }
        }
        State::NotReached => "not reached".to_owned(),
        State::Hidden => {
            let passes = passed(record).map(|bytes| format!(": {} bytes pass", grouped(bytes)));
            format!("hidden behind another limit{}", passes.unwrap_or_default())
        }
        State::Unset => "none".to_owned(),
        State::Unstable => "unstable".to_owned(),
        State::Unfinished => "not found: the search ended early".to_owned(),
    }
}
