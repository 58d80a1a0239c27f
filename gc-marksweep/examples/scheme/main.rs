//! A small Scheme whose values all live in a collected heap.
//!
//! ```sh
//! cargo run --release -p gc-marksweep --example scheme                      # a prompt
//! cargo run --release -p gc-marksweep --example scheme -- --mode background --trace \
//!     gc-marksweep/examples/scheme/scripts/trees.scm
//! ```
//!
//! The command line is in `command.rs`, the interpreter in `interpreter/`; begin with its `mod.rs`.

#[cfg(not(loom))]
mod collector;
#[cfg(not(loom))]
mod command;
#[cfg(not(loom))]
mod interpreter;

#[cfg(not(loom))]
fn main() -> std::process::ExitCode {
    command::main()
}

/// Loom's models stand on the system's allocator alone.
#[cfg(loom)]
fn main() {}
