//! How the default stack scales, counted: shared lines that cores take from each other, per operation.
//!
//! ```sh
//! RUSTFLAGS="--cfg strata_lines" cargo run --release -p strata-scaling --target-dir target/scaling
//! ```
//!
//! Below: `alloc_core::sync::lines`, which is there under that cfg alone, and the stack. In `workloads`: what
//! the cores do. In `points`: the places where they meet. In `counted`: the figures of a run, and the process
//! that it has to itself. In `table`: what is printed. In `check`: what has to hold, for CI.
//!
//! The model counts; it does not predict time. What it sees and does not see stands in
//! `alloc-core/src/sync/lines/mod.rs`.

#[cfg(strata_lines)]
mod check;
#[cfg(strata_lines)]
mod counted;
#[cfg(strata_lines)]
mod points;
#[cfg(strata_lines)]
mod table;
#[cfg(strata_lines)]
mod workloads;

#[cfg(not(strata_lines))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "this program counts only under a cfg:\nRUSTFLAGS=\"--cfg strata_lines\" \
         cargo run --release -p strata-scaling --target-dir target/scaling"
    );
    std::process::ExitCode::from(2)
}

/// What can be asked for.
#[cfg(strata_lines)]
#[derive(clap::Parser, Debug)]
#[command(version, about = "Counts the shared cache lines that cores take from each other")]
struct Arguments {
    /// Which workloads [default: all].
    workloads: Vec<String>,
    /// How many cores, one run for each number.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16, 32, 64, 128])]
    cores: Vec<usize>,
    /// Steps that the program itself takes between two operations.
    #[arg(long, default_value_t = 100)]
    work: u64,
    /// What decides, where chance does.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run what CI checks: all workloads at 8 cores.
    #[arg(long)]
    check: bool,
    /// One workload at one number of cores, in this very process, for a program to read.
    #[arg(long, hide = true)]
    plain: bool,
}

#[cfg(strata_lines)]
fn main() -> std::process::ExitCode {
    let arguments = <Arguments as clap::Parser>::parse();
    match run(&arguments) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(strata_lines)]
fn run(arguments: &Arguments) -> Result<(), String> {
    let chosen = workloads::choose(&arguments.workloads)?;
    if let (true, [workload], [cores]) = (arguments.plain, &chosen[..], &arguments.cores[..]) {
        let load = workloads::Load { work: arguments.work, seed: arguments.seed };
        counted::print(&(workload.run)(*cores, load));
        return Ok(());
    }
    if arguments.check {
        return check::check(&chosen, arguments);
    }
    for workload in chosen {
        let fitting = arguments.cores.iter().filter(|&&cores| cores >= workload.least_cores);
        let columns: Result<Vec<_>, _> =
            fitting.map(|&cores| counted::Counted::of(workload, cores, arguments)).collect();
        table::print(workload, &columns?);
    }
    Ok(())
}
