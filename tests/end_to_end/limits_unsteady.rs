//! `plimsoll limits` with servers that fail some calls, or never answer.

use std::{
    process::Child,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
};

use rustix::process::Signal;

use crate::{
    limits_document::{Document, limits_with_status},
    limits_elsewhere::by_prefix,
    policed_server::{Ruling, policed, refused},
    process::{output_of, plimsoll, signal, text},
    raw_server,
};

/// Starts a server that keeps every connection, and answers every third call with a status of its own.
fn flaky(first: u64, whole_calls_alone: bool) -> String {
    let calls = AtomicU64::new(first);
    let police = by_prefix(5_000, "8", "grpc: received message larger than max (5001 vs. 5000)");
    let target = policed(move |request| {
        // Each request is looked at once: at its beginning, or when it is whole.
        let is_due =
            if whole_calls_alone { request.has_ended && !request.is_short() } else { request.is_first };
        if is_due && calls.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
            return Ruling::Send(refused(request.stream, "14", "busy, try again"));
        }
        police(request)
    });
    target.to_string()
}

#[test]
fn what_a_flaky_server_fails_is_not_put_down_to_its_limit() {
    failures_are_no_limit(1);
}

#[test]
#[ignore = "second suite: from each call on"]
fn what_a_flaky_server_fails_is_not_put_down_to_its_limit_whenever_it_begins() {
    failures_are_no_limit(6);
}

fn failures_are_no_limit(first_calls: u64) {
    for whole_calls_alone in [true, false] {
        for first in 0..first_calls {
            let target = flaky(first, whole_calls_alone);
            let output = output_of(&["limits", "-q", "-O", "json", &target, "--up-to", "1MiB"]);
            let error = text(&output.stderr);
            let found: Document =
                serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {error}"));
            assert!(!found.has_finding("takes_others_along"), "{found:?}");
            for limit in &found.limits {
                // Every connection is kept, and no refusal does anything to another call.
                assert_ne!(limit.connection_survived, Some(false), "{limit:?}");
                assert_ne!(limit.neighbour_survived, Some(false), "{limit:?}");
            }
            let limit = found.servers();
            if limit.state == "found" {
                assert_eq!(
                    (limit.limit_bytes, limit.code.as_deref()),
                    (Some(5_000), Some("RESOURCE_EXHAUSTED"))
                );
                assert_eq!(limit.connection_survived, Some(true), "{limit:?}");
                match &limit.survival_unstable {
                    Some(words) => {
                        assert!(words.contains("busy, try again"), "{words}");
                        assert!(found.has_finding("survival_unstable"));
                        assert_eq!(output.status.code(), Some(2), "{error}");
                        assert!(error.contains("unstable"), "{error}");
                    }
                    // The failures hit other calls: what is said is true.
                    None => assert_eq!(limit.neighbour_survived, Some(true), "{limit:?}"),
                }
            } else {
                assert_eq!((limit.state.as_str(), limit.limit_bytes), ("unstable", None), "{limit:?}");
                assert_eq!(output.status.code(), Some(2), "{error}");
            }
        }
    }
}

#[test]
fn a_limit_is_found_although_each_third_whole_call_fails() {
    let found = limits_with_status(&[&flaky(0, true), "--up-to", "1MiB"]).1;
    assert_eq!((found.servers().state.as_str(), found.servers().limit_bytes), ("found", Some(5_000)));
    let shown = text(&output_of(&["limits", "-q", &flaky(0, true), "--up-to", "1MiB"]).stdout);
    let row = shown.lines().find(|line| line.starts_with("  server, request")).expect("a row");
    assert!(row.contains("survived") && row.contains("unstable"), "{shown}");
}

/// Starts a server that never answers a request, or does not even send its SETTINGS. The receiver reports
/// each request.
fn silent(speaks_http2: bool) -> (String, mpsc::Receiver<()>) {
    let (sender, asked) = mpsc::channel();
    let target = if speaks_http2 {
        policed(move |_| {
            let _ = sender.send(());
            Ruling::Wait
        })
    } else {
        raw_server::start(move |conversation| {
            let _ = sender.send(());
            while conversation.frame().is_some() {}
        })
    };
    (target.to_string(), asked)
}

#[test]
fn a_search_that_is_not_answered_hears_an_interrupt() {
    let commands: [&[&str]; 5] = [
        &["limits", "-q", "TARGET"],
        &["limits", "-q", "TARGET", "--client", "stub"],
        &["sweep", "-q", "TARGET", "-s", "64B..1KiB"],
        &["gate", "-q", "--base", "TARGET", "--candidate", "TARGET", "--limits-only"],
        &["run", "-q", "TARGET", "--with-and-without-refused", "-r", "10", "-s", "64@9,5MiB@1"],
    ];
    for arguments in commands {
        for (speaks_http2, which) in [(true, Signal::INT), (false, Signal::TERM)] {
            let search = || {
                let (target, asked) = silent(speaks_http2);
                let arguments = arguments.iter().map(|word| if *word == "TARGET" { &target } else { *word });
                let child = plimsoll(&arguments.collect::<Vec<_>>()).spawn().expect("the binary runs");
                asked.recv().expect("a request");
                child
            };
            // Its twin is asked nothing, and goes on waiting for 3 to 20 s.
            let (mut child, mut twin) = (search(), Twin(search()));
            signal(child.id(), which);
            assert_eq!(child.wait().expect("it ends").code(), Some(130), "{arguments:?}");
            assert_eq!(twin.0.try_wait().expect("known"), None, "{arguments:?}: no sooner than without it");
        }
    }
}

/// A process that is killed at the end.
struct Twin(Child);

impl Drop for Twin {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
