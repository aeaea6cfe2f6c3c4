//! The binary from outside: real processes, real sockets.

mod bad_input;
mod document;
mod faults;
mod process;
mod run;
mod scripted_server;
mod server;
mod size_limits;
