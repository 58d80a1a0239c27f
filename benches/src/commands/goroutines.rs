//! Tasks here beside goroutines in Go: a table, or JSON.
//!
//! Above: `commands`. Below: `goroutines`, `table`.

use super::bar::Bar;
use super::collectors::choose;
use super::options::Options;
use crate::collectors::outside::Install;
use crate::console::say;
use crate::goroutines::loads::{LOADS, Load, System};
use crate::goroutines::results::{Plan, Results, run};
use crate::table::{align, plain};
use crate::{Failure, report};
use clap::Args;
use std::time::Duration;

/// Rounds, unless told otherwise.
const ROUNDS: u32 = 7;
/// Hundredths of the work of a run in a hurry.
const QUICK_PERCENT: u64 = 10;

/// Threads that run tasks, unless told otherwise.
const WORKERS: u64 = 2;

/// What `goroutines` can be told.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Which loads [default: all].
    #[arg(value_name = "LOAD")]
    loads: Vec<String>,
    /// Threads that run tasks.
    #[arg(long, value_name = "N", default_value_t = WORKERS, value_parser = clap::value_parser!(u64).range(1..=1024))]
    workers: u64,
}

pub(super) fn goroutines(arguments: &Arguments, options: &Options) -> Result<(), Failure> {
    if !options.only.is_empty() {
        return Err(Failure::Usage("goroutines has no --only: name loads instead".into()));
    }
    let find = |name: &str| LOADS.iter().find(|load| load.name == name);
    let chosen = choose("load", &arguments.loads, &LOADS, find, |load| load.name)?;
    let percent = if options.quick { QUICK_PERCENT } else { 100 };
    let plan = Plan {
        loads: chosen.into_iter().map(|load| load.scaled(percent)).collect(),
        workers: arguments.workers,
        rounds: if options.quick { 1 } else { options.rounds.unwrap_or(ROUNDS) },
        limit: Duration::from_secs(options.limit),
    };
    let output = options.page("strata-goroutines.html")?;
    let results = measure(&plan, Install::IfMissing);
    std::fs::write(&output, report::of_goroutines(&results))
        .map_err(|error| Failure::write(&output, error))?;
    if options.json {
        say(serde_json::to_string_pretty(&results).unwrap_or_default());
    } else {
        show(&results);
        say(format_args!("with plots: {}", output.display()));
    }
    let failed = results.failed();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Candidates(failed)) }
}

/// The main job's part: a tenth of the work, once, beside Go if that is on the machine.
pub(super) fn beside_replays(options: &Options) -> Results {
    let plan = Plan {
        loads: LOADS.iter().map(|load| load.scaled(QUICK_PERCENT)).collect(),
        workers: WORKERS,
        rounds: 1,
        limit: Duration::from_secs(options.limit),
    };
    say(format_args!("\nuser-mode threads, a round of `benches goroutines --quick`:"));
    let results = measure(&plan, Install::Never);
    show(&results);
    results
}

fn measure(plan: &Plan, install: Install) -> Results {
    let mut bar = Bar::new("goroutines");
    let results = run(plan, install, &mut bar);
    bar.end();
    results
}

fn show(results: &Results) {
    let mut table = plain();
    table.set_header([
        "load",
        "system",
        "ns/op",
        "CPU ns/op",
        "times Go",
        "M switches/s",
        "moves",
        "bytes/task",
    ]);
    for load in &results.loads {
        for line in results.of(load) {
            let (name, system) = (load.name.to_owned(), line.system.name().to_owned());
            match row(results, load, line.system) {
                Some(cells) => table.add_row([name, system].into_iter().chain(cells)),
                None => table.add_row([name, system, "FAILED".into()]),
            };
        }
    }
    align(&mut table, 2);
    say(table);
    for load in &results.loads {
        say(format_args!("{}: {}", load.name, load.about));
    }
    say(format_args!(
        "medians of {} rounds, which take turns; {} threads run tasks",
        results.rounds, results.workers
    ));
}

fn row(results: &Results, load: &Load, system: System) -> Option<[String; 6]> {
    let line = results.of(load).find(|line| line.system == system)?;
    let outcome = line.outcome.as_ref().ok()?;
    let each = |ns: u64| format!("{:.0}", ns as f64 / outcome.operations.max(1) as f64);
    let or_none = |known: bool, text: String| if known { text } else { "–".into() };
    let figures = outcome.figures;
    let switches = figures.switches as f64 * 1e3 / outcome.wall_ns.max(1) as f64;
    let times = results.times_go(load, system);
    Some([
        each(outcome.wall_ns),
        each(outcome.cpu_ns),
        times.map_or("–".into(), |times| format!("{times:.2}")),
        or_none(figures.switches > 0, format!("{switches:.1}")),
        or_none(figures.switches > 0, figures.moves.to_string()),
        or_none(outcome.task_bytes > 0.0, format!("{:.0}", outcome.task_bytes)),
    ])
}
