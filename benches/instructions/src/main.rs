//! Counts the instructions of an allocator's short paths, and compares each with its bound.
//!
//! ```sh
//! cargo build --release -p strata-preload -p instructions && target/release/instructions
//! ```
//!
//! The journey: each path (`paths/`) is a loop. `count.rs` runs it in a process of its own under
//! valgrind, for N rounds and for 2 N, so that all that happens once cancels out; the loop itself
//! is counted in the same way and taken off. `table.rs` puts the figures beside their bounds
//! (`bounds.txt`, `bounds.rs`). Not here: time (`benches/benches`).

mod bounds;
mod count;
mod paths;
mod table;

use alloc_arena::{Arena, Os};
use alloc_core::{AsGlobal, Limit, Observe, Profile, Sampled};
use alloc_sizeclass::{SizeClassHeap, ThreadCache, thread_cache};
use bounds::Bounds;
use paths::Path;
use std::process::ExitCode;

/// What lies under the thread caches.
type Heap = SizeClassHeap<Arena<Os>>;

thread_cache! {
    /// The stack whose Rust paths are counted.
    static STACK: Heap = Heap::new(Arena::new(Os::new()));
}

/// The same with a heap profiler on top.
static PROFILED: Profile<&ThreadCache<Heap, STACK>> = Profile::new(&STACK).with_seed(1);

/// The same with some allocations between guard pages.
static SAMPLED: Sampled<&ThreadCache<Heap, STACK>> = Sampled::new(&STACK).with_seed(1);

/// The same, counted.
static OBSERVED: Observe<&ThreadCache<Heap, STACK>> = Observe::new(&STACK);

/// The same within a limit.
static LIMITED: Limit<&ThreadCache<Heap, STACK>> = Limit::new(1 << 30, &STACK);

#[global_allocator]
static GLOBAL: AsGlobal<&ThreadCache<Heap, STACK>> = AsGlobal::new(&STACK);

const USAGE: &str = "\
usage: instructions [PATH…]         counts, prints a table, fails when a path is above its bound
       instructions --bless         counts, and writes the figures down as the new bounds
       instructions --run PATH N    the path's loop alone, N rounds: what is counted";

/// A path is above its bound, or could not be counted.
const FAILED: u8 = 1;
/// The command line is wrong.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["--run", name, rounds] => match (paths::find(name), rounds.parse()) {
            (Some(path), Ok(rounds)) => {
                (path.turns)(rounds);
                ExitCode::SUCCESS
            }
            _ => misused(),
        },
        ["--bless"] => report(bless()),
        _ => {
            let chosen = words.iter().map(|name| paths::find(name)).collect::<Option<Vec<_>>>();
            match chosen {
                Some(chosen) if chosen.is_empty() => report(compare(&paths::all())),
                Some(chosen) => report(compare(&chosen)),
                None => misused(),
            }
        }
    }
}

fn misused() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(MISUSED)
}

fn report(outcome: Result<bool, String>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(why) => {
            eprintln!("instructions: {why}");
            ExitCode::from(FAILED)
        }
    }
}

/// Counts the paths and prints the table; `false` if one is above its bound.
fn compare(chosen: &[&Path]) -> Result<bool, String> {
    let bounds = Bounds::read()?;
    let figures = count::figures(chosen)?;
    let table = table::Table::new(chosen, &figures, &bounds);
    print!("{table}");
    if !Bounds::are_for_this_compiler()? {
        println!("SKIPPED: the bounds were written with another compiler, so nothing is compared");
        return Ok(true);
    }
    Ok(table.holds())
}

/// Counts every path and writes the bounds anew; `false` if one is above what it must never be.
fn bless() -> Result<bool, String> {
    let all = paths::all();
    let figures = count::figures(&all)?;
    let bounds = Bounds::of(&all, &figures);
    bounds.write()?;
    let table = table::Table::new(&all, &figures, &bounds);
    print!("{table}");
    Ok(table.holds())
}
