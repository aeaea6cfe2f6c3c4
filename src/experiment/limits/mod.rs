//! Where each size limit bites, to the byte, and how: the document `plimsoll.limits/1`, and how it is made.
//!
//! Four limits can be seen from outside: the server's for requests and for replies, and the client's own
//! for both. Each is looked for with requests of its own; nothing here measures under load.

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
