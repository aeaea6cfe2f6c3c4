//! Servers and proxies that close connections gracefully, after a number of requests or a maximal age.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use plimsoll::client::lean::frame::{ErrorCode, kind};

use crate::{
    process::{client, over_both_clients, run},
    raw_server::{Conversation, frame, reply, settings, start},
};

/// Counts of the server.
#[derive(Debug, Default)]
struct Counted {
    answers: AtomicU64,
}

/// Starts a server that answers `requests` calls on each connection. GOAWAY comes with the last one, before
/// its answer; later streams are ignored.
fn closing_after(requests: u64) -> (SocketAddr, Arc<Counted>) {
    let counted = Arc::new(Counted::default());
    let counts = Arc::clone(&counted);
    let address = start(move |conversation: &mut Conversation| {
        conversation.send(&settings(&[]));
        let mut answered = 0;
        while let Some(stream) = conversation.request() {
            if answered == requests {
                continue;
            }
            answered += 1;
            if answered == requests {
                let last = stream.to_be_bytes();
                let payload = [last, ErrorCode::NO_ERROR.0.to_be_bytes()].concat();
                conversation.send(&frame(kind::GOAWAY, 0, 0, &payload));
            }
            counts.answers.fetch_add(1, Ordering::Relaxed);
            conversation.send(&reply(stream));
        }
    });
    (address, counted)
}

fn text_file(folder: &tempfile::TempDir) -> String {
    let file = folder.path().join("text");
    std::fs::write(&file, "abc").expect("writable");
    file.to_str().expect("UTF-8").to_owned()
}

fn no_call_is_broken_or_lost_by_a_server_that_closes_connections_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = text_file(&folder);
    for requests in [1, 7, 100] {
        for load in [&["-c", "1", "-n", "200"][..], &["-c", "100", "-n", "1000"], &["-r", "400", "-n", "200"]]
        {
            let (address, counted) = closing_after(requests);
            let address = address.to_string();
            let arguments = [&[&address, "-w", "0s", "--no-rehearsal", "--text-file", &file], load].concat();
            let summary = run(&arguments);
            let connections = summary.connections.as_ref().expect("both clients count them");
            let case =
                format!("{requests} requests a connection, {load:?}: {:?} {connections:?}", summary.calls);
            if client() == "lean" {
                assert_eq!(summary.calls.answered, summary.calls.planned, "{case}");
                assert_eq!(counted.answers.load(Ordering::Relaxed), summary.calls.planned, "{case}");
                assert_eq!(connections.lost, 0, "{case}");
                let expected = summary.calls.planned / requests;
                assert!(connections.made.abs_diff(expected) <= 1, "{case}");
            } else {
                let causes = summary.statuses.iter().all(|status| status.message.contains("GOAWAY"));
                assert!(causes, "{case} {:?}", summary.statuses);
                assert_eq!(summary.calls.failed, 0, "{case}");
            }
            assert_eq!((connections.failed_attempts, connections.paused_ns), (0, 0), "{case}");
            assert!(!summary.has_finding("closed_loop_paused"), "{case}");
        }
    }
}

over_both_clients!(both: no_call_is_broken_or_lost_by_a_server_that_closes_connections_in_order;);
