//! The command line: what can be asked for, and who does it.
//!
//! Above: `main`. In `compare`: replays. In `record`: recordings. In `memory`: loads without a trace.
//! In `micro`: hot paths. In `collectors`: garbage collectors. In `counted`: counted pointers. In `pools`: pools.
//! In `goroutines`: user-mode threads. In `arenas`: arenas, frames, deferred calls, coroutine stacks.
//! In `show`: what is known without a replay. In `help`: examples.

mod arenas;
mod bar;
mod collectors;
mod compare;
mod counted;
mod elf;
mod goroutines;
mod help;
mod memory;
mod micro;
mod options;
mod pools;
mod preload;
mod record;
mod show;

use crate::Failure;
use crate::console::tell;
use crate::places::shipped;
use crate::run::setting::Setting;
use clap::{Parser, Subcommand};
use options::{Beside, Options};
use std::path::PathBuf;

/// Replays allocation traces of real programs on Strata's stacks and on other allocators, and
/// compares time, memory and fragmentation. Without a command: replays the shipped traces.
#[derive(Debug, Parser)]
#[command(name = "benches", version, max_term_width = 100, after_help = help::TOP)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Word>,
    #[command(flatten)]
    options: Options,
    /// The folder of the traces that are replayed without a command.
    #[arg(long, value_name = "FOLDER", default_value_os_t = shipped())]
    traces: PathBuf,
    /// Without a command: how much of the collectors' programs is run afterwards, in hundredths; 0 for none. None
    /// are with `--only` or `--json`.
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100))]
    collectors: u32,
    /// The same of the counted pointers' programs.
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=100))]
    counted: u32,
    /// The same of the pools' single operations, with a few rounds of their programs.
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=100))]
    pools: u32,
    /// The same of the arenas' millions of objects, with a few rounds of their programs.
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100))]
    arenas: u32,
}

#[derive(Debug, Subcommand)]
enum Word {
    /// Run a program under the preload library and record its allocations.
    #[command(after_help = help::RECORD)]
    Record(record::Arguments),
    /// Replay these traces on every candidate: which stack to take, a table, and a page with plots.
    #[command(after_help = help::COMPARE)]
    Compare {
        /// The traces' files.
        #[arg(required = true, value_name = "TRACE")]
        traces: Vec<PathBuf>,
    },
    /// Show a trace: its header, its figures, its sizes.
    #[command(after_help = help::SHOW)]
    Show {
        /// The trace's file.
        trace: PathBuf,
    },
    /// Show what candidates keep of memory when a load is over.
    #[command(after_help = help::MEMORY)]
    Memory(memory::Arguments),
    /// Compare hot paths: nanoseconds for an operation, all allocators in one process.
    #[command(after_help = help::MICRO)]
    Micro(micro::Arguments),
    /// Compare garbage collectors, and malloc and free: time, memory, pauses.
    #[command(after_help = help::COLLECTORS)]
    Collectors(collectors::Arguments),
    /// Compare counted pointers, with and without cycles: time, memory, pauses.
    #[command(after_help = help::COUNTED)]
    Counted(counted::Arguments),
    /// Compare pools of a fixed capacity: nanoseconds for an operation, single operations, bytes.
    #[command(after_help = help::POOLS)]
    Pools(pools::Arguments),
    /// Compare user-mode threads with Go's: starting and ending, switches, bytes of each.
    #[command(after_help = help::GOROUTINES)]
    Goroutines(goroutines::Arguments),
    /// Compare arenas, frames, deferred calls and coroutine stacks: nanoseconds for an operation, memory.
    #[command(after_help = help::ARENAS)]
    Arenas(arenas::Arguments),
    /// List the candidates.
    #[command(after_help = help::LIST)]
    List,
}

/// Does what the command line asks for.
///
/// # Errors
///
/// [`Failure`], whose code is the exit code.
pub fn run(cli: Cli) -> Result<(), Failure> {
    // What runs from now on is no load of the machine's own.
    let _ = Setting::this();
    match &cli.command {
        None => {
            let Cli { collectors, counted, pools, arenas, .. } = cli;
            let beside = Beside { collectors, counted, pools, arenas };
            compare::compare(&compare::in_folder(&cli.traces)?, &cli.options, beside)
        }
        Some(Word::Compare { traces }) => compare::compare(traces, &cli.options, Beside::default()),
        Some(Word::Record(arguments)) => record::record(arguments, &cli.options),
        Some(Word::Show { trace }) => show::show(trace, &cli.options),
        Some(Word::Memory(arguments)) => memory::memory(arguments, &cli.options),
        Some(Word::Micro(arguments)) => micro::micro(arguments, &cli.options),
        Some(Word::Collectors(arguments)) => collectors::collectors(arguments, &cli.options),
        Some(Word::Counted(arguments)) => counted::counted(arguments, &cli.options),
        Some(Word::Pools(arguments)) => pools::pools(arguments, &cli.options),
        Some(Word::Goroutines(arguments)) => goroutines::goroutines(arguments, &cli.options),
        Some(Word::Arenas(arguments)) => arenas::arenas(arguments, &cli.options),
        Some(Word::List) => show::list(&cli.options),
    }
}

/// Says why a command did not do what it was asked to do.
pub fn fail(failure: &Failure) {
    tell(format_args!("error: {failure}"));
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::{CommandFactory, Parser};

    /// The words of an example: behind two spaces and `benches`, until what it does.
    fn words(line: &str) -> Option<Vec<&str>> {
        let rest = line.strip_prefix("  benches")?;
        let command = rest.split("   ").next()?;
        Some(std::iter::once("benches").chain(command.split_whitespace()).collect())
    }

    #[test]
    fn every_command_has_examples_and_they_are_understood() {
        let top = Cli::command();
        for command in top.get_subcommands().chain([&top]) {
            let name = command.get_name();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<_> = help.lines().filter_map(words).collect();
            assert!(!examples.is_empty(), "{name} has no example");
            for example in &examples {
                if let Err(error) = Cli::try_parse_from(example) {
                    panic!("{example:?}: {error}");
                }
            }
            let own = |example: &Vec<&str>| name == "benches" || example.contains(&name);
            assert!(examples.iter().any(own), "no example of {name} is of {name}");
        }
    }
}
