//! Processes of this machine, as the kernel lists them.

use std::fs;

use procfs_core::{FromRead, process::Stat};

/// A process, its parent and its process group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) parent: u32,
    pub(crate) group: u32,
}

/// Processes that run now; empty where the system does not list them.
pub(crate) fn processes() -> impl Iterator<Item = Process> {
    process_ids().filter_map(|id| {
        // A process may end while the list is read.
        let stat = Stat::from_file(format!("/proc/{id}/stat")).ok()?;
        Some(Process { id, parent: stat.ppid.try_into().ok()?, group: stat.pgrp.try_into().ok()? })
    })
}

/// Ids of the processes that run now; empty where the system does not list them.
pub(crate) fn process_ids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        ffi::OsStr,
        os::unix::ffi::OsStrExt,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn a_process_is_read_behind_any_name() {
        let folder = tempfile::tempdir().expect("a folder");
        // The kernel keeps 15 bytes of the name: brackets, a space, and a byte that is not UTF-8.
        let name = OsStr::from_bytes(b"a) b (\xff");
        let program = folder.path().join(name);
        std::os::unix::fs::symlink("/bin/sh", &program).expect("a link");
        let mut shell =
            Command::new(&program).args(["-c", "read line"]).stdin(Stdio::piped()).spawn().expect("it runs");
        let found = processes().find(|process| process.id == shell.id()).map(|process| process.parent);
        drop(shell.stdin.take());
        shell.wait().expect("it ends");
        assert_eq!(found, Some(std::process::id()));
    }
}
