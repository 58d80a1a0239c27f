//! Rule `vocabulary`: one name per concept, in names and in comments.
//!
//! The list is the blueprint's table of words. `words.allow` beside the manifest holds the places
//! where a word means something else.

use super::Offence;
use crate::source::Source;

/// What is not said, and what is said for it.
const WORDS: &[(&str, &str)] = &[
    ("slab", "span"),
    ("superblock", "span"),
    ("region", "arena or mapping"),
    ("segment", "arena or mapping"),
    ("bin", "size class"),
    ("bucket", "size class"),
    ("freelist", "free list (free_list)"),
    ("sizeclass", "size class (size_class)"),
    ("magazine", "thread cache"),
    ("mailbox", "transfer cache"),
    ("tcache", "thread cache"),
    ("mature", "tenured"),
];

/// Two words that are one.
const PAIRS: &[(&str, &str, &str)] = &[
    ("free", "block", "slot or object"),
    ("memory", "block", "allocation, run or slot"),
    ("block", "size", "slot_bytes"),
    ("central", "cache", "transfer cache"),
    ("local", "cache", "thread cache"),
    ("young", "space", "nursery"),
    ("old", "space", "tenured space"),
    ("mark", "flag", "mark bit"),
];

const ALLOWED: &str = include_str!("../../words.allow");

pub fn check(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (at, line) in source.lines.iter().enumerate() {
        for text in [&line.code, &line.comment] {
            for (word, instead) in faults(text) {
                if !allowed(&source.path, &word, ALLOWED) {
                    let what = format!("`{word}`: say {instead}");
                    offences.push(Offence::new(&source.path, at, "vocabulary", what));
                }
            }
        }
    }
    offences
}

fn faults(text: &str) -> Vec<(String, &'static str)> {
    let words = split(text);
    let single = words.iter().filter_map(|word| {
        let (_, instead) = WORDS.iter().find(|(not, _)| not == word)?;
        Some((word.clone(), *instead))
    });
    let pairs = words.windows(2).filter_map(|pair| {
        let (.., instead) = PAIRS.iter().find(|(a, b, _)| *a == pair[0] && *b == pair[1])?;
        Some((pair.join(" "), *instead))
    });
    single.chain(pairs).collect()
}

/// The words in a text: names are taken apart, and plurals made singular. Names of crates, which
/// have a hyphen or stand before a path, are nobody's choice of words.
fn split(text: &str) -> Vec<String> {
    let text = text.replace("alloc-sizeclass", "").replace("alloc_sizeclass", "");
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        let begins = c.is_uppercase() && !before.is_uppercase();
        if !c.is_alphanumeric() || begins {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().expect("never empty").extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    for word in &mut words {
        if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") {
            word.pop();
        }
    }
    words
}

/// Whether a line `WORD PATH WHY` of the list allows the word in this file.
fn allowed(path: &str, word: &str, list: &str) -> bool {
    list.lines().filter(|line| !line.starts_with('#')).any(|line| {
        let mut parts = line.split('\t');
        parts.next() == Some(word) && parts.next().is_some_and(|prefix| path.starts_with(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(text: &str) -> Vec<usize> {
        check(&Source::new("a/src/a.rs", text)).into_iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn other_words_are_caught_in_names_and_comments() {
        assert_eq!(
            offences("struct SlabHeader;\nlet regions = 1;\n/// A bucket of it.\n"),
            [1, 2, 3]
        );
        assert_eq!(offences("fn free_blocks() {}\nMEMORY_BLOCK\n"), [1, 2]);
    }

    #[test]
    fn words_within_words_are_not() {
        assert_eq!(offences("regional, Segregate, binary, combine, robin\n"), [0; 0]);
        assert_eq!(offences("alloc_sizeclass::Fine\n// an unsafe block that blocks\n"), [0; 0]);
    }

    #[test]
    fn the_list_allows_a_word_in_a_place() {
        let list = "# WORD PATH WHY\nbin\ta/src/\tFolders of programs.\n";
        assert!(allowed("a/src/b.rs", "bin", list));
        assert!(!allowed("b/src/b.rs", "bin", list) && !allowed("a/src/b.rs", "slab", list));
    }
}
