//! The server under test: its address, and server processes that a command starts and stops.

mod child;
pub(crate) mod descriptors;
mod program;
mod leftovers;
pub mod target;

pub use child::{ChildError, ChildServer};
pub(crate) use descriptors::check;
pub use leftovers::Leftovers;
pub use program::{Program, ProgramError, ServerProcess, StartError, is_lack_of_means};
pub use target::{LocateError, Located, Target, TargetError};
