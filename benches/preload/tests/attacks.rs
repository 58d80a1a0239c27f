//! Attacks: programs that make one mistake each, as an attacker would have them make it, and prove its effect.
//!
//! `programs/attacks/attacks.def` lists them, `attacks.tsv` says what becomes of each on each allocator. Three facts are
//! tested: that every attack shows its effect on an allocator that falls for everything (`naive.c`); that the presets stop what
//! `attacks.tsv` says, no more and no less; that the README's table is made of it.
//!
//! An attack is *stopped* by a diagnosis and an abort, by a fault at the mistake itself, or by an answer that makes it void. It is
//! not stopped when it shows its effect, nor when the allocator falls over later.
//!
//! `STRATA_BLESS=1` writes `attacks.tsv` and the table anew, with glibc and those peers that are installed; it refuses to if
//! a preset stops less than before, unless `STRATA_BLESS` is `weaker`.

mod attacks {
    pub mod run;
    pub mod table;
}
mod common;

use attacks::run::{Allocator, attacks, outcomes, peers, worst_outcomes};
use attacks::table::Table;
use std::path::PathBuf;

const PRESETS: [&str; 2] = ["default", "hardened"];

fn expectations() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/attacks.tsv").into()
}

fn readme() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/README.md").into()
}

/// What `STRATA_BLESS` says, if it says anything.
fn bless() -> Option<String> {
    std::env::var("STRATA_BLESS").ok().filter(|value| !value.is_empty() && value != "0")
}

/// The presets that the library has.
fn presets() -> Vec<Allocator> {
    let all = PRESETS.iter().filter_map(|preset| Allocator::preset(preset));
    let presets: Vec<_> = all.collect();
    for missing in PRESETS.iter().filter(|name| presets.iter().all(|p| p.column() != **name)) {
        println!("SKIPPED: the library does not have the preset `{missing}`");
    }
    presets
}

#[test]
fn every_attack_shows_its_effect() {
    let mut unproved = attacks();
    for kind in ["", "near", "hides", "merges"] {
        let outcomes = outcomes(&Allocator::naive(kind), &unproved);
        let rest = unproved.into_iter().zip(outcomes).filter(|(_, o)| !o.went_through());
        unproved = rest.map(|(attack, _)| attack).collect();
    }
    // Where the system does not randomise addresses, nobody can say anything about guesses.
    unproved.retain(|attack| attack.class != "guessable address" || attacks::run::is_randomised());
    assert!(unproved.is_empty(), "these attacks prove nothing: {unproved:?}");
}

#[test]
fn presets_stop_what_they_are_said_to_stop() {
    let attacks = attacks();
    let mut table = Table::read(&expectations());
    let (mut wrong, mut weaker) = (Vec::new(), Vec::new());
    table.set_attacks(&attacks);
    for preset in presets() {
        let outcomes = outcomes(&preset, &attacks);
        for (attack, outcome) in attacks.iter().zip(&outcomes) {
            let expected = table.outcome(&attack.name, preset.column());
            if expected.is_some_and(|expected| expected.agrees(*outcome)) {
                continue;
            }
            let expected_text = expected.map_or("nothing", |expected| expected.text());
            let line = format!(
                "{}: {}: {expected_text} expected, {} found",
                preset.column(),
                attack.name,
                outcome.text()
            );
            if expected.is_some_and(|expected| expected.is_stopped()) && !outcome.is_stopped() {
                weaker.push(line.clone());
            }
            wrong.push(line);
        }
        table.set_column(preset.column(), preset.column(), &outcomes);
    }
    let Some(bless) = bless() else {
        assert!(
            wrong.is_empty(),
            "attacks.tsv is out of date (STRATA_BLESS=1):\n{}",
            wrong.join("\n")
        );
        return;
    };
    println!("{}", wrong.join("\n"));
    assert!(
        weaker.is_empty() || bless == "weaker",
        "less is stopped than before (STRATA_BLESS=weaker writes it nevertheless):\n{}",
        weaker.join("\n")
    );
    for peer in peers() {
        table.set_column(peer.column(), &peer.version(), &worst_outcomes(&peer, &attacks));
    }
    table.write(&expectations());
    table.write_into(&readme());
}

#[test]
fn the_table_in_the_readme_is_that_of_the_expectations() {
    if bless().is_some() {
        // The test above is at work on both.
        return;
    }
    let table = Table::read(&expectations());
    assert!(
        table.stands_in(&readme()),
        "README.md is out of date: run this test with STRATA_BLESS=1"
    );
}
