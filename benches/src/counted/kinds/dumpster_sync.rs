//! `dumpster::sync::Gc`.

use dumpster::sync::{Gc, collect};
use dumpster::{TraceWith, Visitor};
use std::sync::Mutex;

values!(DumpsterSync: Gc, Mutex, Option<Gc<Link>>, []);
accept!(Leaf:; Tree: children; Link: next back; Node: to;);

impl Counted for DumpsterSync {
    fn collect() {
        collect();
    }
}
