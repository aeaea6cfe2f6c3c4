//! Tonic's client with tonic's own limits, as in an application that leaves its limits to tonic. For a thread
//! without a runtime; each call has its own connection.

use std::{cell::Cell, io, time::Duration};

use tokio::runtime;

use super::connection::StubConnection;
use crate::{
    client::{Call, Completion, opening::OpenError},
    endpoint::Located,
    load::Options,
    rpc::{Message, Outcome},
    stop::{Level, Stop},
};

/// Client that makes each call on its own connection.
#[derive(Debug)]
pub(crate) struct DefaultClient<'a> {
    runtime: runtime::Runtime,
    target: &'a Located,
    options: Options,
}

/// Results of a call that was made among others.
#[derive(Debug)]
pub(crate) struct AmongOthers {
    /// The call itself.
    pub(crate) completion: Completion,
    /// Outcome of the first concurrent call on the same connection that was not answered, if there was one.
    pub(crate) failed_neighbour: Option<Outcome>,
    /// Outcome of a later call.
    pub(crate) later: Outcome,
    /// True if all calls used the same connection.
    pub(crate) is_one_connection: bool,
}

impl<'a> DefaultClient<'a> {
    /// Makes a client; it connects at each call.
    ///
    /// # Errors
    /// Fails if the system provides no runtime.
    pub(crate) fn new(target: &'a Located, options: Options) -> io::Result<Self> {
        crate::endpoint::check()?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, target, options })
    }

    /// Makes a call. Returns `None` if it has not ended after `patience`, or after a stop request.
    pub(crate) fn call(
        &self,
        message: &Message,
        patience: Duration,
        stop: &Stop,
    ) -> Result<Option<Completion>, OpenError> {
        let call = async {
            let (mut connection, _) = StubConnection::open_bare(self.target, &self.options).await?;
            Ok(connection.call(Call::now(0), message).await)
        };
        self.runtime.block_on(within(patience, stop, call)).transpose()
    }

    /// Makes a call while small calls follow each other on the same connection. One small call and `extra`
    /// more follow. Returns `None` if they have not all ended after `patience`, or after a stop request.
    pub(crate) fn call_among(
        &self,
        message: &Message,
        small: &Message,
        extra: usize,
        patience: Duration,
        stop: &Stop,
    ) -> Result<Option<AmongOthers>, OpenError> {
        let all = async {
            let (mut connection, sockets) = StubConnection::open_bare(self.target, &self.options).await?;
            let mut neighbour = connection.clone();
            let is_over = Cell::new(false);
            // The last small call is in flight when the call ends.
            let neighbours = async {
                let mut failed = None;
                while !is_over.get() {
                    let outcome = neighbour.call(Call::now(0), small).await.outcome;
                    failed = failed.or_else(|| (!is_answered(&outcome)).then_some(outcome));
                }
                failed
            };
            let call = async {
                let completion = connection.call(Call::now(0), message).await;
                is_over.set(true);
                completion
            };
            let (failed_neighbour, completion) = tokio::join!(neighbours, call);
            let later = neighbour.call(Call::now(0), small).await.outcome;
            for _ in 0..extra {
                neighbour.call(Call::now(0), small).await;
            }
            let is_one_connection = sockets.attempts() == 1;
            Ok(AmongOthers { completion, failed_neighbour, later, is_one_connection })
        };
        self.runtime.block_on(within(patience, stop, all)).transpose()
    }
}

/// Waits for a future for at most `patience`, and only until a stop request.
async fn within<T>(patience: Duration, stop: &Stop, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        result = tokio::time::timeout(patience, future) => result.ok(),
        () = stop.above(Level::Go) => None,
    }
}

fn is_answered(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered | Outcome::WrongReply(_))
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_that_does_not_end_is_left_when_an_end_is_wanted() {
        let since = Instant::now();
        let patience = Duration::from_secs(5);
        let stop = Stop::new();
        let later = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(120)).await;
            later.drain();
        });
        assert_eq!(within(patience, &stop, std::future::pending::<()>()).await, None);
        assert_eq!(since.elapsed(), Duration::from_millis(120));
        let since = Instant::now();
        assert_eq!(within(patience, &Stop::new(), std::future::pending::<()>()).await, None);
        assert_eq!(since.elapsed(), patience);
        assert_eq!(within(patience, &Stop::new(), async { 1 }).await, Some(1));
    }
}
