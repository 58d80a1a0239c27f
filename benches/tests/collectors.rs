//! The programs of `collectors`: every system gives the same answer, and says what it did.

use benches::collectors::clock::Clock;
use benches::collectors::{ALL, Contestant, Scale, Workload, child, contestants, find, go};
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
            // bdwgc wants a process of its own: the command runs it. Go has one: see below.
            .filter(|who| who.fits(workload, SMALL) && who.name != "bdwgc")
            .filter(|who| who.program.is_none())
            .collect();
        assert!(fits.len() > 5, "{}", workload.name);
        let (first, _) = run(workload, fits[0]);
        assert_ne!(first, 0);
        for who in fits {
            let (other, clock) = run(workload, who);
            assert_eq!(other, first, "{} on {}", workload.name, who.name);
            let own = clock.own;
            assert_eq!(own.is_some(), who.name.starts_with("marksweep") || who.keeps_all);
            if who.keeps_all {
                assert_eq!(own.map(|own| own.cycles), Some(0), "the baseline never collects");
            }
        }
    }
}

#[test]
fn go_answers_as_the_others() {
    if !go::build(go::Install::Never) {
        return eprintln!("NOT TESTED: there is no Go here; `benches collectors` brings it");
    }
    let go = contestants::find("go").expect("it is there");
    let other = contestants::find("free-mimalloc").expect("it is there");
    for workload in ALL {
        let outcome = child::run(workload, go, SMALL, Duration::from_secs(60))
            .unwrap_or_else(|why| panic!("{}: {why}", workload.name));
        let (answer, clock) = run(workload, other);
        assert_eq!(outcome.answer, answer, "{}", workload.name);
        assert_eq!(outcome.steps.steps(), clock.steps.steps(), "{}", workload.name);
        assert_eq!(outcome.steps.counts.len(), clock.steps.counts.len());
        assert!(outcome.wall_ns > 0 && outcome.cpu_ns > 0 && outcome.peak_bytes > 0);
        let own = outcome.own.expect("Go says what its collector did");
        assert!(own.cycles > 3 || workload.name != "binary-trees", "{}", own.cycles);
    }
}

#[test]
fn a_collector_collects() {
    let trees = find("binary-trees").expect("it is there");
    for name in ["marksweep", "marksweep-inc", "marksweep-bg"] {
        let (_, clock) = run(trees, contestants::find(name).expect("it is there"));
        assert!(clock.own.is_some_and(|own| own.cycles > 3 && own.longest_ns > 0), "{name}");
    }
}
