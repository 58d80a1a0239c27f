//! What stands on the page of pools: a table of all times, bars for each program, single operations.
//!
//! Above: `page`. Below: `plots` for bars.

use super::escape;
use super::page::{figure, grouped};
use super::plots::{self, Bar, WIDTH};
use crate::commands::ns;
use crate::pools::results::{Line, Results};
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
    write!(out, "<div class=\"scroll\"><table><tr><th class=\"text\">pool</th>")?;
    results.ran().try_for_each(|(_, program)| write!(out, "<th>{}</th>", program.name))?;
    writeln!(out, "<th>bytes beside a value</th></tr>")?;
    for line in &results.lines {
        write!(out, "<tr><td class=\"text\">{}</td>", escape(line.name))?;
        for (at, _) in results.ran() {
            let is_best = |ns| !line.is_floor() && results.best_ns(at) == Some(ns);
            match line.figures[at] {
                Some(f) => cell(out, &ns(f.ns), is_best(f.ns))?,
                None => cell(out, "–", false)?,
            }
        }
        let bytes = line.overhead_bytes.map_or("–".into(), |bytes| format!("{bytes:.1}"));
        cell(out, &bytes, false)?;
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table></div>\n<div class=\"plots\">")?;
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

fn cell(out: &mut String, text: &str, is_best: bool) -> std::fmt::Result {
    let class = if is_best { " class=\"best\"" } else { "" };
    write!(out, "<td{class}>{text}</td>")
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
    let heads = ["p50", "p99", "p99.9", "p99.99", "longest", "operations"];
    write!(out, "<div class=\"scroll\"><table><tr><th class=\"text\">pool</th>")?;
    heads.iter().try_for_each(|head| write!(out, "<th>{head}</th>"))?;
    writeln!(out, "</tr>")?;
    let pools = || results.lines.iter().filter(|line| !line.is_floor());
    let best = |at: usize| {
        pools().filter_map(|line| Some(line.latency?.figures()[at])).min_by(f64::total_cmp)
    };
    for line in &results.lines {
        let Some(latency) = &line.latency else { continue };
        write!(out, "<tr><td class=\"text\">{}</td>", escape(line.name))?;
        for (at, ns) in latency.figures().into_iter().enumerate() {
            let is_best = !line.is_floor() && best(at) == Some(ns);
            cell(out, &grouped(ns.round() as u64), is_best)?;
        }
        writeln!(out, "<td>{}</td></tr>", grouped(latency.operations))?;
    }
    writeln!(out, "</table></div>\n<div class=\"plots\">")?;
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
    writeln!(out, "<section>\n<h2>The pools, and how they were measured</h2>\n<table>")?;
    for line in &results.lines {
        let (name, about) = (escape(line.name), escape(line.about));
        writeln!(out, "<tr><td class=\"text\">{name}</td><td class=\"text\">{about}</td></tr>")?;
    }
    writeln!(
        out,
        "</table>\n<p>A value has 64 bytes, of which the program writes the first word and reads it in the end. Every pool has 1024 slots, \
         made before, if it can do that. Programs of one thread are told in that thread’s processor time (but fill), those of two in \
         wall time. Best are marked among pools, without the floors.</p>\n</section>"
    )
}
