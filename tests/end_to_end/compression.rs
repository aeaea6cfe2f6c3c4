//! Compressed messages in both directions, with both clients; and messages that decompress to very much.

use crate::{
    document::Summary,
    process::{over_both_clients, run, run_with_status},
};

const ENCODINGS: [&str; 2] = ["gzip", "zstd"];
const LIMIT: u64 = 4 << 20;
/// What a bomb may make a process take.
const BOUND: u64 = 64 << 20;
/// A bomb of the everyday suite: it stands for twice the bound.
const BOMB: &str = "128MiB";
/// A bomb of the second suite.
const LARGE_BOMB: &str = "256MiB";

fn few(arguments: &[&str]) -> Summary {
    run(&[&["-n", "20", "-c", "4", "-w", "0s"], arguments].concat())
}

fn compressed_calls_are_answered_and_verified() {
    for encoding in ENCODINGS {
        for server in [&[][..], &["--server-compress", encoding]] {
            for text in ["json", "expanding"] {
                let sizes = ["-s", "0,64,20KiB,1MiB", "--text", text, "--compress", encoding];
                let summary = few(&[&sizes, server].concat());
                assert_eq!(summary.calls.answered, 20, "{:?} {:?}", summary.calls, summary.statuses);
                assert_eq!(summary.plan.compression.as_deref(), Some(encoding));
            }
        }
    }
    // A server that would compress does not, where nobody takes it.
    assert_eq!(few(&["-s", "20KiB", "--server-compress", "gzip"]).calls.answered, 20);
}

fn a_request_that_decompresses_to_too_much_is_refused_in_little_memory() {
    request_bombs_are_refused(BOMB, &["zstd"]);
}

fn large_bombs_are_refused_in_little_memory() {
    request_bombs_are_refused(LARGE_BOMB, &ENCODINGS);
    reply_bombs_are_refused(LARGE_BOMB, &ENCODINGS);
}

fn request_bombs_are_refused(size: &str, encodings: &[&str]) {
    for encoding in encodings {
        let (status, summary) =
            run_with_status(&["-n", "2", "-c", "1", "-w", "0s", "-s", size, "--compress", encoding]);
        assert_eq!(status, 2, "no call is answered");
        assert_eq!(summary.calls.refused, 2, "{:?} {:?}", summary.calls, summary.statuses);
        let [refusal] = summary.refusals.as_slice() else { panic!("{:?}", summary.refusals) };
        assert_eq!((refusal.side.as_str(), refusal.direction.as_str()), ("server", "request"));
        assert_eq!(refusal.limit_bytes, Some(LIMIT));
        let memory = summary.cost.server_peak_rss_bytes.expect("known on this system");
        assert!(memory < BOUND, "{encoding}: {memory} bytes");
    }
}

fn a_reply_that_decompresses_to_too_much_is_refused_in_little_memory() {
    reply_bombs_are_refused(BOMB, &["zstd"]);
}

fn reply_bombs_are_refused(size: &str, encodings: &[&str]) {
    let size = format!("plimsoll-reply-size: {size}");
    for encoding in encodings {
        let bomb = ["--server-obey", "-m", &size, "--server-compress", encoding];
        let (status, summary) = run_with_status(
            &[&["-n", "2", "-c", "1", "-w", "0s", "--compress", encoding], bomb.as_slice()].concat(),
        );
        assert_eq!(status, 2, "no call is answered");
        assert_eq!(summary.calls.refused, 2, "{:?} {:?}", summary.calls, summary.statuses);
        let [refusal] = summary.refusals.as_slice() else { panic!("{:?}", summary.refusals) };
        assert_eq!((refusal.side.as_str(), refusal.direction.as_str()), ("client", "response"));
        assert_eq!((refusal.limit_bytes, refusal.message_bytes), (Some(LIMIT), LIMIT + 1));
        let memory = summary.cost.client_peak_rss_bytes.expect("known on this system");
        assert!(memory < BOUND, "{encoding}: {memory} bytes");
    }
}

over_both_clients!(
    lean:
    compressed_calls_are_answered_and_verified,
    a_request_that_decompresses_to_too_much_is_refused_in_little_memory;
    both:
    a_reply_that_decompresses_to_too_much_is_refused_in_little_memory;
    second:
    large_bombs_are_refused_in_little_memory;
);
