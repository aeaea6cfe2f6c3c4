//! Which processes a server is made of, as the kernel tells.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::proc_files::read;

/// The processes of this machine that listen at an address; none where the system does not tell, or
/// where they belong to somebody else.
#[must_use]
pub fn listeners_at(address: SocketAddr) -> Vec<u32> {
    let tables = [read("/proc/net/tcp"), read("/proc/net/tcp6")];
    let sockets: Vec<String> = tables
        .iter()
        .flatten()
        .flat_map(|table| table.lines())
        .filter_map(|line| listening_inode(line, address))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let holds_one = |process: &u32| {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
        descriptors.flatten().any(|descriptor| {
            let link = fs::read_link(descriptor.path());
            link.is_ok_and(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
        })
    };
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    if sockets.is_empty() { Vec::new() } else { ids.filter(holds_one).collect() }
}

/// The processes of a process group, its leader included; none where the system does not tell.
#[must_use]
pub fn processes_in_group(group: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let group_of = |process: &u32| group_in(&read(&format!("/proc/{process}/stat"))?);
    ids.filter(|process| group_of(process) == Some(group)).collect()
}

/// The processes that a process started, and those that these started, as far as their parents are alive; none where
/// the system does not tell.
#[must_use]
pub fn processes_below(process: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent_of = |process: u32| parent_in(&read(&format!("/proc/{process}/stat"))?);
    let parents: Vec<(u32, u32)> = ids.filter_map(|process| Some((process, parent_of(process)?))).collect();
    let mut below = vec![process];
    let mut seen = 0;
    while let Some(parent) = below.get(seen).copied() {
        seen += 1;
        for (child, _) in parents.iter().filter(|(_, other)| *other == parent) {
            // Numbers are used again: no process is its own child's child.
            if !below.contains(child) {
                below.push(*child);
            }
        }
    }
    below.split_off(1)
}

/// `pid (comm) state ppid pgrp ...`, as proc(5) has it. A name may have brackets and spaces in it.
fn group_in(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

fn parent_in(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The inode of a socket that listens at this address, or at every address, from a line of
/// `/proc/net/tcp` or `tcp6`.
fn listening_inode(line: &str, address: SocketAddr) -> Option<&str> {
    const LISTEN: &str = "0A";
    let words: Vec<&str> = line.split_whitespace().collect();
    let (local, port) = words.get(1)?.rsplit_once(':')?;
    let local = local_address(local)?;
    let listens = *words.get(3)? == LISTEN
        && u16::from_str_radix(port, 16) == Ok(address.port())
        && (local.is_unspecified() || local.to_canonical() == address.ip().to_canonical());
    if listens { words.get(9).copied() } else { None }
}

/// The kernel prints an address as words of 32 bits, each in the machine's own byte order.
fn local_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_read_behind_any_name() {
        assert_eq!(group_in("7 (a) b) S 1 42 7 0 -1"), Some(42));
        assert_eq!(group_in("7 (a"), None);
        assert_eq!(parent_in("7 (a) b) S 1 42 7 0 -1"), Some(1));
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
        let line =
            |local: &str, state: &str| format!("0: {local} 00000000:0000 {state} 0:0 00:0 0 0 0 12345 1");
        let found =
            |line: &str, address: &str| listening_inode(line, address.parse().expect("an address")).is_some();
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
