//! The report of a run: one page of HTML that needs nothing else, for light and dark windows.
//!
//! Above: the commands write it to a file. Below: `run::results`, `collectors::results`.
//!
//! In `page`: what stands where; in `collectors`, of collectors. In `plots`, `courses` and `map`: what is drawn. In `svg`: how.

mod collectors;
mod courses;
mod map;
mod page;
mod plots;
mod svg;

use crate::collectors::results::Results as Collected;
use crate::run::results::Results;

/// The page of replays, as text, with what collectors did behind it.
#[must_use]
pub fn html(results: &Results, collectors: Option<&Collected>) -> String {
    page::page(results, collectors)
}

/// The page of collectors alone.
#[must_use]
pub fn of_collectors(results: &Collected) -> String {
    page::of_collectors(results)
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
