//! The command line: validation of flags, and one function per command.

mod signals;
pub mod values;
mod output;
mod watch_flags;
mod rehearsal;
mod saved;
mod result_stream;
pub mod status;
mod session;
mod report_files;
mod compare;
mod merge;
mod client_flags;
mod metadata_flags;
mod transport_flags;
mod listening;
mod method_flags;
mod methods;
mod call;
mod own_server;
mod limits;
pub(crate) mod run;
mod serve;
mod sweep;
mod history_flags;
mod gate;
mod report;
mod completions;
mod foreign_flags;
pub mod command;

pub use command::Cli;
pub use status::Status;
