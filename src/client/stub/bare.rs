//! Tonic's client as an application has it that leaves its limits to tonic, for a thread that has no
//! runtime: each question is asked on a connection of its own.

use std::{cell::Cell, io, time::Duration};

use tokio::{runtime, time::timeout};

use super::Connection;
use crate::{
    client::{Ended, OpenError, Options},
    outcome::Outcome,
    payload::Message,
    target::Located,
};

/// Makes calls, one connection each.
#[derive(Debug)]
pub(crate) struct BareClient<'a> {
    runtime: runtime::Runtime,
    target: &'a Located,
    options: Options,
}

/// A call in the midst of others.
#[derive(Debug)]
pub(crate) struct AmongOthers {
    /// The call itself.
    pub(crate) ended: Ended,
    /// Whether every call was answered that was under way on its connection.
    pub(crate) neighbours_answered: bool,
    /// Whether a later call on the same connection was answered.
    pub(crate) later_answered: bool,
}

impl<'a> BareClient<'a> {
    /// A client that does not connect before it is asked to.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub(crate) fn new(target: &'a Located, options: Options) -> io::Result<Self> {
        crate::descriptors::check()?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, target, options })
    }

    /// Makes a call; `None` when it has not ended by then.
    pub(crate) fn call(&self, message: &Message, patience: Duration) -> Result<Option<Ended>, OpenError> {
        self.runtime.block_on(async {
            let (mut connection, _) = Connection::open_bare(self.target, &self.options).await?;
            Ok(timeout(patience, connection.call(message)).await.ok())
        })
    }

    /// Makes a call while small ones follow each other on the same connection, and one after it; `None` when
    /// they have not all ended by then.
    pub(crate) fn call_among(
        &self,
        message: &Message,
        small: &Message,
        patience: Duration,
    ) -> Result<Option<AmongOthers>, OpenError> {
        let all = async {
            let (mut connection, made) = Connection::open_bare(self.target, &self.options).await?;
            let mut neighbour = connection.clone();
            let is_over = Cell::new(false);
            // The last of them is under way when the call ends.
            let neighbours = async {
                let mut all_answered = true;
                while !is_over.get() {
                    all_answered &= is_answered(&neighbour.call(small).await);
                }
                all_answered
            };
            let call = async {
                let ended = connection.call(message).await;
                is_over.set(true);
                ended
            };
            let (neighbours_answered, ended) = tokio::join!(neighbours, call);
            let later_answered = is_answered(&neighbour.call(small).await) && made.count() == 1;
            Ok(AmongOthers { ended, neighbours_answered, later_answered })
        };
        self.runtime.block_on(async { timeout(patience, all).await.ok().transpose() })
    }
}

fn is_answered(ended: &Ended) -> bool {
    matches!(ended.outcome, Outcome::Answered | Outcome::WrongReply(_))
}
