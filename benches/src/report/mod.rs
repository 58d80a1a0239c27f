//! The report of a run: one page of HTML that needs nothing else, for light and dark windows.
//!
//! Above: the commands write it to a file. Below: `run::results`, and the same of `collectors`, `counted`, `pools` and `arenas`.
//!
//! In `page`: what stands where. In `stack`, `cost`, `traffic`, `pauses`: an answer each, as `choice` and `answers` find it; in `words`: how the first
//! one is said. In `collectors`, `counted`, `pools` and `arenas`: of those. In `figures`: tables. In `pieces`: what these are made of. In `plots`,
//! `courses` and `map`: what is drawn. In `svg`: how, in `colours`.

mod answers;
mod arenas;
mod choice;
mod collectors;
mod colours;
mod cost;
mod counted;
mod courses;
mod figures;
mod map;
mod page;
mod pauses;
mod pieces;
mod plots;
mod pools;
mod stack;
mod svg;
mod traffic;
mod words;

pub(crate) use pieces::many;

use crate::arenas::results::Results as Arenas;
use crate::collectors::results::Results as Collected;
use crate::counted::results::Results as Counted;
use crate::pools::results::Results as Pooled;
use crate::run::results::Results;

/// What may stand behind the replays.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'r> {
    /// What collectors did.
    pub collectors: Option<&'r Collected>,
    /// What counted pointers did.
    pub counted: Option<&'r Counted>,
    /// What pools did.
    pub pools: Option<&'r Pooled>,
    /// What arenas, frames and stacks did.
    pub arenas: Option<&'r Arenas>,
}

/// The page of replays, as text, with what else was run behind it.
#[must_use]
pub fn html(results: &Results, beside: Beside<'_>) -> String {
    page::page(results, beside)
}

/// Which stack to take, in words; `None` where there is nothing to choose from.
#[must_use]
pub fn advice(results: &Results) -> Option<String> {
    stack::advice(results)
}

/// The page of collectors alone.
#[must_use]
pub fn of_collectors(results: &Collected) -> String {
    let beside = Beside { collectors: Some(results), ..Beside::default() };
    page::alone("Collectors on the same programs", beside)
}

/// The page of counted pointers alone.
#[must_use]
pub fn of_counted(results: &Counted) -> String {
    let beside = Beside { counted: Some(results), ..Beside::default() };
    page::alone("Counted pointers on the same programs", beside)
}

/// The page of pools alone.
#[must_use]
pub fn of_pools(results: &Pooled) -> String {
    let beside = Beside { pools: Some(results), ..Beside::default() };
    page::alone("Pools on the same programs", beside)
}

/// The page of arenas alone.
#[must_use]
pub fn of_arenas(results: &Arenas) -> String {
    let beside = Beside { arenas: Some(results), ..Beside::default() };
    page::alone("Arenas, frames and stacks on the same programs", beside)
}

/// The page of user-mode threads alone: tables of the same form.
#[must_use]
pub fn of_goroutines(results: &crate::goroutines::results::Results) -> String {
    let arenas = Arenas {
        rounds: results.rounds,
        child_rounds: results.rounds,
        scale: 100,
        tables: crate::goroutines::tables::tables(results),
        targets: Vec::new(),
    };
    page::alone(
        "User-mode threads beside Go's",
        Beside { arenas: Some(&arenas), ..Beside::default() },
    )
}

/// Text that stands in a page as it is.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // HTML has no place for control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::setting::{Machine, Setting};
    use crate::table;

    #[test]
    fn a_busy_machine_is_noted_in_the_terminal_and_on_the_page() {
        let of = |load| {
            let machine = Machine { processors: 2, ..Machine::default() };
            let setting = Setting { machine, load, ..Setting::default() };
            let results = Results { setting, rounds: 9, ..Results::default() };
            [table::of_results(&results), html(&results, Beside::default())]
        };
        for text in of(Some(7.05)) {
            assert!(text.contains("load 7.05 before it began, on 2 processors): trust"), "{text}");
        }
        for text in of(Some(0.9)).into_iter().chain(of(None)) {
            assert!(!text.contains("the machine was busy"), "{text}");
        }
    }
}
