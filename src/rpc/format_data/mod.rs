//! The built-in method `example.FormatData/DoFormat`: messages of exact size, and their replies.

pub mod pb;
pub mod size;
pub mod text;
pub mod message;

pub use message::Message;
pub(crate) use pb::PATH;
pub use pb::{DESCRIPTOR, Data, format_data_client, format_data_server};
pub use size::{
    LARGEST_MESSAGE, PREFIX_BYTES, longest_text_within, message_bytes_of, nearest_reachable, reachable_around,
};
pub use text::TextKind;
