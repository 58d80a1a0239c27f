//! regex: expressions become programs, which search.

use super::{Random, Ready, scaled};
use regex::Regex;

const EXPRESSIONS: usize = 4_000;
const TEXT_WORDS: usize = 2_000;

/// Parts of expressions, from small to large when compiled.
const PARTS: [&str; 8] = [
    r"[a-z]+",
    r"\d{2,4}-\d{2}",
    r"(?i:error|warning|note)",
    r"\b\w+@\w+\.(com|org|net)\b",
    r"[^ ,;]{3,12}",
    r"(foo|bar|baz)*qux?",
    r"\p{Greek}+",
    r"^\s*(\w+)\s*=\s*(.+)$",
];

pub(super) fn prepare(percent: usize) -> Ready {
    let mut random = Random::new(4);
    let expressions: Vec<String> = (0..scaled(EXPRESSIONS, percent))
        .map(|n| {
            let parts = (0..2 + n % 3).map(|_| PARTS[random.below(8) as usize]);
            format!("{}|word{n}", parts.collect::<Vec<_>>().join("|"))
        })
        .collect();
    let words = (0..TEXT_WORDS).map(|_| format!("word{} ", random.below(9_999)));
    let text: String = words.collect();
    Box::new(move || {
        let search = |expression: &String| {
            let regex = Regex::new(expression).expect("it is made of parts that are right");
            regex.find_iter(&text).take(20).map(|found| found.len() as u64).sum::<u64>()
        };
        expressions.iter().map(search).sum()
    })
}
