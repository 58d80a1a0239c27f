//! Replays traces, and shows the figures: a table, a report, or JSON.
//!
//! Above: `commands`. Below: `run`, `table`, `report`.

use super::{Options, say, target};
use crate::run::{self, Plan, Progress};
use crate::{Failure, report, table};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
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

pub(super) fn compare(traces: &[PathBuf], options: &Options) -> Result<(), Failure> {
    let plan = Plan {
        traces: traces.to_vec(),
        candidates: run::choose(&options.only)?,
        rounds: options.quick.then_some(1).or(options.rounds),
        limit: Duration::from_secs(options.limit),
    };
    let mut bar = Bar::new();
    let results = run::run(&plan, &mut bar)?;
    bar.0.finish_and_clear();

    let output = options.output.clone().unwrap_or_else(|| target().join("strata-report.html"));
    std::fs::write(&output, report::html(&results)).map_err(|e| Failure::write(&output, e))?;
    if options.json {
        say(serde_json::to_string_pretty(&results).unwrap_or_default());
    } else {
        say(table::of_results(&results));
        say(format_args!(
            "medians of {} rounds; the whole report: {}",
            results.rounds,
            output.display()
        ));
    }
    let failed = results.failed();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Candidates(failed)) }
}

/// A bar on the terminal; nothing where standard error is none.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        bar.set_message("reading the traces");
        let style =
            ProgressStyle::with_template("{bar:30} {pos:>3}/{len} {elapsed} (left: {eta})  {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Progress for Bar {
    fn expect(&mut self, total: u64) {
        self.0.set_length(total);
    }
    fn begin(&mut self, trace: &str, candidate: &str) {
        self.0.set_message(format!("{trace} on {candidate}"));
        self.0.tick();
    }
    fn done(&mut self) {
        self.0.inc(1);
    }
}
