//! Statistical tests for comparisons and gates: exact for small samples, seeded where random. Pure arithmetic
//! on numbers without units.

mod bootstrap;
pub mod holm;
pub mod median;
mod ranks;
mod rank_sum;
mod signed_rank;

pub use bootstrap::block_bootstrap;
pub use holm::holm;
pub use median::median;
pub(crate) use median::{upper_median, whole_median};
pub use rank_sum::{RankSum, shift, shift_interval};
pub use signed_rank::{SignedRank, hodges_lehmann, hodges_lehmann_interval, smallest_p};

#[cfg(test)]
mod tests;
