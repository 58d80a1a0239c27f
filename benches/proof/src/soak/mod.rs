//! The soak: a server's load on the default stack, for as long as asked; and what is left when it is over.
//!
//! Above: the command line. Below: `server`, what the threads share; `worker`, a thread that serves connections;
//! `documents`, a thread with a collector on the same stack. Threads come and go all the time. The load grows and
//! shrinks in waves. Contents are checked whenever an object is used, moved or freed.

mod documents;
mod server;
mod worker;

use alloc_arena::{Arena, Os};
use alloc_core::Layer;
use alloc_sizeclass::{SizeClassHeap, ThreadCache, thread_cache};
use indicatif::{ProgressBar, ProgressStyle};
use server::Server;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

type Heap = SizeClassHeap<Arena>;
/// The stack that all of it stands on, as a layer.
pub type Stack = &'static ThreadCache<Heap, STACK>;

thread_cache! {
    /// The server's stack.
    pub static STACK: Heap = SizeClassHeap::new(Arena::new(Os::new()));
}

const MIB: usize = 1 << 20;
const PAGE_BYTES: usize = 4 << 10;
const LOOK: Duration = Duration::from_millis(100);
/// More than this above the start is not "near" it. The program's own tables are in it.
const NEAR_BYTES: usize = 16 * MIB;

/// The most that the stack may have from the arena when all is freed: its own records.
const RECORDS_BYTES: usize = MIB;

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How long, in minutes.
    #[arg(long, conflicts_with = "seconds")]
    minutes: Option<u64>,
    /// How long, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// How many threads serve at a time; one more has a collector.
    #[arg(long, default_value_t = 4)]
    threads: usize,
    /// What decides, where chance does.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What the threads were seen to do.
#[derive(Debug, Default)]
struct Seen {
    resident_bytes: usize,
    used_bytes: usize,
    threads: u64,
    failed: usize,
}

/// Runs the load. Whether all of it ended well, with memory near where it was.
pub fn run(arguments: &Arguments) -> bool {
    let seconds = arguments.minutes.map_or(arguments.seconds, |minutes| minutes * 60);
    // Whatever the first use of the stack costs is there before.
    STACK.reclaim(usize::MAX);
    let before_bytes = resident_bytes();
    let server = Server::new(arguments.seed);
    let seen = serve(&server, arguments, Duration::from_secs(seconds));
    server.close();
    let (freed_bytes, closed_bytes) = (used_bytes(), resident_bytes());
    STACK.reclaim(usize::MAX);
    // SAFETY: gives back what the program's own tables have left in libc's heap.
    unsafe { libc::malloc_trim(0) };
    let after_bytes = resident_bytes();
    let verified = STACK.verify();
    let mib = |bytes: usize| bytes as f64 / MIB as f64;
    println!("served: {}", server.summary());
    println!("threads: {} came and went, {} failed", seen.threads, seen.failed);
    println!(
        "taken from the arena: {:.1} MiB at the peak, {:.1} when all is freed, {:.2} after reclaim",
        mib(seen.used_bytes),
        mib(freed_bytes),
        mib(used_bytes())
    );
    println!(
        "resident: {:.1} MiB before, {:.1} at the peak, {:.1} when all is freed, {:.1} after reclaim",
        mib(before_bytes),
        mib(seen.resident_bytes),
        mib(closed_bytes),
        mib(after_bytes)
    );
    println!("verify: {verified:?}");
    let near = after_bytes <= before_bytes + NEAR_BYTES && used_bytes() <= RECORDS_BYTES;
    let well = seen.failed == 0 && verified.is_ok() && near && server.is_empty();
    println!("{}", if well { "clean" } else { "FAILED" });
    well
}

/// Starts threads, and their successors when they end, until the time is over.
fn serve(server: &Server, arguments: &Arguments, long: Duration) -> Seen {
    let start = Instant::now();
    let mut seen = Seen::default();
    let bar = progress(long);
    std::thread::scope(|scope| {
        let mut threads: Vec<Option<ScopedJoinHandle<'_, ()>>> = Vec::new();
        threads.resize_with(arguments.threads + 1, || None);
        loop {
            let over = start.elapsed() >= long;
            server.set_tide(start.elapsed(), over);
            for (place, thread) in threads.iter_mut().enumerate() {
                if thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
                    continue;
                }
                seen.failed +=
                    thread.take().map_or(0, |thread| usize::from(thread.join().is_err()));
                if over {
                    continue;
                }
                seen.threads += 1;
                let seed = arguments.seed * 1_000_003 + seen.threads;
                *thread = Some(if place == 0 {
                    scope.spawn(move || documents::work(server, seed))
                } else {
                    scope.spawn(move || worker::work(server, seed))
                });
            }
            if over && threads.iter().all(Option::is_none) {
                break;
            }
            seen.resident_bytes = seen.resident_bytes.max(resident_bytes());
            seen.used_bytes = seen.used_bytes.max(used_bytes());
            bar.set_position(start.elapsed().as_secs());
            bar.set_message(server.summary());
            std::thread::sleep(LOOK);
        }
    });
    bar.finish_and_clear();
    seen
}

/// A line on a terminal; nothing elsewhere.
fn progress(long: Duration) -> ProgressBar {
    let bar = ProgressBar::new(long.as_secs());
    let style = ProgressStyle::with_template("{elapsed} of {len} s {bar:30} {msg}");
    style.into_iter().for_each(|style| bar.set_style(style));
    bar
}

/// What the stack has from the arena, in bytes. (No object of the server's is so long that it has a mapping of its own;
/// the heap's side table has.)
fn used_bytes() -> usize {
    STACK.below().below().figures().used_bytes
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}
