//! Comparisons in alternating rounds on one machine. Prints medians and ratios, which criterion does not
//! offer.
//!
//! Compared are: the stub client's harness with a bare loop over the same generated client; the lean client
//! at one call in flight with a loop that only writes and reads; the server's HTTP/2 windows with tonic's own;
//! and replies that are checked against their type with the built-in method's.
//!
//! `cargo bench --bench side_by_side [-- [--quick] [harness | raw | windows | decodes]]`

#![allow(clippy::print_stdout, reason = "a program of its own, whose result is its output")]

#[path = "../examples/measuring/canned/mod.rs"]
mod canned;

use std::{
    cell::Cell,
    io::{IoSlice, Read, Write},
    net::TcpStream,
    path::Path,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use plimsoll::{
    client::{
        Call,
        lean::{
            connection::{Connection, MOST_SLICES},
            frame::{HEAD_BYTES, Head},
            request::Requests,
        },
    },
    endpoint::{ChildServer, Located},
    engine,
    engine::Events,
    load::{ClientKind, Corpus, DataOrigin, Expect, Pick, Plan, Settings, Texts},
    rpc::{
        Method,
        format_data::{Data, TextKind, format_data_client::FormatDataClient},
        schema::Schema,
    },
    server::{self, Config, Windows},
    statistics,
    stop::Stop,
};
use prost::Message as _;
use tokio::{
    runtime::{Builder, LocalOptions},
    task::spawn_local,
};
use tonic::transport::Endpoint;

const SIZE: &str = "64";

fn settings(client: ClientKind, size: &str, concurrency: u64, length: Duration) -> Settings {
    let mut settings = Settings::closed(concurrency);
    settings.duration = Some(length);
    settings.warm_up = Duration::from_millis(500);
    settings.texts = Texts::Made { mix: size.parse().expect("a size"), kind: TextKind::Ascii };
    settings.options.client = client;
    settings
}

/// Returns verified replies per second, as Plimsoll counts them.
fn harness(target: &Located, size: &str, concurrency: u64, length: Duration) -> f64 {
    let plan = Arc::new(Plan::new(settings(ClientKind::Stub, size, concurrency, length)).expect("valid"));
    let run = engine::run_beside(&plan, target, &[], &Stop::new(), &Events::none()).expect("it runs");
    let replies = run.recording.in_window.replies + run.recording.carried_over.replies;
    assert_eq!(run.recording.calls.outcomes.answered, run.recording.calls.planned);
    per_second(replies, run.window)
}

/// Returns verified replies per second of a minimal loop: no plan, no clock, no recorder.
fn bare(target: &Located, concurrency: u64, length: Duration) -> f64 {
    let plan = Plan::new(settings(ClientKind::Stub, SIZE, concurrency, length)).expect("valid");
    let text = Data::decode(plan.payload().messages()[0].request.clone()).expect("a message").text;
    let message = Rc::new((text.clone(), text.to_uppercase()));
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    runtime.expect("a runtime").block_on(async {
        let channel = Endpoint::from_shared(format!("http://{}", target.place)).expect("an address");
        let client = FormatDataClient::new(channel.connect().await.expect("it listens"));
        let replies = Rc::new(Cell::new(0_u64));
        for _ in 0..concurrency {
            let (mut client, message, replies) = (client.clone(), Rc::clone(&message), Rc::clone(&replies));
            spawn_local(async move {
                loop {
                    let reply = client.do_format(Data { text: message.0.clone() }).await.expect("a reply");
                    assert!(reply.get_ref().text == message.1, "a wrong reply");
                    replies.set(replies.get() + 1);
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (before, start) = (replies.get(), Instant::now());
        tokio::time::sleep(length).await;
        per_second(replies.get() - before, start.elapsed())
    })
}

#[expect(clippy::cast_precision_loss, reason = "a count of replies")]
fn per_second(replies: u64, window: Duration) -> f64 {
    replies as f64 / window.as_secs_f64()
}

fn median(values: &[f64]) -> f64 {
    statistics::median(values).expect("a round at least")
}

/// Compares the harness with a bare loop. The goal: within 5 %.
fn compare_harness(rounds: usize, length: Duration) {
    let server = ChildServer::start(Path::new(env!("CARGO_BIN_EXE_plimsoll")), &[]).expect("it starts");
    let address = server.address();
    let target = Located::local(address);
    for concurrency in [64, 256] {
        let (mut with, mut without, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            // The order alternates between rounds.
            let (first, second) = if round % 2 == 0 {
                let first = harness(&target, SIZE, concurrency, length);
                (first, bare(&target, concurrency, length))
            } else {
                let second = bare(&target, concurrency, length);
                (harness(&target, SIZE, concurrency, length), second)
            };
            with.push(first);
            without.push(second);
            ratios.push(first / second);
        }
        println!(
            "harness, {concurrency} in flight: {:.0} calls/s, bare loop {:.0} calls/s, median ratio {:.3} of {ratios:.3?}",
            median(&with),
            median(&without),
            median(&ratios),
        );
    }
}

/// Returns the median time of a call of the lean client, with one call in flight.
fn lean_one(target: &Located, length: Duration) -> f64 {
    let plan = Arc::new(Plan::new(settings(ClientKind::Lean, SIZE, 1, length)).expect("valid"));
    let run = engine::run_beside(&plan, target, &[], &Stop::new(), &Events::none()).expect("it runs");
    #[expect(clippy::cast_precision_loss, reason = "a time")]
    let median = run.recording.service.quantile_ns(0.5) as f64;
    median
}

/// Returns the median time of a loop that writes the bytes of a call and reads as many as its reply has.
fn raw_one(target: &Located, length: Duration) -> f64 {
    let plan = Arc::new(Plan::new(settings(ClientKind::Lean, SIZE, 1, length)).expect("valid"));
    let mut connection = Connection::new(Arc::new(Requests::new(&plan, target.origin())), 1);
    let mut socket = TcpStream::connect(target.place.tcp().expect("an address")).expect("it listens");
    socket.set_nodelay(true).expect("a socket");
    let (mut buffer, mut ended, mut calls) = (vec![0; 65_536], 0, 0);
    let (mut request, mut reply_bytes) = (Vec::new(), 0);
    // The first call adds its headers to the table; the second one is like all later ones.
    while ended < 2 {
        if connection.is_ready() && ended == calls {
            connection.start(Call::now(0));
            calls += 1;
            reply_bytes = 0;
        }
        let mut slices = [IoSlice::new(&[]); MOST_SLICES];
        let count = connection.slices(&mut slices);
        let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
        socket.write_all(&bytes).expect("written");
        connection.written(bytes.len());
        if !bytes.is_empty() {
            request = bytes;
        }
        let read = socket.read(&mut buffer).expect("readable");
        reply_bytes += read;
        connection.receive(&buffer[..read], tokio::time::Instant::now()).expect("HTTP/2");
        ended += connection.completions().count();
    }
    let mut frames = vec![0];
    while let Some(head) =
        request.get(frames[frames.len() - 1]..).and_then(|rest| rest.first_chunk::<HEAD_BYTES>())
    {
        frames.push(frames[frames.len() - 1] + HEAD_BYTES + Head::parse(*head).length as usize);
    }
    frames.pop();
    let (mut times, start) = (Vec::new(), Instant::now());
    for stream in (5_u32..).step_by(2) {
        for frame in &frames {
            request[frame + 5..frame + 9].copy_from_slice(&stream.to_be_bytes());
        }
        let sent = Instant::now();
        socket.write_all(&request).expect("written");
        let mut read = 0;
        while read < reply_bytes {
            read += socket.read(&mut buffer).expect("readable");
        }
        times.push(sent.elapsed().as_secs_f64() * 1e9);
        if start.elapsed() > length {
            break;
        }
    }
    median(&times)
}

/// Compares the lean client's median time, with one call in flight, with that of a loop that only writes and
/// reads. The goal: within 5 %.
fn compare_raw(rounds: usize, length: Duration) {
    let server = ChildServer::start(Path::new(env!("CARGO_BIN_EXE_plimsoll")), &[]).expect("it starts");
    let address = server.address();
    let target = Located::local(address);
    let (mut lean, mut raw, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        // The order alternates between rounds.
        let (one, other) = if round % 2 == 0 {
            let one = lean_one(&target, length);
            (one, raw_one(&target, length))
        } else {
            let other = raw_one(&target, length);
            (lean_one(&target, length), other)
        };
        lean.push(one);
        raw.push(other);
        ratios.push(one / other);
    }
    println!(
        "one in flight, p50: lean client {:.1} us, raw loop {:.1} us, median ratio {:.3} of {ratios:.3?}",
        median(&lean) / 1e3,
        median(&raw) / 1e3,
        median(&ratios),
    );
}

/// Compares windows and frame sizes of the server by the 4 MiB echo at 4 in flight.
fn compare_windows(rounds: usize, length: Duration) {
    const KIB: u32 = 1 << 10;
    const MIB: u32 = 1 << 20;
    let variants = [
        ("tonic's own: 1 MiB, 1 MiB, 16 KiB", MIB, MIB, 16 * KIB),
        ("1 MiB, 1 MiB, 1 MiB", MIB, MIB, MIB),
        ("8 MiB, 32 MiB, 16 KiB", 8 * MIB, 32 * MIB, 16 * KIB),
        ("8 MiB, 32 MiB, 256 KiB", 8 * MIB, 32 * MIB, 256 * KIB),
        ("8 MiB, 32 MiB, 1 MiB", 8 * MIB, 32 * MIB, MIB),
        ("8 MiB, 32 MiB, 4 MiB", 8 * MIB, 32 * MIB, 4 * MIB),
        ("64 MiB, 256 MiB, 1 MiB", 64 * MIB, 256 * MIB, MIB),
    ];
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("threads");
    let targets = variants.map(|(_, stream, connection, frame)| {
        let mut config = Config::default();
        config.windows = Windows { stream, connection, frame };
        let listener =
            runtime.block_on(async { server::bind(([127, 0, 0, 1], 0).into()).expect("loopback") });
        let address = listener.local_addr().expect("bound");
        runtime.spawn(server::serve(vec![listener], config, std::future::pending()));
        Located::local(address)
    });
    let mut figures = vec![Vec::new(); variants.len()];
    for round in 0..rounds {
        for offset in 0..variants.len() {
            let variant = (round + offset) % variants.len();
            figures[variant].push(harness(&targets[variant], "4MiB", 4, length));
        }
    }
    let medians: Vec<f64> = figures.iter().map(|figures| median(figures)).collect();
    println!("4 MiB echo, 4 in flight, by stream window, connection window and frame size of the server:");
    for ((name, ..), calls) in variants.iter().zip(&medians) {
        println!("  {name}: {calls:.0} calls/s, {:.2} times the first", calls / medians[0]);
    }
}

/// A reply of five fields with 64 bytes in total.
const FIVE_FIELDS: &str = r#"
syntax = "proto3";
package t;
message Five { string name = 1; int64 revision = 2; bytes value = 3; bool ok = 4; double share = 5; }
service S { rpc Do(Five) returns (Five); }
"#;

/// Compares the client's CPU time per call between the built-in method and a method whose replies are checked
/// against their type. Both have 64-byte messages and servers that answer without reading. The goal: within 15 %.
fn compare_decodes(rounds: usize, length: Duration) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("five.proto");
    std::fs::write(&file, FIVE_FIELDS).expect("writable");
    let name = "t.S/Do".parse().expect("a name");
    let schema = Schema::compile(&[file], &[]).expect("it compiles");
    let types = schema.types_of(&name).expect("unary");
    let json = r#"{"name":"a ship in the salt water, now","revision":"123456","value":"AAECAwQFBgcICQoLDA0ODw==","ok":true,"share":0.5}"#;
    let message = types.request_of_json(json, false).expect("a message");
    let method = Method::new(&name, Some(types));
    let built_in = settings(ClientKind::Lean, SIZE, 64, length);
    let text_plan = Plan::new(built_in.clone()).expect("valid");
    let text = Data::decode(text_plan.payload().messages()[0].request.clone()).expect("a message").text;
    let other = |expect| {
        let mut settings = built_in.clone();
        settings.method = method.clone();
        let corpus = Corpus::new(vec![message.clone()], DataOrigin::Stdin, Pick::Cycle, expect);
        settings.texts = Texts::Encoded(corpus.expect("small"));
        Plan::new(settings).expect("valid")
    };
    let serve = |message: Vec<u8>| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let target = Located::local(listener.local_addr().expect("bound"));
        std::thread::spawn(move || canned::serve(&listener, &message));
        target
    };
    let upper = serve(Data { text: text.to_uppercase() }.encode_to_vec());
    let fields = serve(message.clone());
    let cost = |plan: Plan, target: &Located| {
        let run = engine::run_beside(&Arc::new(plan), target, &[], &Stop::new(), &Events::none());
        let run = run.expect("it runs");
        assert_eq!(run.recording.calls.outcomes.answered, run.recording.calls.planned);
        let busy: Duration = run.usage.threads.iter().map(|thread| thread.running).sum();
        // The threads' time is that of the window; so are these calls.
        busy.as_secs_f64() / per_second(run.recording.ended_in_window, Duration::from_secs(1))
    };
    let (mut decodes, mut ok) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let base = cost(text_plan.clone(), &upper);
        decodes.push(cost(other(Expect::Decodes), &fields) / base);
        ok.push(cost(other(Expect::Ok), &fields) / base);
    }
    println!(
        "64-byte replies, client's CPU per call next to DoFormat's: decodes {:.3} of {decodes:.3?}, ok {:.3}; {} B",
        median(&decodes),
        median(&ok),
        message.len(),
    );
}

fn main() {
    let has = |word: &str| std::env::args().any(|argument| argument == word);
    let quick = has("--quick");
    let (rounds, length) = if quick { (5, Duration::from_millis(500)) } else { (9, Duration::from_secs(2)) };
    let wants = |word| has(word) || !["harness", "raw", "windows", "decodes"].into_iter().any(has);
    if wants("harness") {
        compare_harness(rounds, length);
    }
    if wants("raw") {
        compare_raw(rounds, length);
    }
    if wants("decodes") {
        compare_decodes(rounds, length);
    }
    if wants("windows") {
        compare_windows(if quick { 2 } else { 7 }, length);
    }
}
