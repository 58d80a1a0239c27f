//! Memory given back: each workload on each candidate, as tables or JSON.
//!
//! Above: `commands`. Below: `memory`, `table`.

use super::options::Options;
use crate::candidates::Candidate;
use crate::console::say;
use crate::memory::{ALL, Outcome, Reading, Scale, Workload, child, find};
use crate::program::facts::Facts;
use crate::table::{align, plain};
use crate::units::mib;
use crate::{Failure, run};
use clap::Args;
use serde::Serialize;
use std::time::Duration;

/// What `memory` can be told.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Which workloads [default: all].
    #[arg(value_name = "WORKLOAD")]
    workloads: Vec<String>,
    /// How long `lifetimes` goes on: its steps are those of so many seconds on one machine.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Less memory and fewer threads, in hundredths of the whole.
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100))]
    scale: u32,
    /// Print what the candidates say of themselves at each moment.
    #[arg(long)]
    reports: bool,
}

/// A workload's outcome on a candidate.
#[derive(Serialize)]
struct Line<'a> {
    workload: &'a str,
    candidate: &'a str,
    outcome: Result<Outcome, String>,
}

pub(super) fn memory(arguments: &Arguments, options: &Options) -> Result<(), Failure> {
    let scale = Scale { percent: arguments.scale, seconds: arguments.seconds };
    let workloads = choose(&arguments.workloads)?;
    let candidates = run::choose(&options.only)?;
    let limit = Duration::from_secs(options.limit.max(u64::from(scale.seconds) * 10));
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for workload in workloads {
        let first = lines.len();
        for candidate in candidates.iter().filter(|c| fits(c, workload, &scale)) {
            let outcome = child::run(workload, candidate, scale, limit);
            if let Err(why) = &outcome {
                failed.push(format!("{} on {}: {why}", candidate.name, workload.name));
            }
            lines.push(Line { workload: workload.name, candidate: candidate.name, outcome });
        }
        if !options.json {
            show(workload, &lines[first..], arguments.reports);
        }
    }
    if options.json {
        say(serde_json::to_string_pretty(&lines).unwrap_or_default());
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Candidates(failed)) }
}

fn choose(names: &[String]) -> Result<Vec<&'static Workload>, Failure> {
    let of = |name: &String| {
        find(name).ok_or_else(|| {
            let known: Vec<_> = ALL.iter().map(|workload| workload.name).collect();
            Failure::unknown("workload", name, &known)
        })
    };
    if names.is_empty() { Ok(ALL.iter().collect()) } else { names.iter().map(of).collect() }
}

/// Whether a candidate can serve so much: one that never frees cannot.
fn fits(candidate: &Candidate, workload: &Workload, scale: &Scale) -> bool {
    // All workloads free nearly all that they allocate, many times over.
    let asked_bytes = (workload.asked_bytes)(scale).saturating_mul(16);
    (candidate.fits)(&Facts { asked_bytes, ..Facts::default() }).is_ok()
}

fn show(workload: &Workload, lines: &[Line<'_>], reports: bool) {
    say(format_args!("\n{}: {}", workload.name, workload.about));
    let mut table = plain();
    table.set_header([
        "candidate",
        "moment",
        "live MiB",
        "pinned",
        "resident",
        "lazy",
        "res/live",
        "res/pinned",
        "peak MiB",
        "CPU ms",
        "sys ms",
        "faults",
    ]);
    for line in lines {
        let Ok(outcome) = &line.outcome else {
            table.add_row([line.candidate, "FAILED"]);
            continue;
        };
        for (n, reading) in outcome.readings.iter().enumerate() {
            let name = if n == 0 { line.candidate } else { "" };
            let mut cells = row(name, reading).to_vec();
            if n == 0 {
                let ms = |ns: u64| (ns / 1_000_000).to_string();
                cells.extend([mib(outcome.peak_bytes), ms(outcome.cpu_ns), ms(outcome.sys_ns)]);
                cells.push(outcome.minor_faults.to_string());
            }
            table.add_row(cells);
        }
        if let Some(ratio) = outcome.settled_ratio() {
            let mean = format!("{ratio:.2}");
            table.add_row(["", "mean, later half", "", "", "", "", &mean]);
        }
    }
    align(&mut table, 2);
    say(table);
    if reports {
        lines.iter().filter_map(|line| Some((line, line.outcome.as_ref().ok()?))).for_each(
            |(line, outcome)| {
                for (at, report) in &outcome.reports {
                    say(format_args!("{} on {}, {at}:\n{report}", line.candidate, line.workload));
                }
            },
        );
    }
}

fn row(name: &str, reading: &Reading) -> [String; 8] {
    [
        name.into(),
        reading.at.clone(),
        mib(reading.live_bytes),
        mib(reading.pinned_bytes),
        mib(reading.resident_bytes),
        mib(reading.lazy_bytes),
        format!("{:.2}", reading.ratio()),
        reading.over_pinned().map_or("–".into(), |ratio| format!("{ratio:.2}")),
    ]
}
