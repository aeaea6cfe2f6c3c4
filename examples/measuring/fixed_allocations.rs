//! Number of blocks that a call allocates, client and server together, in one thread: one line per size
//! (`scripts/deterministic-gate`).

mod in_process;

use in_process::{calls, channel, runtime};
use plimsoll::server::Config;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Lengths of texts: empty, small, one frame, many frames, just below the limit.
const TEXTS: [usize; 5] = [0, 1 << 10, 64 << 10, 1 << 20, (4 << 20) - 64];

/// Number of counted calls, after as many calls that let buffers grow.
const CALLS: usize = 16;

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn main() {
    let _profiler = dhat::Profiler::builder().testing().build();
    for text_bytes in TEXTS {
        let (blocks, bytes) = runtime().block_on(async {
            let channel = channel(Config::default()).await;
            calls(channel.clone(), text_bytes, CALLS).await;
            let before = dhat::HeapStats::get();
            calls(channel, text_bytes, CALLS).await;
            let after = dhat::HeapStats::get();
            (after.total_blocks - before.total_blocks, after.total_bytes - before.total_bytes)
        });
        println!("{text_bytes} {blocks} {bytes}");
    }
}
