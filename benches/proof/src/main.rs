//! Proof under fault and under load.
//!
//! ```sh
//! cargo run --release -p strata-proof -- faults
//! cargo run --release -p strata-proof -- soak --minutes 60
//! ```
//!
//! Below: `faults`, a campaign in which everything that can fail does, one at a time; `soak`, a server's load for as
//! long as asked. Not here: tests of single crates (their `tests/`), models of protocols (their `tests/loom.rs`).

mod faults;
mod ground;
mod objects;
mod random;
mod soak;

use clap::Parser;
use std::process::ExitCode;

/// What can be asked for.
#[derive(Parser, Debug)]
#[command(version, about = "Proof under fault and under load")]
enum Arguments {
    /// Everything that can fail does, one at a time; prints the counts.
    Faults(faults::Arguments),
    /// A server's load with content checks, for as long as asked.
    Soak(soak::Arguments),
}

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().collect();
    if let [_, word, threads] = &words[..]
        && word == faults::startless::WORD
    {
        let well = threads.parse().is_ok_and(faults::startless::live);
        return if well { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let well = match Arguments::parse() {
        Arguments::Faults(arguments) => faults::run(&arguments),
        Arguments::Soak(arguments) => soak::run(&arguments),
    };
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
