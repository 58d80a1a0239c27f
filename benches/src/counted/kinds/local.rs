//! `rc_cycle::Cc`.

use alloc_core::gc::Trace;
use rc_cycle::Cc;
use std::cell::RefCell;

values!(Local: Cc, RefCell, Option<Cc<Link>>, [Trace], trace(skip));

impl Counted for Local {
    fn collect() {
        rc_cycle::collect();
    }
}
