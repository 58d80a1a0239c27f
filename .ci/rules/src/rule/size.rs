//! Rule `size`: a file has at most 500 lines of code, and the median file about 100.

use super::Offence;
use crate::source::Source;
use crate::workspace::Workspace;

const MOST_LINES: usize = 500;

pub fn check(source: &Source) -> Option<Offence> {
    let lines = source.code_lines();
    let what = format!("{lines} lines of code; at most {MOST_LINES}");
    (lines > MOST_LINES).then(|| Offence::new(&source.path, 0, "size", what))
}

/// The median of the library crates' files, as a line of text.
pub fn summary(workspace: &Workspace) -> String {
    let mut sizes: Vec<_> = workspace.library().map(Source::code_lines).collect();
    sizes.sort_unstable();
    let median = sizes.get(sizes.len() / 2).copied().unwrap_or_default();
    let most = sizes.last().copied().unwrap_or_default();
    format!("size: {} library files, median {median} lines of code, most {most}", sizes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_caught_by_its_code_alone() {
        let text = |code: usize| "a;\n// b\n\n".repeat(code);
        assert!(check(&Source::new("a.rs", &text(501))).is_some());
        assert!(check(&Source::new("a.rs", &text(500))).is_none());
    }
}
