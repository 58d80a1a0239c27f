//! Arenas, frames, deferred calls and coroutine stacks side by side: a table for each measure, and a page; or JSON.
//!
//! Above: `commands`. Below: `arenas`, `table`, `report`.

use super::bar::Bar;
use super::options::Options;
use crate::arenas::results::{Line, Results, Table};
use crate::arenas::{self, Measure, Plan, run};
use crate::console::say;
use crate::table::figures;
use crate::{Failure, report};
use clap::Args;
use std::time::Duration;

/// Rounds, unless told otherwise: of what takes turns, and of what has a process of its own.
const ROUNDS: (u32, u32) = (15, 5);
/// Rounds in a hurry, and the scale of what has a process of its own.
const QUICK: (u32, u32, u32) = (3, 1, 10);

/// What `arenas` can be told.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Which measures: small, mixed, drops, drops-mixed, vectors, frames, defer, stacks, live [default: all].
    #[arg(value_name = "MEASURE")]
    measures: Vec<String>,
    /// Fewer objects and coroutines where each run has a process of its own, in hundredths of the whole.
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100))]
    scale: u32,
}

pub(super) fn arenas(arguments: &Arguments, options: &Options) -> Result<(), Failure> {
    let measures = choose(&arguments.measures)?;
    known(&options.only, &measures)?;
    let mut plan = Plan {
        measures,
        only: options.only.clone(),
        rounds: options.rounds.unwrap_or(ROUNDS.0),
        child_rounds: options.rounds.unwrap_or(ROUNDS.1).min(ROUNDS.1),
        scale: arguments.scale,
        limit: Duration::from_secs(options.limit),
    };
    if options.quick {
        let scale = arguments.scale.min(QUICK.2);
        plan = Plan { rounds: QUICK.0, child_rounds: QUICK.1, scale, ..plan };
    }
    let output = options.page("strata-arenas.html")?;
    let results = measure(&plan);
    std::fs::write(&output, report::of_arenas(&results))
        .map_err(|error| Failure::write(&output, error))?;
    if options.json {
        say(serde_json::to_string_pretty(&results).unwrap_or_default());
    } else {
        show(&results);
        let (rounds, output) = (results.rounds, output.display());
        say(format_args!("\nmedians of {rounds} rounds, which take turns; with plots: {output}"));
    }
    let failed = results.failed();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Candidates(failed)) }
}

/// The arenas' part of the main job: everything, in a few rounds, with so many hundredths of what has a process of its own.
pub(super) fn beside_replays(scale: u32, options: &Options) -> Results {
    let rounds = options.rounds.unwrap_or(QUICK.0).min(QUICK.0);
    let plan = Plan {
        measures: arenas::ALL.to_vec(),
        only: Vec::new(),
        rounds,
        child_rounds: rounds.min(QUICK.1),
        scale,
        limit: Duration::from_secs(options.limit),
    };
    say(format_args!("\narenas, {rounds} rounds of `benches arenas`, at {scale} % of its size:"));
    let mut results = measure(&plan);
    show(&results);
    let threads = super::goroutines::beside_replays(options);
    results.tables.extend(crate::goroutines::tables::tables(&threads));
    results
}

fn measure(plan: &Plan) -> Results {
    let mut bar = Bar::new("arenas");
    let results = run(plan, &mut bar);
    bar.end();
    results
}

fn choose(names: &[String]) -> Result<Vec<&'static Measure>, Failure> {
    let of = |wanted: &String| {
        arenas::find(wanted).ok_or_else(|| {
            let known: Vec<_> = arenas::ALL.iter().map(|measure| measure.name).collect();
            Failure::unknown("measure", wanted, &known)
        })
    };
    if names.is_empty() { Ok(arenas::ALL.to_vec()) } else { names.iter().map(of).collect() }
}

/// Every name that was given is that of a contestant in one of the measures.
fn known(only: &[String], measures: &[&Measure]) -> Result<(), Failure> {
    let mut all: Vec<_> =
        measures.iter().flat_map(|measure| measure.contestants).map(|who| who.name).collect();
    all.sort_unstable();
    all.dedup();
    match only.iter().find(|name| !all.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Failure::unknown("contestant", name, &all)),
    }
}

fn show(results: &Results) {
    for table in &results.tables {
        say(format_args!("\n{}: {}", table.name, table.about));
        let heads = std::iter::once("").chain(table.columns.iter().map(|column| column.name));
        say(figures(heads, table.lines.iter().map(|line| row(table, line))));
        for line in &table.lines {
            if let Some(note) = &line.note {
                say(format_args!("{}: {note}", line.name));
            }
        }
    }
    if !results.targets.is_empty() {
        say("");
        let row = |verdict: &arenas::results::Verdict| {
            let text = if verdict.is_reached() { "reached" } else { "MISSED" };
            vec![
                verdict.what.to_owned(),
                format!("{:.2}", verdict.is),
                format!("{:.2}", verdict.at_most),
                text.to_owned(),
            ]
        };
        say(figures(["target", "is", "at most", ""], results.targets.iter().map(row)));
    }
}

fn row(table: &Table, line: &Line) -> Vec<String> {
    let cell =
        |(at, column): (usize, &arenas::Column)| match line.figures.get(at).copied().flatten() {
            Some(figure) => column.unit.text(figure.median),
            None => "–".into(),
        };
    std::iter::once(line.name.clone()).chain(table.columns.iter().enumerate().map(cell)).collect()
}
