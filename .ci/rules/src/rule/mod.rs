//! The rules, a file for each.
//!
//! Above: `main.rs`. Below: the workspace's packages and files.
//! Each file has a `check`, and tests that show it an offence.

use crate::workspace::Workspace;
use std::fmt;

pub mod atomics;
pub mod features;
pub mod functions;
pub mod layers;
pub mod names;
pub mod pages;
pub mod pointers;
pub mod published;
pub mod rooms;
pub mod safety;
pub mod size;
pub mod units;
pub mod vocabulary;

/// A place where a rule is broken.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offence {
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    pub rule: &'static str,
    pub what: String,
}

impl Offence {
    /// An offence in the line `at`, counted from 0.
    pub fn new(path: &str, at: usize, rule: &'static str, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: at + 1, rule, what: what.into() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.what)
    }
}

/// Everything that breaks a rule.
pub fn all(workspace: &Workspace) -> Vec<Offence> {
    let mut offences = layers::check(workspace);
    offences.extend(features::check(workspace));
    offences.extend(pages::check(workspace));
    offences.extend(pointers::check(workspace));
    offences.extend(published::check(workspace));
    for file in &workspace.files {
        offences.extend(safety::check(file));
        offences.extend(rooms::check(file));
        offences.extend(size::check(file));
        offences.extend(functions::check(file));
    }
    for file in workspace.library() {
        offences.extend(atomics::check(file));
        offences.extend(names::check(file));
        offences.extend(units::check(file));
        offences.extend(vocabulary::check(file));
    }
    offences
}
