//! Rule `pointers`: the files and functions that ARCHITECTURE.md names are there.
//!
//! A file is a word in backticks that ends in `.rs`, a function one that ends in `()` or is a path whose
//! last part is lower case.

use super::Offence;
use crate::shape::functions;
use crate::workspace::Workspace;
use std::collections::HashSet;

const DOCUMENT: &str = "ARCHITECTURE.md";

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let names = workspace.files.iter().flat_map(functions).map(|function| function.name);
    let names: HashSet<String> = names.collect();
    let is_there = |pointer: &Pointer| match pointer {
        Pointer::File(file) => workspace.files.iter().any(|source| {
            source
                .path
                .strip_suffix(file)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        }),
        Pointer::Function(name) => names.contains(*name),
    };
    let mut offences = Vec::new();
    for (at, line) in workspace.architecture.lines().enumerate() {
        for (text, pointer) in pointers(line) {
            if !is_there(&pointer) {
                let what = format!("`{text}` is not there any more");
                offences.push(Offence::new(DOCUMENT, at, "pointers", what));
            }
        }
    }
    offences
}

#[derive(Debug, PartialEq, Eq)]
enum Pointer<'t> {
    File(&'t str),
    Function(&'t str),
}

/// The pointers in a line, each with its text.
fn pointers(line: &str) -> impl Iterator<Item = (&str, Pointer<'_>)> {
    line.split('`').skip(1).step_by(2).filter_map(|text| {
        let last = text.rsplit("::").next()?;
        if text.ends_with(".rs") && !text.contains(' ') {
            return Some((text, Pointer::File(text)));
        }
        let named = last.strip_suffix("()").or_else(|| text.contains("::").then_some(last))?;
        let is_name = named.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        is_name.then_some((text, Pointer::Function(named)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn what_is_gone_is_caught() {
        let files = vec![Source::new("a/src/heap/mod.rs", "fn take() {}\n")];
        let architecture = "`heap/mod.rs`, `mod.rs`, `take()`, `Heap::take`, `Heap<T>`, `a/src`\n\
                            `eap/mod.rs`\n`give()`\n`Heap::give`\n"
            .to_owned();
        let workspace = Workspace { files, architecture, ..Workspace::default() };
        let lines: Vec<_> = check(&workspace).into_iter().map(|offence| offence.line).collect();
        assert_eq!(lines, [2, 3, 4]);
    }
}
