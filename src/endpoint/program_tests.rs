//! Tests of server command lines: parsing and starting.

use super::*;

fn words(text: &str) -> Vec<String> {
    text.parse::<Program>().expect("a program").words
}

#[test]
fn a_command_line_is_split_as_a_shell_does() {
    assert_eq!(words("node 'my server.js' --port={port}"), ["node", "my server.js", "--port={port}"]);
    assert_eq!(
        words("build/plimsoll"),
        ["build/plimsoll", "serve", "--listen", "127.0.0.1:{port}", "--until-input-ends"]
    );
}

#[test]
fn what_is_no_command_line_says_why() {
    for (text, reason) in [("", "empty"), ("  ", "empty"), ("a 'b {port}", "quote"), ("a b", "{port}")] {
        let error = text.parse::<Program>().expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn a_program_that_ends_is_quoted() {
    let never = Stop::new();
    let program: Program = "sh -c 'echo no such luck; exit 7' {port}".parse().expect("a program");
    let error = program.start(&never).expect_err("it ends").to_string();
    assert!(error.contains("exit status: 7") && error.contains("no such luck"), "{error}");
    let program: Program = "/nowhere/server {port}".parse().expect("a program");
    let error = program.start(&never).expect_err("not there").to_string();
    assert!(error.contains("/nowhere/server"), "{error}");
    let program: Program = "sleep 60 {port}".parse().expect("a program");
    let now = Stop::new();
    now.drain();
    assert!(matches!(program.start(&now), Err(StartError::Interrupted | StartError::Ended { .. })));
}

#[test]
fn secrets_of_a_command_line_are_not_shown() {
    let shown = |text: &str| text.parse::<Program>().expect("a program").to_string();
    assert_eq!(
        shown("env API_TOKEN=abc ./server --port {port} --api-key abc --client-secret=abc --tls-key key.pem"),
        "env API_TOKEN=(hidden) ./server --port {port} --api-key (hidden) --client-secret=(hidden) --tls-key key.pem"
    );
}
