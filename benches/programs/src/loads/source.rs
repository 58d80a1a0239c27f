//! syn: source files become syntax trees.
//!
//! The files are the workspace's own, as they are: a few hundred, of all sizes. So figures are comparable
//! within a run alone.

use super::{Ready, scaled};
use std::path::Path;

const TIMES: usize = 30;

pub(super) fn prepare(percent: usize) -> Ready {
    let mut files = Vec::new();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for package in ["alloc-core", "alloc-arena", "alloc-sizeclass", "gc-marksweep", "benches"] {
        collect(&workspace.join(package).join("src"), &mut files);
    }
    assert!(!files.is_empty(), "the sources are where this was built");
    Box::new(move || {
        let mut kept = Vec::new();
        let mut items = 0;
        for _ in 0..scaled(TIMES, percent) {
            let parsed = files.iter().filter_map(|text| syn::parse_file(text).ok());
            let trees: Vec<syn::File> = parsed.collect();
            items += trees.iter().map(|file| file.items.len() as u64).sum::<u64>();
            kept = trees;
        }
        items + kept.len() as u64
    })
}

/// The texts of all Rust files in a folder, and in those within it, in the order of their names.
fn collect(folder: &Path, into: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            into.extend(std::fs::read_to_string(path));
        }
    }
}
