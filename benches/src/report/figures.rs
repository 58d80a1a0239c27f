//! Tables of figures on the page: a row for each who took part, the best of each column marked.
//!
//! Above: the answers and the parts of the page. Below: text.

use super::escape;
use std::fmt::Write;

/// A figure, as it stands in a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub text: String,
    /// Whether there is no better one in its column.
    pub is_best: bool,
    /// Whether it is words, which stand on the left.
    pub is_words: bool,
}

impl Cell {
    /// A figure that nobody compares.
    pub fn plain(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    /// Words, which nobody compares.
    pub fn words(text: String) -> Self {
        Self { text, is_words: true, ..Self::default() }
    }

    /// In the place of a figure that there is not.
    pub fn none() -> Self {
        Self::plain("–".into())
    }
}

/// Where a table begins and ends: one that is too wide scrolls within its own box, also by keys.
pub(super) const BEGIN: &str = "<div class=\"scroll\" tabindex=\"0\"><table><tr>";
pub(super) const END: &str = "</table></div>";

/// Writes a table; the first of `heads` stands above the names.
pub(super) fn table<'n>(
    out: &mut String,
    heads: &[&str],
    rows: impl IntoIterator<Item = (&'n str, Vec<Cell>)>,
) -> std::fmt::Result {
    marked_table(out, heads, rows, None)
}

/// The same, with the row of this name marked.
pub(super) fn marked_table<'n>(
    out: &mut String,
    heads: &[&str],
    rows: impl IntoIterator<Item = (&'n str, Vec<Cell>)>,
    marked: Option<&str>,
) -> std::fmt::Result {
    let rows: Vec<_> = rows.into_iter().collect();
    let first = rows.first().map_or(&[][..], |(_, cells)| cells);
    write!(out, "{BEGIN}")?;
    for (at, head) in heads.iter().enumerate() {
        // A head stands where its column does.
        let is_words = at == 0 || first.get(at - 1).is_some_and(|cell| cell.is_words);
        let class = if is_words { " class=\"text\"" } else { "" };
        write!(out, "<th{class}>{}</th>", escape(head))?;
    }
    writeln!(out, "</tr>")?;
    for (name, cells) in rows {
        let class = if marked == Some(name) { " class=\"taken\"" } else { "" };
        write!(out, "<tr{class}><td class=\"text\">{}</td>", escape(name))?;
        for cell in cells {
            let class = match (cell.is_best, cell.is_words) {
                (true, _) => " class=\"best\"",
                (_, true) => " class=\"text\"",
                _ => "",
            };
            write!(out, "<td{class}>{}</td>", escape(&cell.text))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "{END}")
}

/// Writes a table of names and what they stand for.
pub(super) fn names<'n>(
    out: &mut String,
    rows: impl IntoIterator<Item = (&'n str, &'n str)>,
) -> std::fmt::Result {
    writeln!(out, "<div class=\"scroll\" tabindex=\"0\"><table class=\"names\">")?;
    for (name, about) in rows {
        let (name, about) = (escape(name), escape(about));
        writeln!(out, "<tr><td class=\"text\">{name}</td><td class=\"text\">{about}</td></tr>")?;
    }
    writeln!(out, "{END}")
}
