//! The script that `plimsoll gate --ci-script` prints: in a foreign git repository, with only the binary on the
//! PATH.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Output},
};

use crate::process::{output_of, text};

/// A server that reads its flags from a file of its tree, in the working directory.
const SERVER: &str = "#!/bin/sh\nexec plimsoll serve --listen 127.0.0.1:$1 --until-input-ends $(cat flags)\n";

/// A git repository with a server, the script, and a folder with the binary.
struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn new() -> Self {
        let own = Self { folder: tempfile::tempdir().expect("a folder") };
        for name in ["a server's", "bin"] {
            fs::create_dir(own.folder.path().join(name)).expect("writable");
        }
        let link = own.folder.path().join("bin/plimsoll");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_plimsoll"), link).expect("a link");
        let script = output_of(&["gate", "--ci-script"]);
        fs::write(own.folder.path().join("ci-gate"), script.stdout).expect("writable");
        own.git(&["init", "-q"]);
        own
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("a server's")
    }

    fn git(&self, arguments: &[&str]) {
        let status = self.command("git").args(arguments).status().expect("git runs");
        assert!(status.success(), "{arguments:?}");
    }

    /// Makes a commit with these files.
    fn commit(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            fs::write(self.tree().join(name), text).expect("writable");
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "a change"]);
    }

    fn command(&self, program: &str) -> Command {
        let path = env::join_paths(
            std::iter::once(self.folder.path().join("bin"))
                .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
        );
        let mut command = Command::new(program);
        command.current_dir(self.tree()).env("PATH", path.expect("a path"));
        for name in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"] {
            command.env(name, "tester");
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env_remove("GITHUB_STEP_SUMMARY");
        command
    }

    /// Runs the script; returns its status, and the output of the script and the gate.
    fn gate(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let Output { status, stdout, stderr } =
            self.command("bash").arg("../ci-gate").args(arguments).output().expect("bash runs");
        (status.code(), text(&stdout) + &text(&stderr))
    }
}

const USUAL: [&str; 4] = ["--build", "sh build", "--server", "{tree}/built {port}"];
const BUILDS: &str = "cp server built && chmod +x built";

/// Returns arguments of the script, then `--`, then those of the gate.
fn with(more: &[&'static str]) -> Vec<&'static str> {
    [&USUAL[..], more, &["--", "--limits-only", "-q", "-o", "../verdict.json"]].concat()
}

#[test]
fn any_git_repository_is_gated_with_the_binary_alone() {
    let repository = Repository::new();
    let limit = |bytes| [("server", SERVER), ("build", BUILDS), ("flags", bytes), (".gitignore", "built")];
    repository.commit(&limit("--max-recv-message-size 1000"));
    let (status, words) = repository.gate(&with(&[]));
    assert_eq!(status, Some(0), "{words}");
    assert!(words.contains("skipped") && words.contains("HEAD is the first commit"), "{words}");

    repository.commit(&limit("--max-recv-message-size 999"));
    let (status, words) = repository.gate(&with(&[]));
    assert_eq!(status, Some(1), "{words}");
    let relative = [&["--server", "./built {port}"], &with(&[])[4..]].concat();
    assert_eq!(repository.gate(&[&USUAL[..2], &relative].concat()).0, Some(1), "each starts in its own tree");
    assert!(words.contains("1,000 bytes pass") && words.contains("999 bytes pass"), "{words}");
    let verdict = fs::read_to_string(repository.folder.path().join("verdict.json")).expect("written");
    assert!(verdict.contains("\"regressed\""), "{verdict}");
    let worktrees = repository.command("git").args(["worktree", "list"]).output().expect("git runs");
    assert_eq!(text(&worktrees.stdout).lines().count(), 1, "none is left behind");
    let (status, words) = repository.gate(&with(&["--base", "HEAD"]));
    assert_eq!(status, Some(0), "{words}");
    assert!(words.contains("unchanged"), "{words}");
}

#[test]
fn a_base_that_does_not_build_is_skipped_and_written() {
    let repository = Repository::new();
    repository.commit(&[("build", "exit 1"), (".gitignore", "built")]);
    repository.commit(&[("server", SERVER), ("build", BUILDS), ("flags", "")]);
    let (status, words) = repository.gate(&with(&[]));
    assert_eq!(status, Some(0), "{words}");
    assert!(words.contains("SKIPPED") && words.contains("does not build"), "{words}");
    let verdict = fs::read_to_string(repository.folder.path().join("verdict.json")).expect("written");
    assert!(verdict.contains("\"skipped\"") && verdict.contains("does not build"), "{verdict}");
    let strict = [&with(&[])[..], &["--strict"]].concat();
    assert_eq!(repository.gate(&strict).0, Some(3));
    // It builds, but not this program.
    repository.commit(&[("build", "true")]);
    repository.commit(&[("build", BUILDS)]);
    let (status, words) = repository.gate(&with(&[]));
    assert!(status == Some(0) && words.contains("builds no built"), "{words}");
}

#[test]
fn what_the_script_cannot_do_is_an_error() {
    let repository = Repository::new();
    repository.commit(&[("server", SERVER), ("build", BUILDS), ("flags", "")]);
    let bad = |arguments: &[&str], reason: &str| {
        let (status, words) = repository.gate(arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {words}");
        assert!(words.contains(reason) && !words.to_lowercase().contains("skipped"), "{words}");
    };
    bad(&[], "--build is missing");
    bad(&["--build", "true"], "--server is missing");
    bad(&["--server", "./built {port}"], "--build is missing");
    bad(&["--limits-only"], "behind --");
    bad(&["--build"], "needs a value");
    bad(&with(&["--base", "no-such-branch"]), "no commit `no-such-branch`");
    bad(&with(&["--plimsoll", "no-such-plimsoll"]), "no-such-plimsoll");
    bad(&with(&["--build", "exit 1", "--base", "HEAD"]), "the candidate does not build");
    bad(&with(&["--server", "{tree}/typo {port}", "--base", "HEAD"]), "the base cannot be used");
    // A shallow clone has no commit to compare with: that is no reason to let anything pass.
    repository.commit(&[("flags", "--threads 1")]);
    let shallow = repository.folder.path().join("shallow");
    let url = format!("file://{}", repository.tree().display());
    repository.git(&["clone", "-q", "--depth", "1", &url, shallow.to_str().expect("UTF-8")]);
    repository.git(&["-C", "../shallow", "remote", "remove", "origin"]);
    let script = repository.folder.path().join("ci-gate");
    let output = repository.command("bash").arg(script).args(with(&[])).current_dir(&shallow).output();
    let output = output.expect("bash runs");
    let words = text(&output.stderr);
    assert!(output.status.code() == Some(2) && words.contains("shallow"), "{words}");
    let output = repository
        .command("bash")
        .arg("ci-gate")
        .args(with(&[]))
        .current_dir(repository.folder.path())
        .output();
    let words = text(&output.expect("bash runs").stderr);
    assert!(words.contains("in no git repository"), "{words}");
}
