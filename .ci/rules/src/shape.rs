//! The braces of a file: which function begins and ends where, and what stands around it.
//!
//! Above: the rules about functions and `unsafe`. Below: lines of code.

use crate::source::{Source, is_word, words};

/// A function with a body, or one that a trait only declares.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// Counted from 0.
    pub first_line: usize,
    pub last_line: usize,
    pub is_unsafe: bool,
    /// It implements what a trait asks for, whose documentation holds for it.
    pub of_trait: bool,
}

/// What stands before an open brace.
struct Open {
    of_trait: bool,
    function: Option<Function>,
}

/// All functions of a file, closures excepted.
pub fn functions(source: &Source) -> Vec<Function> {
    let mut walk = Walk::default();
    for (at, line) in source.lines.iter().enumerate() {
        if !line.is_attribute() {
            line.code.chars().for_each(|c| walk.step(at, c));
            walk.step(at, ' ');
        }
    }
    walk.found.sort_by_key(|function| function.first_line);
    walk.found
}

/// A walk over a file's braces.
#[derive(Default)]
struct Walk {
    found: Vec<Function>,
    open: Vec<Open>,
    /// What came since the last brace or semicolon, and the line on which it begins.
    header: String,
    header_line: usize,
    /// Within `()` and `[]`, a semicolon ends nothing.
    depth: usize,
}

impl Walk {
    fn step(&mut self, at: usize, c: char) {
        match c {
            '{' => {
                let function = function(&self.header, self.header_line, &self.open);
                self.open.push(Open { of_trait: implements(&self.header), function });
                self.begin();
            }
            '}' => {
                if let Some(Open { function: Some(mut function), .. }) = self.open.pop() {
                    function.last_line = at;
                    self.found.push(function);
                }
                self.begin();
            }
            ';' if self.depth == 0 => {
                self.found.extend(function(&self.header, self.header_line, &self.open));
                self.begin();
            }
            _ => self.keep(at, c),
        }
    }

    fn begin(&mut self) {
        self.header.clear();
        self.depth = 0;
    }

    fn keep(&mut self, at: usize, c: char) {
        match c {
            '(' | '[' => self.depth += 1,
            ')' | ']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.header.is_empty() {
            if c.is_whitespace() {
                return;
            }
            self.header_line = at;
        }
        self.header.push(c);
    }
}

/// The function that a header declares, if it declares one.
fn function(header: &str, first_line: usize, open: &[Open]) -> Option<Function> {
    let place = header.match_indices("fn ").map(|(place, _)| place).find(|place| {
        let before = &header[..*place];
        !before.ends_with(is_word) && words(before).all(is_qualifier)
    })?;
    let name = words(&header[place + 3..]).next()?;
    let of_trait = open.last().is_some_and(|open| open.of_trait);
    let is_unsafe = words(&header[..place]).any(|word| word == "unsafe");
    let name = name.to_owned();
    Some(Function { name, first_line, last_line: first_line, is_unsafe, of_trait })
}

/// What may stand before `fn`: nothing that is a statement.
fn is_qualifier(word: &str) -> bool {
    matches!(word, "pub" | "crate" | "super" | "in" | "const" | "async" | "unsafe" | "extern")
}

/// Whether a header opens the implementation of a trait, or the arm of a macro, which may stand in
/// one.
fn implements(header: &str) -> bool {
    if header.trim_end().ends_with("=>") {
        return true;
    }
    let mut words = words(header).peekable();
    let begins = words.by_ref().find(|word| *word != "unsafe") == Some("impl");
    begins && words.any(|word| word == "for")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_functions_and_what_is_around_them() {
        let text = "impl X {\n    #[inline]\n    pub(crate) unsafe fn a(\n        b: [u8; 4],\n    ) {\n        \
                    if c { d() }\n    }\n}\nunsafe impl[A: B] C for X<A> {\n    unsafe fn e() {}\n}\n\
                    trait T {\n    unsafe fn f();\n}\ntype P = unsafe fn(u8);\n";
        let found = functions(&Source::new("a.rs", text));
        let brief: Vec<_> = found
            .iter()
            .map(|f| (f.name.as_str(), f.first_line, f.last_line, f.is_unsafe, f.of_trait))
            .collect();
        assert_eq!(
            brief,
            [("a", 2, 6, true, false), ("e", 9, 9, true, true), ("f", 12, 12, true, false)]
        );
    }

    #[test]
    fn a_function_within_a_macro_counts() {
        let text =
            "const_fn! {\n    /// Doc.\n    pub const fn new() -> Self {\n        Self\n    }\n}\n";
        let found = functions(&Source::new("a.rs", text));
        assert_eq!(
            (found[0].name.as_str(), found[0].first_line, found[0].last_line),
            ("new", 2, 4)
        );
    }
}
