//! Parse, do, exit status.

use std::process::ExitCode;

use plimsoll::{
    cli::{Cli, Status},
    report,
};

/// Gives memory back after a peak, which the C library's allocator does not. The library leaves the choice to its
/// user.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match Cli::read().execute() {
        Ok(status) => status.into(),
        Err(error) => {
            report::error(error.chain());
            Status::Failed.into()
        }
    }
}
