//! The first answer of the page: which stack to take, with means over all traces, and a choice for each.
//!
//! Above: `page`. Below: `choice`, `words` for what is said, `plots` for bars, `figures` for tables.

use super::choice::{Best, Choice, choice};
use super::figures::{self, Cell};
use super::pieces::{figure, grouped, many, shortened};
use super::plots::{self, Bar, WIDTH};
use super::{escape, words};
use crate::purpose::Purpose;
use crate::run::results::{Means, Measured, Results, TraceResult, Verdict};
use crate::table::row;
use crate::units::ms;
use std::fmt::Write;

pub(super) fn section(out: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(out, "<section id=\"stack\">\n<h2>Which stack should I take?</h2>")?;
    let choice = choice(results, &results.traces);
    answer(out, results, choice.as_ref())?;
    let means: Vec<_> = results.candidates.iter().map(|peer| results.means(&peer.name)).collect();
    plots_of_means(out, results, &means)?;
    means_table(out, results, &means, choice.as_ref().map(Choice::taken))?;
    if results.traces.len() > 1 {
        programs(out, results)?;
    }
    for trace in &results.traces {
        details(out, results, trace)?;
    }
    writeln!(out, "</section>")
}

/// The answer in words, for the terminal.
pub(super) fn advice(results: &Results) -> Option<String> {
    let choice = choice(results, &results.traces)?;
    let reference = results.reference();
    let text =
        format!("{} {}", words::taken(&choice, reference), words::others(&choice, reference));
    Some(text.replace("<b>", "").replace("</b>", ""))
}

fn answer(out: &mut String, results: &Results, choice: Option<&Choice<'_>>) -> std::fmt::Result {
    let reference = results.reference();
    match choice {
        Some(choice) => {
            writeln!(out, "<p class=\"answer\">{}</p>", words::taken(choice, reference))?
        }
        None => writeln!(
            out,
            "<p class=\"answer\">There is nothing to choose from: fewer than two candidates for general use were measured on all of it.</p>"
        )?,
    }
    if let Some(choice) = choice {
        writeln!(out, "<p>{}</p>", words::others(choice, reference))?;
    }
    if let Some(note) = results.busy_note() {
        writeln!(out, "<p class=\"note\"><b>Note:</b> {}.</p>", escape(&note))?;
    }
    if cfg!(debug_assertions) {
        writeln!(
            out,
            "<p class=\"note\"><b>Note:</b> this was built without <code>--release</code>: the figures of Strata’s stacks say nothing.</p>"
        )?;
    }
    if results.rounds < 3 {
        let rounds = many(u64::from(results.rounds), "timed round");
        writeln!(
            out,
            "<p class=\"note\"><b>Note:</b> {rounds} only: differences of some percent say nothing. More by <code>--rounds 9</code>.</p>"
        )?;
    }
    for failed in results.failed() {
        writeln!(out, "<p class=\"note failed\">Failed: {}</p>", escape(&failed))?;
    }
    Ok(())
}

/// One of the means.
type Mean = fn(&Means) -> f64;

fn plots_of_means(
    out: &mut String,
    results: &Results,
    means: &[Option<Means>],
) -> std::fmt::Result {
    writeln!(out, "<div class=\"plots\">")?;
    let reference = escape(results.reference());
    let bars = |of: fn(&Means) -> f64| -> Vec<Bar> {
        let all = results.candidates.iter().zip(means).enumerate();
        all.filter_map(|(colour, (peer, means))| {
            let length = of(means.as_ref()?);
            let value = format!("{length:.2}");
            Some(Bar { name: peer.name.clone(), colour, length, pale: 0.0, range: None, value })
        })
        .collect()
    };
    let caption = format!("Times the {reference} allocator’s; shorter is better.");
    let kinds: [(&str, Mean); 3] =
        [("Processor time", |m| m.cpu), ("Peak memory", |m| m.peak), ("Wall time", |m| m.time)];
    for (title, of) in kinds {
        let plot = plots::bars(&format!("Means: {title}"), WIDTH, &bars(of));
        figure(out, title, &plot, &caption)?;
    }
    writeln!(out, "</div>")
}

fn means_table(
    out: &mut String,
    results: &Results,
    means: &[Option<Means>],
    taken: Option<&str>,
) -> std::fmt::Result {
    let times = format!("× {}", results.reference());
    let heads = [
        "candidate",
        &format!("processor time, {times}"),
        &format!("peak memory, {times}"),
        &format!("wall time, {times}"),
        "in the kernel, ms",
        "page faults",
        "programs",
        "version",
        "what it is",
    ];
    let best = |of: fn(&Means) -> f64| {
        let all = results.candidates.iter().zip(means);
        let chosen = all.filter(|(peer, _)| peer.purpose == Purpose::General);
        chosen.filter_map(|(_, means)| means.as_ref()).map(of).min_by(f64::total_cmp)
    };
    let least = [best(|m| m.cpu), best(|m| m.peak), best(|m| m.time)];
    let cells = |means: &Option<Means>| match means {
        None => (0..5).map(|_| Cell::none()).chain([Cell::plain("0".into())]).collect::<Vec<_>>(),
        Some(m) => {
            let ratios = [m.cpu, m.peak, m.time].into_iter().zip(least);
            let ratio = |(value, best): (f64, Option<f64>)| {
                let is_best = best == Some(value);
                Cell { text: format!("{value:.2}"), is_best, ..Cell::default() }
            };
            let programs = format!("{} of {}", m.traces, results.traces.len());
            let rest = [ms(m.sys_ns), grouped(m.minor_faults), programs];
            ratios.map(ratio).chain(rest.into_iter().map(Cell::plain)).collect()
        }
    };
    let rows = results.candidates.iter().zip(means).map(|(peer, means)| {
        let words = [&peer.version, &peer.about].map(|text| Cell::words(text.clone()));
        (&*peer.name, cells(means).into_iter().chain(words).collect())
    });
    figures::marked_table(out, &heads, rows, taken)?;
    writeln!(
        out,
        "<p class=\"soft\">Ratios are geometric means over the programs, less is better; the best of a column, of those in the choice, is green. \
         Kernel and faults are sums.</p>"
    )
}

/// A choice for each program.
fn programs(out: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(out, "<h3>By program</h3>")?;
    let heads = [
        "program",
        "take",
        "processor time",
        "peak memory",
        "level with it",
        "if only processor time counts",
        "if only memory counts",
    ];
    let row = |trace: &TraceResult| {
        let Some(choice) = choice(results, std::slice::from_ref(trace)) else {
            return (0..6).map(|_| Cell::none()).collect();
        };
        let only = |best: &Best<'_>, of: f64| Cell::plain(format!("{} ({of:.2})", best.taken.name));
        let Choice { best, quickest, smallest, .. } = &choice;
        let level: Vec<_> = best.level.iter().map(|it| it.name).collect();
        vec![
            Cell::words(best.taken.name.into()),
            Cell::plain(format!("{:.2}", best.taken.time)),
            Cell::plain(format!("{:.2}", best.taken.memory)),
            Cell::words(if level.is_empty() { "–".into() } else { level.join(", ") }),
            only(quickest, quickest.taken.time),
            only(smallest, smallest.taken.memory),
        ]
    };
    figures::table(out, &heads, results.traces.iter().map(|trace| (&*trace.name, row(trace))))?;
    let reference = escape(results.reference());
    writeln!(
        out,
        "<p class=\"soft\">Times the {reference} allocator’s on the same program. By one figure alone, the one that is taken stays where it is level.</p>"
    )
}

/// All figures of a trace, and its times.
fn details(out: &mut String, results: &Results, trace: &TraceResult) -> std::fmt::Result {
    let open = if results.traces.len() == 1 { " open=\"open\"" } else { "" };
    let name = escape(&trace.name);
    writeln!(out, "<details{open}><summary>{name}: all figures</summary>")?;
    let command = trace.facts.command.join(" ");
    writeln!(out, "<p><code>{}</code></p>", escape(&shortened(&command)))?;
    table(out, results, trace)?;
    writeln!(
        out,
        "<p class=\"soft\">Resident / live: resident memory over the bytes of live objects. Where a program has freed all it had, the figure at the end is large, and says little.</p>"
    )?;
    writeln!(out, "<div class=\"plots\">")?;
    let measured = results.measured(trace);
    let caption = "Processor time of all threads: median, and the middle half of the rounds; shorter is better. Pale: the part in the kernel (unknown for less than 10 ms).";
    let times: Vec<Bar> = measured.iter().map(|&(n, name, m)| cpu_bar(n, name, m)).collect();
    figure(out, "Processor time", &plots::bars("Processor time", WIDTH, &times), caption)?;
    let caption =
        "Wall time: median, and from the fastest to the slowest round; shorter is better.";
    let times: Vec<Bar> = measured.iter().map(|&(n, name, m)| wall_bar(n, name, m)).collect();
    figure(out, "Wall time", &plots::bars("Wall time", WIDTH, &times), caption)?;
    writeln!(out, "</div>")?;
    for (_, name, m) in &measured {
        if let Some(report) = &m.memory.report {
            let name = escape(name);
            writeln!(
                out,
                "<details><summary>what {name} says of itself after the replay</summary><p class=\"soft\">Line by line: <code>docs/reports.md</code> in the repository.</p><pre>{}</pre></details>",
                escape(report)
            )?;
        }
    }
    writeln!(out, "</details>")
}

fn table(out: &mut String, results: &Results, trace: &TraceResult) -> std::fmt::Result {
    let reference = results.reference();
    let base = trace.measured(reference);
    write!(out, "{}<th class=\"text\">candidate</th>", figures::BEGIN)?;
    let times = format!("× {reference}");
    let heads = [
        "time, ms",
        &times,
        "CPU, ms",
        &times,
        "sys, ms",
        "faults",
        "peak, MiB",
        &times,
        "resident / live at the peak",
        "resident / live at the end",
    ];
    heads.iter().try_for_each(|head| write!(out, "<th>{}</th>", escape(head)))?;
    writeln!(out, "</tr>")?;
    let all = results.candidates.iter().filter(|peer| peer.purpose == Purpose::General);
    let chosen: Vec<_> = all.filter_map(|peer| trace.measured(&peer.name)).collect();
    for row in &trace.rows {
        write!(out, "<tr><td class=\"text\">{}</td>", escape(&row.candidate))?;
        match &row.verdict {
            Verdict::Measured(m) => cells(out, &chosen, m, base)?,
            Verdict::Skipped(why) => {
                write!(out, "<td class=\"why\" colspan=\"10\">skipped: {}</td>", escape(why))?;
            }
            Verdict::Failed(why) => {
                let class = "why failed";
                write!(out, "<td class=\"{class}\" colspan=\"10\">failed: {}</td>", escape(why))?;
            }
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "{}", figures::END)
}

/// A row's figures, as the terminal has them; the best time and the best peak of those in the choice stand out.
fn cells(
    out: &mut String,
    chosen: &[&Measured],
    m: &Measured,
    base: Option<&Measured>,
) -> std::fmt::Result {
    let is_best = |of: fn(&Measured) -> u64| chosen.iter().map(|&m| of(m)).min() == Some(of(m));
    let best = [
        (0, is_best(|m| m.wall_ns)),
        (2, is_best(|m| m.cpu_ns)),
        (6, is_best(|m| m.memory.peak_bytes)),
    ];
    for (n, figure) in row(m, base).iter().enumerate() {
        let class = if best.contains(&(n, true)) { " class=\"best\"" } else { "" };
        write!(out, "<td{class}>{}</td>", escape(figure))?;
    }
    Ok(())
}

fn cpu_bar(colour: usize, name: &str, m: &Measured) -> Bar {
    // The system tells the two apart by ticks of some milliseconds: no use for short times.
    let known = m.cpu_ns > 10_000_000;
    let pale = if known { m.sys_ns.min(m.cpu_ns) as f64 } else { 0.0 };
    let value = format!("{} ms", ms(m.cpu_ns));
    let range = m.cpu_quartiles_ns().map(|(low, high)| (low as f64, high as f64));
    Bar { name: name.into(), colour, length: m.cpu_ns as f64, pale, range, value }
}

fn wall_bar(colour: usize, name: &str, m: &Measured) -> Bar {
    let range = Some((m.wall_range_ns.0 as f64, m.wall_range_ns.1 as f64));
    let value = format!("{} ms", ms(m.wall_ns));
    Bar { name: name.into(), colour, length: m.wall_ns as f64, pale: 0.0, range, value }
}
