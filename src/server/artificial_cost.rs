//! Artificial cost of calls, to test a regression gate: extra CPU time per call, or extra waiting time.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use super::delays::Delays;

/// Extra cost of each call.
#[derive(Debug)]
pub(super) struct ArtificialCost {
    /// Rounds of arithmetic: CPU time that is equal for each call under any load of the machine. Waiting for a
    /// clock would not be equal: time during which another process runs would count as work.
    rounds: u64,
    delay: Option<(Duration, Delays)>,
}

/// Number of rounds timed at once: about 30 us, shorter than the time between most interruptions.
const TIMED_ROUNDS: u32 = 20_000;

/// Number of timings. The shortest one had no interruption.
const TIMINGS: u32 = 200;

impl ArtificialCost {
    /// Creates an extra cost of CPU time and waiting time per call. Calibration takes a few ms if there is CPU time.
    pub(super) fn new(work: Duration, delay: Duration) -> Self {
        let rounds = if work.is_zero() { 0 } else { rounds_in(work) };
        Self { rounds, delay: (!delay.is_zero()).then(|| (delay, Delays::new())) }
    }

    /// Spends the cost, for a call received at this instant.
    pub(super) async fn bear(&self, received: Instant) {
        compute(self.rounds);
        if let Some((delay, delays)) = &self.delay {
            delays.wait_until(received + *delay).await;
        }
    }
}

fn rounds_in(work: Duration) -> u64 {
    let timed = || {
        let start = Instant::now();
        compute(u64::from(TIMED_ROUNDS));
        start.elapsed()
    };
    let shortest = (0..TIMINGS).map(|_| timed()).min().unwrap_or_default().max(Duration::from_nanos(1));
    let rounds = work.as_nanos().saturating_mul(u128::from(TIMED_ROUNDS)) / shortest.as_nanos();
    u64::try_from(rounds).unwrap_or(u64::MAX)
}

fn compute(rounds: u64) {
    let mut number = 1_u64;
    for round in 0..rounds {
        number = black_box(number.rotate_left(5) ^ round);
    }
}
