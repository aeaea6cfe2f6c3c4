//! A prefix that claims far more than any message has.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use plimsoll::client::lean::frame::{HEAD_BYTES, Head, PREFACE, flag, kind};

use crate::{
    process::{HANGS, Server},
    raw_server::{block, frame, settings},
};

/// Returns a peak of a process, in bytes.
fn peak(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the kernel's account");
    let line = status.lines().find(|line| line.starts_with(name)).expect("the peak");
    let kibibytes: u64 = line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number");
    kibibytes << 10
}

/// Checks memory and address space: a server that reserves the claimed length fails where address space is
/// bounded.
#[test]
fn a_hostile_prefix_makes_the_server_reserve_nothing() {
    let server = Server::start(&[]);
    let before = (peak(server.child.id(), "VmPeak"), peak(server.child.id(), "VmHWM"));
    for claimed in [u32::MAX, 1 << 31, (1 << 31) - 1, (4 << 20) + 1] {
        for flag in [0, 1] {
            claim(&server, flag, claimed);
        }
    }
    let after = (peak(server.child.id(), "VmPeak"), peak(server.child.id(), "VmHWM"));
    // A thread's own heap alone reserves 64 MiB of addresses, and more threads may have begun to work.
    assert!(after.0 - before.0 < 512 << 20, "{before:?} {after:?}");
    assert!(after.1 < 64 << 20, "{before:?} {after:?}");
}

/// Sends a request that is a prefix only, and waits until the server has ended it.
fn claim(server: &Server, compressed: u8, length: u32) {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/example.FormatData/DoFormat"),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("grpc-encoding", "gzip"),
    ];
    let prefix = [&[compressed], length.to_be_bytes().as_slice()].concat();
    let request = [
        PREFACE,
        &settings(&[(1, 0)]),
        &frame(kind::HEADERS, flag::END_HEADERS, 1, &block(&fields)),
        &frame(kind::DATA, 0, 1, &prefix),
    ]
    .concat();
    let mut socket = TcpStream::connect(server.address).expect("it listens");
    socket.set_read_timeout(Some(HANGS)).expect("a timeout");
    socket.write_all(&request).expect("written");
    loop {
        let mut head = [0; HEAD_BYTES];
        socket.read_exact(&mut head).expect("a frame");
        let head = Head::parse(head);
        let mut payload = vec![0; head.length as usize];
        socket.read_exact(&mut payload).expect("its payload");
        if head.kind == kind::HEADERS && head.has(flag::END_STREAM) {
            return;
        }
    }
}
