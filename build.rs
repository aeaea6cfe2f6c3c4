//! Passes the commit to the build.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    note_commit();
}

/// Sets `PLIMSOLL_COMMIT`. A build outside git has no commit, and leaves the variable unset.
fn note_commit() {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    if let Some(commit) = git(&["rev-parse", "HEAD"]) {
        println!("cargo::rustc-env=PLIMSOLL_COMMIT={commit}");
    }
}
