//! Exit statuses.

/// End of the process, as an exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0.
    Done,
    /// 1: an objective was missed, or a regression found.
    Missed,
    /// 2: bad usage, or it could not be done.
    Failed,
    /// 3: the measurement is not sound, and the caller asked to be told.
    Unsound,
    /// 130: interrupted; what was measured so far was printed and saved.
    Interrupted,
}

impl Status {
    /// The status of a command whose finding stands, and of which something could not be written or printed: each
    /// failure is told on stderr. A regression or a missed objective stays one, whatever becomes of its report.
    pub(super) fn despite(self, failures: impl IntoIterator<Item = anyhow::Error>) -> Self {
        let mut status = self;
        for failure in failures {
            crate::report::error::write(failure.chain());
            if self != Self::Missed {
                status = Self::Failed;
            }
        }
        status
    }
}
