//! TLS to servers: certificates, versions, protocols, wrong ports, and servers that fail within it.

use std::{fs, net::SocketAddr};

use rustls::version::{TLS12, TLS13};

use crate::{
    certificates::Certificates,
    document::Summary,
    process::{Server, client, output_of, over_both_clients, plimsoll, run, run_with_status, text},
    scripted_server::{self, Script},
    tls_front::{self, Behaviour},
};

/// Starts the reference server with this certificate.
fn with_tls(certificates: &Certificates, name: &str, more: &[&str]) -> Server {
    let (certificate, key) =
        (certificates.file(&format!("{name}.pem")), certificates.file(&format!("{name}.key")));
    Server::start(&[&["--tls-cert", &certificate, "--tls-key", &key], more].concat())
}

fn https(address: SocketAddr) -> String {
    format!("https://localhost:{}", address.port())
}

/// Makes a call over TLS. Returns the reply, or the error.
fn call(target: &str, flags: &[&str]) -> Result<String, String> {
    let output = output_of(&[&["call", target, "hi", "--client", client()], flags].concat());
    if output.status.success() {
        return Ok(text(&output.stdout).trim_end().to_owned());
    }
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    Err(text(&output.stderr))
}

fn fails(target: &str, flags: &[&str], words: &[&str]) {
    let error = call(target, flags).expect_err(target);
    for words in words {
        assert!(error.contains(words), "{flags:?}: `{words}` is not in {error}");
    }
}

fn a_certificate_is_verified_by_roots_name_and_dates() {
    let made = Certificates::new();
    let ca = made.file("ca.pem");
    let server = with_tls(&made, "server", &[]);
    let target = https(server.address);
    assert_eq!(call(&target, &["--cacert", &ca]), Ok("HI".to_owned()));
    assert_eq!(call(&server.target(), &["--tls", "--cacert", &ca]), Ok("HI".to_owned()));
    assert_eq!(call(&target, &["--skip-verify"]), Ok("HI".to_owned()));
    fails(&target, &[], &["has an issuer that is not trusted here", "--cacert FILE", "--skip-verify"]);

    made.leaf_of_intermediate("chained");
    let server = with_tls(&made, "chained", &[]);
    assert_eq!(call(&https(server.address), &["--cacert", &ca]), Ok("HI".to_owned()));
    fs::copy(made.path("chained.key"), made.path("chained-alone.key")).expect("a copy");
    let server = with_tls(&made, "chained-alone", &[]);
    fails(&https(server.address), &["--cacert", &ca], &["not trusted here"]);

    made.leaf("other", &["other.example"], |_| {});
    let server = with_tls(&made, "other", &[]);
    let target = https(server.address);
    fails(&target, &["--cacert", &ca], &["has a certificate for other.example, not for localhost"]);
    for name in ["--server-name", "--authority"] {
        assert_eq!(call(&target, &["--cacert", &ca, name, "other.example"]), Ok("HI".to_owned()));
    }

    made.leaf("old", &["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let server = with_tls(&made, "old", &[]);
    fails(&https(server.address), &["--cacert", &ca], &["expired at 2021-01-01 00:00 UTC, and it is 20"]);
    made.leaf("early", &["localhost"], |params| params.not_before = rcgen::date_time_ymd(2200, 1, 1));
    let server = with_tls(&made, "early", &[]);
    fails(&https(server.address), &["--cacert", &ca], &["is valid from 2200-01-01 00:00 UTC"]);

    made.self_signed("own");
    let server = with_tls(&made, "own", &[]);
    assert_eq!(call(&https(server.address), &["--cacert", &made.file("own.pem")]), Ok("HI".to_owned()));
    fails(&https(server.address), &["--cacert", &ca], &["self-signed certificate that is not trusted here"]);
    let address = format!("https://127.0.0.1:{}", server.address.port());
    assert_eq!(call(&address, &["--cacert", &made.file("own.pem")]), Ok("HI".to_owned()));
    let name = ["--cacert", &made.file("own.pem"), "--server-name", "other.example"];
    fails(&address, &name, &["not for other.example"]);
}

fn a_server_may_ask_for_a_client_certificate() {
    let made = Certificates::new();
    let ca = made.file("ca.pem");
    made.leaf("caller", &["caller.example"], |_| {});
    let foreign = Certificates::new();
    let server = with_tls(&made, "server", &["--tls-client-ca", &ca]);
    let target = https(server.address);
    let pair = |of: &Certificates, name: &str| {
        ["--cert", &of.file(&format!("{name}.pem")), "--key", &of.file(&format!("{name}.key"))]
            .map(str::to_owned)
    };
    let with = |pair: &[String]| {
        let pair: Vec<&str> = pair.iter().map(String::as_str).collect();
        call(&target, &[&["--cacert", &ca], &pair[..]].concat())
    };
    assert_eq!(with(&pair(&made, "caller")), Ok("HI".to_owned()));
    fails(&target, &["--cacert", &ca], &["asks for a client certificate; give --cert FILE and --key FILE"]);
    let error = with(&pair(&foreign, "server")).expect_err("another CA");
    assert!(error.contains("does not accept the client certificate (alert "), "{error}");
    let [certificate, key] = ["caller.pem", "server.key"].map(|name| made.file(name));
    let mixed = ["--cacert", &ca, "--cert", &certificate, "--key", &key];
    fails(&target, &mixed, &["does not fit the certificate", "the two files of one pair"]);
    let summary = run(&[
        &[&target, "-n", "50", "-w", "0s", "--cacert", &ca][..],
        &pair(&made, "caller").iter().map(String::as_str).collect::<Vec<_>>(),
    ]
    .concat());
    let tls = summary.target.tls.expect("TLS");
    assert!(tls.verified && tls.client_certificate);
    assert_eq!((tls.version.as_str(), tls.alpn.as_deref()), ("1.3", Some("h2")));
}

fn old_versions_and_other_protocols_are_told_apart() {
    let made = Certificates::new();
    let ca = made.file("ca.pem");
    let server = Server::start(&[]);
    let front = |versions: &[&'static rustls::SupportedProtocolVersion], alpn: &[&[u8]]| {
        https(tls_front::start(tls_front::config(&made, versions, alpn), server.address, Behaviour::Pass))
    };
    let summary = run(&[&front(&[&TLS12], &[b"h2"]), "-n", "100", "-w", "0s", "--cacert", &ca]);
    assert_eq!(summary.calls.answered, 100);
    let tls = summary.target.tls.expect("TLS");
    assert_eq!((tls.version.as_str(), tls.server_name.as_str()), ("1.2", "localhost"));
    assert!(tls.cipher.starts_with("TLS_ECDHE_"), "{}", tls.cipher);
    let none = front(&[&TLS13], &[]);
    fails(&none, &["--cacert", &ca], &["selected no protocol in ALPN", "--allow-no-alpn"]);
    assert_eq!(call(&none, &["--cacert", &ca, "--allow-no-alpn"]), Ok("HI".to_owned()));
    fails(&front(&[&TLS13], &[b"http/1.1"]), &["--cacert", &ca], &["refused h2 in ALPN"]);
}

fn the_wrong_kind_of_port_is_told_both_ways() {
    let made = Certificates::new();
    let server = with_tls(&made, "server", &[]);
    let target = format!("localhost:{}", server.address.port());
    let words = format!("{target} speaks TLS; write https://{target}, or give --tls");
    fails(&target, &[], &[&words]);
    for command in [
        &["run", &target, "-z", "1s"][..],
        &["run", &target, "-z", "100ms", "-w", "0s", "--no-rehearsal", "-q"],
        &["sweep", &target],
        &["interference", &target, "-s", "64,5MiB", "-r", "100"],
        &["limits", &target, "--client", client()],
        &["methods", &target],
        &["run", &target, "--method", "grpc.health.v1.Health/Check"],
    ] {
        let output = output_of(command);
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(text(&output.stderr).contains(&words), "{command:?}: {}", text(&output.stderr));
    }
    let server = Server::start(&[]);
    for target in [https(server.address), https(scripted_server::start(Script::Garbage))] {
        fails(&target, &["--skip-verify"], &["does not speak TLS; leave out --tls, or write http://"]);
    }
    let mute =
        tls_front::start(tls_front::config(&made, &[&TLS13], &[b"h2"]), server.address, Behaviour::Mute);
    fails(
        &https(mute),
        &["--skip-verify", "--connect-timeout", "50ms"],
        &["did not finish the TLS handshake within 50ms"],
    );
}

/// Drives a server until it was told to end its connections, and checks that each call has one outcome.
fn driven(target: &str, ca: &str, calls: &str) -> Summary {
    let (_, summary) = run_with_status(&[
        target,
        "-n",
        calls,
        "-c",
        "4",
        "--connections",
        "2",
        "-w",
        "0s",
        "--cacert",
        ca,
        "--no-rehearsal",
    ]);
    summary
}

fn connections_that_end_are_made_again_and_their_handshakes_are_in_the_result() {
    let made = Certificates::new();
    let ca = made.file("ca.pem");
    let config = || tls_front::config(&made, &[&TLS13], &[b"h2"]);
    for script in [Script::GoAway(h2::Reason::NO_ERROR), Script::Close] {
        let front = tls_front::start(config(), scripted_server::start(script), Behaviour::Pass);
        let summary = driven(&https(front), &ca, "200");
        // The script's reply is always the same text.
        assert!(summary.calls.wrong_reply > 100, "{script:?}: {:?}", summary.calls);
        let connections = summary.connections.expect("connections");
        let handshake = connections.handshake.expect("TLS");
        assert!(handshake.count > 10 && handshake.count >= connections.made, "{script:?}: {handshake:?}");
        assert!(handshake.p50_ns > 0 && handshake.p50_ns <= handshake.max_ns, "{handshake:?}");
    }
    let server = Server::start(&[]);
    for behaviour in [Behaviour::Garbage(3_000), Behaviour::Cut(3_000)] {
        let front = tls_front::start(config(), server.address, behaviour);
        let summary = driven(&https(front), &ca, "300");
        assert!(
            summary.calls.answered > 100 && summary.calls.broken > 0,
            "{behaviour:?}: {:?}",
            summary.calls
        );
    }
}

fn a_run_with_a_server_of_its_own_over_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = plimsoll(&["run", "--server-tls", "--client", client()])
        .args(["-n", "200", "--connections", "3", "--workers", "1", "-w", "0s", "-O", "json", "-q"])
        .env("TMPDIR", folder.path())
        .output()
        .expect("the binary runs");
    let summary: Summary = serde_json::from_slice(&output.stdout).expect("a summary");
    summary.check();
    assert_eq!(summary.calls.answered, 200);
    let tls = summary.target.tls.expect("TLS");
    assert!(tls.verified && !tls.client_certificate);
    assert_eq!(summary.target.server.expect("its own").tls, Some(true));
    assert_eq!(summary.connections.expect("connections").handshake.expect("TLS").count, 3);
    assert!(summary.cost.server_cpu_ns_per_call.is_some());
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0, "the certificates are gone");
}

fn limits_are_found_to_the_byte_over_tls() {
    let limits = ["--server-max-recv-message-size", "1000", "--server-max-send-message-size", "2000"];
    let output = output_of(
        &[&["limits", "--server-tls", "--client", client(), "-O", "json", "-q"], &limits[..]].concat(),
    );
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document");
    let found: Vec<(&str, &str, u64)> = document["limits"]
        .as_array()
        .expect("limits")
        .iter()
        .filter_map(|limit| {
            Some((limit["side"].as_str()?, limit["direction"].as_str()?, limit["limit_bytes"].as_u64()?))
        })
        .collect();
    assert!(found.contains(&("server", "request", 1_000)), "{document}");
    assert!(found.contains(&("server", "response", 2_000)), "{document}");
}

fn a_silent_server_is_given_up_after_the_time_to_connect() {
    // The kernel accepts the connections; nothing is ever sent on them.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    let target = listener.local_addr().expect("bound").to_string();
    fails(&target, &["--connect-timeout", "100ms"], &["sent no HTTP/2 SETTINGS frame within 100ms"]);
}

#[test]
fn reflection_and_other_methods_go_over_tls_too() {
    let made = Certificates::new();
    let server = with_tls(&made, "server", &[]);
    let (target, ca) = (https(server.address), made.file("ca.pem"));
    let listed = text(&output_of(&["methods", &target, "--cacert", &ca]).stdout);
    assert!(listed.contains("DoFormat(example.Data)"), "{listed}");
    let summary =
        run(&[&target, "--cacert", &ca, "--method", "grpc.health.v1.Health/Check", "-n", "20", "-w", "0s"]);
    assert_eq!(summary.calls.answered, 20);
}

#[test]
fn flags_that_contradict_each_other_say_so() {
    for (arguments, words) in [
        (&["run", "--tls"][..], "--server-tls starts plimsoll's own server with TLS"),
        (&["run", "https://localhost:1", "--plaintext"], "--plaintext contradicts the https://"),
        (&["run", "localhost:1", "--cacert", "x"], "--cacert is about TLS, and this connection has none"),
        (&["run", "localhost:1", "--skip-verify"], "--skip-verify is about TLS"),
        (&["run", "--skip-verify"], "--server-tls starts plimsoll's own server with TLS"),
        (&["run", "--server-tls", "--plaintext"], "--plaintext contradicts --server-tls"),
        (&["run", "--server-tls", "--cacert", "x"], "makes and trusts its own certificates"),
        (&["run", "localhost:1", "--server-tls"], "--server-tls configures the server that plimsoll starts"),
        (&["run", "https://localhost:1", "--cert", "x"], "--key"),
        (&["run", "localhost:1", "--connect-timeout", "0s"], "--connect-timeout is 0"),
        (&["run", "localhost:1", "--authority", "a b"], "is no authority"),
        (&["serve", "--tls-cert", "x"], "--tls-key"),
        (&["serve", "--tls-cert", "/nowhere/x", "--tls-key", "y"], "cannot read `/nowhere/x`"),
    ] {
        let output = output_of(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn files_that_are_no_certificates_say_so() {
    let made = Certificates::new();
    let server = with_tls(&made, "server", &[]);
    let target = https(server.address);
    fails(&target, &["--cacert", "/nowhere/ca.pem"], &["cannot read `/nowhere/ca.pem`"]);
    fails(
        &target,
        &["--cacert", &made.file("server.key")],
        &["has no certificate", "-----BEGIN CERTIFICATE-----"],
    );
    let swapped = ["--cert", &made.file("ca.pem"), "--key", &made.file("ca.pem")];
    fails(&target, &[&["--skip-verify"], &swapped[..]].concat(), &["has no private key", "PKCS#8"]);
    made.leaf("second", &["localhost"], |_| {});
    let mixed = ["serve", "--tls-cert", &made.file("server.pem"), "--tls-key", &made.file("second.key")];
    let output = output_of(&mixed);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot be used together; give the two files of one pair"));
}

#[test]
fn every_experiment_goes_over_tls() {
    let sweep = output_of(&[
        "sweep",
        "--server-tls",
        "-s",
        "64",
        "-c",
        "1,4",
        "-z",
        "50ms",
        "-w",
        "0s",
        "--repetitions",
        "1",
        "-q",
    ]);
    let shown = text(&sweep.stdout);
    assert!(sweep.status.success() && shown.contains("own server, over TLS; lean client"), "{shown}");
    let interference = output_of(&[
        "interference",
        "--server-tls",
        "-s",
        "1KiB@90,5MiB@10",
        "-r",
        "100",
        "-z",
        "200ms",
        "-w",
        "0s",
        "--rounds",
        "1",
        "-q",
    ]);
    let shown = text(&interference.stdout);
    assert!(interference.status.success() && shown.contains("target      https://127.0.0.1:"), "{shown}");
    let made = Certificates::new();
    let program = env!("CARGO_BIN_EXE_plimsoll");
    let [certificate, key, ca] = ["server.pem", "server.key", "ca.pem"].map(|name| made.file(name));
    let base =
        format!("{program} serve --listen 127.0.0.1:{{port}} --tls-cert {certificate} --tls-key {key}");
    let candidate = format!("{base} --max-recv-message-size 1MiB");
    let gate = output_of(&[
        "gate",
        "--limits-only",
        "--tls",
        "--cacert",
        &ca,
        "--base",
        &base,
        "--candidate",
        &candidate,
        "-q",
    ]);
    let shown = text(&gate.stdout);
    assert_eq!(gate.status.code(), Some(1), "{shown}{}", text(&gate.stderr));
    assert!(shown.contains("the server's limit for requests moved"), "{shown}");
}

over_both_clients!(
    both:
    a_certificate_is_verified_by_roots_name_and_dates,
    a_server_may_ask_for_a_client_certificate,
    old_versions_and_other_protocols_are_told_apart,
    connections_that_end_are_made_again_and_their_handshakes_are_in_the_result,
    a_run_with_a_server_of_its_own_over_tls,
    limits_are_found_to_the_byte_over_tls,
    a_silent_server_is_given_up_after_the_time_to_connect,
    the_wrong_kind_of_port_is_told_both_ways;
);
