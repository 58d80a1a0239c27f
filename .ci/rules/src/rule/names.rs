//! Rule `names`: public functions that do the same are called the same, in every crate, and take what is below last.
//!
//! Looks at the names of public functions and at their parameters. CONTRIBUTING.md has the table. What a trait of others asks
//! for (`Error::source`) is not declared as public, and is spared.

use super::Offence;
use crate::source::{Source, is_word, words};

/// What is not said, and what is said for it.
const SAY: [(&str, &str); 12] = [
    ("stat", "figures"),
    ("stats", "figures"),
    ("statistics", "figures"),
    ("usage", "figures"),
    ("failures", "refused"),
    ("failed", "refused"),
    ("in_use", "len"),
    ("high_water", "peak_slots"),
    ("high_water_bytes", "peak_bytes"),
    ("inner", "below"),
    ("parent", "below"),
    ("source", "below"),
];

pub fn check(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (at, line) in source.lines.iter().enumerate() {
        let Some(name) = public(&line.code) else { continue };
        if is_asked_for_its_answer(name) && !has_must_use(source, at) {
            let what = format!("`{name}` is not #[must_use]");
            offences.push(Offence::new(&source.path, at, "names", what));
        }
        let signature = signature(source, at);
        let parameters = parameters(&signature);
        // The standard library's maps and sets, under a collector.
        let is_std = ["gc/map.rs", "gc/set.rs"].iter().any(|file| source.path.ends_with(file));
        for what in faults(name, &parameters).into_iter().filter(|_| !is_std) {
            offences.push(Offence::new(&source.path, at, "names", format!("`{name}` {what}")));
        }
    }
    offences
}

/// Whether a function does nothing but answer.
fn is_asked_for_its_answer(name: &str) -> bool {
    matches!(name, "below" | "figures" | "refused" | "capacity" | "is_empty" | "is_full")
        || name.starts_with("peak_")
}

fn has_must_use(source: &Source, at: usize) -> bool {
    let above = source.lines[..at].iter().rev();
    let mut above = above.take_while(|line| line.is_attribute() || line.is_comment());
    above.any(|line| line.code.contains("must_use"))
}

/// The name of the public function that is declared in a line.
fn public(code: &str) -> Option<&str> {
    let code = code.trim_start().strip_prefix("pub ")?;
    let (before, after) = code.split_once("fn ")?;
    let is_head = words(before).all(|word| matches!(word, "const" | "unsafe" | "async" | "extern"));
    let end = after.find(|c| !is_word(c))?;
    is_head.then_some(&after[..end])
}

/// A declaration as one line, from its name to its body.
fn signature(source: &Source, at: usize) -> String {
    let mut signature = String::new();
    for line in &source.lines[at..] {
        let end = line.code.find(['{', ';']);
        signature.push_str(line.code[..end.unwrap_or(line.code.len())].trim());
        signature.push(' ');
        if end.is_some() {
            break;
        }
    }
    signature.split_once("fn ").map_or_else(String::new, |(_, after)| after.to_owned())
}

/// The names of the parameters, without `self`.
fn parameters(signature: &str) -> Vec<&str> {
    let (mut round, mut angled, mut names) = (0, 0, Vec::new());
    let mut before = ' ';
    for (place, c) in signature.char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' if round == 1 && angled == 0 => break,
            ')' | ']' => round -= 1,
            '<' => angled += 1,
            '>' if before != '-' => angled -= 1,
            ':' if round == 1 && angled == 0 => {
                let name = &signature[..place];
                let start = name.rfind(|c| !is_word(c)).map_or(0, |before| before + 1);
                names.push(&name[start..]);
            }
            _ => {}
        }
        before = c;
    }
    names.retain(|name| !matches!(*name, "" | "self"));
    names
}

fn faults(name: &str, parameters: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some((_, say)) = SAY.iter().find(|(not, _)| *not == name) {
        faults.push(format!("is called `{say}` here"));
    }
    let place = parameters.iter().position(|parameter| *parameter == "below");
    if place.is_some_and(|place| place + 1 < parameters.len()) {
        faults.push("takes what is below not last".into());
    }
    if parameters.contains(&"capacity") {
        faults.push("takes a `capacity` that does not say of what: _bytes, _slots".into());
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(text: &str) -> Vec<usize> {
        check(&Source::new("a.rs", text)).into_iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn another_name_for_the_same_is_caught() {
        assert_eq!(offences("    pub fn stat(&self) -> SysStat {\n    }\n"), [1]);
        assert_eq!(offences("    pub const fn source(&self) -> &S {\n"), [1]);
        assert_eq!(offences("    pub fn failures(&self, index: usize) -> u64 {\n"), [1]);
    }

    #[test]
    fn an_answer_that_may_be_dropped_is_caught() {
        assert_eq!(offences("/// a\npub fn below(&self) -> &A {\n"), [2]);
        assert_eq!(
            offences("#[must_use]\n/// a\n#[inline]\npub fn peak_slots(&self) -> usize {\n"),
            [0; 0]
        );
    }

    #[test]
    fn what_is_below_stands_last() {
        assert_eq!(offences("pub fn new(below: A, limit_bytes: usize) -> Self {\n"), [1]);
        assert_eq!(
            offences("    pub fn new<F: Fn() -> A>(\n        below: A,\n        f: F,\n    ) {\n"),
            [1]
        );
        assert_eq!(offences("pub const fn new(limit_bytes: usize, below: A) -> Self {\n"), [0; 0]);
        assert_eq!(offences("pub fn get<T: At<u8>>(&self, at: (A, B), below: A) {\n"), [0; 0]);
    }

    #[test]
    fn what_is_not_public_is_not_looked_at() {
        assert_eq!(offences("    fn source(&self) -> Option<&dyn Error> {\n"), [0; 0]);
        assert_eq!(offences("    pub(crate) fn stat(&self) -> u8 {\n    pub use stat;\n"), [0; 0]);
    }
}
