//! What is known without a replay: a trace's header and figures, and the candidates.
//!
//! Above: `commands`. Below: `program`, `candidates`, `table`.

use super::options::Options;
use crate::console::say;
use crate::program::compile::compile;
use crate::program::facts::{Facts, Histogram};
use crate::run::results::Peer;
use crate::table::{align, plain};
use crate::units::{bytes, date};
use crate::{Failure, candidates};
use std::path::Path;

/// Widest bar of a histogram, in characters.
const BAR: u64 = 40;

pub(super) fn show(trace: &Path, options: &Options) -> Result<(), Failure> {
    let (_, facts) = compile(trace)?;
    if options.json {
        say(serde_json::to_string_pretty(&facts).unwrap_or_default());
        return Ok(());
    }
    say(figures(&facts));
    say(histogram(&facts.sizes));
    Ok(())
}

fn figures(facts: &Facts) -> comfy_table::Table {
    let mut table = plain();
    let rows = [
        ("command", facts.command.join(" ")),
        ("recorded", format!("{} UTC on {}", date(facts.date_unix_seconds), facts.platform)),
        ("events", facts.events.to_string()),
        ("threads", facts.threads.to_string()),
        ("objects allocated", facts.objects.to_string()),
        ("objects freed", facts.frees.to_string()),
        ("objects resized", facts.reallocs.to_string()),
        ("objects handed over", format!("{} (touched by another thread)", facts.handed_over)),
        ("asked for in all", bytes(facts.asked_bytes)),
        ("live at the peak", {
            format!(
                "{} in at most {} objects",
                bytes(facts.peak_live_bytes),
                facts.peak_live_objects
            )
        }),
        ("live at the end", bytes(facts.end_live_bytes)),
    ];
    for (name, value) in rows {
        table.add_row([name.to_owned(), value]);
    }
    table
}

fn histogram(sizes: &Histogram) -> comfy_table::Table {
    let mut table = plain();
    table.set_header(["sizes up to", "requests", "in bytes", ""]);
    let most = sizes.entries().iter().map(|entry| entry.count).max().unwrap_or(0).max(1);
    for entry in sizes.entries() {
        let bar = match entry.count * BAR / most {
            0 => "▏".into(),
            blocks => "█".repeat(blocks as usize),
        };
        let sum = bytes(entry.bytes);
        table.add_row([bytes(entry.up_to_bytes), entry.count.to_string(), sum, bar]);
    }
    align(&mut table, 0);
    if let Some(bars) = table.column_mut(3) {
        bars.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    table
}

pub(super) fn list(options: &Options) -> Result<(), Failure> {
    if options.json {
        let all: Vec<_> = candidates::ALL.iter().map(Peer::of).collect();
        say(serde_json::to_string_pretty(&all).unwrap_or_default());
        return Ok(());
    }
    let mut table = plain();
    table.set_header(["candidate", "what it is", "for", "version"]);
    for candidate in candidates::ALL {
        let (about, purpose) = (candidate.about.into(), candidate.purpose.name().into());
        table.add_row([candidate.name.to_owned(), about, purpose, (candidate.version)()]);
    }
    say(table);
    Ok(())
}
