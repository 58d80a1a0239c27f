//! The third answer of the page: what the program's traffic looks like.
//!
//! Above: `page`. Below: `answers`, `plots` for sizes, `figures` for tables. Nothing here depends on an allocator.

use super::answers::{LARGE_BYTES, SMALL_BYTES, Traffic, traffic};
use super::figures::{self, Cell};
use super::pieces::{figure, grouped, key, many, part};
use super::{escape, plots};
use crate::run::results::{Results, TraceResult};
use crate::units::{bytes, date};
use std::fmt::Write;

pub(super) fn section(out: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(out, "<section id=\"traffic\">\n<h2>What does my program’s traffic look like?</h2>")?;
    answer(out, results, &traffic(results.traces.iter()))?;
    writeln!(out, "<div class=\"plots\">")?;
    for trace in &results.traces {
        let sizes = plots::sizes("Sizes", &trace.facts.sizes);
        let caption = match results.traces.len() {
            1 => format!(
                "Recorded {} UTC on {}.",
                date(trace.facts.date_unix_seconds),
                escape(&trace.facts.platform)
            ),
            _ => String::new(),
        };
        figure(out, &format!("{}: sizes that were asked for", trace.name), &sizes, &caption)?;
    }
    writeln!(out, "</div>")?;
    let colours = [
        ("part of all requests, %".into(), "--requests".into()),
        ("part of all bytes, %".into(), "--sums".into()),
    ];
    writeln!(out, "{}", key(&colours))?;
    table(out, results)?;
    writeln!(out, "</section>")
}

/// How the bulk of the requests can be called.
fn shape(traffic: &Traffic) -> &'static str {
    match (traffic.small >= 0.5, traffic.large_bytes >= 0.5) {
        (true, true) => "Small objects by number, large ones by bytes",
        (true, false) => "Small objects",
        (false, true) => "Large objects",
        (false, false) => "Objects of middle size",
    }
}

fn answer(out: &mut String, results: &Results, traffic: &Traffic) -> std::fmt::Result {
    let whose = match &*results.traces {
        [one] => escape(&one.name),
        all => format!("{} programs", all.len()),
    };
    writeln!(
        out,
        "<p class=\"answer\">{}: of {} requests of {whose}, <b>{}</b> are for at most {}; requests above {} hold <b>{}</b> of all bytes.</p>",
        shape(traffic),
        grouped(traffic.requests),
        part(traffic.small),
        bytes(SMALL_BYTES),
        bytes(LARGE_BYTES),
        part(traffic.large_bytes)
    )?;
    let threads = results.traces.iter().map(|trace| trace.facts.threads).max().unwrap_or(0);
    writeln!(
        out,
        "<p>The bytes of the peak are asked for {:.0} times over: {}. {} of the requests change an object’s size. {}</p>",
        traffic.turnover,
        if traffic.turnover >= 3.0 {
            "most memory is used again and again"
        } else {
            "most memory is used once"
        },
        part(traffic.resized),
        match threads {
            0 | 1 => "One thread does it all.".into(),
            n => format!(
                "{} are freed or resized by another thread than the one that touched them last; there are up to {}.",
                part(traffic.handed_over),
                many(n, "thread")
            ),
        }
    )
}

fn table(out: &mut String, results: &Results) -> std::fmt::Result {
    let heads = [
        "program",
        "requests",
        &format!("≤ {}, % of requests", bytes(SMALL_BYTES)),
        &format!("> {}, % of bytes", bytes(LARGE_BYTES)),
        "resized, %",
        "handed over, %",
        "threads",
        "asked for in all",
        "live at most",
        "in objects",
        "peak asked for, times",
    ];
    let row = |trace: &TraceResult| -> Vec<Cell> {
        let (facts, its) = (&trace.facts, traffic([trace].into_iter()));
        let percent = |part: f64| format!("{:.1}", part * 100.0);
        let cells = [
            grouped(its.requests),
            percent(its.small),
            percent(its.large_bytes),
            percent(its.resized),
            percent(its.handed_over),
            facts.threads.to_string(),
            bytes(facts.asked_bytes),
            bytes(facts.peak_live_bytes),
            grouped(facts.peak_live_objects),
            format!("{:.1}", its.turnover),
        ];
        cells.map(Cell::plain).into()
    };
    figures::table(out, &heads, results.traces.iter().map(|trace| (&*trace.name, row(trace))))
}
