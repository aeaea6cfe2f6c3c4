//! The clients that make calls, and their shared types.

pub mod account;
mod call;
mod caller;
pub mod opening;
pub mod lean;
pub mod metadata;
pub mod stub;
pub mod one_shot;
pub mod reflection;

pub use account::{ConnectionAccount, Connections, Loss, UploadWaits};
pub use call::{Call, Completion};
pub(crate) use caller::Caller;
pub(crate) use metadata::check_metadata;
pub use one_shot::{CallError, CallStatus, Reply, call, call_method};
pub use opening::OpenError;
