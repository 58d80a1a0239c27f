//! Models of the table of frames' rules (`src/watch/rules.rs`): threads read places that others write. Part of `loom.rs`.

#[allow(dead_code)]
#[path = "../../src/watch/rules.rs"]
mod rules;

use loom::sync::Arc;
use loom::thread;
use rules::{Pair, Rule, Site};

/// Two that differ in both words, and one that differs from either in one.
const SITES: [Site; 3] = [
    Site { address: 0x1000, object: 1 },
    Site { address: 0x2000, object: 2 },
    Site { address: 0x1000, object: 2 },
];

fn rule_of(site: Site) -> Rule {
    Rule::new(Rule::BY_SP, site.address as u64 >> 8 | site.object, 1).unwrap()
}

fn look(pair: &Pair, site: Site) {
    if let Some(rule) = pair.get(site) {
        assert_eq!(rule, rule_of(site), "the rule of another site");
    }
}

fn set(pair: &Pair, site: Site) {
    pair.set(site, rule_of(site));
}

/// Both places are taken, so that the second one is written again.
fn full() -> Arc<Pair> {
    let pair = Arc::new(Pair::new());
    set(&pair, Site { address: 1, object: 1 });
    set(&pair, SITES[0]);
    pair
}

/// U2: whoever reads while another one writes finds a whole entry, or none.
///
/// weakened: no fence before the second look → caught
/// weakened: no fence behind a writing's begin → caught
/// weakened: the end of a writing Relaxed → caught
/// weakened: the first look Relaxed → caught
/// weakened: no second look → caught
/// weakened: odd states are believed → caught
#[test]
fn rules_u2_reader_beside_writer() {
    loom::model(|| {
        let pair = full();
        let writer = {
            let pair = Arc::clone(&pair);
            thread::spawn(move || set(&pair, SITES[1]))
        };
        for site in SITES {
            look(&pair, site);
        }
        writer.join().unwrap();
        assert_eq!(pair.get(SITES[1]), Some(rule_of(SITES[1])));
    });
}

/// U1: of two that write, one writes.
///
/// weakened: the exchange is a store → caught
/// weakened: a place that is being written can be begun anew → caught
/// weakened: the exchange Relaxed → caught
#[test]
fn rules_u1_two_writers() {
    loom::model(|| {
        let pair = full();
        let writers = [SITES[1], SITES[2]].map(|site| {
            let pair = Arc::clone(&pair);
            thread::spawn(move || {
                set(&pair, site);
                look(&pair, site);
            })
        });
        for writer in writers {
            writer.join().unwrap();
        }
        for site in SITES {
            look(&pair, site);
        }
        let kept = SITES.iter().filter(|site| pair.get(**site).is_some()).count();
        assert_eq!(kept, 1, "the place is lost");
    });
}
