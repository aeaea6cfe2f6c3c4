//! Flow control: RFC 9113, sections 5.2 and 6.9. Send and receive windows, as pure arithmetic.

use super::frame::{ConnectionError, ErrorCode};

/// Size of every window until SETTINGS or WINDOW_UPDATE change it, in bytes (6.9.2).
pub(super) const DEFAULT_WINDOW: u32 = 65_535;

/// Largest allowed window, in bytes (6.9.1).
pub(super) const LARGEST_WINDOW: u32 = (1 << 31) - 1;

/// Room for outgoing DATA, in bytes. Below zero after the server has reduced the window (6.9.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SendWindow(i64);

/// Room for incoming DATA, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReceiveWindow {
    size: u32,
    /// Bytes used and not yet given back.
    used: u32,
}

impl SendWindow {
    pub(super) fn new(size: u32) -> Self {
        Self(i64::from(size))
    }

    /// Number of bytes that may be sent now.
    pub(super) fn room(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }

    /// Takes available room.
    pub(super) fn take(&mut self, bytes: u64) {
        debug_assert!(bytes <= self.room());
        self.0 -= i64::try_from(bytes).unwrap_or(i64::MAX);
    }

    /// Gives back room that was taken and not used.
    pub(super) fn give_back(&mut self, bytes: u64) {
        self.0 += i64::try_from(bytes).unwrap_or(0);
    }

    /// Applies a WINDOW_UPDATE. Returns false if the window becomes larger than HTTP/2 allows.
    #[must_use]
    pub(super) fn widen(&mut self, increment: u32) -> bool {
        self.0 += i64::from(increment);
        self.0 <= i64::from(LARGEST_WINDOW)
    }

    /// Applies a change of the initial window size: moves this window by the difference. Returns false if it
    /// becomes larger than HTTP/2 allows.
    #[must_use]
    pub(super) fn resize(&mut self, before: u32, after: u32) -> bool {
        self.0 += i64::from(after) - i64::from(before);
        self.0 <= i64::from(LARGEST_WINDOW)
    }
}

impl ReceiveWindow {
    pub(super) fn new(size: u32) -> Self {
        Self { size, used: 0 }
    }

    /// Takes room for incoming DATA.
    ///
    /// # Errors
    /// Fails if there is not enough room.
    pub(super) fn receive(&mut self, bytes: u32) -> Result<(), ConnectionError> {
        self.used = self.used.saturating_add(bytes);
        if self.used > self.size {
            return Err(ConnectionError::new(
                ErrorCode::FLOW_CONTROL_ERROR,
                "the server sent more than the window had room for",
            ));
        }
        Ok(())
    }

    /// Room to give back now: all used bytes, once they exceed half the window.
    pub(super) fn due(&mut self) -> Option<u32> {
        (self.used > self.size / 2).then(|| std::mem::take(&mut self.used))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_window_may_become_negative_and_recovers() {
        let mut window = SendWindow::new(100);
        window.take(80);
        assert!(window.resize(100, 50));
        assert_eq!(window, SendWindow(-30));
        assert_eq!(window.room(), 0);
        assert!(window.widen(40));
        assert_eq!(window.room(), 10);
    }

    #[test]
    fn no_window_grows_beyond_its_largest_size() {
        let mut window = SendWindow::new(1);
        assert!(window.widen(LARGEST_WINDOW - 1));
        assert!(!window.widen(1));
        let mut window = SendWindow::new(DEFAULT_WINDOW);
        assert!(window.widen(LARGEST_WINDOW - DEFAULT_WINDOW));
        assert!(!window.resize(DEFAULT_WINDOW, DEFAULT_WINDOW + 1));
    }

    #[test]
    fn room_is_given_back_in_halves() {
        let mut window = ReceiveWindow::new(100);
        assert_eq!(window.receive(50).ok().and(window.due()), None);
        assert_eq!(window.receive(1).ok().and(window.due()), Some(51));
        assert!(window.receive(100).is_ok());
        let error = window.receive(1).expect_err("101 are over 100");
        assert_eq!(error.code, ErrorCode::FLOW_CONTROL_ERROR);
    }

    proptest! {
        #[test]
        fn what_is_used_and_given_back_adds_up(sizes in prop::collection::vec(1_u32..60, 1..50)) {
            let mut window = ReceiveWindow::new(100);
            let (mut used, mut given) = (0, 0);
            for size in sizes {
                if window.receive(size).is_err() {
                    break;
                }
                used += size;
                given += window.due().unwrap_or(0);
                prop_assert_eq!(window.used, used - given);
                prop_assert!(window.used <= 50);
            }
        }
    }
}
