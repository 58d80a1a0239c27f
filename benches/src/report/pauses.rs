//! The fourth answer of the page: where the pauses come from, in calls of an allocator and under a collector.
//!
//! Above: `page`. Below: `answers`, `courses` for what is drawn, `figures` for tables.

use super::answers::{Group, LARGE_BYTES, Long};
use super::choice::choice;
use super::courses::{self, Line};
use super::escape;
use super::figures::{self, Cell};
use super::pieces::{figure, grouped, key, names, part, span};
use crate::collectors::Outcome;
use crate::collectors::histogram::Histogram;
use crate::collectors::results::Results as Collected;
use crate::replay::pauses::Kind;
use crate::run::results::{Results, TraceResult};
use crate::units::bytes;
use std::fmt::Write;

/// What is called long, very long, and too long for a frame of a game.
const STEPS_NS: [u64; 3] = [10_000, 100_000, 1_000_000];

type Row<'r> = (usize, &'r str, Long<'r>);

pub(super) fn section(
    out: &mut String,
    results: &Results,
    collected: Option<&Collected>,
) -> std::fmt::Result {
    writeln!(out, "<section id=\"pauses\">\n<h2>Where do the pauses come from?</h2>")?;
    let all = rows(results, &results.traces);
    let taken = choice(results, &results.traces).map(|choice| choice.taken());
    answer(out, results, &all, taken)?;
    writeln!(out, "<div class=\"plots\">")?;
    plot(out, "Calls that took long", &all)?;
    if results.traces.len() > 1 {
        for trace in &results.traces {
            let title = format!("{}: calls that took long", trace.name);
            plot(out, &title, &rows(results, std::slice::from_ref(trace)))?;
        }
    }
    writeln!(out, "</div>\n{}", key(&names(results)))?;
    table(out, &all, taken)?;
    how(out, results)?;
    match collected {
        Some(collected) => collectors(out, collected)?,
        None => writeln!(
            out,
            "<p class=\"soft\">Collectors were not part of this run: <code>cargo run --release -p benches -- collectors</code> shows theirs.</p>"
        )?,
    }
    writeln!(out, "</section>")
}

fn rows<'r>(results: &'r Results, traces: &'r [TraceResult]) -> Vec<Row<'r>> {
    let peers = results.candidates.iter().enumerate();
    peers
        .filter_map(|(colour, peer)| {
            Some((colour, &*peer.name, Long::of(traces.iter(), &peer.name)?))
        })
        .collect()
}

/// What the calls of a group are, in words.
fn group((kind, is_large): Group) -> String {
    let kind = match kind {
        Kind::Alloc => "allocations",
        Kind::Free => "frees",
        Kind::Realloc => "changes of size",
    };
    let size = if is_large { "of more than" } else { "of at most" };
    format!("{kind} {size} {}", bytes(LARGE_BYTES))
}

fn call(kind: Kind, size_bytes: u64) -> String {
    let size = bytes(size_bytes);
    match kind {
        Kind::Alloc => format!("an allocation of {size}"),
        Kind::Free => format!("a free of {size}"),
        Kind::Realloc => format!("a change of size, {size}"),
    }
}

fn answer(
    out: &mut String,
    results: &Results,
    all: &[Row<'_>],
    taken: Option<&str>,
) -> std::fmt::Result {
    let first = taken.unwrap_or_else(|| results.reference());
    let Some((_, name, long)) = all.iter().find(|row| row.1 == first) else {
        return writeln!(out, "<p class=\"answer\">Nobody’s calls were timed.</p>");
    };
    let name = escape(name);
    match (long.longest(), long.mostly()) {
        (Some((trace, pause)), Some((most, share))) => writeln!(
            out,
            "<p class=\"answer\">The longest call of <b>{name}</b> took <b>{}</b>: {}, in {}. Of the time in its calls of {} and longer, {} is in <b>{}</b>.</p>",
            span(pause.ns),
            call(pause.kind, pause.bytes),
            escape(trace),
            span(long.from_ns),
            part(share),
            group(most)
        )?,
        _ => writeln!(
            out,
            "<p class=\"answer\">No call of <b>{name}</b> took {} or longer.</p>",
            span(long.from_ns)
        )?,
    }
    let longest = |row: &Row<'_>| row.2.longest().map(|(_, pause)| pause.ns).unwrap_or(0);
    let others = all.iter().filter(|row| row.1 != first);
    write!(out, "<p>")?;
    if let (Some(least), Some(most)) =
        (others.clone().min_by_key(|row| longest(row)), others.max_by_key(|row| longest(row)))
    {
        write!(
            out,
            "Among the others, the longest call was between {} ({}) and {} ({}). ",
            span(longest(least)),
            escape(least.1),
            span(longest(most)),
            escape(most.1)
        )?;
    }
    let threads = results.traces.iter().any(|trace| trace.facts.replay_threads > 1);
    let waits = if threads { ", and for threads that wait for each other" } else { "" };
    writeln!(
        out,
        "The kernel took {} of the processor time of {name}, for {} page faults, for memory that was mapped and given back{waits}.</p>",
        part(long.sys_ns as f64 / long.cpu_ns.max(1) as f64),
        grouped(long.minor_faults)
    )
}

fn plot(out: &mut String, title: &str, all: &[Row<'_>]) -> std::fmt::Result {
    let from_ns = all.iter().map(|row| row.2.from_ns).max().unwrap_or(STEPS_NS[0]);
    let counted: Vec<(usize, Histogram)> = all
        .iter()
        .map(|(colour, _, long)| {
            let mut steps = Histogram::default();
            long.all.iter().for_each(|(_, pause)| steps.add(pause.ns));
            (*colour, steps)
        })
        .collect();
    let lines: Vec<_> = counted.iter().map(|(colour, of)| Line { colour: *colour, of }).collect();
    let left = (from_ns as f64).log10().floor();
    let plot = courses::steps("Calls that took long", &lines, left, "calls");
    figure(out, title, &plot, "How many took at least so long; lower is better.")
}

fn table(out: &mut String, all: &[Row<'_>], taken: Option<&str>) -> std::fmt::Result {
    let heads = [
        "candidate",
        "longest",
        "which call",
        "in",
        "≥ 10 µs",
        "≥ 100 µs",
        "≥ 1 ms",
        "ms in them",
        "most of it in",
        "kernel, % of CPU",
    ];
    let least = all.iter().map(|row| row.2.longest().map_or(0, |(_, pause)| pause.ns)).min();
    let rows = all.iter().map(|(_, name, long)| {
        let (longest, call, trace) = match long.longest() {
            Some((trace, pause)) => (pause.ns, call(pause.kind, pause.bytes), trace),
            None => (0, "–".into(), "–"),
        };
        let text = if longest == 0 { "–".into() } else { span(longest) };
        let mut cells = vec![Cell { text, is_best: least == Some(longest), ..Cell::default() }];
        cells.extend([Cell::words(call), Cell::words(trace.into())]);
        // Where more were long than there was room for, the shorter ones are not known.
        let count = |ns: u64| match ns < long.from_ns {
            true => "–".into(),
            false => grouped(long.above(ns) as u64),
        };
        cells.extend(STEPS_NS.map(|ns| Cell::plain(count(ns))));
        cells.push(Cell::plain(format!("{:.2}", long.sum_ns() as f64 / 1e6)));
        let most = long
            .mostly()
            .map_or("–".into(), |(most, share)| format!("{} ({})", group(most), part(share)));
        cells.push(Cell::words(most));
        let kernel = 100.0 * long.sys_ns as f64 / long.cpu_ns.max(1) as f64;
        cells.push(Cell::plain(format!("{kernel:.0}")));
        (*name, cells)
    });
    figures::marked_table(out, &heads, rows, taken)
}

fn how(out: &mut String, results: &Results) -> std::fmt::Result {
    let rounds = results.pause_rounds;
    write!(
        out,
        "<p class=\"soft\">Each call is timed together with the first touch of the memory that it hands out, in {rounds} {} of their own. ",
        if rounds == 1 { "pass" } else { "passes" }
    )?;
    match rounds {
        0 | 1 => writeln!(
            out,
            "With one pass, interruptions by the machine’s other work are among them: <code>--rounds 3</code> and more leave them out.</p>"
        ),
        _ => writeln!(
            out,
            "What counts is a call that took long in all of them, and the shortest time that it took: an interruption by the machine does not come twice at the same call. Nor does one thread’s wait for another.</p>"
        ),
    }
}

/// What steps took under collectors, in short; the whole is further down.
fn collectors(out: &mut String, collected: &Collected) -> std::fmt::Result {
    writeln!(out, "<h3>Under a collector</h3>\n<p>{}</p>", said_of(collected))?;
    let groups: Vec<_> = collected.groups.iter().filter(|group| timed(&group.lines)).collect();
    let heads: Vec<String> = groups
        .iter()
        .flat_map(|group| {
            let name = group.workload.name;
            [format!("{name}: p99.9"), "longest".into(), "> 1 ms".into()]
        })
        .collect();
    let heads: Vec<&str> = ["system"].into_iter().chain(heads.iter().map(String::as_str)).collect();
    let rows = collected.systems().into_iter().filter_map(|(name, _)| {
        let outcome = |group: &&crate::collectors::results::Group| {
            let line = group.lines.iter().find(|line| line.contestant == name)?;
            line.outcome.as_ref().ok().map(|outcome| outcome.steps.clone())
        };
        let steps: Vec<_> = groups.iter().map(outcome).collect();
        let cells = |steps: Option<Histogram>| match steps.filter(|steps| steps.steps() > 0) {
            None => (0..3).map(|_| Cell::none()).collect::<Vec<_>>(),
            Some(steps) => {
                let times = [steps.quantile_ns(0.999), steps.longest_ns].map(span);
                let above = grouped(steps.above(1_000_000));
                times.into_iter().chain([above]).map(Cell::plain).collect()
            }
        };
        steps
            .iter()
            .any(Option::is_some)
            .then(|| (name, steps.into_iter().flat_map(cells).collect::<Vec<_>>()))
    });
    figures::table(out, &heads, rows)?;
    writeln!(
        out,
        "<p class=\"soft\">Steps of a program on each system; <a href=\"#collectors\">all of it</a>.</p>"
    )
}

fn timed(lines: &[crate::collectors::results::Line]) -> bool {
    let steps = |outcome: &Outcome| outcome.steps.steps() > 0;
    lines.iter().any(|line| line.outcome.as_ref().is_ok_and(steps))
}

/// The collector of this workspace whose longest step was the shortest, beside no collection at all.
pub(super) fn said_of(collected: &Collected) -> String {
    let longest = |name: &str| {
        let lines = collected.groups.iter().flat_map(|group| &group.lines);
        let of = lines.filter(|line| line.contestant == name);
        let steps = of.filter_map(|line| line.outcome.as_ref().ok()).map(|outcome| &outcome.steps);
        steps.filter(|steps| steps.steps() > 0).map(|steps| steps.longest_ns).max()
    };
    let ours = collected
        .systems()
        .into_iter()
        .filter(|(name, _)| name.starts_with("marksweep") || name.starts_with("generational"));
    let best = ours.filter_map(|(name, _)| Some((longest(name)?, name))).min();
    let Some((ns, name)) = best else {
        return "None of the programs had its steps timed.".into();
    };
    let mut said =
        format!("Of Strata’s collectors, {name} has the shortest longest step: {}", span(ns));
    if let Some(base) = longest("no-collection") {
        let _ = write!(said, "; the same program without a collection: {}", span(base));
    }
    said.push('.');
    said
}
