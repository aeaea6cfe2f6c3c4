//! Parse, do, exit status.

use std::process::ExitCode;

use plimsoll::{
    cli::{Cli, Status},
    report,
};

fn main() -> ExitCode {
    let cli = match Cli::of_arguments() {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    match cli.execute() {
        Ok(status) => status.into(),
        Err(error) => {
            report::error(error.chain());
            Status::Failed.into()
        }
    }
}
