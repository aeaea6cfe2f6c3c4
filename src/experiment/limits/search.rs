//! The search for an edge: the next size to try, and the result of the answers so far. Pure.

use crate::{rpc::format_data::message_bytes_of, units::grouped};

/// Answer for a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The size is within the limit.
    Passed,
    /// The size is over the limit. The value is the limit that the refusal names, if any.
    Refused(Option<u64>),
}

/// A search for the largest size that passes.
///
/// The search tries sizes upwards until one is refused, continues at the limit that the refusal names, and
/// bisects the rest. A named limit is only a guess: the sizes on both sides of the edge are tried.
#[derive(Debug, Clone)]
pub(super) struct Search {
    /// Sizes to try first, in rising order; the last one is the largest size of all.
    ladder: Vec<u64>,
    smallest: u64,
    passed: Option<u64>,
    refused: Option<u64>,
    named: Option<u64>,
    contradiction: Option<String>,
    /// Conversion of a size into message bytes.
    bytes_of: fn(u64) -> u64,
}

/// Result of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// The largest size that passes (`None` if even the smallest is refused), and the smallest size that does
    /// not. The two sizes are neighbours.
    Between(Option<u64>, u64),
    /// All sizes pass.
    Beyond,
}

impl Search {
    /// Creates a search that starts at `smallest`, with sizes to try first, in rising order. The last one is
    /// the largest size of all.
    pub(super) fn new(smallest: u64, ladder: Vec<u64>) -> Self {
        Self {
            ladder,
            smallest,
            passed: None,
            refused: None,
            named: None,
            contradiction: None,
            bytes_of: |size| size,
        }
    }

    /// Creates a search whose sizes are lengths of texts.
    pub(super) fn of_texts(smallest: u64, ladder: Vec<u64>) -> Self {
        Self { bytes_of: message_bytes_of, ..Self::new(smallest, ladder) }
    }

    /// Returns the size to try next; `None` when the edge is found.
    pub(super) fn next(&self) -> Option<u64> {
        let lowest = self.passed.map_or(self.smallest, |passed| passed + 1);
        let Some(refused) = self.refused else {
            return self.ladder.iter().copied().find(|size| *size >= lowest);
        };
        if lowest >= refused {
            return None;
        }
        if let Some(named) = self.named {
            // Both sides of the named limit; the refused side first, because it is cheaper.
            let edge = [named.saturating_add(1), named];
            if let Some(size) = edge.into_iter().find(|size| (lowest..refused).contains(size)) {
                return Some(size);
            }
        }
        // Small sizes go first even where something was refused before the search began.
        let rung = self.ladder.iter().copied().find(|size| (lowest..refused).contains(size));
        Some(rung.unwrap_or(lowest + (refused - lowest) / 2))
    }

    /// Records the answer for a size, whether the search returned that size or not.
    pub(super) fn record(&mut self, size: u64, answer: Answer) {
        match answer {
            Answer::Passed => {
                if let Some(refused) = self.refused.filter(|refused| size >= *refused) {
                    self.contradict(size, "passed", refused, "had been refused");
                }
                self.passed = Some(self.passed.map_or(size, |passed| passed.max(size)));
            }
            Answer::Refused(named) => {
                if let Some(passed) = self.passed.filter(|passed| size <= *passed) {
                    self.contradict(size, "were refused", passed, "had passed");
                }
                self.refused = Some(self.refused.map_or(size, |refused| refused.min(size)));
                if let (Some(before), Some(now)) = (self.named, named)
                    && before != now
                {
                    self.contradict(before, "were named as the limit", now, "were named later");
                }
                self.named = self.named.or(named);
            }
        }
    }

    fn contradict(&mut self, size: u64, what: &str, other: u64, then: &str) {
        let shown = |size| grouped((self.bytes_of)(size));
        let words = format!("{} bytes {what}, although {} {then}", shown(size), shown(other));
        self.contradiction.get_or_insert(words);
    }

    /// Returns two answers that cannot both be true of one limit, in words.
    pub(super) fn contradiction(&self) -> Option<&str> {
        self.contradiction.as_deref()
    }

    /// Returns the limit that refusals named.
    pub(super) fn named(&self) -> Option<u64> {
        self.named
    }

    /// Returns the largest size that passed so far.
    pub(super) fn passed(&self) -> Option<u64> {
        self.passed
    }

    /// Returns the smallest size that was refused so far.
    pub(super) fn refused(&self) -> Option<u64> {
        self.refused
    }

    /// Returns the result, once no size is left to try.
    pub(super) fn edge(&self) -> Edge {
        match self.refused {
            None => Edge::Beyond,
            Some(refused) => Edge::Between(self.passed, refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LADDER: [u64; 4] = [4_194_305, 67_108_864, 1 << 30, u32::MAX as u64];

    /// Searches with this limit, named or not by refusals: returns the edge, and the number of sizes tried.
    fn search(limit: u64, is_named: bool) -> (Edge, u32) {
        let mut search = Search::new(0, LADDER.to_vec());
        let mut tried = 0;
        while let Some(size) = search.next() {
            let named = is_named.then_some(limit);
            search.record(size, if size > limit { Answer::Refused(named) } else { Answer::Passed });
            tried += 1;
        }
        assert_eq!(search.contradiction(), None);
        (search.edge(), tried)
    }

    #[test]
    fn a_named_limit_takes_a_few_sizes() {
        for limit in [1, 130, 1_000, 4_194_304, 4_194_305, 100 << 20] {
            let (edge, tried) = search(limit, true);
            assert_eq!(edge, Edge::Between(Some(limit), limit + 1));
            assert!(tried <= 5, "{limit}: {tried}");
        }
        assert_eq!(search(0, true).0, Edge::Between(Some(0), 1));
        assert_eq!(search(4_194_304, true).1, 2);
    }

    #[test]
    fn a_limit_that_is_beyond_all_sizes_is_said_so() {
        assert_eq!(search(u64::from(u32::MAX), false), (Edge::Beyond, 4));
    }

    /// Checks that sizes go upwards even if a refused message of 64 MiB may be uploaded whole each time.
    #[test]
    fn a_search_below_a_refused_size_goes_upwards() {
        let mut search = Search::new(0, vec![1 << 10, 64 << 10, 1 << 20, 4 << 20, 64 << 20]);
        search.record(64 << 20, Answer::Refused(None));
        let (mut largest, mut tried) = (0, 0);
        while let Some(size) = search.next() {
            search.record(size, if size > 1_048_571 { Answer::Refused(None) } else { Answer::Passed });
            (largest, tried) = (largest.max(size), tried + 1);
        }
        assert_eq!(search.edge(), Edge::Between(Some(1_048_571), 1_048_572));
        assert_eq!(largest, 1 << 20);
        assert!(tried <= 24, "{tried}");
    }

    #[test]
    fn nothing_passes_where_even_the_smallest_is_refused() {
        let mut search = Search::new(3, vec![100]);
        while let Some(size) = search.next() {
            search.record(size, Answer::Refused(None));
        }
        assert_eq!(search.edge(), Edge::Between(None, 3));
    }

    #[test]
    fn a_limit_that_is_named_wrongly_is_found_all_the_same() {
        let mut search = Search::new(0, LADDER.to_vec());
        while let Some(size) = search.next() {
            search.record(size, if size > 5_000 { Answer::Refused(Some(4_995)) } else { Answer::Passed });
        }
        assert_eq!(search.edge(), Edge::Between(Some(5_000), 5_001));
    }

    #[test]
    fn answers_that_contradict_each_other_are_noticed() {
        let mut passes_later = Search::new(0, LADDER.to_vec());
        passes_later.record(10, Answer::Refused(None));
        passes_later.record(11, Answer::Passed);
        assert!(passes_later.contradiction().is_some_and(|words| words.contains("11 bytes passed")));

        let mut names_another = Search::new(0, LADDER.to_vec());
        names_another.record(10, Answer::Refused(Some(5)));
        names_another.record(10, Answer::Refused(Some(6)));
        assert!(names_another.contradiction().is_some());
    }

    proptest! {
        #[test]
        fn any_limit_is_found_to_the_byte(limit in 0..u64::from(u32::MAX), is_named: bool) {
            let (edge, tried) = search(limit, is_named);
            prop_assert_eq!(edge, Edge::Between(Some(limit), limit + 1));
            prop_assert!(tried <= 37, "{} sizes", tried);
        }

        /// Checks that a search ends with any answers.
        #[test]
        fn it_ends_whatever_is_answered(answers in prop::collection::vec(prop::option::of(any::<Option<u64>>()), 80)) {
            let mut search = Search::new(0, LADDER.to_vec());
            for answer in answers {
                let Some(size) = search.next() else { return Ok(()) };
                search.record(size, answer.map_or(Answer::Passed, Answer::Refused));
            }
            prop_assert_eq!(search.next(), None);
        }
    }
}
