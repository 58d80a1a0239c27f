//! `rust_cc::Cc`.

use rust_cc::{Cc, Finalize, Trace, collect_cycles};
use std::cell::RefCell;

values!(RustCc: Cc, RefCell, Option<Cc<Link>>, [Trace, Finalize], rust_cc(ignore));

impl Counted for RustCc {
    fn collect() {
        collect_cycles();
    }
}
