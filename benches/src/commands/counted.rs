//! Counted pointers side by side: a table for each program and a page with bars, or JSON.
//!
//! Above: `commands`. Below: `counted`, `table`, `report`.

use super::bar::Bar;
use super::collectors::choose;
use super::options::Options;
use crate::collectors::Scale;
use crate::console::say;
use crate::counted::results::{Plan, Results, run};
use crate::counted::{Outcome, Program, programs, systems};
use crate::table::{align, plain};
use crate::units::mib;
use crate::{Failure, report};
use clap::Args;
use std::time::Duration;

/// Rounds, unless told otherwise.
const ROUNDS: u32 = 5;

/// What `counted` can be told.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Which programs [default: all].
    #[arg(value_name = "PROGRAM")]
    programs: Vec<String>,
    /// Less memory and fewer operations, in hundredths of the whole.
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100))]
    scale: u32,
}

pub(super) fn counted(arguments: &Arguments, options: &Options) -> Result<(), Failure> {
    let plan = Plan {
        programs: choose("program", &arguments.programs, programs::ALL, programs::find, |it| {
            it.name
        })?,
        systems: choose("system", &options.only, systems::ALL, systems::find, |it| it.name)?,
        scale: Scale(arguments.scale),
        rounds: if options.quick { 1 } else { options.rounds.unwrap_or(ROUNDS) },
        limit: Duration::from_secs(options.limit),
    };
    let output = options.page("strata-counted.html")?;
    let results = measure(&plan);
    std::fs::write(&output, report::of_counted(&results))
        .map_err(|error| Failure::write(&output, error))?;
    if options.json {
        say(serde_json::to_string_pretty(&results).unwrap_or_default());
    } else {
        results.programs().for_each(|program| show(program, &results));
        let (scale, rounds, output) = (results.scale, results.rounds, output.display());
        say(format_args!(
            "\nmedians of {rounds} rounds, whose runs took turns; scale: {scale} %; with bars: {output}"
        ));
    }
    let failed = results.failed();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Candidates(failed)) }
}

/// The counted pointers' part of the main job: all programs on all systems once, at a small scale.
pub(super) fn beside_replays(scale: u32, options: &Options) -> Results {
    let plan = Plan {
        programs: programs::ALL.iter().collect(),
        systems: systems::ALL.iter().collect(),
        scale: Scale(scale),
        rounds: 1,
        limit: Duration::from_secs(options.limit),
    };
    say(format_args!("\ncounted pointers, at {scale} % of the work of `benches counted`:"));
    let results = measure(&plan);
    results.programs().for_each(|program| show(program, &results));
    results
}

fn measure(plan: &Plan) -> Results {
    let mut bar = Bar::new("counted");
    let results = run(plan, &mut bar);
    bar.end();
    results
}

fn show(program: &Program, results: &Results) {
    say(format_args!("\n{}: {}", program.name, program.about));
    let mut table = plain();
    table.set_header([
        "system",
        "ns/op",
        "CPU ns/op",
        "peak MiB",
        "step p99.9 us",
        "longest",
        "left",
    ]);
    for line in results.of(program) {
        match &line.outcome {
            Ok(outcome) => table.add_row([line.system.to_owned()].into_iter().chain(row(outcome))),
            Err(_) => table.add_row([line.system, "FAILED"]),
        };
    }
    align(&mut table, 1);
    say(table);
}

fn row(outcome: &Outcome) -> [String; 6] {
    let each = |ns: u64| format!("{:.2}", ns as f64 / outcome.operations.max(1) as f64);
    let us = |ns: u64| if ns == 0 { "–".to_owned() } else { format!("{:.1}", ns as f64 / 1e3) };
    [
        each(outcome.wall_ns),
        each(outcome.cpu_ns),
        mib(outcome.peak_bytes),
        us(outcome.most_steps_ns),
        us(outcome.longest_step_ns),
        outcome.left.to_string(),
    ]
}
