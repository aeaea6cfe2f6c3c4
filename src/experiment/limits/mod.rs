//! Search for size limits, exact to the byte, and for the behaviour at each limit: the document
//! `plimsoll.limits/1`.
//!
//! Four limits are visible from outside: the server's for requests and for replies, and the client's own for
//! both. Each limit is searched with requests of its own. No search measures under load.

pub mod error;
mod probe_result;
mod survival;
pub mod record;
pub mod document;
mod search;
mod secrets;
mod check;
mod findings;
pub mod probe;
mod whole_messages;
mod client_side;
mod replies;
mod server_requests;
mod compressed;
pub mod run;

pub use document::{DEFAULT_UP_TO, Limits, LimitsSettings};
pub use error::LimitsError;
pub use probe_result::Cause;
pub use record::{Behind, Compressed, Counts, LimitRecord, State};
pub use run::find;
