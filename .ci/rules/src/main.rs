//! The blueprint's rules, as far as a program can check them.
//!
//! Above: `.ci/run`. Below: Cargo's metadata (`workspace.rs`), files as lines of code and comment
//! (`source.rs`, `shape.rs`), and a file for each rule in `rule/`.
//!
//! ```text
//!   rules check      prints FILE:LINE: RULE: OFFENCE for each, and fails if there is one
//!   rules examples   prints PACKAGE EXAMPLE FEATURES for each example of the workspace
//!   rules models     prints PACKAGE TEST for each loom model of the workspace
//!   rules features   prints PACKAGE FEATURE for each feature of those that are published
//!   rules published  prints PACKAGE FOLDER for each that is published
//!   rules api FOLDER prints PACKAGE CRATE PLACE for each crate that a public API names, by the JSON of rustdoc in FOLDER;
//!                    fails if CONTRIBUTING.md's table says otherwise
//! ```

mod public;
mod rule;
mod shape;
mod source;
mod workspace;

use std::process::ExitCode;
use workspace::{Kind, Workspace};

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let workspace = match Workspace::load() {
        Ok(workspace) => workspace,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    match command.as_str() {
        "check" => check(&workspace),
        "examples" => list(&workspace, Kind::Example, ""),
        "models" => list(&workspace, Kind::Test, "loom"),
        "features" => features(&workspace),
        "published" => published(&workspace),
        "api" => api(&workspace),
        _ => {
            eprintln!("usage: rules check | examples | models | features | published | api FOLDER");
            ExitCode::FAILURE
        }
    }
}

fn check(workspace: &Workspace) -> ExitCode {
    let mut offences = rule::all(workspace);
    offences.sort();
    for offence in &offences {
        println!("{offence}");
    }
    println!("{}", rule::size::summary(workspace));
    for long in rule::functions::long(workspace) {
        println!("note: {long}");
    }
    println!("rules: {} files, {} offences", workspace.files.len(), offences.len());
    if offences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the targets of a kind whose names begin with `prefix`.
fn list(workspace: &Workspace, kind: Kind, prefix: &str) -> ExitCode {
    for package in &workspace.packages {
        for target in &package.targets {
            if target.kind == kind && target.name.starts_with(prefix) {
                println!("{} {} {}", package.name, target.name, target.features.join(","));
            }
        }
    }
    ExitCode::SUCCESS
}

/// Prints the features of the packages that are published.
fn features(workspace: &Workspace) -> ExitCode {
    for package in workspace.packages.iter().filter(|package| package.published.is_some()) {
        for (feature, _) in package.features.iter().filter(|(name, _)| name != "default") {
            println!("{} {feature}", package.name);
        }
    }
    ExitCode::SUCCESS
}

/// Prints the packages that are published, and where they are.
fn published(workspace: &Workspace) -> ExitCode {
    for package in workspace.packages.iter().filter(|package| package.published.is_some()) {
        println!("{} {}", package.name, package.folder);
    }
    ExitCode::SUCCESS
}

/// Prints the crates that public APIs name, and compares them with what is meant.
fn api(workspace: &Workspace) -> ExitCode {
    let folder = std::env::args().nth(2).unwrap_or_default();
    match public::check(workspace, folder.as_ref()) {
        Ok((lines, offences)) => {
            lines.iter().for_each(|line| println!("{line}"));
            offences.iter().for_each(|offence| println!("{offence}"));
            if offences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
