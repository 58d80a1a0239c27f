//! The main job: which stack suits which program, by evidence.
//!
//! Below: `benches::commands`. In a child, before anything else, `benches::run::child` or
//! `benches::memory::child`, `benches::collectors::child`, `benches::counted::child`, `benches::arenas::child`,
//! `benches::goroutines::child` or `benches::pools::child`.

use clap::Parser;
use std::process::ExitCode;

// Children of `collectors`, `counted` and `pools` choose; anything else has the system's.
#[global_allocator]
static GLOBAL: benches::global::Chosen = benches::global::Chosen;

fn main() -> ExitCode {
    // A replay's process does as little as it can before it measures.
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    match first.as_deref() {
        Some(benches::run::child::WORD) => return benches::run::child::live(&rest(arguments)),
        Some(benches::memory::child::WORD) => {
            return benches::memory::child::live(&rest(arguments));
        }
        Some(benches::collectors::child::WORD) => {
            return benches::collectors::child::live(&rest(arguments));
        }
        Some(benches::counted::child::WORD) => {
            return benches::counted::child::live(&rest(arguments));
        }
        Some(benches::arenas::child::WORD) => {
            return benches::arenas::child::live(&rest(arguments));
        }
        Some(benches::pools::child::WORD) => return benches::pools::child::live(&rest(arguments)),
        Some(benches::goroutines::child::WORD) => {
            return benches::goroutines::child::live(&rest(arguments));
        }
        _ => {}
    }
    match benches::commands::run(benches::commands::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            benches::commands::fail(&failure);
            ExitCode::from(failure.code())
        }
    }
}

fn rest(arguments: impl Iterator<Item = String>) -> Vec<String> {
    arguments.collect()
}
