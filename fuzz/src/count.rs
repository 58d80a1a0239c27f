//! Values that are counted, so that one that is lost, or dropped twice, is seen.
//!
//! Above: the targets of what holds values. Below: nothing here.

use std::cell::Cell;
use std::rc::Rc;

/// Counts the values that it made and that are there.
#[derive(Clone, Default)]
pub struct Census(Rc<Cell<usize>>);

impl Census {
    /// A value with a number.
    pub fn one(&self, number: u32) -> One {
        self.0.set(self.0.get() + 1);
        One { number, mirror: !number, census: self.clone() }
    }

    pub fn living(&self) -> usize {
        self.0.get()
    }
}

/// A value: a number twice, so that one which was written over is seen.
pub struct One {
    number: u32,
    mirror: u32,
    census: Census,
}

impl One {
    pub fn number(&self) -> u32 {
        assert_eq!(self.number, !self.mirror, "contents were lost");
        self.number
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.number();
        let living = self.census.living().checked_sub(1).expect("a value is dropped twice");
        self.census.0.set(living);
    }
}
