//! Flags of other load generators (ghz, k6, fortio, h2load, oha, grpcurl), with plimsoll's replacement, or the
//! note that there is none yet.

use clap::{
    builder::StyledStr,
    error::{ContextKind, ContextValue, Error, ErrorKind},
};

/// Names of flags, and a sentence for a user of one of them.
const ROWS: [(&[&str], &str); 16] = [
    (
        &["--skipTLS", "--skip-tls-verify", "--insecure-skip-tls-verify", "-k"],
        "an unverified certificate is accepted with --skip-verify; plaintext is the default (--plaintext)",
    ),
    (
        &["--insecure"],
        "--insecure means plaintext to ghz and an unverified certificate to grpcurl; say --plaintext or --skip-verify",
    ),
    (
        &["--cname", "--servername"],
        "the name in the certificate is --server-name NAME; --authority NAME sets :authority too",
    ),
    (&["--unix-socket"], "a Unix socket is a target: unix:PATH"),
    (
        &["--header", "--headers", "-H", "--rpc-header"],
        "write metadata as -m 'name: value', once for each pair",
    ),
    (
        &["--import-paths", "-i", "--reflection", "--grpc-reflect", "--ping", "--healthservice"],
        "name the method with --method; its schema comes from the server's reflection, from --proto FILE -I DIR, or from --protoset FILE",
    ),
    (
        &["--data-file", "-D", "--binary", "--binary-file", "--body", "--payload", "--payload-size"],
        "a request is -d JSON, -d @FILE or --data-binary @FILE with --method; without a method it is a text (-s SIZE, --text-file FILE)",
    ),
    (&["--qps", "--req-rate"], "the rate is -r, --rate RATE"),
    (
        &["--total", "--requests", "--iterations", "--n-requests", "--num-requests"],
        "the number of calls is -n N",
    ),
    (&["--vus", "--clients", "--users"], "calls in flight are -c N; connections are --connections N"),
    (&["--max-concurrent-streams", "--streams"], "calls in flight are -c N, over --connections N"),
    (
        &[
            "--load-schedule",
            "--load-start",
            "--load-end",
            "--load-step",
            "--concurrency-schedule",
            "--stages",
        ],
        "changing rates are --stage FROM..TO:DURATION, once for each stage",
    ),
    (&["--warmup", "--warm-up-time", "--skipFirst", "--skip-first"], "the warm-up is -w, --warm-up DURATION"),
    (&["--cpus", "--threads", "-T"], "threads of the generator are --workers N"),
    (
        &["--json", "--out", "--summary-export"],
        "write the result as JSON with -o FILE, or to stdout with -O json",
    ),
    (
        &["--http2", "--grpc", "--h2", "--latency-correction", "--async"],
        "plimsoll always does that: leave the flag out; a rate (-r) is an open loop with corrected latency",
    ),
];

/// Flags about a method, on a command that does not have them.
const OF_METHODS: [&str; 13] = [
    "--method",
    "--call",
    "--proto",
    "--protoset",
    "--import-path",
    "-I",
    "--reflect-metadata",
    "--data",
    "-d",
    "--data-binary",
    "--data-format",
    "--expect",
    "--check",
];

/// Sentence for a flag about a method.
const METHODS_ELSEWHERE: &str = "`plimsoll run` and `plimsoll call` drive any unary method; this command drives example.FormatData/DoFormat alone so far";

/// Returns the sentence for this argument.
fn advice(argument: &str) -> Option<&'static str> {
    let name = argument.split(['=', ' ']).next().unwrap_or(argument);
    if OF_METHODS.contains(&name) {
        return Some(METHODS_ELSEWHERE);
    }
    ROWS.iter().find(|(names, _)| names.contains(&name)).map(|(_, sentence)| *sentence)
}

/// Changes clap's error for an unknown flag: removes the advice to pass the flag as a value, which does not
/// help, and adds the sentence about the replacement.
pub(super) fn with_advice(mut error: Error) -> Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    error.remove(ContextKind::Suggested);
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.clone(),
        _ => return error,
    };
    if let Some(sentence) = advice(&argument) {
        // A flag that only looks similar would contradict the sentence.
        error.remove(ContextKind::SuggestedArg);
        let sentence = StyledStr::from(sentence);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![sentence]));
    }
    error
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::command::Cli;

    fn said(arguments: &[&str]) -> String {
        let error = Cli::try_parse_from(arguments).map(|_| ()).expect_err("an unknown flag");
        with_advice(error).to_string()
    }

    #[test]
    fn each_flag_of_another_tool_is_answered_and_none_is_ours() {
        for (names, sentence) in ROWS {
            for name in names {
                let said = said(&["plimsoll", "run", name, "x"]);
                assert!(said.contains(sentence), "{name}: {said}");
                assert!(said.contains(&format!("unexpected argument '{name}'")), "{name}: {said}");
                assert!(!said.contains("as a value"), "{said}");
            }
        }
    }

    #[test]
    fn a_command_for_one_method_says_which_commands_drive_another() {
        for command in ["sweep", "limits", "interference", "gate"] {
            for name in OF_METHODS {
                let said = said(&["plimsoll", command, name, "x"]);
                assert!(said.contains(METHODS_ELSEWHERE), "{command} {name}: {said}");
            }
        }
    }

    #[test]
    fn an_unknown_flag_is_no_value() {
        let said = said(&["plimsoll", "run", "--frobnicate"]);
        assert!(said.contains("'--frobnicate'") && !said.contains("-- --frobnicate"), "{said}");
        let said = self::said(&["plimsoll", "run", "--insecure=true"]);
        assert!(said.contains("say --plaintext or --skip-verify"), "{said}");
        let said = self::said(&["plimsoll", "run", "--concurency", "5"]);
        assert!(said.contains("--concurrency"), "a similar flag is still named: {said}");
    }
}
