//! The check of a whole message: of a single call, and in tests that compare it with a decoder.

use std::sync::Arc;

use super::{checker::Checker, verdict::ReplyCheck};
use crate::rpc::{
    message::{Expectation, Message},
    outcome::Difference,
    shape::Shape,
};

/// Returns true if the bytes, read in pieces of this size, are a message of this type.
///
/// # Panics
/// Panics if the size is 0.
#[must_use]
pub fn is_message(shape: &Arc<Shape>, bytes: &[u8], piece: usize) -> bool {
    let expectation = Expectation::Decodes(Arc::clone(shape));
    let mut checker = Checker::default();
    checker.begin(bytes.len() as u64);
    bytes.chunks(piece).try_for_each(|piece| checker.take(piece, &expectation)).is_ok()
        && checker.finish(&expectation) == Ok(ReplyCheck::Right)
}

/// Returns the difference between a whole reply and what this message expects, if there is one.
#[must_use]
pub fn difference(message: &Message, reply: &[u8]) -> Option<Difference> {
    let mut checker = Checker::default();
    checker.begin(reply.len() as u64);
    let verdict =
        checker.take(reply, &message.expectation).and_then(|()| checker.finish(&message.expectation));
    match verdict {
        Ok(ReplyCheck::Wrong(difference)) => Some(difference),
        Ok(_) => None,
        Err(fault) => Some(Difference {
            at_byte: 0,
            expected_bytes: 0,
            got_bytes: reply.len() as u64,
            expected: "a message".to_owned(),
            got: fault.to_owned(),
        }),
    }
}
