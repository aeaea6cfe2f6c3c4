//! The command-line program: parses arguments, runs the command, returns the exit status.

use std::process::ExitCode;

use plimsoll::{
    cli::{Cli, Status},
    report,
};

/// Allocator that returns memory to the system after a peak, unlike the C library's. The library leaves the
/// choice to its user.
#[cfg(all(feature = "mimalloc", target_os = "linux"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::of_arguments() {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    match cli.execute() {
        Ok(status) => status.into(),
        Err(error) => {
            report::error::write(error.chain());
            Status::Failed.into()
        }
    }
}
