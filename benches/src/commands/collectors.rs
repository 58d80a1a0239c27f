//! Garbage collectors side by side: a table for each program, or JSON.
//!
//! Above: `commands`. Below: `collectors`, `table`.

use super::{Options, say};
use crate::Failure;
use crate::collectors::outcome::medians;
use crate::collectors::{ALL, Contestant, Outcome, Scale, Workload, child, contestants, find};
use crate::table::{align, mib, ms, plain};
use clap::Args;
use serde::Serialize;
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

/// A program's outcome on a system.
#[derive(Serialize)]
struct Line<'a> {
    workload: &'a str,
    contestant: &'a str,
    about: &'a str,
    outcome: Result<Outcome, String>,
}

pub(super) fn collectors(arguments: &Arguments, options: &Options) -> Result<(), Failure> {
    let scale = Scale(arguments.scale);
    let rounds = if options.quick { 1 } else { options.rounds.unwrap_or(ROUNDS) };
    let limit = Duration::from_secs(options.limit);
    let workloads = choose(&arguments.workloads, ALL, find, |workload| workload.name)?;
    let chosen = choose(&options.only, contestants::ALL, contestants::find, |who| who.name)?;
    let (chosen, missing): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|who| (who.is_here)());
    for who in missing {
        eprintln!("{} is not on this machine, and left out: {}", who.name, who.about);
    }
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for workload in workloads {
        let first = lines.len();
        lines.extend(measure(workload, &chosen, scale, rounds, limit));
        failed.extend(wrong(&lines[first..]));
        if !options.json {
            show(workload, &lines[first..]);
        }
    }
    if options.json {
        let all = serde_json::json!({ "scale": scale.0, "rounds": rounds, "lines": lines });
        say(serde_json::to_string_pretty(&all).unwrap_or_default());
    } else {
        say(format_args!("medians of {rounds} rounds, whose runs took turns"));
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Candidates(failed)) }
}

fn choose<T>(
    names: &[String],
    all: &'static [T],
    find: fn(&str) -> Option<&'static T>,
    name: fn(&T) -> &'static str,
) -> Result<Vec<&'static T>, Failure> {
    let of = |wanted: &String| {
        find(wanted).ok_or_else(|| {
            let known: Vec<_> = all.iter().map(name).collect();
            Failure::Usage(format!("there is no `{wanted}` here; there are: {}", known.join(", ")))
        })
    };
    if names.is_empty() { Ok(all.iter().collect()) } else { names.iter().map(of).collect() }
}

/// All rounds of a program: in each, every system has its turn.
fn measure(
    workload: &'static Workload,
    chosen: &[&'static Contestant],
    scale: Scale,
    rounds: u32,
    limit: Duration,
) -> Vec<Line<'static>> {
    let takes_part: Vec<_> = chosen.iter().filter(|who| who.fits(workload, scale)).collect();
    let mut runs = vec![Ok(Vec::new()); takes_part.len()];
    for _ in 0..rounds {
        for (run, who) in runs.iter_mut().zip(&takes_part) {
            // Who failed once takes no more of everyone's time.
            let Ok(outcomes) = run else { continue };
            match child::run(workload, who, scale, limit) {
                Ok(outcome) => outcomes.push(outcome),
                Err(why) => *run = Err(why),
            }
        }
    }
    let line = |(who, run): (_, Result<Vec<Outcome>, String>)| {
        let who: &Contestant = who;
        let outcome = run.map(|outcomes| medians(&outcomes));
        Line { workload: workload.name, contestant: who.name, about: who.about, outcome }
    };
    takes_part.into_iter().copied().zip(runs).map(line).collect()
}

/// Who failed, and whose answer is not that of the others.
fn wrong(lines: &[Line<'_>]) -> Vec<String> {
    let answers = lines.iter().filter_map(|line| Some(line.outcome.as_ref().ok()?.answer));
    let answers: Vec<_> = answers.collect();
    let usual = crate::collectors::outcome::median(answers);
    let of = |line: &Line<'_>| match &line.outcome {
        Err(why) => Some(why.clone()),
        Ok(outcome) if outcome.answer != usual => {
            Some(format!("answered {}, and others {usual}", outcome.answer))
        }
        Ok(_) => None,
    };
    lines
        .iter()
        .filter_map(|line| Some(format!("{} on {}: {}", line.workload, line.contestant, of(line)?)))
        .collect()
}

fn show(workload: &Workload, lines: &[Line<'_>]) {
    say(format_args!("\n{}: {}", workload.name, workload.about));
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
    for line in lines {
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
        Some(own) => cells.extend([own.cycles.to_string(), us(own.longest_ns)]),
        None => cells.extend(["–", "–"].map(String::from)),
    }
    cells
}
