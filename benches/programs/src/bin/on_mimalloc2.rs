//! The loads on mimalloc's second major version.

#[global_allocator]
static GLOBAL: benches::peers::Mimalloc2 = benches::peers::Mimalloc2;

fn main() -> std::process::ExitCode {
    programs::child::main()
}
