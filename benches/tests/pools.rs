//! The programs of `pools`: what every pool is given comes out again.

use benches::pools::{Contestant, contestants, programs};

#[test]
fn every_pool_gives_back_what_it_was_given() {
    for (at, program) in programs::ALL.iter().enumerate() {
        let takes_part = |who: &&Contestant| who.runs[at].is_some();
        assert!(contestants::ALL.iter().filter(takes_part).count() > 5, "{}", program.name);
        for who in contestants::ALL {
            let Some(run) = who.runs[at] else { continue };
            for steps in [1, 3, 1000] {
                let sum = run(steps).sum;
                assert_eq!(sum, program.expected_sum(steps), "{} on {}", program.name, who.name);
            }
        }
    }
}

#[test]
fn names_are_found() {
    for who in contestants::ALL {
        assert_eq!(contestants::find(who.name).map(|found| found.about), Some(who.about));
    }
    assert!(contestants::find("nobody").is_none());
}
