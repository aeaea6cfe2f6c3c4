//! The built-in method `example.FormatData/DoFormat`: messages of exact size, and their replies.

pub mod pb;
pub mod size;
pub mod text;
pub mod message;

pub(crate) use message::{data, difference, of_size};
pub use message::{growing, message, plain};
pub(crate) use pb::PATH;
pub use pb::{DESCRIPTOR, Data, format_data_client, format_data_server};
pub use size::{longest_text_within, message_bytes_of, nearest_reachable, reachable_around};
pub use text::TextKind;
