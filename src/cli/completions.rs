//! `plimsoll completions` and `plimsoll man`: completion scripts and manual pages of the command line.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{output::to_stdout, status::Status};
use crate::units::hint;

#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(super) struct CompletionsArguments {
    /// Shell that reads the script
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  plimsoll completions bash > ~/.local/share/bash-completion/completions/plimsoll
  plimsoll completions zsh > ~/.zfunc/_plimsoll          # with `fpath+=~/.zfunc` before compinit
  plimsoll completions fish > ~/.config/fish/completions/plimsoll.fish";

#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(super) struct ManArguments {
    /// Command to print the page of [default: the page of plimsoll itself]
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Option<String>,

    /// Write all pages to this folder, as plimsoll.1, plimsoll-run.1 and so on; it is created if it does not exist
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

const MAN_EXAMPLES: &str = "\
Examples:
  plimsoll man run > plimsoll-run.1 && man ./plimsoll-run.1
  plimsoll man --dir ~/.local/share/man/man1             # then: man plimsoll-run";

/// Prints a completion script.
pub(super) fn execute(arguments: &CompletionsArguments, mut command: Command) -> Result<Status> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "plimsoll", &mut script);
    to_stdout(|out| out.write_all(&script))?;
    Ok(Status::Done)
}

/// Prints a page, or writes all pages.
pub(super) fn execute_man(arguments: &ManArguments, command: Command) -> Result<Status> {
    let pages = pages(command)?;
    if let Some(folder) = &arguments.dir {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
        for (name, page) in &pages {
            let path = folder.join(format!("{name}.1"));
            fs::write(&path, page).with_context(|| format!("cannot write `{}`", path.display()))?;
        }
        return Ok(Status::Done);
    }
    let wanted =
        arguments.command.as_ref().map_or_else(|| "plimsoll".to_owned(), |name| format!("plimsoll-{name}"));
    let Some((_, page)) = pages.iter().find(|(name, _)| *name == wanted) else {
        let names: Vec<&str> = pages.iter().filter_map(|(name, _)| name.strip_prefix("plimsoll-")).collect();
        let name = arguments.command.as_deref().unwrap_or_default();
        bail!(
            "there is no command `{name}`; {}write one of {}",
            hint(name, names.iter().copied()),
            names.join(", ")
        );
    };
    to_stdout(|out| out.write_all(page))?;
    Ok(Status::Done)
}

/// Returns the name and text of each page: one for the program, and one for each of its commands.
fn pages(mut command: Command) -> Result<Vec<(String, Vec<u8>)>> {
    command.build();
    let commands = std::iter::once(&command).chain(command.get_subcommands());
    commands
        .filter(|command| command.get_name() != "help" && !command.is_hide_set())
        .map(|command| {
            let name = command.get_display_name().unwrap_or("plimsoll").to_owned();
            let mut page = Vec::new();
            Man::new(command.clone()).render(&mut page).context("cannot make a page")?;
            Ok((name, page))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_flag_of_a_help_is_on_its_page() {
        let mut command = Cli::command();
        let pages = pages(command.clone()).expect("pages");
        command.build();
        let mut flags = 0;
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            let name = format!("plimsoll-{}", command.get_name());
            let (_, page) = pages.iter().find(|(page, _)| *page == name).expect("a page for each command");
            let page = String::from_utf8_lossy(page).replace("\\-", "-");
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                if let Some(long) = argument.get_long() {
                    assert!(page.contains(&format!("--{long}")), "{name}: --{long}");
                    flags += 1;
                }
            }
            assert!(page.contains("Examples:"), "{name} has examples");
        }
        assert!(flags > 150, "{flags}");
    }

    #[test]
    fn each_shell_has_a_script_with_every_command() {
        use clap::ValueEnum as _;
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "plimsoll", &mut script);
            let script = String::from_utf8(script).expect("UTF-8");
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
            assert!(script.contains("max-recv-message-size"), "{shell}");
        }
    }
}
