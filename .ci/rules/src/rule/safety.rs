//! Rule `safety`: what is `unsafe` says why it may be, and to call, what it asks for.
//!
//! Clippy looks at blocks as the compiler sees them; this looks at blocks and implementations as
//! they stand in the file, in the bodies of macros too.

use super::Offence;
use crate::shape::functions;
use crate::source::{Source, words};

pub fn check(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (at, line) in source.lines.iter().enumerate() {
        let Some(kind) = unsafe_thing(&line.code) else { continue };
        if !explained(source, at, kind) {
            let comment = if kind == "trait" { "# Safety" } else { "SAFETY" };
            let what = format!("unsafe {kind} without a {comment} comment");
            offences.push(Offence::new(&source.path, at, "safety", what));
        }
    }
    for function in functions(source) {
        let asks = function.is_unsafe && !function.of_trait;
        if asks && source.is_src() && !above(source, function.first_line, "# Safety") {
            let what = format!("unsafe fn {} without a section # Safety", function.name);
            offences.push(Offence::new(&source.path, function.first_line, "safety", what));
        }
    }
    offences
}

/// What of its kind begins in this line.
fn unsafe_thing(code: &str) -> Option<&'static str> {
    let place = code
        .match_indices("unsafe")
        .map(|(place, _)| place)
        .find(|place| !code[..*place].ends_with(|c: char| c.is_alphanumeric() || c == '_'))?;
    let rest = code[place + 6..].trim_start();
    // What a macro is matched against is nobody's implementation.
    if rest.contains(":tt)") || rest.contains(":ty") {
        return None;
    }
    match (rest.starts_with('{'), words(rest).next()) {
        (true, _) => Some("block"),
        (_, Some("impl")) => Some("impl"),
        (_, Some("extern")) if rest.contains('{') && words(rest).all(|word| word != "fn") => {
            Some("extern")
        }
        (_, Some("trait")) => Some("trait"),
        _ => None,
    }
}

/// Whether a comment says why: on the line, above it, or above the statement that it is part of.
fn explained(source: &Source, at: usize, kind: &str) -> bool {
    if kind == "trait" {
        return above(source, at, "# Safety");
    }
    let mut here = at;
    loop {
        if source.lines[here].comment.contains("SAFETY") || above(source, here, "SAFETY") {
            return true;
        }
        let Some(before) = here.checked_sub(1) else { return false };
        let code = source.lines[before].code.trim_end();
        if code.is_empty() || code.ends_with([';', '{', '}', ',']) || at - before > 12 {
            return false;
        }
        here = before;
    }
}

/// Whether the comments and attributes right above the line `at` contain `text`.
fn above(source: &Source, at: usize, text: &str) -> bool {
    source.lines[..at]
        .iter()
        .rev()
        .take_while(|line| line.is_comment() || line.is_attribute())
        .any(|line| line.comment.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(text: &str) -> Vec<usize> {
        check(&Source::new("a/src/a.rs", text)).into_iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn silent_blocks_and_impls_are_caught() {
        assert_eq!(offences("let a = unsafe { b() };\n"), [1]);
        assert_eq!(offences("unsafe impl Send for A {}\n"), [1]);
        assert_eq!(offences("m! {\n    unsafe impl[A] B for C {}\n}\n"), [2]);
        assert_eq!(offences("unsafe extern \"C\" {\n}\n"), [1]);
        assert_eq!(offences("// SAFETY: b.\nlet a = 1;\nlet b = unsafe { b() };\n"), [3]);
    }

    #[test]
    fn explained_ones_are_not() {
        assert_eq!(offences("// SAFETY: why.\nlet a = unsafe { b() };\n"), [0; 0]);
        assert_eq!(offences("// SAFETY: why.\nlet a =\n    unsafe { b() };\n"), [0; 0]);
        assert_eq!(offences("// SAFETY: why.\n#[cold]\nunsafe impl A for B {}\n"), [0; 0]);
        let function = "/// # Safety\n///\n/// Care.\nunsafe extern \"C\" fn a() {}\n";
        assert_eq!(offences(function), [0; 0]);
        assert_eq!(offences("unsafe impl[$($generics:tt)*] A for $type:ty {\n"), [0; 0]);
        assert_eq!(offences("// an unsafe { block }\nlet a = \"unsafe {\";\n"), [0; 0]);
    }

    #[test]
    fn functions_and_traits_say_what_they_ask_for() {
        assert_eq!(offences("/// Does.\npub unsafe fn a() {}\n"), [2]);
        assert_eq!(offences("unsafe trait A {}\n"), [1]);
        assert_eq!(offences("/// # Safety\n///\n/// Care.\nunsafe trait A {}\n"), [0; 0]);
        assert_eq!(offences("/// # Safety\n///\n/// Care.\n#[cold]\nunsafe fn a() {}\n"), [0; 0]);
        let of_trait = "impl A for B {\n    unsafe fn a() {}\n}\n";
        assert_eq!(offences(of_trait), [0; 0]);
    }
}
