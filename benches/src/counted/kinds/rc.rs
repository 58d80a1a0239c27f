//! std's `Rc`: a list points back by weak pointers; other cycles leak.

use std::cell::RefCell;
use std::rc::{Rc as Pointer, Weak};

values!(Rc: Pointer, RefCell, Weak<Link>, []);

impl Back<Pointer<Link>> for Weak<Link> {
    fn to(pointer: &Pointer<Link>) -> Self {
        Pointer::downgrade(pointer)
    }
    fn get(&self) -> Option<Pointer<Link>> {
        self.upgrade()
    }
}

impl Counted for Rc {
    fn collect() {}
}
