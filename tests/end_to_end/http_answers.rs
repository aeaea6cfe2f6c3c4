//! Answers in HTTP in place of gRPC's, as proxies send them. Both clients recognise them by their status, with any
//! page.

use plimsoll::client::lean::frame::{flag, kind};

use crate::{
    policed_server::{Ruling, policed, refused},
    process::{client, output_of, over_both_clients, run_with_status, text},
    raw_server::{block, frame},
};

over_both_clients!(
    lean:
    a_413_is_a_refusal_of_the_request_in_each_form,
    other_answers_in_http_are_failures_with_the_mapped_code,
    a_413_in_a_status_of_grpcs_is_a_refusal_too,
    a_stream_that_is_reset_without_an_answer_is_a_failure,
    one_call_says_which_http_status_came;
);

const PAGE: &[u8] = b"<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n</html>";

/// End of an answer.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Ends with headers only.
    Headers,
    /// Ends with a page.
    Page,
    /// Ends with a page, and nginx's reset for the rest of the request.
    PageAndReset(u32),
    /// Ends with a reset after the headers.
    Reset(u32),
}

const ENDS: [End; 6] =
    [End::Headers, End::Page, End::PageAndReset(0), End::PageAndReset(8), End::Reset(0), End::Reset(8)];

fn answer(stream: u32, status: &str, end: End) -> Vec<u8> {
    let block = block(&[(":status", status), ("server", "nginx"), ("content-type", "text/html")]);
    let headers = |flags| frame(kind::HEADERS, flag::END_HEADERS | flags, stream, &block);
    let page = || [headers(0), frame(kind::DATA, flag::END_STREAM, stream, PAGE)].concat();
    let reset = |code: u32| frame(kind::RST_STREAM, 0, stream, &code.to_be_bytes());
    match end {
        End::Headers => headers(flag::END_STREAM),
        End::Page => page(),
        End::PageAndReset(code) => [page(), reset(code)].concat(),
        End::Reset(code) => [headers(0), reset(code)].concat(),
    }
}

/// Starts a server that counts bodies as they arrive, and ends a call of more than 60,005 bytes with these bytes.
fn counting(end: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static) -> String {
    let target = policed(move |request| match request.received {
        received if received > 60_005 => Ruling::Send(end(request.stream)),
        _ => Ruling::GoOn,
    });
    target.to_string()
}

const LARGE: [&str; 8] = ["-n", "1", "-c", "1", "-w", "0s", "-s", "1MiB"];

fn a_413_is_a_refusal_of_the_request_in_each_form() {
    for end in ENDS {
        let target = counting(move |stream| answer(stream, "413", end));
        let summary = run_with_status(&[&[target.as_str()], LARGE.as_slice()].concat()).1;
        assert_eq!(summary.calls.refused, 1, "{end:?}: {:?} {:?}", summary.calls, summary.statuses);
        let refusal = &summary.refusals[0];
        assert_eq!((refusal.side.as_str(), refusal.direction.as_str()), ("server", "request"), "{end:?}");
        assert_eq!((refusal.message_bytes, refusal.limit_bytes), (1 << 20, None), "{end:?}");
        assert_eq!((refusal.http_status, refusal.code.as_str()), (Some(413), "UNKNOWN"), "{end:?}");
    }
}

fn other_answers_in_http_are_failures_with_the_mapped_code() {
    for (status, code) in [
        ("502", "UNAVAILABLE"),
        ("503", "UNAVAILABLE"),
        ("404", "UNIMPLEMENTED"),
        ("500", "UNKNOWN"),
        ("200", "UNKNOWN"),
    ] {
        for end in [End::Headers, End::Page, End::PageAndReset(0)] {
            let target = counting(move |stream| answer(stream, status, end));
            let summary = run_with_status(&[&[target.as_str()], LARGE.as_slice()].concat()).1;
            let seen = &summary.statuses[0];
            let shown = (seen.outcome.as_str(), seen.code.as_str());
            assert_eq!(shown, ("failed", code), "{status} {end:?}: {seen:?}");
            let words = if status == "200" { "its content type is another" } else { status };
            assert!(seen.message.contains(words), "{seen:?}");
        }
    }
}

/// Checks the answer of a proxy that speaks gRPC itself.
fn a_413_in_a_status_of_grpcs_is_a_refusal_too() {
    for words in ["Payload Too Large", "Received http2 header with status: 413"] {
        let target = counting(move |stream| refused(stream, "2", words));
        let summary = run_with_status(&[&[target.as_str()], LARGE.as_slice()].concat()).1;
        assert_eq!(summary.calls.refused, 1, "{words}: {:?} {:?}", summary.calls, summary.statuses);
        assert_eq!(summary.refusals[0].direction, "request");
    }
}

fn a_stream_that_is_reset_without_an_answer_is_a_failure() {
    for (reason, name, code) in
        [(8_u32, "CANCEL", "CANCELLED"), (11, "ENHANCE_YOUR_CALM", "RESOURCE_EXHAUSTED")]
    {
        let target = counting(move |stream| frame(kind::RST_STREAM, 0, stream, &reason.to_be_bytes()));
        let summary = run_with_status(&[&[target.as_str()], LARGE.as_slice()].concat()).1;
        let seen = &summary.statuses[0];
        assert_eq!((seen.outcome.as_str(), seen.code.as_str()), ("failed", code), "{seen:?}");
        assert!(seen.message.contains(&format!("the server reset the stream: {name}")), "{seen:?}");
    }
}

fn one_call_says_which_http_status_came() {
    let target = counting(|stream| answer(stream, "413", End::PageAndReset(0)));
    let output = output_of(&["call", "--client", client(), &target, &"a".repeat(70_000)]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("HTTP status 413"), "{}", text(&output.stderr));
}
