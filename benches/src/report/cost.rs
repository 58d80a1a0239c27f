//! The second answer of the page: what the traffic costs in memory.
//!
//! Above: `page`. Below: `answers`, `plots` and `map` for what is drawn, `figures` for tables.

use super::answers::{Kept, kept};
use super::choice::choice;
use super::figures::{self, Cell};
use super::pieces::{figure, grouped, key, names};
use super::plots::{self, Bar, Course, WIDTH};
use super::{escape, map};
use crate::run::results::{Measured, Results, TraceResult};
use crate::units::{bytes, mib};
use std::fmt::Write;

/// The default stack: whose pages are drawn, if it took part.
const MAPPED: &str = "strata";

pub(super) fn section(out: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(out, "<section id=\"memory\">\n<h2>What does it cost in memory?</h2>")?;
    let all: Vec<(usize, &str, Kept)> = (0..)
        .zip(&results.candidates)
        .filter_map(|(colour, peer)| Some((colour, &*peer.name, kept(results, &peer.name)?)))
        .collect();
    let taken = choice(results, &results.traces).map(|choice| choice.taken());
    answer(out, results, &all, taken)?;
    writeln!(out, "<div class=\"plots\">")?;
    let bars: Vec<Bar> = all.iter().map(|&(n, name, kept)| bar(n, name, kept.at_peak)).collect();
    let plot = plots::bars("Resident bytes for each live byte", WIDTH, &bars);
    let caption = "At the peak; 1 would be no byte more than was asked for. Shorter is better.";
    figure(out, "Resident bytes for each live byte", &plot, caption)?;
    for trace in &results.traces {
        over_time(out, results, trace)?;
    }
    writeln!(out, "</div>")?;
    let mut names = names(results);
    names.push(("live (area)".into(), "--live".into()));
    writeln!(out, "{}", key(&names))?;
    table(out, results, &all, taken)?;
    for trace in &results.traces {
        details(out, results, trace)?;
    }
    writeln!(out, "</section>")
}

fn answer(
    out: &mut String,
    results: &Results,
    all: &[(usize, &str, Kept)],
    taken: Option<&str>,
) -> std::fmt::Result {
    let whole: Vec<_> = all.iter().filter(|it| it.2.traces == results.traces.len()).collect();
    let of = |name: &str| all.iter().find(|it| it.1 == name).map(|it| it.2);
    let first = taken.unwrap_or_else(|| results.reference());
    let Some(kept) = of(first) else {
        return writeln!(out, "<p class=\"answer\">Nobody’s memory was measured.</p>");
    };
    write!(
        out,
        "<p class=\"answer\">For each byte that the program has live at its peak, <b>{}</b> has <b>{:.2}</b> bytes resident",
        escape(first),
        kept.at_peak
    )?;
    // Beside the reference, or the default stack where the reference is taken.
    let other = if results.reference() == first { MAPPED } else { results.reference() };
    if let Some(base) = of(other).filter(|_| other != first) {
        write!(out, "; {} has {:.2}", escape(other), base.at_peak)?;
    }
    writeln!(out, ".</p>")?;
    let by =
        |a: &&&(usize, &str, Kept), b: &&&(usize, &str, Kept)| a.2.at_peak.total_cmp(&b.2.at_peak);
    write!(out, "<p>")?;
    if let (Some(least), Some(most)) = (whole.iter().min_by(by), whole.iter().max_by(by)) {
        let (small, large) = (escape(least.1), escape(most.1));
        write!(
            out,
            "The least is {small}’s {:.2}, the most {large}’s {:.2}. ",
            least.2.at_peak, most.2.at_peak
        )?;
    }
    writeln!(
        out,
        "When the replay is over, {} still holds {:.0} % of its peak{}.</p>",
        escape(first),
        kept.at_end * 100.0,
        if results.traces.len() > 1 { ", on average" } else { "" }
    )
}

fn bar(colour: usize, name: &str, length: f64) -> Bar {
    let value = format!("{length:.2}");
    Bar { name: name.into(), colour, length, pale: 0.0, range: None, value }
}

fn over_time(out: &mut String, results: &Results, trace: &TraceResult) -> std::fmt::Result {
    let measured = results.measured(trace);
    let courses: Vec<_> = measured
        .iter()
        .map(|&(colour, _, m)| Course { colour, samples: &m.memory.samples })
        .collect();
    if courses.is_empty() {
        return Ok(());
    }
    let top = plots::scale_end(courses.iter().map(Course::highest));
    let plot = plots::memory("Resident memory over the trace", &courses, top);
    let above = measured.iter().zip(&courses).filter(|(_, course)| course.highest() > top);
    let told: Vec<_> = above
        .map(|((_, name, _), course)| {
            format!("{} goes up to {:.0} MiB, off the plot.", escape(name), course.highest())
        })
        .collect();
    let title = format!("{}: resident memory", trace.name);
    figure(out, &title, &plot, &told.join(" "))
}

fn table(
    out: &mut String,
    results: &Results,
    all: &[(usize, &str, Kept)],
    taken: Option<&str>,
) -> std::fmt::Result {
    let heads = [
        "candidate",
        "resident / live at the peak",
        "left at the end, % of the peak",
        "largest peak, MiB",
        "page faults",
        "programs",
    ];
    let best = all.iter().map(|it| it.2.at_peak).min_by(f64::total_cmp);
    let rows = all.iter().map(|&(_, name, kept)| {
        let is_best = best == Some(kept.at_peak);
        let faults = results.means(name).map_or("–".into(), |means| grouped(means.minor_faults));
        let rest = [
            format!("{:.0}", kept.at_end * 100.0),
            mib(kept.most_bytes),
            faults,
            format!("{} of {}", kept.traces, results.traces.len()),
        ];
        let first = Cell { text: format!("{:.2}", kept.at_peak), is_best, ..Cell::default() };
        (name, [first].into_iter().chain(rest.map(Cell::plain)).collect())
    });
    figures::marked_table(out, &heads, rows, taken)
}

/// A trace's peaks, and the default stack's pages.
fn details(out: &mut String, results: &Results, trace: &TraceResult) -> std::fmt::Result {
    let open = if results.traces.len() == 1 { " open=\"open\"" } else { "" };
    let name = escape(&trace.name);
    writeln!(
        out,
        "<details{open}><summary>{name}: peaks and pages</summary>\n<div class=\"plots\">"
    )?;
    let measured = results.measured(trace);
    let peaks: Vec<Bar> = measured.iter().map(|&(n, name, m)| peak_bar(n, name, m)).collect();
    let caption = "The most resident memory at any time; shorter is better. Solid: as much as was live at most.";
    figure(out, "Peak memory", &plots::bars("Peak memory", WIDTH, &peaks), caption)?;
    let mapped = measured
        .iter()
        .find(|it| it.1 == MAPPED)
        .or_else(|| measured.iter().find(|(.., m)| !m.memory.pages.is_empty()));
    if let Some(&(_, name, m)) = mapped {
        page_map(out, name, m)?;
    }
    writeln!(out, "</div></details>")
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
