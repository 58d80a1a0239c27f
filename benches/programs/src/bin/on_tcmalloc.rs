//! The loads on Google's tcmalloc.

#[global_allocator]
static GLOBAL: tcmalloc_better::TCMalloc =
    <tcmalloc_better::TCMalloc as benches::peers::Peer>::VALUE;

fn main() -> std::process::ExitCode {
    programs::child::main()
}
