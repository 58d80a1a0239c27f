//! Rule `pages`: every library crate's front page has the same parts in the same order.
//!
//! A crate's README is its front page in rustdoc, too. Chapters of its own may stand between any two of the parts.

use super::Offence;
use crate::workspace::Workspace;

const PARTS: [&str; 5] =
    ["How it works", "What is promised", "Features", "What it costs", "Limits"];

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let libraries = workspace.packages.iter().filter(|package| package.is_library());
    // A derive macro is documented where it is used.
    let libraries = libraries.filter(|package| !package.name.ends_with("-derive"));
    let offence =
        |folder: &str, what| Offence::new(&format!("{folder}/README.md"), 0, "pages", what);
    libraries
        .flat_map(|package| {
            faults(&package.page).into_iter().map(|what| offence(&package.folder, what))
        })
        .collect()
}

fn faults(page: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut is_code = false;
    let mut headings = Vec::new();
    let mut has_example = false;
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            is_code = !is_code;
            has_example |= language.starts_with("rust") && headings.len() < 2;
        }
        if let Some(heading) = line.strip_prefix("## ").filter(|_| !is_code) {
            headings.push(heading);
        }
    }
    if !has_example {
        faults.push("has no example in front".into());
    }
    let mut rest = &headings[..];
    for part in PARTS {
        match rest.iter().position(|heading| *heading == part) {
            Some(place) => rest = &rest[place + 1..],
            None => faults.push(format!("has no `{part}` where it belongs")),
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# a\n```rust\n## b\n```\n## How it works\n## Own\n## What is promised\n## Features\n\
                        ## What it costs\n## Limits\n";

    #[test]
    fn parts_that_are_missing_or_elsewhere_are_caught() {
        assert!(faults(PAGE).is_empty());
        assert_eq!(faults(&PAGE.replace("## Limits", "## Why not")).len(), 1);
        assert_eq!(
            faults(&PAGE.replace("## Features\n", "").replace("## Own", "## Features")).len(),
            1
        );
    }

    #[test]
    fn a_page_without_an_example_is_caught() {
        assert_eq!(faults(&PAGE.replace("```rust", "```text")), ["has no example in front"]);
        assert!(!faults(&PAGE.replace("# a\n", "# a\n## One\n## Two\n")).is_empty());
    }
}
