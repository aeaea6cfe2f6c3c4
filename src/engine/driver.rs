//! The driver of a run: connects, warms up, measures, drains.
//!
//! It owns the generator's threads. It prints nothing and installs no signal handler: it sends progress as
//! events, and a [`Stop`] ends the run early.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use tokio::{
    runtime::{Builder, Handle},
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};

use super::{
    agreement::{Agreement, Step},
    error::DriveError,
    event::{Event, Events, Expected},
    pulse::Pulse,
    reading::{CpuReading, Reading, usage_between},
    rows::Rows,
    start::{READ_INTERVAL, Start},
    threads::{Orders, spawn_workers},
    worker::{Order, Report, WorkerResult},
};
use crate::{
    client::{ConnectionAccount, UploadWaits},
    endpoint::{self, Located},
    load::{COARSE_INTERVAL, Plan},
    measure::{
        Environment, Latency, LoopAccount, Measurement, Recording, ShardOrigin, other_processes_of,
        wall_clock,
    },
    stop::{Level, Stop},
};

/// Runs a plan against a server, and returns what was measured.
///
/// CPU time and memory of the server are measured too, where it listens on this machine in a process of its own.
/// A server in this very process shares the account of the generator, and has none of its own.
///
/// The run ends by itself, or early when `stop` drains. See [`run_beside`] for threads and for the end.
///
/// # Errors
/// When connections cannot be made, or the system refuses threads.
pub fn run(plan: &Plan, target: &Located, stop: &Stop, events: &Events) -> Result<Measurement, DriveError> {
    run_from(&Start::Soon, &Arc::new(plan.clone()), target, &other_processes_of(target), stop, events)
}

/// Does what [`run`] does, with this start of the measured window, and with `server` as in [`run_beside`].
///
/// # Errors
/// Fails as [`run_beside`] does, and if the start is not possible; no call was sent then.
pub fn run_from(
    start: &Start,
    plan: &Arc<Plan>,
    target: &Located,
    server: &[u32],
    stop: &Stop,
    events: &Events,
) -> Result<Measurement, DriveError> {
    on_own_thread(|| drive((start, plan.interval()), plan, target, server, stop, events))
}

/// Runs a plan against a server, and measures it. `server` lists the server's processes, if they are known.
///
/// Returns at the end of the drain. After [`Stop::drain`] the result contains the measurement until then, and
/// the drain lasts at most 1 s. After [`Stop::abort`] the run ends at once.
///
/// Its timeline has intervals of a second, as experiments keep many runs. Those of [`run`] follow from the plan.
///
/// Blocks its thread, even if the thread belongs to a runtime. From a runtime, call it with tokio's
/// `spawn_blocking`.
///
/// # Errors
/// Fails if connections cannot be made, or the system refuses threads.
pub fn run_beside(
    plan: &Arc<Plan>,
    target: &Located,
    server: &[u32],
    stop: &Stop,
    events: &Events,
) -> Result<Measurement, DriveError> {
    on_own_thread(|| drive((&Start::Soon, COARSE_INTERVAL), plan, target, server, stop, events))
}

/// Runs the driver. A runtime's thread cannot block on another runtime, so the driver gets a thread of its own there.
fn on_own_thread(
    drive: impl FnOnce() -> Result<Measurement, DriveError> + Send,
) -> Result<Measurement, DriveError> {
    if Handle::try_current().is_err() {
        return drive();
    }
    thread::scope(|scope| {
        let driver = thread::Builder::new().name("driver".to_owned()).spawn_scoped(scope, drive)?;
        driver.join().map_err(|_| DriveError::Panicked)?
    })
}

fn drive(
    (from, interval): (&Start, Duration),
    plan: &Arc<Plan>,
    target: &Located,
    server: &[u32],
    stop: &Stop,
    events: &Events,
) -> Result<Measurement, DriveError> {
    if plan.payload().messages().is_empty() {
        return Err(DriveError::NoMessages);
    }
    endpoint::check()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let pulse = Pulse::start()?;
    events.send(|| Event::Run(Expected::of(plan)));
    runtime.block_on(async {
        let mut orders = Orders { order: watch::Sender::new(Order::Wait), wakers: Vec::new() };
        let (reporter, mut reports) = mpsc::unbounded_channel();
        let workers = spawn_workers(plan, interval, target, &mut orders, &reporter)?;
        // The channel of reports closes when the last worker has ended.
        drop(reporter);
        let mut drive = RunState::new((from, interval), plan, server, stop, events, orders, pulse);
        drive.follow(&mut reports).await?;
        let mut worked = Vec::new();
        for worker in workers {
            worked.push(worker.join().map_err(|_| DriveError::Panicked)??);
        }
        match drive.agreement.impossible.take() {
            Some(error) => Err(error.into()),
            None => Ok(drive.finish(worked)),
        }
    })
}

/// State of a run in the driver.
struct RunState<'a> {
    agreement: Agreement<'a>,
    plan: &'a Plan,
    /// Length of the timeline's intervals.
    interval: Duration,
    server: &'a [u32],
    orders: Orders,
    pulse: Pulse,
    ready: usize,
    /// Start of the measured window, once it is set.
    start: Option<Instant>,
    started_at: SystemTime,
    windows_over: usize,
    /// True after the event of the window's start.
    is_announced: bool,
    is_interrupted: bool,
    stop: &'a Stop,
    events: &'a Events,
    /// Level of the stop, as sent to the workers.
    level: Level,
    /// The machine before the run.
    environment: Environment,
    /// Readings at the start and at the end of the window.
    readings: (Option<Reading>, Option<Reading>),
    /// Last reading of CPU time.
    last_cpu: Option<CpuReading>,
    rows: Rows,
}

impl<'a> RunState<'a> {
    fn new(
        (from, interval): (&'a Start, Duration),
        plan: &'a Plan,
        server: &'a [u32],
        stop: &'a Stop,
        events: &'a Events,
        orders: Orders,
        pulse: Pulse,
    ) -> Self {
        Self {
            agreement: Agreement::on(from),
            plan,
            interval,
            server,
            orders,
            pulse,
            ready: 0,
            start: None,
            started_at: wall_clock(),
            windows_over: 0,
            is_announced: false,
            is_interrupted: false,
            stop,
            events,
            level: Level::Go,
            environment: Environment::now(),
            readings: (None, None),
            last_cpu: None,
            rows: Rows::new(plan.workers, interval),
        }
    }

    /// Handles reports and stop requests until the last worker has ended.
    async fn follow(&mut self, reports: &mut mpsc::UnboundedReceiver<Report>) -> io::Result<()> {
        loop {
            // There is no reading after the end of the window: a few calls may take less than the timer's
            // tick.
            let is_over = self.is_interrupted || self.windows_over > 0;
            let start = self.start.filter(|_| self.readings.0.is_none() && !is_over);
            let window_starts = async {
                match start {
                    Some(start) => sleep_until(start).await,
                    None => std::future::pending().await,
                }
            };
            let next_cpu =
                self.next_cpu_reading().filter(|_| !self.is_interrupted && self.readings.1.is_none());
            let interval_ends = async {
                match next_cpu {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let awaits_start = self.agreement.is_awaited();
            tokio::select! {
                () = sleep(READ_INTERVAL), if awaits_start => {
                    let step = self.agreement.look(self.plan, self.events);
                    self.take_step(step);
                }
                report = reports.recv() => match report {
                    None => return Ok(()),
                    Some(report) => self.take(report),
                },
                () = window_starts => {
                    let reading = Reading::take(self.server, &self.pulse);
                    self.last_cpu = Some(reading.cpu.clone());
                    self.readings.0 = Some(reading);
                    if let Some(start) = self.start {
                        self.agreement.compare_clocks(start);
                    }
                    self.announce_start();
                }
                () = interval_ends => self.take_cpu(&CpuReading::take(self.server)),
                () = self.stop.above(self.level) => self.stop_now(),
            }
        }
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Ready => {
                self.ready += 1;
                if self.ready == self.plan.workers && *self.orders.order.borrow() == Order::Wait {
                    let step = self.agreement.ready(self.plan, self.events);
                    self.take_step(step);
                }
            }
            // Without this order, the other workers would wait forever for the start.
            Report::Failed => {
                self.orders.give(Order::Leave);
            }
            Report::Interval(ended) => {
                self.announce_start();
                self.rows.take(*ended).into_iter().for_each(|event| self.events.send(|| event));
            }
            Report::WindowOver => {
                self.announce_start();
                self.windows_over += 1;
                if self.windows_over == self.plan.workers {
                    let reading = Reading::take(self.server, &self.pulse);
                    self.take_cpu(&reading.cpu);
                    self.readings.1 = Some(reading);
                    if !self.is_interrupted {
                        self.events.send(|| Event::Draining { is_interrupted: false });
                    }
                }
            }
        }
    }

    /// Starts the run, goes on to wait for its start, or ends it before any call.
    fn take_step(&mut self, step: Step) {
        match step {
            Step::Start { start, at } => {
                self.start = Some(start);
                self.started_at = at;
                self.orders.give(Order::Run(start));
            }
            Step::Wait => {}
            Step::Never => self.orders.give(Order::Leave),
        }
    }

    /// Sends the event of the window's start, once. A few calls may take less time than the driver needs to
    /// notice the start, so the first event after it also announces it.
    fn announce_start(&mut self) {
        if !self.is_interrupted && !std::mem::replace(&mut self.is_announced, true) {
            self.events.send(|| Event::Started);
        }
    }

    /// Instant of the next reading of CPU time; `None` before the first one.
    fn next_cpu_reading(&self) -> Option<Instant> {
        Some(self.last_cpu.as_ref()?.next(self.start?, self.interval))
    }

    /// Adds the CPU time since the last reading to the rows in between.
    fn take_cpu(&mut self, reading: &CpuReading) {
        if let Some((start, last)) = self.start.zip(self.last_cpu.replace(reading.clone())) {
            let between =
                (last.at.saturating_duration_since(start), reading.at.saturating_duration_since(start));
            self.rows.add_cpu(between, reading.since(&last));
        }
    }

    /// Applies the new level of the stop, which is above the previous one.
    fn stop_now(&mut self) {
        self.level = self.stop.level();
        self.is_interrupted = true;
        if self.level == Level::Abort {
            self.orders.give(Order::Leave);
        } else {
            self.orders.give(Order::Drain);
            self.events.send(|| Event::Draining { is_interrupted: true });
        }
    }

    fn finish(mut self, worked: Vec<WorkerResult>) -> Measurement {
        self.rows.close_all().into_iter().for_each(|event| self.events.send(|| event));
        let mut recording = Recording::of(self.plan.payload(), self.plan.is_open());
        let mut window = Duration::ZERO;
        let mut threads = Vec::new();
        let mut loops: Vec<LoopAccount> = Vec::new();
        let mut upload_waits = UploadWaits::default();
        let mut connections = ConnectionAccount::default();
        let mut handshakes = Latency::new();
        let mut ended_by_count = true;
        for worker in worked {
            recording.add(worker.recording);
            window = window.max(worker.window);
            threads.extend(worker.thread);
            loops.extend(worker.in_loop);
            upload_waits.add(worker.upload_waits);
            connections.add(worker.connections);
            worker.handshakes.into_iter().for_each(|handshake| handshakes.record(handshake));
            ended_by_count &= worker.ended_by_count;
        }
        // Slots that calls of the warm-up still held started late, so a counted window starts with the first
        // planned call.
        if ended_by_count && !self.plan.is_open() {
            window = window.saturating_sub(recording.first_sent);
        }
        let usage = usage_between(self.readings, threads, loops);
        let Self { environment, started_at, agreement, is_interrupted, rows, .. } = self;
        Measurement {
            plan: self.plan.document(),
            shard: ShardOrigin::here(self.plan.shard),
            environment,
            started_at,
            agreed_start: agreement.agreed,
            window,
            ended_by_count,
            is_interrupted,
            recording,
            timeline: rows.into_timeline(window),
            usage,
            connections,
            handshakes,
            upload_waits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Settings;

    #[test]
    fn a_plan_from_a_document_is_told_that_it_has_no_messages() {
        let plan = Plan::new(Settings::default()).expect("the default is valid").document();
        let target = Located::local(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
        let error = run(&plan, &target, &Stop::new(), &Events::none()).expect_err("nothing to send");
        assert!(matches!(error, DriveError::NoMessages), "{error}");
    }
}
