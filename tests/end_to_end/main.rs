//! The binary from outside: real processes, real sockets.

mod bad_input;
mod compare;
mod compression;
mod document;
mod edited_documents;
mod faults;
#[cfg(unix)]
mod files_and_signals;
mod gate;
mod hostile_prefix;
mod hostile_text;
mod limits;
mod neighbours;
mod policed_server;
mod process;
mod protocol;
mod raw_server;
mod rejections;
mod run;
mod saved_documents;
mod scripted_server;
mod secrets;
mod server;
mod size_limits;
mod sweep;
mod verdict_document;
