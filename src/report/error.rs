//! Errors on stderr.

use std::{
    error::Error,
    io::{Write, stderr},
};

use super::outside;
use crate::{
    endpoint::StartError,
    experiment::gate::{ContenderError, ScenarioError},
};

/// Prints an error with its causes on stderr.
pub fn write<'a>(chain: impl Iterator<Item = &'a (dyn Error + 'static)>) {
    let mut causes: Vec<String> = chain.map(cause).collect();
    // An error may contain the text of its cause.
    causes.dedup();
    // A closed stderr is not an error: there is nowhere to report it.
    let _ = writeln!(stderr(), "plimsoll: {}", causes.join(": "));
}

/// Returns an error on one line. Errors of a parser, and errors that quote a program's output, have several lines:
/// all but the first are indented, so that none looks like a message of this program.
fn cause(error: &(dyn Error + 'static)) -> String {
    if error.is::<ScenarioError>() || error.is::<ContenderError>() || error.is::<StartError>() {
        outside::in_lines(&error.to_string()).trim_end().replace('\n', "\n    ")
    } else {
        outside::on_one_line(&error.to_string())
    }
}
