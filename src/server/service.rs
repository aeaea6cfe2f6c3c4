//! The method DoFormat: returns the text in upper case, and the caller's metadata.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tonic::{Request, Response, Status};

use super::{
    artificial_cost::ArtificialCost,
    bounded::over_request_memory,
    config::Config,
    connection::{Held, RequestBytes, SMALL},
    delays::Delays,
    instructions::{Instructions, deadline, reply_of},
    metadata::custom,
};
use crate::rpc::format_data::{Data, format_data_server::FormatData};

/// Time before its deadline at which a delayed call is ended with `DEADLINE_EXCEEDED`, as other servers and
/// their clients do. Tonic would end it with CANCELLED a moment later.
const EARLY: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(super) struct Formatter {
    /// Delays, if the server obeys instructions in metadata.
    delays: Option<Delays>,
    /// Artificial cost, if the server is to be slower.
    artificial_cost: Option<ArtificialCost>,
}

impl Formatter {
    pub(super) fn new(config: &Config) -> Self {
        let (work, delay) = (config.extra_work, config.extra_delay);
        let is_burdened = !work.is_zero() || !delay.is_zero();
        Self {
            delays: config.obey.then(Delays::new),
            artificial_cost: is_burdened.then(|| ArtificialCost::new(work, delay)),
        }
    }
}

#[tonic::async_trait]
impl FormatData for Formatter {
    async fn do_format(&self, request: Request<Data>) -> Result<Response<Data>, Status> {
        let received = Instant::now();
        let (metadata, mut extensions, data) = request.into_parts();
        let mut text = upper(data.text);
        let held = |extensions: &http::Extensions| extensions.get::<Arc<Held>>().map(Arc::clone);
        // The request's own bytes were counted until here; the text is counted as long as it is kept.
        let mut kept = match held(&extensions).filter(|_| text.len() > SMALL) {
            Some(held) => Some(keep(held, text.len())?),
            None => None,
        };
        let mut reply_bytes = None;
        if let Some(delays) = &self.delays {
            let instructions = Instructions::read(&metadata)?;
            reply_bytes = instructions.reply_bytes;
            if reply_bytes.is_some() || instructions.status.is_some() {
                // The text is no longer needed, and the delay may be long.
                text = String::new();
                kept = None;
            }
            if let Some(delay) = instructions.delay {
                let deadline = deadline(&metadata).map(|timeout| timeout.saturating_sub(EARLY));
                if let Some(timeout) = deadline.filter(|timeout| *timeout < delay) {
                    delays.wait_until(received + timeout).await;
                    return Err(Status::deadline_exceeded("the caller's deadline passed"));
                }
                delays.wait_until(received + delay).await;
            }
            if let Some((code, message)) = instructions.status {
                return Err(Status::with_metadata(code, message, custom(metadata)));
            }
        }
        if let Some(artificial_cost) = &self.artificial_cost {
            artificial_cost.bear(received).await;
        }
        let bytes = reply_bytes.unwrap_or(text.len() as u64);
        if bytes > SMALL as u64
            && let Some(held) = held(&extensions)
            && let Some(room) = held.room_for_reply(bytes).await
        {
            extensions.insert(room);
        }
        drop(kept);
        if let Some(bytes) = reply_bytes {
            text = reply_of(bytes);
        }
        Ok(Response::from_parts(custom(metadata), Data { text }, extensions))
    }
}

/// Counts a text that is kept while its call is in progress.
fn keep(held: Arc<Held>, bytes: usize) -> Result<RequestBytes, Status> {
    let mut kept = RequestBytes::new(held);
    kept.count(bytes as u64).map_err(over_request_memory)?;
    Ok(kept)
}

/// Returns Python's `str.upper()`: the full case mapping of Unicode, in which 'ß' becomes 'SS'. The version
/// of Unicode is the compiler's.
fn upper(mut text: String) -> String {
    if text.is_ascii() {
        text.make_ascii_uppercase();
        text
    } else {
        text.to_uppercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_is_pythons() {
        // CPython 3.11 printed these results for the same texts.
        for (text, expected) in [
            ("hello,world!", "HELLO,WORLD!"),
            ("stra\u{df}e", "STRASSE"),
            ("\u{390}", "\u{399}\u{308}\u{301}"),
            ("\u{fb03}", "FFI"),
            ("\u{131}\u{17f}", "IS"),
            ("\u{3c3}\u{3c2}", "\u{3a3}\u{3a3}"),
            ("\u{10428}", "\u{10400}"),
            ("\u{1c5}", "\u{1c4}"),
            ("", ""),
        ] {
            assert_eq!(upper(text.to_owned()), expected, "{text}");
        }
    }
}
