//! Replays traces, and shows the figures: a table, a report, or JSON.
//!
//! Above: `commands`. Below: `run`, `table`, `report`.

use super::bar::Bar;
use super::options::{Beside, Options};
use super::{arenas, collectors, counted, pools};
use crate::console::say;
use crate::run::results::Results;
use crate::run::{self, Plan};
use crate::{Failure, report, table};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The traces in a folder, by name.
pub(super) fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|_| Failure::NoTraces(folder.into()))?;
    let is_trace =
        |path: &PathBuf| path.extension().is_some_and(|ending| ending == strata_trace::EXTENSION);
    let mut traces: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_trace).collect();
    traces.sort();
    if traces.is_empty() { Err(Failure::NoTraces(folder.into())) } else { Ok(traces) }
}

/// Replays these traces, and then runs so much of what stands beside.
pub(super) fn compare(
    traces: &[PathBuf],
    options: &Options,
    beside: Beside,
) -> Result<(), Failure> {
    let plan = Plan {
        traces: traces.to_vec(),
        candidates: run::choose(&options.only)?,
        rounds: options.quick.then_some(1).or(options.rounds),
        limit: Duration::from_secs(options.limit),
    };
    let output = options.page("strata-report.html")?;
    let mut bar = Bar::new("reading the traces");
    let results = run::run(&plan, &mut bar)?;
    bar.end();

    let write = |page: String| {
        std::fs::write(&output, page).map_err(|error| Failure::write(&output, error))
    };
    write(report::html(&results, report::Beside::default()))?;
    let mut failed = results.failed();
    if options.json {
        say(serde_json::to_string_pretty(&results).unwrap_or_default());
    } else {
        say(table::of_results(&results));
        if let Some(advice) = report::advice(&results) {
            say(format_args!("\n{advice}"));
        }
        if options.only.is_empty() {
            let (page, others_failed) = with_others(&results, beside, options);
            failed.extend(others_failed);
            write(page)?;
        }
        let rounds = report::many(results.rounds.into(), "round");
        say(format_args!("medians of {rounds}; the whole report: {}", output.display()));
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Candidates(failed)) }
}

/// Runs what stands beside; returns the whole page, and who failed.
fn with_others(results: &Results, beside: Beside, options: &Options) -> (String, Vec<String>) {
    let some = |percent| (percent > 0).then_some(percent);
    let collected = some(beside.collectors).map(|n| collectors::beside_replays(n, options));
    let counted = some(beside.counted).map(|n| counted::beside_replays(n, options));
    let pooled = some(beside.pools).map(|n| pools::beside_replays(n, options));
    let arenas = some(beside.arenas).map(|n| arenas::beside_replays(n, options));
    let mut failed: Vec<_> = collected.iter().flat_map(|results| results.failed()).collect();
    failed.extend(counted.iter().flat_map(|results| results.failed()));
    failed.extend(pooled.iter().flat_map(|results| results.failed()));
    failed.extend(arenas.iter().flat_map(|results| results.failed()));
    let (collectors, counted, pools) = (collected.as_ref(), counted.as_ref(), pooled.as_ref());
    let beside = report::Beside { collectors, counted, pools, arenas: arenas.as_ref() };
    (report::html(results, beside), failed)
}
