//! Threads of the generator, one per worker, and the orders to them.

use std::{
    io::{self, Write},
    os::unix::net::UnixStream,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    runtime::{Builder, LocalOptions},
    sync::{mpsc, watch},
};

use super::{
    error::DriveError,
    lean_loop,
    polling::{Polling, PrepareError},
    timer::Timer,
    tokio_loop,
    worker::{Counters, Order, Report, Work, WorkerResult},
};
use crate::{
    client::{OpenError, stub::StubConnection},
    endpoint::Located,
    load::{ClientKind, Plan},
};

pub(super) type WorkerThread = JoinHandle<Result<WorkerResult, DriveError>>;

/// Orders of the driver to its workers, with wakers for workers that wait for sockets only.
#[derive(Debug)]
pub(super) struct Orders {
    pub(super) order: watch::Sender<Order>,
    pub(super) wakers: Vec<UnixStream>,
}

impl Orders {
    pub(super) fn give(&mut self, order: Order) {
        self.order.send_replace(order);
        for waker in &mut self.wakers {
            // The socket is full after enough wake-ups, and closed after the worker has ended.
            let _ = waker.write(&[1]);
        }
    }

    /// Makes a waker that is written to with every later order.
    fn waker(&mut self) -> io::Result<UnixStream> {
        let (own, workers) = UnixStream::pair()?;
        own.set_nonblocking(true)?;
        self.wakers.push(own);
        Ok(workers)
    }
}

pub(super) fn spawn_workers(
    plan: &Arc<Plan>,
    interval: Duration,
    target: &Located,
    orders: &mut Orders,
    reporter: &mpsc::UnboundedSender<Report>,
) -> Result<Vec<WorkerThread>, DriveError> {
    let shared: Arc<Counters> = Arc::default();
    let mut workers = Vec::new();
    for index in 0..plan.workers {
        let work = Work {
            plan: Arc::clone(plan),
            interval,
            index,
            shared: Arc::clone(&shared),
            orders: orders.order.subscribe(),
            reports: reporter.clone(),
        };
        let target = target.clone();
        let thread = thread::Builder::new().name(format!("worker-{index}"));
        workers.push(match plan.options.client {
            ClientKind::Lean => {
                let waker = orders.waker()?;
                thread.spawn(move || work_polling(work, &target, waker))?
            }
            ClientKind::Stub => thread.spawn(move || work_with_tasks(work, &target))?,
        });
    }
    Ok(workers)
}

fn work_polling(work: Work, target: &Located, waker: UnixStream) -> Result<WorkerResult, DriveError> {
    let herald = ReadyGuard { reports: work.reports.clone(), is_ready: false };
    let mut polling = Polling::open(&work.plan, work.index, target, waker)?;
    polling.settle()?;
    herald.announce();
    Ok(lean_loop::run(work, &mut polling)?)
}

fn work_with_tasks(work: Work, target: &Located) -> Result<WorkerResult, DriveError> {
    let herald = ReadyGuard { reports: work.reports.clone(), is_ready: false };
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        let connections = connect(&work.plan, work.index, target).await?;
        let timer = Timer::precise()?;
        herald.announce();
        Ok(tokio_loop::run(work, connections, timer).await)
    })
}

/// Reports to the driver if a worker ends before it was ready, by an error or by a panic. The other workers
/// would otherwise wait forever.
struct ReadyGuard {
    reports: mpsc::UnboundedSender<Report>,
    is_ready: bool,
}

impl ReadyGuard {
    fn announce(mut self) {
        self.is_ready = true;
        let _ = self.reports.send(Report::Ready);
    }
}

impl Drop for ReadyGuard {
    fn drop(&mut self) {
        if !self.is_ready {
            let _ = self.reports.send(Report::Failed);
        }
    }
}

async fn connect(plan: &Plan, index: usize, target: &Located) -> Result<Vec<StubConnection>, OpenError> {
    let options = plan.options.clone();
    let mut connections = Vec::new();
    for _ in 0..plan.share_of(plan.connections as u64, index) {
        connections.push(StubConnection::open(target, &options, plan.method()).await?);
    }
    Ok(connections)
}

impl From<PrepareError> for DriveError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Open(error) => Self::Open(error),
            PrepareError::Setup(error) => Self::Setup(error),
        }
    }
}
