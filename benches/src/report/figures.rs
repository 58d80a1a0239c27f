//! Tables of figures on the page: a row for each who took part, the best of each column marked.
//!
//! Above: `pools`, `counted`, `arenas`. Below: text.

use super::escape;
use std::fmt::Write;

/// A figure, as it stands in a table.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub text: String,
    /// Whether there is no better one in its column.
    pub is_best: bool,
}

impl Cell {
    /// A figure that nobody compares.
    pub fn plain(text: String) -> Self {
        Self { text, is_best: false }
    }

    /// In the place of a figure that there is not.
    pub fn none() -> Self {
        Self::plain("–".into())
    }
}

/// Writes a table; the first of `heads` stands above the names.
pub(super) fn table<'n>(
    out: &mut String,
    heads: &[&str],
    rows: impl IntoIterator<Item = (&'n str, Vec<Cell>)>,
) -> std::fmt::Result {
    write!(out, "<div class=\"scroll\"><table><tr>")?;
    for (at, head) in heads.iter().enumerate() {
        let class = if at == 0 { " class=\"text\"" } else { "" };
        write!(out, "<th{class}>{}</th>", escape(head))?;
    }
    writeln!(out, "</tr>")?;
    for (name, cells) in rows {
        write!(out, "<tr><td class=\"text\">{}</td>", escape(name))?;
        for cell in cells {
            let class = if cell.is_best { " class=\"best\"" } else { "" };
            write!(out, "<td{class}>{}</td>", escape(&cell.text))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table></div>")
}

/// Writes a table of names and what they stand for.
pub(super) fn names<'n>(
    out: &mut String,
    rows: impl IntoIterator<Item = (&'n str, &'n str)>,
) -> std::fmt::Result {
    writeln!(out, "<table>")?;
    for (name, about) in rows {
        let (name, about) = (escape(name), escape(about));
        writeln!(out, "<tr><td class=\"text\">{name}</td><td class=\"text\">{about}</td></tr>")?;
    }
    writeln!(out, "</table>")
}
