//! The campaign of faults: what fails, one at a time, and that nothing is lost by it.
//!
//! Above: the command line. Below, a file for each part: `source`, calls to the system in this process; `whole`, those
//! of whole programs; `limits`, an address space that is full; `forks`; `startless`, threads that cannot be started;
//! `moments`, threads that end and signals that arrive at any moment.

mod forks;
mod moments;
mod programs;
mod source;
pub mod startless;
mod whole;

/// The parts of the campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Every call to the system in this process, under each part of the workspace.
    Source,
    /// Every system call of a whole program on the preload library.
    Whole,
    /// Address spaces of many sizes, all of which a program takes.
    Limits,
    /// Forks at any moment.
    Forks,
    /// Threads that cannot be started.
    Startless,
    /// Threads that end at any moment.
    Ends,
    /// Signals at any moment.
    Signals,
}

impl Part {
    const ALL: [Self; 7] = [
        Self::Source,
        Self::Whole,
        Self::Limits,
        Self::Forks,
        Self::Startless,
        Self::Ends,
        Self::Signals,
    ];
}

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Which parts [default: all].
    parts: Vec<Part>,
    /// Every call once, and an eighth of the rest.
    #[arg(long)]
    quick: bool,
}

/// A line of the counts.
#[derive(Clone, Debug)]
pub struct Counted {
    what: String,
    count: usize,
    failed: usize,
}

impl Counted {
    fn new(what: &str, count: usize, failed: usize) -> Self {
        Self { what: what.into(), count, failed }
    }
}

/// Prints lines of counts; how many failures there are.
fn print(lines: &[Counted]) -> usize {
    println!();
    for Counted { what, count, failed } in lines {
        println!("{what:48} {count:>10} {:>21}", format!("{failed} failed"));
    }
    lines.iter().map(|line| line.failed).sum()
}

/// Runs the campaign. Whether all of it ended well.
pub fn run(arguments: &Arguments) -> bool {
    let parts = if arguments.parts.is_empty() { &Part::ALL[..] } else { &arguments.parts };
    let share = if arguments.quick { 8 } else { 1 };
    let mut failed = 0;
    for part in parts {
        let result = match part {
            Part::Source => Ok(source::run(share)),
            Part::Whole => whole::run(share),
            Part::Limits => moments::limits(share).map(|lines| print(&lines)),
            Part::Forks => forks::run(share).map(|lines| print(&lines)),
            Part::Startless => startless::run().map(|lines| print(&lines)),
            Part::Ends => moments::ends(share).map(|lines| print(&lines)),
            Part::Signals => moments::signals(share).map(|lines| print(&lines)),
        };
        failed += result.unwrap_or_else(|why| {
            eprintln!("error: {why}");
            1
        });
    }
    println!(
        "\n{}",
        if failed == 0 { "no failure is left".into() } else { format!("{failed} FAILED") }
    );
    failed == 0
}
