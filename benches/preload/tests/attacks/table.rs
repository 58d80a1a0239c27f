//! What is expected: a file with a line for each attack and a column for each allocator, and the table that is made of it.
//!
//! Above: the tests. Below: text. Not here: how attacks are run.

use super::run::{Attack, Outcome};
use std::fmt::Write;
use std::path::Path;

const BEGIN: &str =
    "<!-- attacks: written by `STRATA_BLESS=1 cargo test -p strata-preload --test attacks` -->\n";
const END: &str = "<!-- attacks: end -->\n";

/// The order of the columns; a column's title may have a version behind its name.
const COLUMNS: [&str; 7] =
    ["default", "hardened", "glibc", "jemalloc", "tcmalloc", "mimalloc", "scudo"];

/// Nothing is known: the allocator was not there yet, or the attack was not.
const UNKNOWN: &str = "-";

pub struct Table {
    titles: [String; COLUMNS.len()],
    lines: Vec<Line>,
}

struct Line {
    attack: Attack,
    outcomes: [Option<Outcome>; COLUMNS.len()],
}

fn column(name: &str) -> usize {
    COLUMNS.iter().position(|column| *column == name).expect("columns are listed")
}

impl Table {
    /// What a file says; nothing, if there is no file.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut rows = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let mut titles = COLUMNS.map(str::to_owned);
        for (title, found) in titles.iter_mut().zip(rows.next().iter().flatten().skip(2)) {
            assert!(found.starts_with(title.as_str()), "{found} where {title} should be");
            *title = (*found).to_owned();
        }
        let lines = rows.map(|row| {
            assert_eq!(row.len(), COLUMNS.len() + 2, "{row:?}");
            let mut outcomes = [None; COLUMNS.len()];
            for (outcome, text) in outcomes.iter_mut().zip(&row[2..]) {
                *outcome = Outcome::from_text(text);
                assert!(outcome.is_some() || *text == UNKNOWN, "{text}");
            }
            Line { attack: Attack { class: row[0].into(), name: row[1].into() }, outcomes }
        });
        Self { titles, lines: lines.collect() }
    }

    /// Lines for these attacks, and for no others.
    pub fn set_attacks(&mut self, attacks: &[Attack]) {
        let old = std::mem::take(&mut self.lines);
        self.lines = attacks
            .iter()
            .map(|attack| {
                let known = old.iter().find(|line| line.attack == *attack);
                let outcomes = known.map_or([None; COLUMNS.len()], |line| line.outcomes);
                Line { attack: attack.clone(), outcomes }
            })
            .collect();
    }

    pub fn outcome(&self, attack: &str, name: &str) -> Option<Outcome> {
        self.lines.iter().find(|line| line.attack.name == attack)?.outcomes[column(name)]
    }

    /// One for each line.
    pub fn set_column(&mut self, name: &str, title: &str, outcomes: &[Outcome]) {
        assert_eq!(outcomes.len(), self.lines.len());
        title.clone_into(&mut self.titles[column(name)]);
        for (line, outcome) in self.lines.iter_mut().zip(outcomes) {
            line.outcomes[column(name)] = Some(*outcome);
        }
    }

    pub fn write(&self, path: &Path) {
        let mut text = format!("class\tname\t{}\n", self.titles.join("\t"));
        for Line { attack, outcomes } in &self.lines {
            let outcomes = outcomes.map(|outcome| outcome.map_or(UNKNOWN, Outcome::text));
            let line = writeln!(text, "{}\t{}\t{}", attack.class, attack.name, outcomes.join("\t"));
            line.expect("strings take all");
        }
        std::fs::write(path, text).expect("the package is writable");
    }

    /// Puts the README's table in its place.
    pub fn write_into(&self, path: &Path) {
        let text = std::fs::read_to_string(path).expect("there is a README");
        let (before, rest) = text.split_once(BEGIN).expect("there is a place for the table");
        let (_, after) = rest.split_once(END).expect("the place has an end");
        let new = format!("{before}{BEGIN}{}{END}{after}", self.markdown());
        std::fs::write(path, new).expect("the package is writable");
    }

    pub fn stands_in(&self, path: &Path) -> bool {
        let text = std::fs::read_to_string(path).expect("there is a README");
        text.contains(&format!("{BEGIN}{}{END}", self.markdown()))
    }

    /// By classes: how many attacks are stopped.
    fn markdown(&self) -> String {
        let mut text = format!("| class | programs | {} |\n", self.titles.join(" | "));
        text.push_str(&"|---".repeat(COLUMNS.len() + 2));
        text.push_str("|\n");
        for lines in self.lines.chunk_by(|a, b| a.attack.class == b.attack.class) {
            push_row(&mut text, &lines[0].attack.class, lines);
        }
        push_row(&mut text, "all", &self.lines);
        text
    }
}

fn push_row(text: &mut String, title: &str, lines: &[Line]) {
    write!(text, "| {title} | {} |", lines.len()).expect("strings take all");
    for at in 0..COLUMNS.len() {
        let known = || lines.iter().filter_map(|line| line.outcomes[at]);
        let stopped = known().filter(|outcome| outcome.is_stopped()).count();
        let absent = known().filter(|outcome| *outcome == Outcome::Absent).count();
        let tried = known().count() - absent;
        let cell = match () {
            () if tried == 0 => " – |".to_owned(),
            () if tried < lines.len() => format!(" {stopped} of {tried} |"),
            () => format!(" {stopped} |"),
        };
        text.push_str(&cell);
    }
    text.push('\n');
}
