//! A server made slower on purpose, to try a regression gate on: so much more CPU time in each call, or so
//! much more waiting.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use super::delays::Delays;

/// What each call costs besides its own work.
#[derive(Debug)]
pub(super) struct ArtificialCost {
    /// Rounds of arithmetic: CPU time that is the same in each call, whatever else the machine does. Waiting
    /// for a clock would not be: time that somebody else runs in would pass for work.
    rounds: u64,
    delay: Option<(Duration, Delays)>,
}

/// Rounds that are timed at once: some 30 us, shorter than most interruptions are apart.
const TIMED_ROUNDS: u32 = 20_000;

/// How often they are timed. The shortest time is the one that nobody interrupted.
const TIMINGS: u32 = 200;

impl ArtificialCost {
    /// So much more CPU time, and a wait, in each call. Calibrates for a few ms where there is CPU time.
    pub(super) fn new(work: Duration, delay: Duration) -> Self {
        let rounds = if work.is_zero() { 0 } else { rounds_in(work) };
        Self { rounds, delay: (!delay.is_zero()).then(|| (delay, Delays::new())) }
    }

    /// Bears it, for a call that was received at this instant.
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
