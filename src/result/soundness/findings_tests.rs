//! Tests: findings are true for the client that ran.

use super::*;
use crate::{
    client::{Connections, UploadWaits},
    load::ClientKind,
    result::{soundness::connections::connections_limited, summary::Summary},
    rpc::metadata::Pair,
};

/// Returns the golden run with this client, and with every account that a client can have.
fn run_of(client: ClientKind) -> Measurement {
    let text = include_str!("../../../tests/data/documents/summary.json");
    let summary = Summary::read(text.as_bytes()).expect("a result");
    let mut run = summary.measurement().expect("consistent").expect("of this version");
    run.plan.options.client = client;
    run.connections.unconnected = run.window / 2;
    run.connections.connections = Connections { made: 3, closed: 2, lost: 1, failed_attempts: 0 };
    run
}

#[test]
fn only_the_lean_client_knows_how_long_calls_waited_for_a_connection() {
    for (client, words) in [
        (ClientKind::Lean, "calls waited for a connection for 50.00 % of the time"),
        (ClientKind::Stub, "the stub client was connecting for 50.00 % of the time"),
    ] {
        let found = connections_limited(&run_of(client)).expect("half of the time is worth a note");
        assert!(found.detail.starts_with(words), "{client}: {}", found.detail);
        assert!(found.detail.contains("2 closed by the server in order"), "{}", found.detail);
    }
}

#[test]
fn calls_that_the_stub_kept_back_are_not_put_to_the_server() {
    let mut run = run_of(ClientKind::Stub);
    run.connections.unconnected = Duration::ZERO;
    assert_eq!(held_back(&run), None);
    run.upload_waits = UploadWaits { count: 20, time: Duration::from_millis(40) };
    let found = held_back(&run).expect("a warning");
    assert_eq!(
        (found.weight, found.detail.contains("2.00 ms on average")),
        (Weight::Warning, true),
        "{found:?}"
    );
    assert_eq!(trouble(&run), Some(Trouble::UploadsHeldBack));
}

#[test]
fn credentials_without_tls_are_noted_on_the_way_to_another_machine_alone() {
    let mut plan = run_of(ClientKind::Lean).plan;
    assert_eq!(token_in_clear(&plan, false), None);
    plan.options.metadata = vec![Pair::new("authorization", "Bearer abc")];
    assert_eq!(token_in_clear(&plan, true), None);
    let found = token_in_clear(&plan, false).expect("a note");
    assert!(
        found.detail.starts_with("`authorization` was sent") && !found.detail.contains("abc"),
        "{found:?}"
    );
}

#[test]
fn an_interrupted_run_says_of_which_part_its_figures_are() {
    let mut run = run_of(ClientKind::Lean);
    assert_eq!(interrupted(&run), None);
    run.is_interrupted = true;
    let drain = interrupted(&run).expect("a note");
    assert!(drain.detail.contains("after the measured window"), "{drain:?}");
    run.plan.duration = Some(run.window * 5);
    let part = interrupted(&run).expect("a note");
    assert_eq!((part.weight, part.detail.contains("after 2.00 s")), (Weight::Note, true), "{part:?}");
    run.window = Duration::ZERO;
    let nothing = interrupted(&run).expect("a warning");
    assert_eq!(
        (nothing.weight, nothing.detail.contains("before its measured window")),
        (Weight::Warning, true)
    );
}
