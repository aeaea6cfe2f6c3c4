//! Texts from outside reach no terminal unfiltered: server messages, labels, file names, saved documents.

use std::{fs, io::Read, process::Stdio};

use plimsoll::{
    client::lean::frame::{flag, kind},
    report::outside::is_active,
};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::{
    process::{Server, output_of, over_both_clients, plimsoll, text},
    raw_server::{self, Conversation, frame, settings},
    saved_documents::{documents, places, shown, with},
    scripted_server::{Script, start},
};

/// OSC, CSI, C1, line breaks, bidirectional controls, and characters with a meaning in XML, Markdown and CSV.
const HOSTILE: &str =
    "x\nplimsoll: forged\r\u{1b}]0;t\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{2028}<b>|\",&]]>*@all";

/// A hostile text, as gRPC encodes the message of a status.
const ENCODED: &str = "x%0Aplimsoll: forged%0D%1B]0;t%07%1B[2J%C2%9B31m%E2%80%AE%E2%80%A8";

/// Returns a text without our own colours.
fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..start]);
        let behind = &rest[start + 2..];
        let end = behind.find(|character: char| !(character.is_ascii_digit() || character == ';'));
        match end {
            Some(end) if behind[end..].starts_with('m') => rest = &behind[end + 1..],
            _ => {
                plain.push('\u{1b}');
                rest = behind;
            }
        }
    }
    plain + rest
}

fn is_harmless(what: &str, text: &str) {
    let active = text.chars().find(|character| is_active(*character) && *character != '\n');
    assert_eq!(active, None, "{what}: {text:?}");
    assert!(!text.lines().any(|line| line.starts_with("plimsoll: forged")), "{what}: {text}");
}

/// Runs the binary, and checks all of its output.
fn said(arguments: &[&str]) -> String {
    let output = output_of(arguments);
    let said = text(&output.stdout) + &text(&output.stderr);
    is_harmless(&format!("{arguments:?}"), &said);
    said
}

#[test]
fn no_string_of_a_saved_document_is_obeyed() {
    no_string_is_obeyed(30);
}

#[test]
#[ignore = "second suite: each string of each document"]
fn no_string_of_a_saved_document_is_obeyed_wherever_it_is() {
    no_string_is_obeyed(usize::MAX);
}

/// So many strings of each document, each by itself.
fn no_string_is_obeyed(most: usize) {
    for (kind, document) in documents() {
        let mut taken = 0;
        let strings = places(&document, &serde_json::Value::is_string);
        let step = strings.len() / most + 1;
        for place in strings.into_iter().step_by(step) {
            let changed = with(&document, &place, HOSTILE.into());
            match shown(&changed) {
                Ok(text) => {
                    taken += 1;
                    is_harmless(&format!("{kind}{place}"), &without_colours(&text));
                }
                Err(error) => {
                    is_harmless(&format!("{kind}{place}"), &plimsoll::report::outside::on_one_line(&error));
                }
            }
        }
        assert!(taken >= 5, "{kind}: only {taken} strings could be changed");
    }
}

#[test]
fn what_is_written_to_a_vector_is_plain_text_unless_colours_are_asked_for() {
    let summary =
        plimsoll::result::summary::Summary::read(include_str!("../data/documents/summary.json").as_bytes());
    let summary = summary.expect("the golden result");
    let (mut plain, mut coloured) = (Vec::new(), Vec::new());
    plimsoll::report::text::write(&summary, &mut plain).expect("memory takes any bytes");
    plimsoll::report::text::write_coloured(&summary, &mut coloured).expect("memory takes any bytes");
    assert_eq!(text(&plain), fs::read_to_string("tests/data/written/summary.text").expect("the golden text"));
    assert!(text(&coloured).contains("\u{1b}[1m"));
    assert_eq!(without_colours(&text(&coloured)), text(&plain));
}

fn what_a_server_says_is_only_shown() {
    let client = crate::process::client();
    let target = start(Script::Status("5", ENCODED)).to_string();
    let load = ["-q", "-n", "3", "-c", "1", "-w", "0s", "--client", client];
    for format in ["text", "json"] {
        let said = said(&[&["run", &target, "-O", format], &load[..]].concat());
        assert!(said.contains(r"\nplimsoll: forged\r\u"), "{said}");
    }
    assert!(said(&["call", &target, "x", "-v", "--client", client]).contains(r"x\nplimsoll: forged"));
    said(&["call", &target, "x", "-O", "json", "--client", client]);
    said(&["limits", &target, "-q", "--client", client]);
}

fn what_goaway_says_is_only_shown() {
    let client = crate::process::client();
    let target = raw_server::start(|conversation: &mut Conversation| {
        conversation.send(&settings(&[]));
        if conversation.request().is_some() {
            let debug = [&[0, 0, 0, 0, 0, 0, 0, 11], HOSTILE.as_bytes()].concat();
            conversation.send(&frame(kind::GOAWAY, 0, 0, &debug));
        }
    })
    .to_string();
    said(&["run", &target, "-q", "-n", "3", "-c", "1", "-w", "0s", "--client", client]);
    said(&["call", &target, "x", "-v", "--client", client]);
}

fn metadata_of_a_server_is_only_shown() {
    let target = raw_server::start(|conversation: &mut Conversation| {
        conversation.send(&settings(&[]));
        while let Some(stream) = conversation.request() {
            let block = raw_server::block(&[
                (":status", "200"),
                ("content-type", "application/grpc"),
                ("x-said", "a\u{9b}31m\u{202e}b"),
            ]);
            conversation.send(&frame(kind::HEADERS, flag::END_HEADERS, stream, &block));
            conversation.send(&frame(kind::DATA, 0, stream, raw_server::BODY));
            conversation.send(&raw_server::trailers(stream, "0", ""));
        }
    })
    .to_string();
    let said = said(&["call", &target, "abc", "-v", "--client", crate::process::client()]);
    assert!(said.contains(r"x-said: a\u{9b}31m\u{202e}b"), "{said}");
}

over_both_clients!(
    both:
    what_a_server_says_is_only_shown,
    what_goaway_says_is_only_shown,
    metadata_of_a_server_is_only_shown;
);

#[test]
fn names_and_labels_are_only_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a\n\u{1b}[31mb\u{202e}");
    let name = file.to_str().expect("UTF-8");
    said(&["report", name]);
    said(&["run", "-o", &format!("{name}/x")]);
    said(&["run", "--text-file", name]);
    said(&["run", "-s", HOSTILE]);
    said(&["run", "--assert", HOSTILE]);
    said(&[HOSTILE]);
    fs::write(&file, "abc").expect("writable");
    let said_of_run =
        said(&["run", "-q", "-n", "3", "-c", "1", "-w", "0s", "--label", HOSTILE, "--text-file", name]);
    assert!(said_of_run.contains(r"x\nplimsoll: forged"), "{said_of_run}");
    // A parser shows the line that it does not understand.
    let scenarios = folder.path().join("scenarios.toml");
    fs::write(&scenarios, "[[scenario]]\nname = \u{9b}31m\n").expect("writable");
    let scenarios = scenarios.to_str().expect("UTF-8");
    let gate = ["gate", "--base", "127.0.0.1:1", "--candidate", "127.0.0.1:1", "--scenarios", scenarios];
    assert!(said(&gate).contains("\n      |\n    2 | name = \\u{9b}31m"), "{}", said(&gate));
}

#[test]
fn a_file_whose_name_is_not_utf8_takes_nothing_away() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(std::ffi::OsStr::from_bytes(b"a\xff"));
    fs::write(&file, "abc").expect("writable");
    for format in ["text", "json"] {
        let mut command =
            plimsoll(&["run", "-q", "-n", "3", "-c", "1", "-w", "0s", "-O", format, "--text-file"]);
        let output = command.arg(&file).output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("a\u{fffd}"), "{}", text(&output.stdout));
    }
}

#[test]
fn a_reply_is_exact_in_a_pipe_and_only_shown_on_a_terminal() {
    let server = Server::start(&[]);
    let target = server.target();
    let sent = "a\tb\n\u{1b}[31m\u{202e}c";
    let piped = output_of(&["call", &target, sent]);
    assert_eq!(text(&piped.stdout), "A\tB\n\u{1b}[31M\u{202e}C\n");

    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("a terminal");
    unlockpt(&terminal).expect("a terminal");
    let name = ptsname(&terminal, Vec::new()).expect("a name");
    let stdout = fs::OpenOptions::new().read(true).write(true).open(name.to_str().expect("UTF-8"));
    let mut command = plimsoll(&["call", &target, sent]);
    command.stdout(Stdio::from(stdout.expect("a terminal")));
    let mut child = command.spawn().expect("the binary runs");
    // The terminal's other side is closed when the child has it no more.
    drop(command);
    assert!(child.wait().expect("it ends").success());
    let mut seen = Vec::new();
    // A terminal without another side is an error once it is read to its end.
    let _ = fs::File::from(terminal).read_to_end(&mut seen);
    // A terminal begins a line at its start.
    assert_eq!(text(&seen).replace("\r\n", "\n").replace('\t', "<tab>"), "A<tab>B\n\\u{1b}[31M\\u{202e}C\n");
}
