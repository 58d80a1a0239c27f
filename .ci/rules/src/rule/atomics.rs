//! Rule `atomics`: only `alloc_core::sync` names loom or core's atomics, and an order that is not
//! relaxed says why.

use super::Offence;
use crate::shape::functions;
use crate::source::Source;

const SHIM: &str = "alloc-core/src/sync/";
const NAMES: [&str; 4] = ["sync::atomic", "loom::", "use loom", "extern crate loom"];
const ORDERS: [&str; 4] =
    ["Ordering::Acquire", "Ordering::Release", "Ordering::AcqRel", "Ordering::SeqCst"];

pub fn check(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    if !source.path.starts_with(SHIM) {
        for (at, line) in source.lines.iter().enumerate() {
            if let Some(name) = NAMES.iter().find(|name| line.code.contains(*name)) {
                let what = format!("`{name}` outside {SHIM}: use alloc_core::sync");
                offences.push(Offence::new(&source.path, at, "atomics", what));
            }
        }
    }
    offences.extend(silent_orders(source));
    offences
}

/// Orders without a comment `ORDERING:` above them in their function.
fn silent_orders(source: &Source) -> Vec<Offence> {
    let functions = functions(source);
    let mut offences = Vec::new();
    for (at, line) in source.lines.iter().enumerate() {
        let Some(order) = ORDERS.iter().find(|order| line.code.contains(*order)) else { continue };
        let inner = functions.iter().rfind(|f| f.first_line <= at && at <= f.last_line);
        // A comment on the function itself counts too.
        let first = inner.map_or(at, |f| f.first_line).saturating_sub(4);
        if !source.lines[first..=at].iter().any(|line| line.comment.contains("ORDERING:")) {
            let what = format!("{order} without an ORDERING comment that names its partner");
            offences.push(Offence::new(&source.path, at, "atomics", what));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(path: &str, text: &str) -> Vec<usize> {
        check(&Source::new(path, text)).into_iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn atomics_outside_the_shim_are_caught() {
        let text = "use core::sync::atomic::AtomicU8;\nuse loom::thread;\n// loom::thread\n";
        assert_eq!(offences("alloc-arena/src/a.rs", text), [1, 2]);
        assert_eq!(offences("alloc-core/src/sync/mod.rs", text), [0; 0]);
    }

    #[test]
    fn an_order_without_a_word_is_caught() {
        let bad = "fn a() {\n    b.load(Ordering::Acquire);\n}\n";
        let good = "fn a() {\n    // ORDERING: meets c.\n    b.load(Ordering::Acquire);\n}\n";
        let relaxed = "fn a() {\n    b.load(Ordering::Relaxed);\n}\n";
        assert_eq!(offences("alloc-arena/src/a.rs", bad), [2]);
        assert_eq!(offences("alloc-arena/src/a.rs", good), [0; 0]);
        assert_eq!(offences("alloc-arena/src/a.rs", relaxed), [0; 0]);
    }
}
