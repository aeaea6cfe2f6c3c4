//! The repository's scripts: each explains itself with --help, and starts nothing then.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use crate::process::text;

fn scripts() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts"))];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if entry.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_script_has_a_help() {
    let scripts = scripts();
    assert!(scripts.len() > 15, "{scripts:?}");
    let folder = tempfile::tempdir().expect("a folder");
    for script in scripts {
        for flag in ["--help", "-h"] {
            let output =
                Command::new(&script).arg(flag).current_dir(folder.path()).output().expect("it runs");
            let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
            let script = script.display();
            assert_eq!(output.status.code(), Some(0), "{script} {flag}: {stderr}");
            assert!(stdout.lines().count() >= 3, "{script} {flag}: {stdout}");
            assert!(!stderr.contains("Traceback"), "{script} {flag}: {stderr}");
        }
    }
    assert!(fs::read_dir(folder.path()).expect("readable").next().is_none(), "a help makes no files");
}
