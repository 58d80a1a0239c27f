//! Rule `units`: a number says in its name, and last, what it counts: `_bytes`, `_pages`, `_slots`.
//!
//! Looks at what has a name and a number's type: fields, constants, parameters, annotated variables.

use super::Offence;
use crate::source::{Source, is_word};

const NUMBERS: [&str; 7] = ["usize", "u64", "u32", "u16", "AtomicUsize", "AtomicU64", "AtomicU32"];
const UNITS: [&str; 3] = ["bytes", "pages", "slots"];

pub fn check(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (at, line) in source.lines.iter().enumerate() {
        for name in numbers(&line.code) {
            if let Some(what) = fault(&name.to_lowercase()) {
                let what = format!("`{name}` {what}");
                offences.push(Offence::new(&source.path, at, "units", what));
            }
        }
    }
    offences
}

/// The names that are declared as numbers in a line.
fn numbers(code: &str) -> impl Iterator<Item = &str> {
    let colons = code.match_indices(": ").map(|(place, _)| place);
    colons.filter_map(|place| {
        let start = code[..place].rfind(|c| !is_word(c)).map_or(0, |before| before + 1);
        let of = code[place + 2..].trim_start_matches("Cell<");
        let end = of.find(|c| !is_word(c)).unwrap_or(of.len());
        let name = &code[start..place];
        (!name.is_empty() && NUMBERS.contains(&&of[..end])).then_some(name)
    })
}

fn fault(name: &str) -> Option<String> {
    let mut parts = name.split('_').rev();
    let last = parts.next()?;
    if matches!(last, "size" | "length") && name != last {
        return Some("does not say in which unit: _bytes, _pages, _slots".into());
    }
    let early = parts.find(|part| UNITS.contains(part))?;
    // `bytes_per_page` is a rate, and names two units in the one order that there is.
    let is_rate = name.contains("_per_");
    (!is_rate).then(|| format!("has its unit `{early}` not at the end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(text: &str) -> Vec<usize> {
        check(&Source::new("a.rs", text)).into_iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn a_unit_that_is_missing_or_not_last_is_caught() {
        assert_eq!(offences("const MAX_SLOT_SIZE: usize = 1;\n"), [1]);
        assert_eq!(offences("fn a(\n    bytes_used: usize,\n) {}\n"), [2]);
        assert_eq!(offences("pages_dirty: AtomicUsize,\nslots_free: Cell<u32>,\n"), [1, 2]);
    }

    #[test]
    fn units_at_the_end_are_right() {
        assert_eq!(offences("used_bytes: usize, page_bytes: u32, PAGES: usize\n"), [0; 0]);
        assert_eq!(offences("fn usable_size(&self) -> usize {}\nsize: usize,\n"), [0; 0]);
        assert_eq!(offences("slots_per_page: usize, slot_size: Layout\n"), [0; 0]);
    }
}
