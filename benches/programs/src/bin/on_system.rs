//! The loads on the system's `malloc`.

#[global_allocator]
static GLOBAL: std::alloc::System = std::alloc::System;

fn main() -> std::process::ExitCode {
    programs::child::main()
}
