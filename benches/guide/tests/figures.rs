//! Every figure of the guide, and of the crates' pages, is one that a command or another page has.
//!
//! Above: nothing. Below: the guide's pages, the bounds of instructions, the pages that tables were taken from.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

const TOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn page(path: &str) -> String {
    fs::read_to_string(Path::new(TOP).join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// The cells of a table's row.
fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

#[test]
fn instructions_are_the_bounds() {
    let bounds = page("benches/instructions/bounds.txt");
    let bounds: HashMap<&str, &str> = bounds
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(k, v)| (k, v.trim()))
        .collect();
    let crates = [
        "alloc-arena",
        "alloc-sizeclass",
        "gc-marksweep",
        "gc-generational",
        "rc-cycle",
        "pool-prealloc",
    ];
    let pages = crates.map(|name| format!("{name}/README.md"));
    let mut all = 0;
    for path in pages.iter().map(String::as_str).chain(["docs/choosing.md"]) {
        let text = page(path);
        let (_, table) = text.split_once("| what | path | instructions |").expect(path);
        let rows: Vec<_> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
        assert!(rows.len() > 1, "{path}: the table has {} rows", rows.len());
        for row in &rows {
            let [what, path, figure] = cells(row)[..] else { panic!("three cells: {row}") };
            let bound = bounds.get(path.trim_matches('`'));
            assert_eq!(bound, Some(&figure), "{what}: see benches/instructions/bounds.txt");
        }
        all += rows.len();
    }
    assert!(all > 28, "{all} rows");
}

#[test]
fn rows_are_those_of_the_pages_they_were_taken_from() {
    let sources = [
        "README.md",
        "benches/README.md",
        "benches/programs/README.md",
        "benches/scaling/README.md",
    ];
    let sources = sources.map(page);
    let chapter = page("docs/figures.md");
    let rows: Vec<_> = chapter.lines().filter(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 80, "the chapter has {} rows", rows.len());
    for row in rows {
        let is_there = |source: &String| source.lines().any(|line| line == row);
        assert!(sources.iter().any(is_there), "no page has this row any more:\n{row}");
    }
    // What the last part says in words stands in the tables above it.
    let (tables, behind) = chapter.split_once("## Behind").expect("the last part");
    // Sizes in the sentences are whole numbers below a hundred.
    let is_figure = |word: &&str| word.parse::<f64>().is_ok_and(|f| word.contains('.') || f > 99.0);
    let words = behind.split([' ', ',', '\n']).map(|word| word.trim_end_matches('.'));
    let figures: Vec<&str> = words.filter(is_figure).collect();
    assert!(figures.len() > 9, "{figures:?}");
    for figure in figures {
        assert!(tables.split([' ', '*']).any(|cell| cell == figure), "{figure} is in no table");
    }
}

/// The front page has the default stack's time on the system's, its source the system's on the default stack's.
#[test]
fn whole_programs_are_the_presets_table_the_other_way_round() {
    let presets = page("benches/preload/README.md");
    let (_, table) = presets.split_once("| program | default ms |").expect("the table of presets");
    let mean = table.lines().find(|line| line.starts_with("| geometric mean ")).expect("its mean");
    let system: f64 = cells(mean).last().expect("the system's").parse().expect("a ratio");
    let front = page("README.md");
    let row = front.lines().find(|line| line.starts_with("| eight recorded programs themselves"));
    let strata: f64 = cells(row.expect("a row"))[1].trim_matches('*').parse().expect("a ratio");
    assert_eq!(format!("{strata:.2}"), format!("{:.2}", 1.0 / system));
}
