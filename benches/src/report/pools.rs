//! What stands on the page of pools: a table of all times, bars for each program, single operations.
//!
//! Above: `page`. Below: `figures` for tables, `plots` for bars.

use super::escape;
use super::figures::{self, Cell};
use super::pieces::{figure, grouped};
use super::plots::{self, Bar, WIDTH};
use crate::pools::results::{Line, Results};
use crate::units::ns;
use std::fmt::Write;

pub(super) fn sections(out: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(
        out,
        "<p class=\"soft\">medians of {} rounds, in one process, which took turns</p>",
        results.rounds
    )?;
    programs(out, results)?;
    if results.has_latency() {
        single(out, results)?;
    }
    measures(out, results)
}

fn programs(out: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(out, "<section id=\"pool-programs\">\n<h2>Nanoseconds for an operation</h2>")?;
    let mut heads = vec!["pool"];
    heads.extend(results.ran().map(|(_, program)| program.name));
    heads.push("bytes beside a value");
    figures::table(
        out,
        &heads,
        results.lines.iter().map(|line| (line.name, cells(results, line))),
    )?;
    writeln!(out, "<div class=\"plots\">")?;
    for (at, program) in results.ran() {
        let title = format!("Time of a pool: {}", program.name);
        let bars = plots::bars(&title, WIDTH, &times(results, at));
        let caption = format!("{}. Lines: the middle half of the rounds.", program.about);
        figure(out, program.name, &bars, &escape(&caption))?;
    }
    let weighed = |(colour, line): (usize, &Line)| {
        let length = line.overhead_bytes?;
        Some(bar(colour, line, length, None, format!("{length:.1} B")))
    };
    let bytes: Vec<Bar> = results.lines.iter().enumerate().filter_map(weighed).collect();
    if !bytes.is_empty() {
        let bars = plots::bars("Bytes beside a value", WIDTH, &bytes);
        figure(out, "Bytes beside a value of 64", &bars, "What the pool takes for itself.")?;
    }
    writeln!(out, "</div>\n</section>")
}

fn cells(results: &Results, line: &Line) -> Vec<Cell> {
    let time = |at: usize| match line.figures[at] {
        Some(f) => {
            let is_best = !line.is_floor() && results.best_ns(at) == Some(f.ns);
            Cell { text: ns(f.ns), is_best, ..Cell::default() }
        }
        None => Cell::none(),
    };
    let bytes = line.overhead_bytes.map(|bytes| Cell::plain(format!("{bytes:.1}")));
    results.ran().map(|(at, _)| time(at)).chain([bytes.unwrap_or_else(Cell::none)]).collect()
}

fn times(results: &Results, at: usize) -> Vec<Bar> {
    let lines = results.lines.iter().enumerate();
    lines
        .filter_map(|(colour, line)| {
            let figure = line.figures[at]?;
            Some(bar(
                colour,
                line,
                figure.ns,
                Some(figure.middle_ns),
                format!("{} ns", ns(figure.ns)),
            ))
        })
        .collect()
}

fn bar(colour: usize, line: &Line, length: f64, range: Option<(f64, f64)>, value: String) -> Bar {
    Bar { name: line.name.into(), colour, length: length.max(0.0), pale: 0.0, range, value }
}

fn single(out: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(out, "<section id=\"pool-latency\">\n<h2>Single operations, in nanoseconds</h2>")?;
    writeln!(
        out,
        "<p class=\"soft\">An allocation or a free, whichever any of 512 places asks for, while another thread is busy. The timer itself, \
         which is <b>nothing</b>, is in all of them.</p>"
    )?;
    let pools = || results.lines.iter().filter(|line| !line.is_floor());
    let best = |at: usize| {
        pools().filter_map(|line| Some(line.latency?.figures()[at])).min_by(f64::total_cmp)
    };
    let row = |line: &Line| -> Option<Vec<Cell>> {
        let latency = line.latency?;
        let cell = |(at, ns): (usize, f64)| {
            let is_best = !line.is_floor() && best(at) == Some(ns);
            Cell { text: grouped(ns.round() as u64), is_best, ..Cell::default() }
        };
        let operations = Cell::plain(grouped(latency.operations));
        Some(latency.figures().into_iter().enumerate().map(cell).chain([operations]).collect())
    };
    let heads = ["pool", "p50", "p99", "p99.9", "p99.99", "longest", "operations"];
    let rows = results.lines.iter().filter_map(|line| Some((line.name, row(line)?)));
    figures::table(out, &heads, rows)?;
    writeln!(out, "<div class=\"plots\">")?;
    for (at, name) in [(1, "p99"), (3, "p99.99")] {
        let lines = results.lines.iter().enumerate();
        let bars: Vec<Bar> = lines
            .filter_map(|(colour, line)| {
                let length = line.latency?.figures()[at];
                Some(bar(colour, line, length, None, format!("{length:.0} ns")))
            })
            .collect();
        let plot = plots::bars(&format!("Single operations of a pool: {name}"), WIDTH, &bars);
        figure(out, name, &plot, "")?;
    }
    writeln!(out, "</div>\n</section>")
}

fn measures(out: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(out, "<section>\n<h2>The pools, and how they were measured</h2>")?;
    figures::names(out, results.lines.iter().map(|line| (line.name, line.about)))?;
    writeln!(
        out,
        "<p>A value has 64 bytes, of which the program writes the first word and reads it in the end. Every pool has 1024 slots, \
         made before, if it can do that. Programs of one thread are told in that thread’s processor time (but fill), those of two in \
         wall time. Best are marked among pools, without the floors.</p>\n</section>"
    )
}
