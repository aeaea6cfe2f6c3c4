//! The check of a whole message, for tests that compare it with a decoder.

use std::sync::Arc;

use super::{checker::Checker, verdict::ReplyCheck};
use crate::rpc::{message::Expectation, shape::Shape};

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
