//! `rc_cycle::sync::Cc`.

use alloc_core::gc::Trace;
use rc_cycle::sync::Cc;
use std::sync::Mutex;

values!(Shared: Cc, Mutex, Option<Cc<Link>>, [Trace], trace(skip));

impl Counted for Shared {
    fn collect() {
        rc_cycle::sync::collect();
    }
}
