//! What stands on the page of counted pointers: a section for each program.
//!
//! Above: `page`. Below: `figures` for tables, `plots` for bars.

use super::escape;
use super::figures;
use super::pieces::{figure, grouped};
use super::plots::{self, Bar, WIDTH};
use crate::counted::results::Results;
use crate::counted::{Outcome, Program};
use crate::units::mib;
use std::fmt::Write;

/// A system's figures, with its colour.
type Row<'a> = (usize, &'a str, &'a Outcome);

pub(super) fn sections(out: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(
        out,
        "<p class=\"soft\">{} % of each program’s whole work · medians of {} rounds, whose runs took turns</p>",
        results.scale, results.rounds
    )?;
    writeln!(out, "<nav>")?;
    for program in results.programs() {
        writeln!(out, "<a href=\"#counted-{0}\">{0}</a>", program.name)?;
    }
    writeln!(out, "</nav>")?;
    results.programs().try_for_each(|program| section(out, program, results))?;
    measures(out, results)
}

fn section(out: &mut String, program: &Program, results: &Results) -> std::fmt::Result {
    let name = program.name;
    writeln!(out, "<section id=\"counted-{name}\">\n<h2>{name}</h2>")?;
    writeln!(out, "<p>{}</p>", escape(program.about))?;
    table(out, program, results)?;
    let systems = results.systems();
    let rows: Vec<Row<'_>> = results
        .of(program)
        .filter_map(|line| {
            let colour = systems.iter().position(|system| system.name == line.system)?;
            Some((colour, line.system, line.outcome.as_ref().ok()?))
        })
        .collect();
    writeln!(out, "<div class=\"plots\">")?;
    let times: Vec<Bar> = rows.iter().map(time_bar).collect();
    let caption = "Solid: wall time. What is paler: processor time beyond that, of other threads.";
    figure(out, "Time", &plots::bars("Time of counted pointers", WIDTH, &times), caption)?;
    let peaks: Vec<Bar> = rows.iter().map(peak_bar).collect();
    let plot = plots::bars("Peak memory of counted pointers", WIDTH, &peaks);
    figure(out, "Peak memory", &plot, "")?;
    writeln!(out, "</div>\n</section>")
}

fn table(out: &mut String, program: &Program, results: &Results) -> std::fmt::Result {
    write!(out, "{}<th class=\"text\">system</th>", figures::BEGIN)?;
    let heads = ["ns/op", "CPU ns/op", "peak, MiB", "step p99.9, µs", "longest", "left"];
    heads.iter().try_for_each(|head| write!(out, "<th>{head}</th>"))?;
    writeln!(out, "</tr>")?;
    let best = |of: fn(&Outcome) -> u64| {
        results.of(program).filter_map(|line| line.outcome.as_ref().ok()).map(of).min()
    };
    let best = [(0, best(|o| o.wall_ns)), (1, best(|o| o.cpu_ns)), (2, best(|o| o.peak_bytes))];
    for line in results.of(program) {
        write!(out, "<tr><td class=\"text\">{}</td>", line.system)?;
        match &line.outcome {
            Ok(outcome) => {
                for (n, (cell, number)) in cells(outcome).into_iter().enumerate() {
                    let class =
                        if best.contains(&(n, Some(number))) { " class=\"best\"" } else { "" };
                    write!(out, "<td{class}>{cell}</td>")?;
                }
            }
            Err(why) => {
                write!(out, "<td class=\"why failed\" colspan=\"6\">failed: {}</td>", escape(why))?
            }
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "{}", figures::END)
}

fn each(outcome: &Outcome, ns: u64) -> String {
    format!("{:.2}", ns as f64 / outcome.operations.max(1) as f64)
}

/// Each cell's text, and its number.
fn cells(outcome: &Outcome) -> [(String, u64); 6] {
    let us = |ns: u64| if ns == 0 { "–".to_owned() } else { format!("{:.1}", ns as f64 / 1e3) };
    [
        (each(outcome, outcome.wall_ns), outcome.wall_ns),
        (each(outcome, outcome.cpu_ns), outcome.cpu_ns),
        (mib(outcome.peak_bytes), outcome.peak_bytes),
        (us(outcome.most_steps_ns), u64::MAX),
        (us(outcome.longest_step_ns), u64::MAX),
        (grouped(outcome.left), u64::MAX),
    ]
}

fn time_bar(&(colour, name, outcome): &Row<'_>) -> Bar {
    let longer_ns = outcome.wall_ns.max(outcome.cpu_ns);
    Bar {
        name: name.into(),
        colour,
        length: longer_ns as f64,
        pale: (longer_ns - outcome.wall_ns) as f64,
        range: None,
        value: format!("{} ns/op", each(outcome, outcome.wall_ns)),
    }
}

fn peak_bar(&(colour, name, outcome): &Row<'_>) -> Bar {
    Bar {
        name: name.into(),
        colour,
        length: outcome.peak_bytes as f64,
        pale: 0.0,
        range: None,
        value: format!("{} MiB", mib(outcome.peak_bytes)),
    }
}

fn measures(out: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(out, "<section>\n<h2>The systems, and how they were measured</h2>")?;
    figures::names(out, results.systems().into_iter().map(|system| (system.name, system.about)))?;
    writeln!(
        out,
        "<p>Every program is written once for all systems, which give the same answer. Each run has a process of its own, on \
         mimalloc. The time ends when all is freed that can be; what is left was never dropped.</p>\n</section>"
    )
}
