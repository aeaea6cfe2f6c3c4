//! The binary from outside: real processes, real sockets.

mod bad_input;
mod compare;
mod compression;
mod document;
mod faults;
mod gate;
mod hostile_prefix;
mod limits;
mod neighbours;
mod policed_server;
mod process;
mod protocol;
mod raw_server;
mod rejections;
mod run;
mod scripted_server;
#[cfg(unix)]
mod scripts;
mod server;
mod size_limits;
mod sweep;
mod verdict_document;
