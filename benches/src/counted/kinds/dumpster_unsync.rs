//! `dumpster::unsync::Gc`.

use dumpster::unsync::{Gc, collect};
use dumpster::{TraceWith, Visitor};
use std::cell::RefCell;

values!(DumpsterUnsync: Gc, RefCell, Option<Gc<Link>>, []);
accept!(Leaf:; Tree: children; Link: next back; Node: to;);

impl Counted for DumpsterUnsync {
    fn collect() {
        collect();
    }
}
