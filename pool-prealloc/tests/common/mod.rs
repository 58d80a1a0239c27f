//! What tests share: values that know how many of them live, and that may unwind when they go.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Counts its values, and drops.
#[derive(Clone, Debug, Default)]
pub struct Census {
    living: Rc<Cell<isize>>,
    dropped: Rc<RefCell<Vec<u32>>>,
    fatal: Rc<Cell<Option<u32>>>,
}

impl Census {
    pub fn one(&self, number: u32) -> One {
        self.living.set(self.living.get() + 1);
        One { number, census: self.clone() }
    }

    pub fn living(&self) -> isize {
        self.living.get()
    }

    /// The numbers of those that were dropped since the last call, in order.
    pub fn dropped(&self) -> Vec<u32> {
        self.dropped.take()
    }

    /// The value with this number unwinds when it is dropped, once.
    pub fn unwinds_at(&self, number: u32) {
        self.fatal.set(Some(number));
    }
}

/// A value that is counted.
#[derive(Debug)]
pub struct One {
    pub number: u32,
    census: Census,
}

impl Drop for One {
    fn drop(&mut self) {
        self.census.living.set(self.census.living.get() - 1);
        self.census.dropped.borrow_mut().push(self.number);
        if self.census.fatal.get() == Some(self.number) {
            self.census.fatal.set(None);
            panic!("value {} unwinds, as it was told to", self.number);
        }
    }
}

/// Runs `body`, which has to unwind.
pub fn unwinds(body: impl FnOnce()) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
    assert!(outcome.is_err(), "it did not unwind");
}
