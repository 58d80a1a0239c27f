//! What stands on the page of collectors: a section for each program.
//!
//! Above: `page`. Below: `plots` for bars, `courses` for what goes over time.

use super::courses::{self, Line};
use super::escape;
use super::figures;
use super::pieces::{figure, grouped, key};
use super::plots::{self, Bar, WIDTH};
use super::svg::SERIES;
use crate::collectors::Outcome;
use crate::collectors::results::{Group, Results};
use crate::units::{mib, ms};
use std::fmt::Write;

/// The system whose peak is what has to be live at most: it frees by hand.
const BY_HAND: &str = "free-mimalloc";
/// The system whose steps no collector disturbs.
const BASELINE: &str = "no-collection";

/// A system's figures, with its colour.
type Row<'a> = (usize, &'a str, &'a Outcome);

pub(super) fn sections(out: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(
        out,
        "<p class=\"soft\">{} % of each program’s whole work · medians of {} rounds, whose runs took turns</p>",
        results.scale, results.rounds
    )?;
    writeln!(out, "<nav>")?;
    for group in &results.groups {
        writeln!(out, "<a href=\"#{0}\">{0}</a>", group.workload.name)?;
    }
    writeln!(out, "</nav>")?;
    let systems = results.systems();
    for group in &results.groups {
        section(out, group, &systems)?;
    }
    measures(out, &systems)
}

fn section(out: &mut String, group: &Group, systems: &[(&str, &str)]) -> std::fmt::Result {
    let name = group.workload.name;
    writeln!(out, "<section id=\"{name}\">\n<h2>{name}</h2>")?;
    writeln!(out, "<p>{}</p>", escape(group.workload.about))?;
    table(out, group)?;
    let rows: Vec<Row<'_>> = group
        .lines
        .iter()
        .filter_map(|line| {
            let colour = systems.iter().position(|(name, _)| *name == line.contestant)?;
            Some((colour, line.contestant, line.outcome.as_ref().ok()?))
        })
        .collect();
    writeln!(out, "<div class=\"plots\">")?;
    let caption = "Solid: wall time. What is paler: processor time beyond that, of the system’s other threads.";
    let times: Vec<Bar> = rows.iter().map(time_bar).collect();
    figure(out, "Time", &plots::bars("Time of a collector", WIDTH, &times), caption)?;
    let by_hand = rows.iter().find(|(_, name, _)| *name == BY_HAND).map(|(.., o)| o.peak_bytes);
    let caption = "The most resident memory. Solid: as much as with malloc and free on mimalloc.";
    let peaks: Vec<Bar> = rows.iter().map(|row| peak_bar(row, by_hand)).collect();
    figure(out, "Peak memory", &plots::bars("Peak memory of a collector", WIDTH, &peaks), caption)?;
    over_time(out, &rows)?;
    steps(out, &rows)?;
    writeln!(out, "</div>\n</section>")
}

fn table(out: &mut String, group: &Group) -> std::fmt::Result {
    write!(out, "{}<th class=\"text\">system</th>", figures::BEGIN)?;
    let heads = [
        "wall, ms",
        "CPU, ms",
        "sys, ms",
        "faults",
        "peak, MiB",
        "step p50, µs",
        "p99",
        "p99.9",
        "longest",
        "&gt; 1 ms",
        "cycles",
        "longest turn, µs",
    ];
    heads.iter().try_for_each(|head| write!(out, "<th>{head}</th>"))?;
    writeln!(out, "</tr>")?;
    let best = |of: fn(&Outcome) -> u64| {
        group.lines.iter().filter_map(|line| line.outcome.as_ref().ok()).map(of).min()
    };
    let best = [(0, best(|o| o.wall_ns)), (1, best(|o| o.cpu_ns)), (4, best(|o| o.peak_bytes))];
    for line in &group.lines {
        write!(out, "<tr><td class=\"text\">{}</td>", line.contestant)?;
        match &line.outcome {
            Ok(outcome) => {
                for (n, (cell, number)) in cells(outcome).into_iter().enumerate() {
                    let class =
                        if best.contains(&(n, Some(number))) { " class=\"best\"" } else { "" };
                    write!(out, "<td{class}>{cell}</td>")?;
                }
            }
            Err(why) => {
                write!(out, "<td class=\"why failed\" colspan=\"12\">failed: {}</td>", escape(why))?
            }
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "{}", figures::END)
}

/// Each cell's text, and its number.
fn cells(outcome: &Outcome) -> Vec<(String, u64)> {
    let us = |ns: u64| format!("{:.1}", ns as f64 / 1e3);
    let mut cells = vec![
        (ms(outcome.wall_ns), outcome.wall_ns),
        (ms(outcome.cpu_ns), outcome.cpu_ns),
        (ms(outcome.sys_ns), outcome.sys_ns),
        (grouped(outcome.minor_faults), outcome.minor_faults),
        (mib(outcome.peak_bytes), outcome.peak_bytes),
    ];
    let none = || ("–".to_owned(), u64::MAX);
    let steps = &outcome.steps;
    if steps.steps() > 0 {
        let parts = [0.5, 0.99, 0.999].map(|part| steps.quantile_ns(part));
        cells.extend(parts.into_iter().chain([steps.longest_ns]).map(|ns| (us(ns), ns)));
        cells.push((grouped(steps.above(1_000_000)), u64::MAX));
    } else {
        cells.extend((0..5).map(|_| none()));
    }
    match &outcome.own {
        Some(own) => {
            cells.push((grouped(own.cycles), u64::MAX));
            // A collector that had no turn, or does not tell.
            let told = own.longest_ns > 0;
            cells.push(if told { (us(own.longest_ns), u64::MAX) } else { none() });
        }
        None => cells.extend([none(), none()]),
    }
    cells
}

fn time_bar(&(colour, name, outcome): &Row<'_>) -> Bar {
    let longer_ns = outcome.wall_ns.max(outcome.cpu_ns);
    Bar {
        name: name.into(),
        colour,
        length: longer_ns as f64,
        pale: (longer_ns - outcome.wall_ns) as f64,
        range: None,
        value: format!("{} ms", ms(outcome.wall_ns)),
    }
}

fn peak_bar(&(colour, name, outcome): &Row<'_>, by_hand: Option<u64>) -> Bar {
    let peak_bytes = outcome.peak_bytes;
    Bar {
        name: name.into(),
        colour,
        length: peak_bytes as f64,
        pale: peak_bytes.saturating_sub(by_hand.unwrap_or(peak_bytes)) as f64,
        range: None,
        value: format!("{} MiB", mib(peak_bytes)),
    }
}

fn names(rows: &[Row<'_>]) -> String {
    let names = rows.iter().map(|&(n, name, _)| (name.to_owned(), format!("--c{}", n % SERIES)));
    key(&names.collect::<Vec<_>>())
}

fn over_time(out: &mut String, rows: &[Row<'_>]) -> std::fmt::Result {
    let rows: Vec<Row<'_>> =
        rows.iter().filter(|(.., outcome)| !outcome.course.samples.is_empty()).copied().collect();
    if rows.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = rows.iter().map(|&(colour, _, o)| Line { colour, of: &o.course }).collect();
    let plot = courses::memory("Memory and cycles over time", &lines);
    let caption = "Lines: resident memory in the first round. Dots: what a cycle found alive, where its marking ended.";
    figure(out, "Memory and cycles over time", &format!("{plot}{}", names(&rows)), caption)
}

fn steps(out: &mut String, rows: &[Row<'_>]) -> std::fmt::Result {
    let rows: Vec<Row<'_>> =
        rows.iter().filter(|(.., outcome)| outcome.steps.steps() > 0).copied().collect();
    if rows.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = rows.iter().map(|&(colour, _, o)| Line { colour, of: &o.steps }).collect();
    let plot = courses::steps("How long steps took", &lines, 2.0, "steps");
    let caption = format!(
        "How many of the program’s steps took at least so long, of all rounds. {BASELINE} is the same program and heap without a collection: what the machine does by itself."
    );
    figure(out, "How long steps took", &format!("{plot}{}", names(&rows)), &caption)
}

fn measures(out: &mut String, systems: &[(&str, &str)]) -> std::fmt::Result {
    writeln!(out, "<section>\n<h2>The systems, and how they were measured</h2>")?;
    figures::names(out, systems.iter().copied())?;
    writeln!(
        out,
        "<p>Every program is written once for each system, does the same, and gives the same answer. Each run has a process of \
         its own. Steps are timed from inside; a turn is what the collector takes between two mutations, by its own clock. Memory counts \
         what is resident above what the process had before; a thread reads the kernel’s counter some hundred times.</p>\n</section>"
    )
}
