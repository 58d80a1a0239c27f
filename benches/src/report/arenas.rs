//! What stands on the page of arenas: the targets, and a section for each measure, with a table and bars for each column.
//!
//! Above: `page`. Below: `figures` for tables, `plots` for bars. A table may come from elsewhere than `arenas`: what user-mode
//! threads do beside another language's has the same form.

use super::escape;
use super::figures::{self, Cell};
use super::pieces::figure;
use super::plots::{self, Bar, WIDTH};
use crate::arenas::results::{Line, Results, Table};
use crate::arenas::{Column, Unit};
use std::fmt::Write;

pub(super) fn sections(out: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(
        out,
        "<p class=\"soft\">{} % of the whole · medians of {} rounds, which took turns; of {}, where each run has a process of its own</p>",
        results.scale, results.rounds, results.child_rounds
    )?;
    writeln!(out, "<nav>")?;
    for table in &results.tables {
        writeln!(out, "<a href=\"#arenas-{0}\">{0}</a>", escape(&table.name))?;
    }
    writeln!(out, "</nav>")?;
    targets(out, results)?;
    results.tables.iter().try_for_each(|table| section(out, table))?;
    measures(out)
}

fn targets(out: &mut String, results: &Results) -> std::fmt::Result {
    if results.targets.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section id=\"arenas-targets\">\n<h2>What was to be reached</h2>")?;
    let row = |verdict: &crate::arenas::results::Verdict| {
        let cells = [format!("{:.2}", verdict.is), format!("{:.2}", verdict.at_most)];
        let mut cells: Vec<_> = cells.map(Cell::plain).into();
        let text = if verdict.is_reached() { "reached" } else { "missed" };
        cells.push(Cell { text: text.into(), is_best: verdict.is_reached(), ..Cell::default() });
        (verdict.what, cells)
    };
    figures::table(out, &["target", "is", "at most", ""], results.targets.iter().map(row))?;
    writeln!(out, "</section>")
}

fn section(out: &mut String, table: &Table) -> std::fmt::Result {
    let name = escape(&table.name);
    writeln!(
        out,
        "<section id=\"arenas-{name}\">\n<h2>{name}</h2>\n<p>{}</p>",
        escape(&table.about)
    )?;
    let mut heads = vec!["contestant"];
    heads.extend(table.columns.iter().map(|column| column.name));
    figures::table(out, &heads, table.lines.iter().map(|line| (&*line.name, cells(table, line))))?;
    for line in &table.lines {
        let said = line.failed.as_ref().map(|why| ("failed", why));
        for (word, what) in said.into_iter().chain(line.note.as_ref().map(|note| ("note", note))) {
            writeln!(out, "<p class=\"soft\">{} {word}: {}</p>", escape(&line.name), escape(what))?;
        }
    }
    writeln!(out, "<div class=\"plots\">")?;
    for (at, column) in table.columns.iter().enumerate() {
        let title = format!("{}: {}", table.name, column.name);
        let bars = plots::bars(&title, WIDTH, &bars(table, at, column));
        figure(out, column.name, &bars, &format!("{}.", escape(column.about)))?;
    }
    writeln!(out, "</div>")?;
    figures::names(out, table.lines.iter().map(|line| (&*line.name, &*line.about)))?;
    writeln!(out, "</section>")
}

fn cells(table: &Table, line: &Line) -> Vec<Cell> {
    let cell = |(at, column): (usize, &Column)| {
        let Some(figure) = line.figures.get(at).copied().flatten() else { return Cell::none() };
        let is_best = table.best(at) == Some(figure.median) && !line.is_bound();
        Cell { text: column.unit.text(figure.median), is_best, ..Cell::default() }
    };
    table.columns.iter().enumerate().map(cell).collect()
}

fn bars(table: &Table, at: usize, column: &Column) -> Vec<Bar> {
    let bar = |(colour, line): (usize, &Line)| {
        let figure = line.figures.get(at).copied().flatten()?;
        let suffix = if column.unit == Unit::Ns { " ns" } else { "" };
        Some(Bar {
            name: line.name.clone(),
            colour,
            length: figure.median.max(0.0),
            pale: 0.0,
            range: Some(figure.middle),
            value: format!("{}{suffix}", column.unit.text(figure.median)),
        })
    };
    table.lines.iter().enumerate().filter_map(bar).collect()
}

fn measures(out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "<section>\n<h2>How this was measured</h2>\n<p>Every program is written once and compiled for each contestant. What takes turns is in one \
         process, and is told in the thread’s processor time. Lines on the bars: the middle half of the rounds. A program adds up words that it \
         reads back, and the sum must be right. Best are marked among arenas, without the bounds.</p>\n</section>"
    )
}
