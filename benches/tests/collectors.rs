//! The programs of `collectors`: every system gives the same answer, and says what it did.

use benches::collectors::clock::Clock;
use benches::collectors::outside::Install;
use benches::collectors::{ALL, Contestant, Scale, Workload, child, contestants, find};
use std::time::Duration;

const SMALL: Scale = Scale(1);

/// For collectors that mark by recursion.
const STACK_BYTES: usize = 1 << 30;

/// A program's answer on a system, and what was timed.
fn run(workload: &'static Workload, who: &'static Contestant) -> (u64, Clock) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let program = move || {
        let mut clock = Clock::default();
        ((workload.run)(who, SMALL, &mut clock), clock)
    };
    let thread = thread.spawn(program).expect("a thread can be started");
    thread.join().unwrap_or_else(|_| panic!("{} on {}", workload.name, who.name))
}

#[test]
fn every_system_answers_alike() {
    for workload in ALL {
        let fits: Vec<_> = contestants::ALL
            .iter()
            // bdwgc wants a process of its own: the command runs it. Other languages have one: see below.
            .filter(|who| who.fits(workload, SMALL) && who.name != "bdwgc")
            .filter(|who| who.outside.is_none())
            .collect();
        assert!(fits.len() > 5, "{}", workload.name);
        let (first, _) = run(workload, fits[0]);
        assert_ne!(first, 0);
        for who in fits {
            let (other, clock) = run(workload, who);
            assert_eq!(other, first, "{} on {}", workload.name, who.name);
            let own = clock.own;
            let never = who.name == "no-collection";
            let is_ours =
                ["marksweep", "generational"].iter().any(|ours| who.name.starts_with(ours));
            assert_eq!(own.is_some(), is_ours || never);
            if never {
                assert_eq!(own.map(|own| own.cycles), Some(0), "the baseline never collects");
            }
        }
    }
}

#[test]
fn other_languages_answer_as_the_others() {
    for who in contestants::ALL {
        let Some(outside) = who.outside else { continue };
        if outside.language.build(Install::Never) {
            ALL.iter().for_each(|workload| check_outside(workload, who));
        } else {
            eprintln!("NOT TESTED: {} is not here; `benches collectors` brings it", who.name);
        }
    }
}

fn check_outside(workload: &'static Workload, who: &'static Contestant) {
    let other = contestants::find("free-mimalloc").expect("it is there");
    let outcome = child::run(workload, who, SMALL, Duration::from_secs(60))
        .unwrap_or_else(|why| panic!("{} on {}: {why}", workload.name, who.name));
    let (answer, clock) = run(workload, other);
    assert_eq!(outcome.answer, answer, "{} on {}", workload.name, who.name);
    assert_eq!(outcome.steps.steps(), clock.steps.steps(), "{} on {}", workload.name, who.name);
    assert_eq!(outcome.steps.counts.len(), clock.steps.counts.len());
    assert!(outcome.wall_ns > 0 && outcome.peak_bytes > 0);
    let own = outcome.own.expect("it says what its collector did");
    // Young objects are no cycle of OCaml's and Java's, so that a program as small as this has few, or none.
    let collects = workload.name == "binary-trees" && who.name == "go";
    assert!(own.cycles > 3 || !collects, "{}: {}", who.name, own.cycles);
}

#[test]
fn a_collector_collects() {
    let trees = find("binary-trees").expect("it is there");
    for name in ["marksweep", "marksweep-inc", "marksweep-bg"] {
        let (_, clock) = run(trees, contestants::find(name).expect("it is there"));
        assert!(clock.own.is_some_and(|own| own.cycles > 3 && own.longest_ns > 0), "{name}");
    }
}
