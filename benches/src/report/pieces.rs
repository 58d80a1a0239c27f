//! What sections of the page are made of: figures with their titles, keys of colours, numbers in words.
//!
//! Above: the sections, and `page`. Below: `svg`'s colours.

use super::escape;
use super::svg::SERIES;
use crate::run::results::{Peer, Results};
use std::fmt::Write;

/// A plot with its title, and what it shows.
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

/// The candidates, with their colours.
pub(super) fn names(results: &Results) -> Vec<(String, String)> {
    let name = |(n, peer): (usize, &Peer)| (peer.name.clone(), format!("--c{}", n % SERIES));
    results.candidates.iter().enumerate().map(name).collect()
}

/// So many of something, in words.
pub(crate) fn many(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A part of the whole, in percent.
pub(super) fn part(part: f64) -> String {
    let percent = part * 100.0;
    let digits = usize::from((0.05..9.95).contains(&percent) || (99.05..99.95).contains(&percent));
    format!("{percent:.digits$}\u{a0}%")
}

/// A time, in the unit that reads best.
pub(super) fn span(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns}\u{a0}ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    let digits = usize::from(value < 10.0 && value.fract() != 0.0);
    format!("{value:.digits$}\u{a0}{unit}")
}

/// The beginning of a long line.
pub(super) fn shortened(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        // A line is not broken between a number and its unit.
        let together = |text: &str| text.replace(' ', "\u{a0}");
        assert_eq!(
            [0, 999, 1500, 10_000, 310_400].map(span),
            ["0 ns", "999 ns", "1.5 µs", "10 µs", "310 µs"].map(together)
        );
        assert_eq!(
            [1_200_000, 34_000_000, 5_000_000_000].map(span),
            ["1.2 ms", "34 ms", "5 s"].map(together)
        );
        assert_eq!(
            [0.0, 0.031, 0.42, 0.996, 1.0].map(part),
            ["0 %", "3.1 %", "42 %", "99.6 %", "100 %"].map(together)
        );
        assert_eq!([many(1, "round"), many(1200, "round")], ["1 round", "1\u{2009}200 rounds"]);
    }
}
