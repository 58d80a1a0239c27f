//! What stands where on the page.
//!
//! Above: `report`. Below: `plots`, `map`, `table`'s way to write figures.

use super::plots::{self, Bar, Course, THIRD, WIDTH};
use super::svg::SERIES;
use super::{Beside, arenas, collectors, counted, escape, map, pools};
use crate::commands::date;
use crate::run::results::{BUSY_NOTE, Means, Measured, Results, TraceResult, Verdict};
use crate::table::{bytes, mib, ms, row};
use std::fmt::Write;

const STYLE: &str = include_str!("style.css");

pub(super) fn page(results: &Results, beside: Beside<'_>) -> String {
    let mut out = String::new();
    // Writing to a `String` cannot fail.
    let _ = write(&mut out, results, beside);
    out
}

/// A page without replays.
pub(super) fn alone(title: &str, beside: Beside<'_>) -> String {
    let mut out = String::new();
    let _ = begin(&mut out, &format!("Strata: {}", title.to_lowercase()));
    let _ = writeln!(out, "<h1>{title}</h1>");
    let _ = parts(&mut out, beside, |_, _, _| Ok(()));
    let _ = end(&mut out);
    out
}

/// What stands behind the replays; before each part, `head` writes its title, with a place to go to.
fn parts(
    out: &mut String,
    beside: Beside<'_>,
    head: fn(&mut String, &str, &str) -> std::fmt::Result,
) -> std::fmt::Result {
    if let Some(collected) = beside.collectors {
        head(out, "collectors", "Collectors on the same programs")?;
        collectors::sections(out, collected)?;
    }
    if let Some(results) = beside.counted {
        head(out, "counted", "Counted pointers on the same programs")?;
        counted::sections(out, results)?;
    }
    if let Some(results) = beside.pools {
        head(out, "pools", "Pools on the same programs")?;
        pools::sections(out, results)?;
    }
    if let Some(results) = beside.arenas {
        head(out, "arenas", "Arenas, frames and stacks on the same programs")?;
        arenas::sections(out, results)?;
    }
    Ok(())
}

fn begin(out: &mut String, title: &str) -> std::fmt::Result {
    writeln!(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>")?;
    writeln!(out, "<title>{title}</title>")?;
    writeln!(out, "<style>\n{STYLE}{}</style>\n</head>\n<body>\n<main>", colours())
}

fn end(out: &mut String) -> std::fmt::Result {
    writeln!(out, "</main>\n</body>\n</html>")
}

fn write(out: &mut String, results: &Results, beside: Beside<'_>) -> std::fmt::Result {
    begin(out, "Strata: allocators on traces of real programs")?;
    head(out, results, beside)?;
    overview(out, results)?;
    for trace in &results.traces {
        section(out, results, trace)?;
    }
    measures(out)?;
    parts(out, beside, |out, id, title| {
        writeln!(out, "<h1 class=\"part\" id=\"{id}\">{title}</h1>")
    })?;
    end(out)
}

/// What the stand-in colours of the drawings stand for.
fn colours() -> String {
    let names = [
        "ink",
        "faint",
        "soft",
        "used",
        "dirty",
        "untouched",
        "clean",
        "requests",
        "sums",
        "live",
        "card",
    ];
    let fixed = names
        .iter()
        .enumerate()
        .map(|(n, name)| (format!("{0:02X}{0:02X}{0:02X}", n + 1), (*name).to_owned()));
    let series = (0..SERIES).map(|n| (format!("1400{n:02X}"), format!("c{n}")));
    fixed.chain(series).fold(String::new(), |mut css, (hex, name)| {
        let _ = writeln!(css, "svg [fill=\"#{hex}\"] {{ fill: var(--{name}); }}");
        let _ = writeln!(css, "svg [stroke=\"#{hex}\"] {{ stroke: var(--{name}); }}");
        css
    })
}

fn head(out: &mut String, results: &Results, beside: Beside<'_>) -> std::fmt::Result {
    let machine = &results.machine;
    writeln!(out, "<h1>Allocators on traces of real programs</h1>")?;
    writeln!(
        out,
        "<p class=\"soft\">{} · {} processors · {} memory · {} · {} timed rounds · {} UTC</p>",
        escape(&machine.processor),
        machine.processors,
        bytes(machine.memory_bytes),
        escape(&machine.system),
        results.rounds,
        date(results.date_unix_seconds)
    )?;
    if results.machine_was_busy() {
        writeln!(out, "<p><b>Note:</b> {BUSY_NOTE}.</p>")?;
    }
    writeln!(out, "<nav>")?;
    for (n, trace) in results.traces.iter().enumerate() {
        writeln!(out, "<a href=\"#trace-{n}\">{}</a>", escape(&trace.name))?;
    }
    let links = [
        ("collectors", "collectors", beside.collectors.is_some()),
        ("counted", "counted pointers", beside.counted.is_some()),
        ("pools", "pools", beside.pools.is_some()),
        ("arenas", "arenas", beside.arenas.is_some()),
    ];
    for (id, name, _) in links.into_iter().filter(|link| link.2) {
        writeln!(out, "<a href=\"#{id}\">{name}</a>")?;
    }
    writeln!(out, "</nav>")
}

fn overview(out: &mut String, results: &Results) -> std::fmt::Result {
    let reference = escape(results.reference());
    writeln!(out, "<section>\n<h2>All traces</h2>")?;
    writeln!(
        out,
        "<p class=\"soft\">Geometric means of the ratios to <b>{reference}</b>: less is better.</p>"
    )?;
    let means: Vec<_> = results.candidates.iter().map(|peer| results.means(&peer.name)).collect();
    means_table(out, results, &means)?;
    writeln!(out, "<div class=\"plots three\">")?;
    let bars = |of: fn(&Means) -> f64| -> Vec<Bar> {
        let all = results.candidates.iter().zip(&means).enumerate();
        all.filter_map(|(colour, (peer, means))| {
            let length = of(means.as_ref()?);
            let value = format!("{length:.2}");
            Some(Bar { name: peer.name.clone(), colour, length, pale: 0.0, range: None, value })
        })
        .collect()
    };
    figure(out, "Time", &plots::bars("Geometric means of time", THIRD, &bars(|m| m.time)), "")?;
    figure(
        out,
        "CPU time",
        &plots::bars("Geometric means of CPU time", THIRD, &bars(|m| m.cpu)),
        "",
    )?;
    figure(
        out,
        "Peak memory",
        &plots::bars("Geometric means of peak memory", THIRD, &bars(|m| m.peak)),
        "",
    )?;
    writeln!(out, "</div>\n</section>")
}

fn means_table(out: &mut String, results: &Results, means: &[Option<Means>]) -> std::fmt::Result {
    writeln!(
        out,
        "<div class=\"scroll\"><table><tr><th class=\"text\">candidate</th><th>time</th><th>CPU time</th><th>peak memory</th><th>sys in all, ms</th><th>faults in all</th><th>traces</th><th class=\"text\">version</th><th class=\"text\">what it is</th></tr>"
    )?;
    for (peer, means) in results.candidates.iter().zip(means) {
        let (name, version, about) =
            (escape(&peer.name), escape(&peer.version), escape(&peer.about));
        let figures = means.map_or(format!("{}<td>0</td>", "<td>–</td>".repeat(5)), |m| {
            format!(
                "<td>{:.2}</td><td>{:.2}</td><td>{:.2}</td><td>{}</td><td>{}</td><td>{} of {}</td>",
                m.time,
                m.cpu,
                m.peak,
                ms(m.sys_ns),
                grouped(m.minor_faults),
                m.traces,
                results.traces.len()
            )
        });
        writeln!(
            out,
            "<tr><td class=\"text\">{name}</td>{figures}<td class=\"text\">{version}</td><td class=\"text\">{about}</td></tr>"
        )?;
    }
    writeln!(out, "</table></div>")
}

fn section(out: &mut String, results: &Results, trace: &TraceResult) -> std::fmt::Result {
    let at = results.traces.iter().position(|t| std::ptr::eq(t, trace)).unwrap_or(0);
    let facts = &trace.facts;
    writeln!(out, "<section id=\"trace-{at}\">\n<h2>{}</h2>", escape(&trace.name))?;
    writeln!(out, "<p><code>{}</code></p>", escape(&shortened(&facts.command.join(" "))))?;
    writeln!(
        out,
        "<p class=\"soft\">recorded {} · {} events · {} threads · {} objects, {} of them handed to another thread · {} asked for in all · at most {} live</p>",
        date(facts.date_unix_seconds),
        grouped(facts.events),
        facts.threads,
        grouped(facts.objects),
        grouped(facts.handed_over),
        bytes(facts.asked_bytes),
        bytes(facts.peak_live_bytes)
    )?;
    table(out, results, trace)?;
    writeln!(out, "<div class=\"plots\">")?;
    let measured: Vec<_> = (0..)
        .zip(&results.candidates)
        .filter_map(|(colour, peer)| Some((colour, &*peer.name, trace.measured(&peer.name)?)))
        .collect();
    let times: Vec<Bar> =
        measured.iter().map(|&(colour, name, m)| time_bar(colour, name, m)).collect();
    let caption = "Wall time: median, and from the fastest to the slowest round. Pale: the part in which the kernel worked (unknown for less than 10 ms).";
    figure(out, "Time", &plots::bars("Time", WIDTH, &times), caption)?;
    let peaks: Vec<Bar> =
        measured.iter().map(|&(colour, name, m)| peak_bar(colour, name, m)).collect();
    let caption = "The most resident memory at any time. Solid: as much as was live at most.";
    figure(out, "Peak memory", &plots::bars("Peak memory", WIDTH, &peaks), caption)?;
    over_time(out, &measured)?;
    let key = key(&[("requests".into(), "--requests".into()), ("bytes".into(), "--sums".into())]);
    let sizes = plots::sizes("Sizes", &facts.sizes);
    figure(out, "Sizes that were asked for", &format!("{sizes}{key}"), "")?;
    for &(_, name, m) in &measured {
        page_map(out, name, m)?;
    }
    writeln!(out, "</div>")?;
    reports(out, &measured)?;
    writeln!(out, "</section>")
}

type Rows<'a> = [(usize, &'a str, &'a Measured)];

fn table(out: &mut String, results: &Results, trace: &TraceResult) -> std::fmt::Result {
    let reference = results.reference();
    let base = trace.measured(reference);
    write!(out, "<div class=\"scroll\"><table><tr><th class=\"text\">candidate</th>")?;
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
        "resident / live at peak",
        "at the end",
    ];
    heads.iter().try_for_each(|head| write!(out, "<th>{}</th>", escape(head)))?;
    writeln!(out, "</tr>")?;
    for row in &trace.rows {
        write!(out, "<tr><td class=\"text\">{}</td>", escape(&row.candidate))?;
        match &row.verdict {
            Verdict::Measured(m) => cells(out, trace, m, base)?,
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
    writeln!(out, "</table></div>")
}

/// A row's figures, as the terminal has them; the best time and the best peak stand out.
fn cells(
    out: &mut String,
    trace: &TraceResult,
    m: &Measured,
    base: Option<&Measured>,
) -> std::fmt::Result {
    let is_best = |of: fn(&Measured) -> u64| {
        let all = trace.rows.iter().filter_map(|row| trace.measured(&row.candidate));
        all.map(of).min() == Some(of(m))
    };
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

fn time_bar(colour: usize, name: &str, m: &Measured) -> Bar {
    // The system tells the two apart by ticks of some milliseconds: no use for short times.
    let known = m.cpu_ns > 10_000_000;
    let share = if known { (m.sys_ns as f64 / m.cpu_ns as f64).min(1.0) } else { 0.0 };
    Bar {
        name: name.into(),
        colour,
        length: m.wall_ns as f64,
        pale: m.wall_ns as f64 * share,
        range: Some((m.wall_range_ns.0 as f64, m.wall_range_ns.1 as f64)),
        value: format!("{} ms", ms(m.wall_ns)),
    }
}

fn peak_bar(colour: usize, name: &str, m: &Measured) -> Bar {
    let (peak, live) = (m.memory.peak_bytes, m.memory.at_peak.live_bytes);
    Bar {
        name: name.into(),
        colour,
        length: peak as f64,
        pale: peak.saturating_sub(live) as f64,
        range: None,
        value: format!("{} MiB", mib(peak)),
    }
}

fn over_time(out: &mut String, rows: &Rows<'_>) -> std::fmt::Result {
    let courses: Vec<_> =
        rows.iter().map(|&(colour, _, m)| Course { colour, samples: &m.memory.samples }).collect();
    let mut names: Vec<_> =
        rows.iter().map(|&(n, name, _)| (name.to_owned(), format!("--c{}", n % SERIES))).collect();
    names.push(("live (area)".into(), "--live".into()));
    let top = plots::scale_end(courses.iter().map(Course::highest));
    let plot = plots::memory("Resident memory over the trace", &courses, top);
    let above: Vec<_> =
        rows.iter().zip(&courses).filter(|(_, course)| course.highest() > top).collect();
    let told: Vec<_> = above
        .iter()
        .map(|((_, name, _), course)| {
            format!("{} goes up to {:.0} MiB, off the plot.", escape(name), course.highest())
        })
        .collect();
    let plot = format!("{plot}{}", key(&names));
    figure(out, "Resident memory over the trace", &plot, &told.join(" "))
}

fn page_map(out: &mut String, name: &str, m: &Measured) -> std::fmt::Result {
    let Some(map) = map::map("Pages of the arena at the peak", &m.memory.pages) else {
        return Ok(());
    };
    let names = ["in use", "free, still holding memory", "in use, not touched", "free"];
    let colours = ["--used", "--dirty", "--untouched", "--clean"];
    let keys: Vec<_> = (0..4)
        .map(|n| (format!("{}: {}", names[n], bytes(map.bytes[n])), colours[n].to_owned()))
        .collect();
    let caption = format!(
        "A square is {} of the arena; it shows pages that hold memory if it has any, as strongly as they fill it. Longer stretches that hold none are shortened.",
        bytes(map.square_pages as u64 * 4096)
    );
    let title = format!("Pages of {name}’s arena, where most is live");
    writeln!(out, "<figure class=\"wide\"><h3>{}</h3>", escape(&title))?;
    writeln!(out, "{}{}<figcaption>{caption}</figcaption></figure>", map.svg, key(&keys))
}

fn reports(out: &mut String, rows: &Rows<'_>) -> std::fmt::Result {
    for (_, name, m) in rows {
        if let Some(report) = &m.memory.report {
            writeln!(
                out,
                "<details><summary>What {} says of itself after the replay</summary><pre>{}</pre></details>",
                escape(name),
                escape(report)
            )?;
        }
    }
    Ok(())
}

fn measures(out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "<section>\n<h2>How this was measured</h2>\n<p>Each replay ran in a process of its own, which executes the calls that the \
         program made, with as many threads, writes the contents of every object and checks them when it is freed or moved. \
         Time is the median over interleaved rounds; it holds the replay’s own work too, which is the same for all. Memory comes from a \
         pass of its own and counts what the process has resident above what it had before the first call. Fragmentation is resident \
         memory over the sum of the sizes of live objects.</p>\n</section>"
    )
}

pub(super) fn figure(out: &mut String, title: &str, plot: &str, caption: &str) -> std::fmt::Result {
    writeln!(out, "<figure><h3>{}</h3>\n{plot}", escape(title))?;
    if !caption.is_empty() {
        writeln!(out, "<figcaption>{caption}</figcaption>")?;
    }
    writeln!(out, "</figure>")
}

/// Names with the colours that they have.
pub(super) fn key(names: &[(String, String)]) -> String {
    let item = |(name, colour): &(String, String)| {
        format!("<li style=\"--mark: var({colour})\">{}</li>", escape(name))
    };
    format!("<ul class=\"key\">{}</ul>", names.iter().map(item).collect::<String>())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// A number with thin spaces between thousands.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{2009}');
        }
        out.push(digit);
    }
    out
}
