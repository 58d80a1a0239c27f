//! The report that `docs/reports.md` explains is what the front page's ten lines print, and each of its lines is explained.
//!
//! Above: nothing. Below: the ten lines, which `build.rs` takes out of the page; both pages. It is a program without the test
//! harness, whose own allocations would be in the report: the stack is the program's allocator.
//! `STRATA_BLESS=1 cargo test -p guide --test reports` writes the report anew; without it figures may differ by a quarter, as
//! the standard library's own allocations change from version to version.

use alloc_core::report::Tree;
use std::fs;
use std::path::Path;

const TOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const OPENS: &str = "```text\n";
const CLOSES: &str = "\n```";

mod ten {
    use super::compare;
    include!(concat!(env!("OUT_DIR"), "/ten_lines.rs"));
}

fn main() {
    ten::main();
    lines_are_explained();
    the_front_page_shows_a_part();
    println!("the report is as docs/reports.md shows it");
}

fn page(path: &str) -> String {
    fs::read_to_string(Path::new(TOP).join(path)).expect("the page is there")
}

/// The first report on a page, from `heading` on.
fn report<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, section) = page.split_once(heading).expect("the heading is there");
    section.split(OPENS).nth(1).and_then(|rest| rest.split(CLOSES).next()).expect("a report")
}

/// A line's name with its indentation, and its figure.
fn parts(line: &str) -> (&str, Option<u64>) {
    let digits = |word: &str| word.replace('_', "").parse().ok();
    match line.trim_end_matches(" B").trim_end_matches(" slots").rsplit_once("  ") {
        Some((name, figure)) if digits(figure).is_some() => (name.trim_end(), digits(figure)),
        _ => (line, None),
    }
}

/// Which classes have spans is the program's and the standard library's matter.
fn is_class(name: &str) -> bool {
    name.strip_suffix(" B").is_some_and(|size| size.trim().bytes().all(|c| c.is_ascii_digit()))
}

fn compare(words: usize, tree: &Tree) {
    assert_eq!(words, 1000);
    let (text, found) = (page("docs/reports.md"), tree.to_string());
    let (shown, found) = (report(&text, "# "), found.trim_end());
    if std::env::var_os("STRATA_BLESS").is_some() {
        let path = Path::new(TOP).join("docs/reports.md");
        fs::write(path, text.replacen(shown, found, 1)).expect("the page is written");
        return;
    }
    let lines = |text| str::lines(text).map(parts).filter(|(name, _)| !is_class(name));
    assert_eq!(lines(shown).count(), lines(found).count(), "a line more or less:\n{found}");
    for ((shown_name, shown), (name, now)) in lines(shown).zip(lines(found)) {
        assert_eq!(shown_name, name, "another line:\n{found}");
        let (Some(shown), Some(now)) = (shown, now) else { continue };
        let is_near = name.ends_with("faults") || shown.abs_diff(now) * 4 <= shown;
        assert!(is_near, "{name} is {now}, and not {shown}:\n{found}");
    }
}

/// Each line of the report stands at the beginning of a row of a table.
fn lines_are_explained() {
    let text = page("docs/reports.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let explained: Vec<&str> = rows.flat_map(|cell| cell.split(", ")).collect();
    let names = report(&text, "# ").lines().map(|line| parts(line).0.trim());
    for name in names.filter(|name| !is_class(name)) {
        let group = name.split(": ").next().unwrap_or(name);
        let is_there = |cell: &&str| *cell == name || cell.strip_suffix(": …") == Some(group);
        let is_heading = text.contains(&format!("\n## {name}\n"));
        let is_in_process = name.ends_with("faults");
        assert!(is_heading || is_in_process || explained.iter().any(is_there), "{name}");
    }
}

/// The lines that the front page shows are some of these, in their order.
fn the_front_page_shows_a_part() {
    let (front, text) = (page("README.md"), page("docs/reports.md"));
    let mut rest = report(&text, "# ").lines();
    let shown = report(&front, "\n## Ten lines\n").lines();
    for line in shown.filter(|line| !line.ends_with('…') && !line.ends_with(" words")) {
        assert!(rest.any(|there| there == line), "not in the report, or not there: {line}");
    }
}
