//! Garbage collectors side by side: a table for each program and a page with plots, or JSON.
//!
//! Above: `commands`. Below: `collectors`, `table`, `report`.

use super::bar::Bar;
use super::options::Options;
use crate::collectors::contestants;
use crate::collectors::results::{Group, Plan, Results, run};
use crate::collectors::{ALL, Contestant, Outcome, Scale, find};
use crate::console::{say, tell};
use crate::table::{align, plain};
use crate::units::{mib, ms};
use crate::{Failure, report};
use clap::Args;
use std::time::Duration;

/// Rounds, unless told otherwise.
const ROUNDS: u32 = 3;

/// What `collectors` can be told.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Which programs [default: all].
    #[arg(value_name = "PROGRAM")]
    workloads: Vec<String>,
    /// Less memory and fewer steps, in hundredths of the whole.
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100))]
    scale: u32,
}

pub(super) fn collectors(arguments: &Arguments, options: &Options) -> Result<(), Failure> {
    let plan = Plan {
        workloads: choose("program", &arguments.workloads, ALL, find, |workload| workload.name)?,
        contestants: here(&choose(
            "system",
            &options.only,
            contestants::ALL,
            contestants::find,
            |who| who.name,
        )?),
        scale: Scale(arguments.scale),
        rounds: if options.quick { 1 } else { options.rounds.unwrap_or(ROUNDS) },
        limit: Duration::from_secs(options.limit),
    };
    let output = options.page("strata-collectors.html")?;
    let results = measure(&plan, !options.json);
    std::fs::write(&output, report::of_collectors(&results))
        .map_err(|error| Failure::write(&output, error))?;
    if options.json {
        let lines: Vec<_> = results.groups.iter().flat_map(|group| &group.lines).collect();
        let (scale, rounds) = (results.scale, results.rounds);
        let all = serde_json::json!({ "scale": scale, "rounds": rounds, "lines": lines });
        say(serde_json::to_string_pretty(&all).unwrap_or_default());
    } else {
        say(format_args!(
            "medians of {} rounds, whose runs took turns; with plots: {}",
            results.rounds,
            output.display()
        ));
    }
    let failed = results.failed();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Candidates(failed)) }
}

/// The collectors' part of the main job: all programs on all systems, at a small scale.
pub(super) fn beside_replays(scale: u32, options: &Options) -> Results {
    let plan = Plan {
        workloads: ALL.iter().collect(),
        contestants: here(&contestants::ALL.iter().collect::<Vec<_>>()),
        scale: Scale(scale),
        rounds: if options.quick { 1 } else { options.rounds.unwrap_or(ROUNDS).min(ROUNDS) },
        limit: Duration::from_secs(options.limit),
    };
    say(format_args!("\ncollectors, at {scale} % of the work of `benches collectors`:"));
    measure(&plan, true)
}

fn measure(plan: &Plan, prints: bool) -> Results {
    let mut bar = Bar::new("collectors");
    let printer = bar.again();
    let results = run(plan, &mut bar, |group| {
        if prints {
            printer.aside(|| show(group));
        }
    });
    bar.end();
    results
}

/// Those that are on this machine; the others are named.
fn here(chosen: &[&'static Contestant]) -> Vec<&'static Contestant> {
    let (chosen, missing): (Vec<&Contestant>, Vec<&Contestant>) =
        chosen.iter().copied().partition(|who| (who.is_here)());
    for who in missing {
        tell(format_args!("{} is not on this machine, and left out: {}", who.name, who.about));
    }
    chosen
}

/// Those of these names, or all; `what` is what one of them is called.
pub(super) fn choose<T>(
    what: &str,
    names: &[String],
    all: &'static [T],
    find: fn(&str) -> Option<&'static T>,
    name: fn(&T) -> &'static str,
) -> Result<Vec<&'static T>, Failure> {
    let of = |wanted: &String| {
        find(wanted).ok_or_else(|| {
            let known: Vec<_> = all.iter().map(name).collect();
            Failure::unknown(what, wanted, &known)
        })
    };
    if names.is_empty() { Ok(all.iter().collect()) } else { names.iter().map(of).collect() }
}

fn show(group: &Group) {
    say(format_args!("\n{}: {}", group.workload.name, group.workload.about));
    let mut table = plain();
    table.set_header([
        "system",
        "wall ms",
        "CPU ms",
        "sys ms",
        "faults",
        "peak MiB",
        "step p50 us",
        "p99",
        "p99.9",
        "longest",
        "> 1 ms",
        "cycles",
        "turn max us",
    ]);
    for line in &group.lines {
        let Ok(outcome) = &line.outcome else {
            table.add_row([line.contestant, "FAILED"]);
            continue;
        };
        table.add_row([line.contestant.to_owned()].into_iter().chain(row(outcome)));
    }
    align(&mut table, 1);
    say(table);
}

fn row(outcome: &Outcome) -> Vec<String> {
    let us = |ns: u64| format!("{:.1}", ns as f64 / 1e3);
    let steps = &outcome.steps;
    let mut cells = vec![
        ms(outcome.wall_ns),
        ms(outcome.cpu_ns),
        ms(outcome.sys_ns),
        outcome.minor_faults.to_string(),
        mib(outcome.peak_bytes),
    ];
    if steps.steps() > 0 {
        cells.extend([0.5, 0.99, 0.999].map(|part| us(steps.quantile_ns(part))));
        cells.extend([us(steps.longest_ns), steps.above(1_000_000).to_string()]);
    } else {
        cells.extend(["–"; 5].map(String::from));
    }
    match &outcome.own {
        Some(own) if own.longest_ns == 0 => cells.extend([own.cycles.to_string(), "–".into()]),
        Some(own) => cells.extend([own.cycles.to_string(), us(own.longest_ns)]),
        None => cells.extend(["–", "–"].map(String::from)),
    }
    cells
}
