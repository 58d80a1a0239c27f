//! `bacon_rajan_cc::Cc`, which has no derive macro, and collects when it is told to.

use bacon_rajan_cc::{Cc, Trace, Tracer, collect_cycles, number_of_roots_buffered};
use std::cell::RefCell;

values!(BaconRajan: Cc, RefCell, Option<Cc<Link>>, []);

/// Candidates from which on its user collects.
const MANY: usize = 100_000;

impl Counted for BaconRajan {
    fn tend() {
        if number_of_roots_buffered() >= MANY {
            collect_cycles();
        }
    }
    fn collect() {
        collect_cycles();
    }
}

impl Trace for Leaf {
    fn trace(&self, _: &mut Tracer<'_>) {}
}

impl Trace for Tree {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.children.iter().flatten().for_each(|child| child.trace(tracer));
    }
}

impl Trace for Link {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.next.trace(tracer);
        self.back.trace(tracer);
    }
}

impl Trace for Node {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.to.borrow().iter().for_each(|to| to.trace(tracer));
    }
}
