//! Processes that belong to a server, from the kernel's tables.

use std::{fs, net::SocketAddr};

use procfs_core::{
    FromReadSI,
    net::{TcpNetEntries, TcpNetEntry, TcpState},
    process::FDTarget,
};

use super::proc_files::SYSTEM;
use crate::endpoint::{Located, process_ids, processes};

/// Processes of this machine that listen at an address; empty where the system does not report them, or they
/// belong to another user.
#[must_use]
pub fn listeners_at(address: SocketAddr) -> Vec<u32> {
    let sockets: Vec<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| TcpNetEntries::from_file(table, &SYSTEM).ok())
        .flat_map(|TcpNetEntries(entries)| entries)
        .filter(|entry| listens_at(entry, address))
        .map(|entry| entry.inode)
        .collect();
    let holds_one = |process: &u32| {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
        descriptors.flatten().any(|descriptor| {
            let link = fs::read_link(descriptor.path()).ok();
            let target = link.and_then(|link| link.to_str()?.parse().ok());
            matches!(target, Some(FDTarget::Socket(inode)) if sockets.contains(&inode))
        })
    };
    if sockets.is_empty() { Vec::new() } else { process_ids().filter(holds_one).collect() }
}

/// Processes of a server on this machine; empty for a server elsewhere, and where the system does not report them.
/// Of a server at a Unix socket, the process that began to listen.
#[must_use]
pub fn server_processes(server: &Located) -> Vec<u32> {
    match (server.is_local, server.place.tcp()) {
        (false, _) => Vec::new(),
        (true, Some(address)) => listeners_at(address),
        (true, None) => server.process.into_iter().collect(),
    }
}

/// Processes of a server on this machine, without this one.
#[must_use]
pub fn other_processes_of(server: &Located) -> Vec<u32> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let mut listeners = server_processes(server);
    listeners.retain(|process| i64::from(*process) != i64::from(own));
    listeners
}

/// Processes of a process group, including its leader; empty where the system does not report them.
#[must_use]
pub fn processes_in_group(group: u32) -> Vec<u32> {
    processes().filter(|process| process.group == group).map(|process| process.id).collect()
}

/// Processes that a process started, and their descendants, as far as their parents are alive; empty where
/// the system does not report them.
#[must_use]
pub fn processes_below(process: u32) -> Vec<u32> {
    let all: Vec<_> = processes().collect();
    let mut below = vec![process];
    let mut seen = 0;
    while let Some(parent) = below.get(seen).copied() {
        seen += 1;
        for child in all.iter().filter(|process| process.parent == parent) {
            // Process ids are reused; the check prevents an endless loop.
            if !below.contains(&child.id) {
                below.push(child.id);
            }
        }
    }
    below.split_off(1)
}

/// Returns true if a socket listens at this address, or at every address.
fn listens_at(socket: &TcpNetEntry, address: SocketAddr) -> bool {
    let local = socket.local_address;
    let is_same = local.ip().is_unspecified() || local.ip().to_canonical() == address.ip().to_canonical();
    socket.state == TcpState::Listen && local.port() == address.port() && is_same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_its_members() {
        let own = rustix::process::getpgrp().as_raw_nonzero().get();
        let processes = processes_in_group(u32::try_from(own).expect("positive"));
        assert!(!cfg!(target_os = "linux") || processes.contains(&std::process::id()), "{processes:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn processes_below_are_found_in_any_session() {
        let mut shell = std::process::Command::new("setsid")
            .args(["sh", "-c", "sleep 60 & echo; read line; kill $!"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("it runs");
        let output = shell.stdout.as_mut().expect("piped");
        std::io::Read::read_exact(output, &mut [0]).expect("its child is there");
        let below = processes_below(shell.id());
        assert!(below.len() == 1 && processes_below(std::process::id()).contains(&below[0]), "{below:?}");
        drop(shell.stdin.take());
        shell.wait().expect("it ends");
        assert_eq!(processes_below(below[0]), [] as [u32; 0]);
    }

    #[test]
    fn only_listening_sockets_of_the_port_count() {
        let line = |local: &str, state: &str| {
            format!("heading\n0: {local} 00000000:0000 {state} 0:0 00:0 0 0 0 12345 1\n")
        };
        let found = |table: &str, address: &str| {
            let TcpNetEntries(sockets) =
                TcpNetEntries::from_read(table.as_bytes(), &SYSTEM).expect("a table");
            sockets.iter().any(|socket| listens_at(socket, address.parse().expect("an address")))
        };
        let loopback = if cfg!(target_endian = "little") { "0100007F:1F90" } else { "7F000001:1F90" };
        assert!(found(&line(loopback, "0A"), "127.0.0.1:8080"));
        assert!(found(&line("00000000:1F90", "0A"), "127.0.0.1:8080"));
        assert!(found(&line("00000000000000000000000000000000:1F90", "0A"), "127.0.0.1:8080"));
        assert!(!found(&line(loopback, "01"), "127.0.0.1:8080"), "a connection");
        assert!(!found(&line(loopback, "0A"), "127.0.0.1:8081"), "another port");
        assert!(!found(&line(loopback, "0A"), "127.0.0.2:8080"), "another address");
        assert!(!found("", "127.0.0.1:8080"));
    }
}
