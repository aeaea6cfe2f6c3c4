//! Quantities: sizes, durations, rates, counts and limits.
//!
//! All parsing and formatting of quantities is in this room. The rest of the crate holds bytes,
//! [`Duration`](std::time::Duration)s and calls per second.

mod digits;
mod float;
mod nearest;
mod named;
pub(crate) mod random;
pub mod written;
pub mod count;
pub mod duration;
pub mod rate;
pub mod size;
mod format;

pub use count::Count;
pub use digits::{counted, decimal, grouped};
pub use duration::{LONGEST, nanoseconds, nanoseconds_of, parse_duration};
pub(crate) use float::as_f64;
pub use format::{
    exact_duration, format_duration, format_nanoseconds, format_share, format_throughput, hexadecimal,
};
pub(crate) use named::named;
pub use named::{Named, UnknownName};
pub(crate) use nearest::hint;
pub use nearest::nearest;
pub(crate) use random::{Sequence, draw, shuffle};
pub use rate::Rate;
pub use size::{ByteSize, Limit};
pub use written::QuantityError;

#[cfg(test)]
mod tests;
