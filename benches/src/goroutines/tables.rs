//! What user-mode threads do, as tables of the form that `arenas` has: for the page, alone and in the main job.
//!
//! Above: the commands. Below: `results`.

use super::loads::{Program, System};
use super::results::{Line, Results};
use crate::arenas::results::{Figure, Line as Row, Table};
use crate::arenas::{Column, Side, Unit};

/// Wall time of an operation, processor time of one, and bytes of a task: a column for each load that was run.
#[must_use]
pub fn tables(results: &Results) -> Vec<Table> {
    let threads = results.workers;
    let tables = [
        table(
            results,
            "goroutines",
            format!(
                "User-mode threads, {threads} threads of the system: ns of wall time for an operation."
            ),
            Unit::Ns,
            |_| true,
            |line| {
                let outcome = line.outcome.as_ref().ok()?;
                Some(outcome.wall_ns as f64 / outcome.operations.max(1) as f64)
            },
        ),
        table(
            results,
            "goroutines-cpu",
            "The same: ns of processor time, of all threads.".into(),
            Unit::Ns,
            |_| true,
            |line| {
                let outcome = line.outcome.as_ref().ok()?;
                Some(outcome.cpu_ns as f64 / outcome.operations.max(1) as f64)
            },
        ),
        table(
            results,
            "goroutines-memory",
            "What is resident for a task that waits.".into(),
            Unit::Bytes,
            |program| program == Program::Live,
            |line| Some(line.outcome.as_ref().ok()?.task_bytes),
        ),
    ];
    tables.into_iter().filter(|table| !table.columns.is_empty()).collect()
}

fn table(
    results: &Results,
    name: &str,
    about: String,
    unit: Unit,
    has: fn(Program) -> bool,
    figure: fn(&Line) -> Option<f64>,
) -> Table {
    let loads: Vec<_> = results.loads.iter().filter(|load| has(load.program)).collect();
    let row = |system: System| {
        let of = |load: &&super::loads::Load| {
            let line = results.of(load).find(|line| line.system == system)?;
            figure(line).and_then(|median| Figure::of(vec![median]))
        };
        let figures: Vec<_> = loads.iter().map(of).collect();
        let failed = results.lines.iter().filter(|line| line.system == system);
        let failed = failed.filter_map(|line| line.outcome.as_ref().err());
        let (about, side) = match system {
            System::Strata => {
                ("tasks on `StackPool`; a thread cache for what they ask for", Side::Ours)
            }
            System::Bump => ("the same; a `Bump` of its own for each task", Side::Ours),
            System::Go => ("goroutines", Side::Theirs),
        };
        figures.iter().any(Option::is_some).then(|| Row {
            name: system.name().into(),
            about: about.into(),
            side,
            figures,
            note: None,
            failed: failed.into_iter().next().cloned(),
        })
    };
    Table {
        name: name.into(),
        about,
        columns: loads.iter().map(|load| Column::told(load.name, load.about, unit)).collect(),
        lines: System::ALL.into_iter().filter_map(row).collect(),
    }
}
