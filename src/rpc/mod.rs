//! An RPC as values: its message, status, outcome, metadata and compression. No socket, no clock.

pub mod code;
mod compression;
pub mod shape;
pub(crate) mod metadata;
pub mod outcome;
mod name;
pub mod schema;
pub mod message;
pub mod format_data;
pub mod method;
pub mod reply;
mod http_answer;
mod refusal_wording;
pub mod status;

pub use code::{Code, status_words};
pub use compression::Compression;
pub(crate) use compression::{ACCEPTED, UnpackError, Unpacker, of_encoding, packed, unpacked};
pub(crate) use http_answer::{HTTP_WORDS, HttpAnswer};
pub use message::{Checks, Expectation, ExpectedReply, FirstReply, LARGEST_MESSAGE, Message, PREFIX_BYTES};
pub(crate) use message::{Sizes, prefix};
pub use metadata::{MetadataError, Pair, PairError};
pub use method::Method;
pub use name::{MethodName, MethodNameError};
pub use outcome::{Difference, Direction, Failure, Outcome, OutcomeKind, Refusal, Side};
pub(crate) use refusal_wording::{Origin, recognise};
pub use shape::Shape;
pub(crate) use status::{
    RESET_WORDS, TONIC_TIMEOUT, deadline_exceeded, not_a_code, outcome_of_status, over_own_limit,
    over_own_receive_limit, own_refusal,
};
