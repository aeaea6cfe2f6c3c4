//! Tests that the lean client allocates nothing per call once its buffers have grown (more calls, no more blocks),
//! and that messages take little more than their bytes.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use plimsoll::{
    client::lean::request::Requests,
    endpoint::{ChildServer, Located},
    engine,
    engine::Events,
    load::{Arrivals, Corpus, DataOrigin, Expect, Load, Pick, Plan, Rates, Settings, Texts},
    rpc::{Method, MethodName, format_data::DESCRIPTOR, schema::Schema},
    stop::Stop,
};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// What is sent: a text, or messages of a method with a schema.
#[derive(Debug, Clone, Copy)]
enum Sent {
    Text,
    Corpus(Expect),
}

impl Sent {
    fn put_into(self, settings: &mut Settings) {
        match self {
            Self::Text => {
                settings.texts = Texts::Given { text: "abc".to_owned(), path: "text".into() };
            }
            Self::Corpus(expect) => {
                let requests = (0..100_u8).map(|length| message(usize::from(length))).collect();
                let corpus = Corpus::new(requests, DataOrigin::Stdin, Pick::Random, expect);
                settings.texts = Texts::Encoded(corpus.expect("small"));
                settings.method = method();
            }
        }
    }
}

/// The encoded request with a text of this length.
fn message(length: usize) -> Vec<u8> {
    [&[0x0a, u8::try_from(length).expect("short")], vec![b'a'; length].as_slice()].concat()
}

/// The built-in method by its schema, as any other method.
fn method() -> Method {
    // The set has one file, behind a tag and a length.
    let length_bytes = DESCRIPTOR[1..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
    let file = DESCRIPTOR[1 + length_bytes..].to_vec();
    let schema = Schema::of_files(&[file], "here", "").expect("a schema");
    let name: MethodName = "example.FormatData/DoFormat".parse().expect("a name");
    Method::new(&name, Some(schema.types_of(&name).expect("unary")))
}

/// Blocks that a run of this many calls allocates, on all threads of this process.
fn blocks(target: &Located, load: &Load, sent: Sent, calls: u64) -> u64 {
    let mut settings = Settings::default();
    settings.load = load.clone();
    settings.calls = Some(calls);
    settings.warm_up = std::time::Duration::ZERO;
    sent.put_into(&mut settings);
    let plan = Arc::new(Plan::new(settings).expect("valid"));
    let before = dhat::HeapStats::get().total_blocks;
    let run = engine::run_beside(&plan, target, &[], &Stop::new(), &Events::none()).expect("it runs");
    let blocks = dhat::HeapStats::get().total_blocks - before;
    assert_eq!(run.recording.calls.outcomes.answered, calls);
    blocks
}

/// The process has one profiler, and one test at a time may count.
static COUNTING: Mutex<()> = Mutex::new(());

#[test]
fn five_times_the_calls_take_no_more_blocks() {
    // One a call would be 2,000.
    many_calls_take_no_more_blocks_than(500, 1_000);
}

#[test]
#[ignore = "second suite: 10,000 calls"]
fn five_times_as_many_as_2_000_calls_take_no_more_blocks() {
    // One a call would be 8,000.
    many_calls_take_no_more_blocks_than(2_000, 200);
}

/// Five times the calls may take so many `more` blocks: each second has a histogram of its own, a queue may grow once
/// more, and the clock beside the run reads a file for each tick that is late, which a busy machine has many of.
fn many_calls_take_no_more_blocks_than(calls: u64, more: u64) {
    let _alone = COUNTING.lock().expect("no other test failed");
    let _profiler = dhat::Profiler::builder().testing().build();
    let server = ChildServer::start(Path::new(env!("CARGO_BIN_EXE_plimsoll")), &[]).expect("it starts");
    let target = Located::local(server.address());
    let closed = Load::Closed { concurrency: 16 };
    let open =
        Load::Open { rates: Rates::One(10_000.0), arrivals: Arrivals::Poisson, max_in_flight: 100_000 };
    for (load, sent) in [
        (closed.clone(), Sent::Text),
        (open, Sent::Text),
        (closed.clone(), Sent::Corpus(Expect::Decodes)),
        (closed, Sent::Corpus(Expect::Ok)),
    ] {
        // A pair of runs that the machine leaves alone is enough: a block for each call would be in all of them.
        let mut seen = Vec::new();
        let any = (0..10).any(|_| {
            let (few, many) = (blocks(&target, &load, sent, calls), blocks(&target, &load, sent, 5 * calls));
            seen.push((few, many));
            many < few + more
        });
        assert!(any, "{load:?}, {sent:?}: blocks for {calls} calls and for {}: {seen:?}", 5 * calls);
    }
}

/// Messages of a corpus, laid out for a connection, take at most 200 bytes each besides their own.
#[test]
fn a_corpus_takes_little_more_than_its_bytes() {
    const MESSAGES: u64 = 20_000;
    const LENGTH: usize = 30;
    let _alone = COUNTING.lock().expect("no other test failed");
    let requests: Vec<Vec<u8>> = (0..MESSAGES).map(|_| message(LENGTH)).collect();
    let method = method();
    let _profiler = dhat::Profiler::builder().testing().build();
    // The requests were made before the count.
    let corpus = Corpus::new(requests, DataOrigin::Stdin, Pick::Cycle, Expect::Decodes).expect("small");
    let mut settings = Settings::closed(1);
    settings.method = method;
    settings.texts = Texts::Encoded(corpus);
    let plan = Plan::new(settings).expect("valid");
    let laid_out = Requests::new(&plan, "localhost:1");
    let taken = dhat::HeapStats::get().curr_bytes as u64;
    assert!(taken <= 200 * MESSAGES, "{} bytes for each message besides its own", taken / MESSAGES);
    drop(laid_out);
}
