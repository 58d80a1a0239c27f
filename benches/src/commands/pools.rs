//! Pools side by side: a table of times and one of single operations, and a page; or JSON.
//!
//! Above: `commands`. Below: `pools`, `table`, `report`.

use super::bar::Bar;
use super::collectors::choose;
use super::options::Options;
use crate::console::say;
use crate::pools::results::{Line, Results, words};
use crate::pools::{Plan, contestants, run};
use crate::table::figures;
use crate::turns::Figure;
use crate::units::ns;
use crate::{Failure, report};
use clap::Args;
use std::time::Duration;

/// Rounds, unless told otherwise.
const ROUNDS: u32 = 15;
/// Rounds in a hurry, and hundredths of single operations.
const QUICK: (u32, u32) = (3, 10);

/// What `pools` can be told.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Which programs and measures: hot, batches, fill, threads, passing, latency, bytes [default: all].
    #[arg(value_name = "PROGRAM")]
    words: Vec<String>,
}

pub(super) fn pools(arguments: &Arguments, options: &Options) -> Result<(), Failure> {
    if let Some(word) = arguments.words.iter().find(|word| !words().contains(&word.as_str())) {
        return Err(Failure::unknown("program", word, &words()));
    }
    let all = contestants::ALL;
    let plan = Plan {
        contestants: choose("pool", &options.only, all, contestants::find, |who| who.name)?,
        words: arguments.words.clone(),
        rounds: if options.quick { QUICK.0 } else { options.rounds.unwrap_or(ROUNDS) },
        scale: if options.quick { QUICK.1 } else { 100 },
        limit: Duration::from_secs(options.limit),
    };
    let output = options.page("strata-pools.html")?;
    let results = measure(&plan);
    std::fs::write(&output, report::of_pools(&results))
        .map_err(|error| Failure::write(&output, error))?;
    if options.json {
        say(serde_json::to_string_pretty(&results).unwrap_or_default());
    } else {
        show(&results);
        let rounds = results.rounds;
        let output = output.display();
        say(format_args!("\nmedians of {rounds} rounds, which take turns; with plots: {output}"));
    }
    let failed = results.failed();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Candidates(failed)) }
}

/// The pools' part of the main job: everything, in a few rounds, with so many hundredths of single operations.
pub(super) fn beside_replays(scale: u32, options: &Options) -> Results {
    let plan = Plan {
        contestants: contestants::ALL.iter().collect(),
        words: Vec::new(),
        rounds: options.rounds.unwrap_or(QUICK.0).min(QUICK.0),
        scale,
        limit: Duration::from_secs(options.limit),
    };
    say(format_args!("\npools, {} rounds of `benches pools`:", plan.rounds));
    let results = measure(&plan);
    show(&results);
    results
}

fn measure(plan: &Plan) -> Results {
    let mut bar = Bar::new("pools");
    let results = run(plan, &mut bar);
    bar.end();
    results
}

fn show(results: &Results) {
    for (_, program) in results.ran() {
        say(format_args!("{}: {}", program.name, program.about));
    }
    let programs = results.ran().map(|(_, program)| program.name);
    let heads = ["ns for an operation"].into_iter().chain(programs).chain(["bytes beside"]);
    let row =
        |line: &Line| [line.name.to_owned()].into_iter().chain(times(results, line)).collect();
    say(figures(heads, results.lines.iter().map(row)));
    if results.has_latency() {
        say(
            "\nsingle operations while the other processor is busy, ns; the timer (nothing) is in all of them",
        );
        say(latencies(results));
    }
}

fn times(results: &Results, line: &Line) -> Vec<String> {
    let cell = |figure: Option<Figure>| figure.map_or("–".into(), |figure| ns(figure.ns));
    let bytes = line.overhead_bytes.map_or("–".into(), |bytes| format!("{bytes:.1}"));
    results.ran().map(|(at, _)| cell(line.figures[at])).chain([bytes]).collect()
}

fn latencies(results: &Results) -> comfy_table::Table {
    let row = |line: &Line| {
        let figures = line.latency?.figures().map(|ns| format!("{ns:.0}"));
        Some([line.name.to_owned()].into_iter().chain(figures).collect())
    };
    let heads = ["single operations", "p50", "p99", "p99.9", "p99.99", "longest"];
    figures(heads, results.lines.iter().filter_map(row))
}
