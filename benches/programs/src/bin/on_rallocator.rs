//! The loads on rallocator.

#[global_allocator]
static GLOBAL: rallocator::Rallocator = <rallocator::Rallocator as benches::peers::Peer>::VALUE;

fn main() -> std::process::ExitCode {
    programs::child::main()
}
