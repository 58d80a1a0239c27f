//! The loads on Strata's default stack.

#[global_allocator]
static GLOBAL: benches::stacks::AsGlobalDefault = benches::stacks::global();

fn main() -> std::process::ExitCode {
    programs::child::main()
}
