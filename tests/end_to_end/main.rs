//! The binary from outside: real processes, real sockets.

mod bad_input;
#[cfg(unix)]
mod ci_gate;
mod compare;
mod compression;
mod connections;
mod document;
mod edited_documents;
#[cfg(unix)]
mod events;
mod faults;
#[cfg(unix)]
mod files_and_signals;
mod gate;
mod gate_command;
mod gate_failures;
mod hostile_prefix;
mod hostile_text;
mod http_answers;
mod limits;
mod limits_document;
mod limits_in_front;
mod limits_unsteady;
mod neighbours;
mod policed_server;
mod process;
mod protocol;
mod raw_server;
mod rejections;
mod run;
mod saved_documents;
mod scripted_server;
#[cfg(unix)]
mod scripts;
mod secrets;
mod server;
mod size_limits;
mod soundness;
mod sweep;
mod verdict_document;
