//! The binary from outside: real processes, real sockets.

mod bad_input;
#[cfg(unix)]
mod ci_gate;
mod compare;
mod compression;
mod connections;
mod document;
mod faults;
mod gate;
mod gate_command;
mod gate_failures;
mod hostile_prefix;
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
mod scripted_server;
mod server;
mod size_limits;
mod soundness;
mod sweep;
mod verdict_document;
