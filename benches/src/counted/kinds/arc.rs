//! std's `Arc`: a list points back by weak pointers; other cycles leak.

use std::sync::Mutex;
use std::sync::{Arc as Pointer, Weak};

values!(Arc: Pointer, Mutex, Weak<Link>, []);

impl Back<Pointer<Link>> for Weak<Link> {
    fn to(pointer: &Pointer<Link>) -> Self {
        Pointer::downgrade(pointer)
    }
    fn get(&self) -> Option<Pointer<Link>> {
        self.upgrade()
    }
}

impl Counted for Arc {
    fn collect() {}
}
