//! `plimsoll gate` for tests: its servers, its arguments, and a folder for its files.

use std::{fs, path::PathBuf};

use crate::{
    process::{plimsoll, text},
    verdict_document::Verdict,
};

/// A closed loop, which makes as many calls as the machine can.
pub(crate) const CLOSED: &str = r#"
[[scenario]]
name = "quick"
size = 64
concurrency = 4
slice = "20ms"
rounds = 1
"#;

/// A scenario whose slices have their calls however slow the machine is.
pub(crate) const AT_A_RATE: &str = r#"
[[scenario]]
name = "quick"
size = 64
rate = 200
slice = "100ms"
rounds = 1
"#;

/// Returns a command line that serves with the binary under test.
pub(crate) fn serve(flags: &str) -> String {
    let program = env!("CARGO_BIN_EXE_plimsoll");
    format!("{program} serve --listen 127.0.0.1:{{port}} --until-input-ends {flags}").trim_end().to_owned()
}

pub(crate) struct Gate {
    folder: tempfile::TempDir,
    pub(crate) arguments: Vec<String>,
}

impl Gate {
    pub(crate) fn of(base: &str, candidate: &str) -> Self {
        let arguments = ["gate", "-q", "--base", base, "--candidate", candidate].map(str::to_owned).to_vec();
        Self { folder: tempfile::tempdir().expect("a folder"), arguments }
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Adds a scenario that takes a few seconds.
    pub(crate) fn quick(self) -> Self {
        self.trying(AT_A_RATE)
    }

    pub(crate) fn trying(self, scenarios: &str) -> Self {
        self.repeating(scenarios, "10")
    }

    /// With more repetitions than are made before a test interrupts it.
    pub(crate) fn endless(self) -> Self {
        self.repeating(AT_A_RATE, "100").with(&["--no-limits"])
    }

    fn repeating(self, scenarios: &str, repetitions: &str) -> Self {
        let path = self.path("scenarios.toml");
        fs::write(&path, scenarios).expect("writable");
        let path = path.to_str().expect("UTF-8").to_owned();
        self.with(&["--scenarios", &path, "--repetitions", repetitions])
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds a flag that writes to a file in this gate's folder.
    pub(crate) fn writing(self, flag: &str, name: &str) -> Self {
        let path = self.path(name).to_str().expect("UTF-8").to_owned();
        self.with(&[flag, &path])
    }

    pub(crate) fn output(&self) -> std::process::Output {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        plimsoll(&arguments).current_dir(self.folder.path()).output().expect("it runs")
    }

    /// Returns the status, the document, and stderr.
    pub(crate) fn verdict(&self) -> (i32, Verdict, String) {
        let mut arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        arguments.extend(["-O", "json"]);
        let output = plimsoll(&arguments).current_dir(self.folder.path()).output().expect("it runs");
        let error = text(&output.stderr);
        let verdict: Verdict =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {error}"));
        verdict.check();
        (output.status.code().expect("not killed"), verdict, error)
    }

    /// Returns the first verdict that is not abstained, with the status and stderr. A gate rightly abstains when
    /// a busy machine makes the base differ from itself, and then says nothing about the candidate.
    pub(crate) fn decided(&self) -> (i32, Verdict, String) {
        let mut tries = std::iter::repeat_with(|| self.verdict()).take(5);
        tries.find(|(_, verdict, _)| verdict.verdict != "abstained").expect("one of five gates decides")
    }
}
