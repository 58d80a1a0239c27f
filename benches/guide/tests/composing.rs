//! The nine stacks of the guide: their reports are what `docs/composing.md` shows.
//!
//! Above: nothing. Below: the chapter's code, which `build.rs` takes out of it; the chapter.
//! `STRATA_BLESS=1 cargo test -p guide --test composing -- --test-threads=1` writes the reports anew; without it they are compared.

use alloc_core::report::{Figure, Tree};
use std::fs;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/composing.md");

const OPENS: &str = "```text\n";
const CLOSES: &str = "```";

/// Figures and groups that say something of the machine, or of the moment, and not of the stack.
const LEFT_OUT: &[&str] = &[
    "calls: ",
    "caches lost",
    "clean",
    "committed",
    "dedicated",
    "dirty",
    "discarded in all",
    "flushes",
    "huge pages",
    "idle",
    "mappings",
    "metadata",
    "process",
    "purged in all",
    "reserved",
    "side tables",
    "span records",
    "turns",
];

mod stacks {
    use super::compare;
    include!(concat!(env!("OUT_DIR"), "/stacks.rs"));
}

/// A report stands below the heading `title` in the chapter, without what is 0 or left out.
fn compare(title: &str, tree: &Tree) {
    let report = shortened(tree.clone()).to_string();
    let chapter = fs::read_to_string(PATH).expect("the chapter is there");
    let (before, found, after) = parts(&chapter, title).expect("a report below the heading");
    if std::env::var_os("STRATA_BLESS").is_some() {
        fs::write(PATH, format!("{before}{report}{after}")).expect("the chapter is written");
        return;
    }
    assert!(found == report, "the report of {title:?} is now another one:\n{report}");
}

fn shortened(mut tree: Tree) -> Tree {
    let is_shown = |name: &str| !LEFT_OUT.iter().any(|prefix| name.starts_with(prefix));
    tree.figures.retain(|figure: &Figure| figure.value > 0 && is_shown(&figure.name));
    tree.below.retain(|tree| is_shown(&tree.name));
    tree.below = tree.below.into_iter().map(shortened).collect();
    tree
}

/// What comes before the first report below a heading, the report, and what comes after it.
fn parts<'t>(chapter: &'t str, title: &str) -> Option<(&'t str, &'t str, &'t str)> {
    let heading = chapter.find(&format!("\n## {title}\n"))?;
    let begin = heading + chapter[heading..].find(OPENS)? + OPENS.len();
    let end = begin + chapter[begin..].find(CLOSES)?;
    Some((&chapter[..begin], &chapter[begin..end], &chapter[end..]))
}

/// What a `Text` writes as it comes has the order of a `Tree`, in which figures stand before what is below.
#[test]
fn both_sinks_have_one_order() {
    use alloc_arena::{Arena, Os};
    use alloc_core::{Layer, Layout, Limit, Observe, Reclaiming, report::Text};
    use alloc_sizeclass::{SizeClassHeap, ThreadCache};
    use pool_prealloc::{Budget, Plan, Share};
    let names = |report: &str| -> Vec<String> {
        let name = |line: &str| line.split("  ").find(|part| !part.is_empty()).map(str::to_owned);
        report.lines().filter_map(name).collect()
    };
    let same = |stack: &dyn Layer| {
        let mut text = String::new();
        Text::write(&stack, &mut text).expect("a string takes it");
        assert_eq!(names(&text), names(&Tree::of(&stack).to_string()));
    };
    let heap = SizeClassHeap::<_>::new(Limit::new(1 << 20, Arena::<Os>::new(Os::new())));
    same(&Observe::new(Reclaiming::new(ThreadCache::new(heap))));
    let plan = Plan::new([Share::new(Layout::new::<u64>(), 2), Share::pool::<u64>(2)]);
    same(&Budget::new_in(plan, Arena::<Os>::new(Os::new())).expect("memory"));
}

#[test]
fn a_report_is_found_below_its_heading_alone() {
    let chapter = "\n## a\n```text\none\n```\n## b\n```rust\n```\n```text\ntwo\n```\nend";
    let (before, report, after) = parts(chapter, "b").unwrap();
    assert_eq!((report, after), ("two\n", "```\nend"));
    assert!(before.ends_with("```\n```text\n"));
    assert_eq!(parts(chapter, "c"), None);
}

#[test]
fn what_is_left_out_is_left_out_of_every_layer() {
    use alloc_arena::{Arena, Os};
    use alloc_core::{Limit, Observe, api2::vec::Vec};
    let stack = Observe::new(Limit::new(1 << 20, Arena::<Os>::new(Os::new())));
    let _page = Vec::<u8, _>::with_capacity_in(4096, &stack);
    let tree = shortened(Tree::of(&stack));
    assert_eq!(tree.figure("Arena", "used"), Some(4096));
    assert_eq!((tree.figure("Arena", "reserved"), tree.figure("Limit", "refused")), (None, None));
}
