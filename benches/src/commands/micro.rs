//! Hot paths side by side: a table with a line for each task, or JSON.
//!
//! Above: `commands`. Below: `micro`, `table`.

use super::options::Options;
use crate::Failure;
use crate::console::say;
use crate::micro::contestants::{ALL, Entrant};
use crate::micro::rounds::{Line, measure};
use crate::micro::tasks;
use crate::table::{align, plain};
use crate::units::ns;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

/// Rounds, unless told otherwise.
const ROUNDS: u32 = 15;
/// Rounds in a hurry.
const QUICK: u32 = 3;

/// What `micro` can be told.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Which tasks: pairs, batches, replace, growth, producer, larson [default: all].
    #[arg(value_name = "TASKS")]
    groups: Vec<String>,
}

pub(super) fn micro(arguments: &Arguments, options: &Options) -> Result<(), Failure> {
    check_groups(&arguments.groups)?;
    let entrants = choose(&options.only)?;
    let rounds = if options.quick { QUICK } else { options.rounds.unwrap_or(ROUNDS) };
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{elapsed}  {msg}") {
        bar.set_style(style);
    }
    let lines = measure(&entrants, &arguments.groups, rounds, |round, task| {
        bar.set_message(format!("round {} of {rounds}: {task}", round + 1));
        bar.tick();
    });
    bar.finish_and_clear();
    if options.json {
        let names: Vec<_> = entrants.iter().map(|entrant| entrant.name).collect();
        let all = serde_json::json!({ "rounds": rounds, "candidates": names, "tasks": lines });
        say(serde_json::to_string_pretty(&all).unwrap_or_default());
    } else {
        say(table(&entrants, &lines));
        say(format_args!("nanoseconds for an operation: medians of {rounds} rounds"));
    }
    Ok(())
}

fn check_groups(groups: &[String]) -> Result<(), Failure> {
    let mut known: Vec<_> = tasks().iter().map(|task| task.group).collect();
    known.dedup();
    match groups.iter().find(|group| !known.contains(&group.as_str())) {
        None => Ok(()),
        Some(group) => Err(Failure::unknown("group of tasks", group, &known)),
    }
}

fn choose(names: &[String]) -> Result<Vec<Entrant>, Failure> {
    let known: Vec<_> = ALL.iter().map(|entrant| entrant.name).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Failure::unknown("candidate", name, &known));
    }
    let chosen = |e: &&Entrant| names.is_empty() || names.iter().any(|name| name == e.name);
    Ok(ALL.iter().filter(chosen).copied().collect())
}

/// A line for each task: the floor, everyone's time, and how the default stack compares.
fn table(entrants: &[Entrant], lines: &[Line]) -> comfy_table::Table {
    let mut table = plain();
    let names = entrants.iter().map(|entrant| entrant.name);
    let last = ["best peer", "strata / it", "strata / floor"];
    table.set_header(["task", "floor"].into_iter().chain(names).chain(last));
    for line in lines {
        let mut cells = vec![line.task.clone(), line.floor_ns.map_or("–".into(), ns)];
        cells.extend(line.ns.iter().copied().map(ns));
        cells.extend(compared(entrants, line));
        table.add_row(cells);
    }
    align(&mut table, 1);
    table
}

/// The best peer, and the default stack's ratios to it and to the floor.
fn compared(entrants: &[Entrant], line: &Line) -> [String; 3] {
    let each = || entrants.iter().zip(line.ns.iter().copied());
    let strata = each().find(|(entrant, _)| entrant.name == "strata").map(|(_, ns)| ns);
    let peers = each().filter(|(entrant, _)| !entrant.is_ours);
    let best = peers.min_by(|a, b| a.1.total_cmp(&b.1));
    let ratio = |to: Option<f64>| match (strata, to) {
        (Some(strata), Some(to)) => format!("{:.2}", strata / to),
        _ => "–".into(),
    };
    let name = best.map_or("–", |(entrant, _)| entrant.name).into();
    [name, ratio(best.map(|(_, ns)| ns)), ratio(line.floor_ns)]
}
