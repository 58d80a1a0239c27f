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

fn main() -> std::process::ExitCode {
    let only = std::env::args().nth(1);
    if faults::source::run(only.as_deref()) == 0 {
        std::process::ExitCode::SUCCESS
    } else {
        std::process::ExitCode::FAILURE
    }
}
