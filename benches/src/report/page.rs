//! What stands where on the page: the answers first, in their order, then what else was run.
//!
//! Above: `report`. Below: `stack`, `cost`, `traffic` and `pauses`, an answer each; `collectors`, `counted`, `pools`, `arenas`.
//!
//! The page has no script and needs nothing from elsewhere: the switch of its colours is a style.

use super::pieces::{many, shortened};
use super::{
    Beside, arenas, collectors, colours, cost, counted, escape, pauses, pools, stack, traffic,
};
use crate::run::results::Results;
use crate::run::setting::Setting;
use crate::units::{bytes, date};
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
    let _ = header(&mut out, title, &Setting::this(), &[]);
    if let Some(collected) = beside.collectors {
        let _ = writeln!(out, "<p class=\"answer\">{}</p>", pauses::said_of(collected));
    }
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
    writeln!(out, "<style>\n{}{STYLE}</style>\n</head>\n<body>\n<main>", colours::style())
}

fn end(out: &mut String) -> std::fmt::Result {
    writeln!(out, "</main>\n</body>\n</html>")
}

fn write(out: &mut String, results: &Results, beside: Beside<'_>) -> std::fmt::Result {
    begin(out, "Strata: which allocator for which program")?;
    head(out, results, beside)?;
    stack::section(out, results)?;
    cost::section(out, results)?;
    traffic::section(out, results)?;
    pauses::section(out, results, beside.collectors)?;
    parts(out, beside, |out, id, title| {
        writeln!(out, "<h1 class=\"part\" id=\"{id}\">{title}</h1>")
    })?;
    measures(out)?;
    end(out)
}

fn head(out: &mut String, results: &Results, beside: Beside<'_>) -> std::fmt::Result {
    let title = match &*results.traces {
        [one] => format!("Which allocator for {}?", one.name),
        all => format!("Which allocator for {} programs?", all.len()),
    };
    let rounds = many(results.rounds.into(), "timed round");
    header(out, &title, &results.setting, &[rounds])?;
    let links = [
        ("stack", "stack", true),
        ("memory", "memory", true),
        ("traffic", "traffic", true),
        ("pauses", "pauses", true),
        ("collectors", "collectors", beside.collectors.is_some()),
        ("counted", "counted pointers", beside.counted.is_some()),
        ("pools", "pools", beside.pools.is_some()),
        ("arenas", "arenas", beside.arenas.is_some()),
        ("method", "how it was measured", true),
    ];
    writeln!(out, "<nav>")?;
    for (id, name, _) in links.into_iter().filter(|link| link.2) {
        writeln!(out, "<a href=\"#{id}\">{name}</a>")?;
    }
    writeln!(out, "</nav>")
}

/// The title, the switch of colours, and where the figures come from.
fn header(out: &mut String, title: &str, setting: &Setting, more: &[String]) -> std::fmt::Result {
    writeln!(
        out,
        "<header>\n<h1>{}</h1>\n<div class=\"switch\" role=\"radiogroup\" aria-label=\"colours\">colours",
        escape(title)
    )?;
    for (name, checked) in [("auto", " checked=\"checked\""), ("light", ""), ("dark", "")] {
        writeln!(
            out,
            "<label><input type=\"radio\" name=\"colours\" id=\"{name}\"{checked}/>{name}</label>"
        )?;
    }
    writeln!(out, "</div>\n</header>")?;
    let machine = &setting.machine;
    let mut facts = vec![
        escape(&machine.processor),
        many(machine.processors as u64, "processor"),
        format!("{} of memory", bytes(machine.memory_bytes)),
        escape(&machine.system),
    ];
    facts.extend(setting.load.map(|load| format!("load {load:.2} before it began")));
    facts.push(format!("{} UTC", date(setting.date_unix_seconds)));
    facts.push(format!("Strata {}", escape(&setting.version)));
    facts.extend(more.iter().map(|fact| escape(fact)));
    facts.retain(|fact| !fact.is_empty());
    writeln!(
        out,
        "<p class=\"soft setting\">{}<br/><code>{}</code></p>",
        facts.join(" · "),
        escape(&shortened(&setting.command))
    )
}

fn measures(out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "<section id=\"method\">\n<h2>How this was measured</h2>\n<p>Each replay ran in a process of its own, which executes the calls that the \
         program made, with as many threads, writes the contents of every object and checks them when it is freed or moved. \
         Time is the median over interleaved rounds; it holds the replay’s own work too, which is the same for all. Memory comes from a \
         pass of its own and counts what the process has resident above what it had before the first call. Fragmentation is resident \
         memory over the sum of the sizes of live objects.</p>\n</section>"
    )
}
