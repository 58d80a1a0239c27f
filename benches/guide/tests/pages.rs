//! What the guide points at is there: pages, headings, packages, examples, features.
//!
//! Above: nothing. Below: the guide's pages, and the front page.

use std::fs;
use std::path::{Path, PathBuf};

const TOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The pages, with their text.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir(Path::new(TOP).join("docs")).expect("the guide is there");
    let docs = docs.map(|entry| entry.expect("an entry").path());
    let docs = docs.filter(|path| path.extension().is_some_and(|it| it == "md"));
    let pages: Vec<_> = docs.chain([Path::new(TOP).join("README.md")]).collect();
    assert!(pages.len() >= 9, "{pages:?}");
    pages
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).expect("a text")))
        .collect()
}

/// A heading's anchor, as on GitHub.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(kept)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn links_lead_somewhere() {
    let mut links = 0;
    for (path, text) in pages() {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") || target.contains(['<', ' ', '\n']) {
                continue;
            }
            links += 1;
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let folder = path.parent().expect("a folder");
            let file = if file.is_empty() { path.clone() } else { folder.join(file) };
            assert!(file.exists(), "{}: {target} is not there", path.display());
            if !heading.is_empty() {
                let text = fs::read_to_string(&file).expect("a text");
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let has =
                    headings.map(|line| anchor(line.trim_start_matches('#'))).any(|a| a == heading);
                assert!(has, "{}: {target}: no such heading", path.display());
            }
        }
    }
    assert!(links > 40, "{links} links");
}

#[test]
fn commands_name_what_is_there() {
    let workspace = fs::read_to_string(Path::new(TOP).join("Cargo.toml")).expect("the workspace");
    let members: Vec<&str> = workspace
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next())
        .collect();
    let manifests: Vec<(PathBuf, String)> = members
        .iter()
        .map(|member| Path::new(TOP).join(member))
        .filter_map(|folder| {
            Some((folder.clone(), fs::read_to_string(folder.join("Cargo.toml")).ok()?))
        })
        .collect();
    let mut commands = 0;
    for (path, text) in pages() {
        // A command stands on a line of its own, or in backticks.
        for command in
            text.split(['\n', '`']).filter(|part| part.contains("cargo ") && part.contains("-p "))
        {
            let words: Vec<&str> = command.split_whitespace().collect();
            let after = |flag: &str| {
                words.iter().position(|word| *word == flag).and_then(|at| words.get(at + 1))
            };
            let Some(package) =
                after("-p").filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
            else {
                continue;
            };
            commands += 1;
            let named = format!("name = \"{package}\"");
            let Some((folder, manifest)) = manifests.iter().find(|(_, text)| text.contains(&named))
            else {
                panic!("{}: no package is called {package}: {command}", path.display());
            };
            if let Some(example) = after("--example") {
                let examples = folder.join("examples");
                let is_there = examples.join(format!("{example}.rs")).exists()
                    || examples.join(example).exists();
                assert!(is_there, "{}: no example {example} in {package}", path.display());
            }
            if let Some(features) = after("--features") {
                let known = |feature: &str| manifest.contains(&format!("\n{feature} = "));
                assert!(
                    features.split(',').all(known),
                    "{}: {command}: no such feature",
                    path.display()
                );
            }
        }
    }
    assert!(commands > 15, "{commands} commands");
}
