//! Rule `functions`: mostly under 40 lines, which is printed, and never over 80.

use super::Offence;
use crate::shape::{Function, functions};
use crate::source::Source;
use crate::workspace::Workspace;

const MANY_LINES: usize = 40;
const MOST_LINES: usize = 80;

pub fn check(source: &Source) -> Vec<Offence> {
    functions(source)
        .iter()
        .filter(|function| lines(function) > MOST_LINES)
        .map(|function| {
            let what =
                format!("fn {}: {} lines; at most {MOST_LINES}", function.name, lines(function));
            Offence::new(&source.path, function.first_line, "functions", what)
        })
        .collect()
}

/// Functions that are longer than most should be.
pub fn long(workspace: &Workspace) -> Vec<String> {
    let long = |file: &Source| {
        let found = functions(file).into_iter().filter(|f| lines(f) > MANY_LINES);
        let text = |f: Function| {
            format!("{}:{}: fn {}: {} lines", file.path, f.first_line + 1, f.name, lines(&f))
        };
        found.map(text).collect::<Vec<_>>()
    };
    workspace.files.iter().flat_map(long).collect()
}

fn lines(function: &Function) -> usize {
    function.last_line - function.first_line + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_function_is_caught() {
        let text = |lines: usize| format!("fn a() {{\n{}}}\n", "b();\n".repeat(lines - 2));
        assert_eq!(check(&Source::new("a.rs", &text(81))).len(), 1);
        assert_eq!(check(&Source::new("a.rs", &text(80))).len(), 0);
        let files = vec![Source::new("a.rs", &text(41)), Source::new("b.rs", &text(40))];
        let workspace = Workspace { files, ..Workspace::default() };
        assert_eq!(long(&workspace), ["a.rs:1: fn a: 41 lines"]);
    }
}
