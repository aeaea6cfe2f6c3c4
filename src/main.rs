//! Parse, do, exit status.

use std::process::ExitCode;

use clap::Parser;
use plimsoll::{
    cli::{Cli, Status},
    report,
};

fn main() -> ExitCode {
    match Cli::parse().execute() {
        Ok(status) => status.into(),
        Err(error) => {
            report::error(error.chain());
            Status::Failed.into()
        }
    }
}
