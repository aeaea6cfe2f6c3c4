//! Delays that end on time.
//!
//! The runtime's own timer ticks in milliseconds, so that a delay of 5 ms could take up to 6 ms. Here, one
//! thread with a heap of deadlines waits on the kernel's clock instead.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    num::NonZeroU64,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, task::yield_now};

/// Time at the end of a delay that is spent polling. A sleeping core takes time to wake up, and so does each
/// thread on the way to the call. Without polling, the median of a 5 ms delay was 5.7 ms at 4 in flight.
const AWAKE: Duration = Duration::from_micros(300);

/// Timer that wakes calls at an instant. Its thread ends with the last handle.
#[derive(Debug)]
pub(super) struct Delays {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    waiting: Mutex<BinaryHeap<Reverse<Delay>>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Delay {
    until: Instant,
    wake: oneshot::Sender<()>,
}

impl Delays {
    pub(super) fn new() -> Self {
        let shared = Arc::new(Shared { waiting: Mutex::default(), changed: Condvar::new() });
        let weak = Arc::downgrade(&shared);
        thread::spawn(move || wake_in_turn(&weak));
        Self { shared }
    }

    /// Returns at `until`, or at once if that is past.
    pub(super) async fn wait_until(&self, until: Instant) {
        if let Some(early) = until.checked_sub(AWAKE).filter(|early| *early > Instant::now()) {
            let (wake, woken) = oneshot::channel();
            self.shared.waiting().push(Reverse(Delay { until: early, wake }));
            self.shared.changed.notify_one();
            // The waking thread cannot have ended while this handle exists.
            let _ = woken.await;
        }
        while Instant::now() < until {
            yield_now().await;
        }
    }
}

impl Drop for Delays {
    fn drop(&mut self) {
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, BinaryHeap<Reverse<Delay>>> {
        // The heap is consistent between any two statements that hold the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake_in_turn(shared: &Weak<Shared>) {
    // By default the kernel may wait 50 us longer, so that it can wake several threads at once.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    while let Some(shared) = shared.upgrade() {
        let mut waiting = shared.waiting();
        let now = Instant::now();
        while waiting.peek().is_some_and(|Reverse(delay)| delay.until <= now) {
            if let Some(Reverse(delay)) = waiting.pop() {
                // The call may have been cancelled in the meantime.
                let _ = delay.wake.send(());
            }
        }
        // The wait is bounded, so that the end of the last handle is noticed even if its notification is
        // missed.
        let idle = Duration::from_secs(1);
        let pause = waiting.peek().map_or(idle, |Reverse(delay)| delay.until - now);
        drop(shared.changed.wait_timeout(waiting, pause.min(idle)));
    }
}

impl PartialEq for Delay {
    fn eq(&self, other: &Self) -> bool {
        self.until == other.until
    }
}

impl Eq for Delay {}

impl PartialOrd for Delay {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Delay {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.until.cmp(&other.until)
    }
}
