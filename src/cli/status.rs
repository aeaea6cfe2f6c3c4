//! Exit statuses of commands.

/// Exit status of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0: done.
    Done,
    /// 1: an objective was missed, or a regression found.
    Missed,
    /// 2: bad usage, or the command could not do its work.
    Failed,
    /// 3: the measurement is not sound, and `--strict` was given.
    Unsound,
    /// 130: interrupted; the measurements so far were printed and saved.
    Interrupted,
}

impl Status {
    /// Returns the exit status of a command after failures to write or print, each of which is reported on
    /// stderr. A regression or a missed objective keeps its status, even if its report cannot be written.
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
