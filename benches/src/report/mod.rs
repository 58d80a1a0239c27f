//! The report of a run: one page of HTML that needs nothing else, for light and dark windows.
//!
//! Above: `commands::compare` writes it to a file. Below: `run::results`.
//!
//! In `page`: what stands where. In `plots` and `map`: what is drawn. In `svg`: how.

mod map;
mod page;
mod plots;
mod svg;

use crate::run::results::Results;

/// The page, as text.
#[must_use]
pub fn html(results: &Results) -> String {
    page::page(results)
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
