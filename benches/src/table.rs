//! The tables of the terminal.
//!
//! Above: the commands; the report's rows. Below: `run::results`, `units`.

use crate::run::results::{Measured, Results, TraceResult, Verdict, ratio};
use crate::units::{mib, ms};
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

/// The table of a run: a group of rows for each trace, then the geometric means.
#[must_use]
pub fn of_results(results: &Results) -> String {
    let mut table = plain();
    let times = format!("×{}", results.reference());
    table.set_header([
        "trace",
        "candidate",
        "time ms",
        &times,
        "CPU ms",
        &times,
        "sys ms",
        "faults",
        "peak MiB",
        &times,
        "res/live peak",
        "end",
    ]);
    let mut notes = String::new();
    for (n, trace) in results.traces.iter().enumerate() {
        if n > 0 {
            table.add_row([""]);
        }
        add_trace(&mut table, trace, results.reference(), &mut notes);
    }
    align(&mut table, 2);
    if let Some(note) = results.busy_note() {
        notes.push_str(&format!("note: {note}\n"));
    }
    format!("{table}\n{notes}\n{}", means(results))
}

/// Adds a trace's rows; why there are no figures goes to `notes`.
fn add_trace(table: &mut Table, trace: &TraceResult, reference: &str, notes: &mut String) {
    let base = trace.measured(reference);
    for (n, row) in trace.rows.iter().enumerate() {
        let name = if n == 0 { trace.name.as_str() } else { "" };
        let mut cells = vec![name.to_owned(), row.candidate.clone()];
        let (word, why) = match &row.verdict {
            Verdict::Measured(m) => {
                cells.extend(self::row(m, base));
                table.add_row(cells);
                continue;
            }
            Verdict::Skipped(why) => ("skipped", why),
            Verdict::Failed(why) => ("FAILED", why),
        };
        cells.push(word.into());
        table.add_row(cells);
        notes.push_str(&format!("{} on {} {word}: {why}\n", row.candidate, trace.name));
    }
}

/// A row's figures, in the order of the header: time, its ratio to `base`, CPU time, its ratio, the
/// kernel's part, faults, peak, its ratio, resident over live memory at the peak and at the end.
pub(crate) fn row(m: &Measured, base: Option<&Measured>) -> [String; 10] {
    let times = |of: fn(&Measured) -> u64| base.map_or("–".into(), |b| two(ratio(of(m), of(b))));
    [
        ms(m.wall_ns),
        times(|m| m.wall_ns),
        ms(m.cpu_ns),
        times(|m| m.cpu_ns),
        ms(m.sys_ns),
        m.minor_faults.to_string(),
        mib(m.memory.peak_bytes),
        times(|m| m.memory.peak_bytes),
        m.memory.at_peak.fragmentation().map_or("–".into(), two),
        m.memory.at_end.fragmentation().map_or("–".into(), end),
    ]
}

/// Where next to nothing is live at the end, the ratio says nothing.
fn end(fragmentation: f64) -> String {
    if fragmentation < 1000.0 { two(fragmentation) } else { "> 1000".into() }
}

/// Geometric means over the traces, and which version of each candidate it was.
#[must_use]
pub fn means(results: &Results) -> String {
    let mut table = plain();
    table.set_header([
        "geometric mean",
        "time",
        "CPU time",
        "peak memory",
        "sys ms in all",
        "faults in all",
        "traces",
        "version",
    ]);
    for peer in &results.candidates {
        let figures = match results.means(&peer.name) {
            Some(m) => {
                let traces = format!("{} of {}", m.traces, results.traces.len());
                let (sys, faults) = (ms(m.sys_ns), m.minor_faults.to_string());
                [two(m.time), two(m.cpu), two(m.peak), sys, faults, traces]
            }
            None => ["–", "–", "–", "–", "–", "none"].map(String::from),
        };
        let ends = |text: &String| [text.clone()];
        table.add_row(ends(&peer.name).into_iter().chain(figures).chain(ends(&peer.version)));
    }
    align(&mut table, 1);
    let last = table.column_mut(7).expect("there are eight columns");
    last.set_cell_alignment(CellAlignment::Left);
    table.to_string()
}

/// A table without frills, which also reads well in a file.
pub(crate) fn plain() -> Table {
    let mut table = Table::new();
    let line = LineStyle::none().fill('─').junction('─');
    table.load_style(TableStyle::new().header_separator(line).bottom_border(line));
    table
}

/// Sets all columns from `first` on to the right.
pub(crate) fn align(table: &mut Table, first: usize) {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// A table of names, and their figures behind them.
pub(crate) fn figures<'h>(
    heads: impl IntoIterator<Item = &'h str>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Table {
    let mut table = plain();
    table.set_header(heads);
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    align(&mut table, 1);
    table
}

fn two(value: f64) -> String {
    format!("{value:.2}")
}
