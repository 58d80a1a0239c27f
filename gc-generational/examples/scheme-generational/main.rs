//! gc-marksweep's Scheme on this collector: the interpreter is the same, and the collector another type.
//!
//! ```sh
//! cargo run --release -p gc-generational --example scheme-generational                      # a prompt
//! cargo run --release -p gc-generational --example scheme-generational -- --trace \
//!     gc-marksweep/examples/scheme/scripts/trees.scm
//! ```

#[cfg(not(loom))]
mod collector;
#[cfg(not(loom))]
#[path = "../../../gc-marksweep/examples/scheme/command.rs"]
mod command;
#[cfg(not(loom))]
#[path = "../../../gc-marksweep/examples/scheme/interpreter/mod.rs"]
mod interpreter;

#[cfg(not(loom))]
fn main() -> std::process::ExitCode {
    command::main()
}

/// Loom's models stand on the system's allocator alone.
#[cfg(loom)]
fn main() {}
