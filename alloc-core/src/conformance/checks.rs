//! What a session checks: each answer of the allocator, and its state after each step.
//!
//! Above: `session`. Below: `model`. The checks of an answer stand in the order in which they make
//! the next one safe: an address is checked before it is written to.

use super::failure::{Found, Promise, promised};
use super::model::{Allocation, Name, Random, Shown};
use super::session::Session;
use crate::Layout;
use core::ptr::NonNull;

/// More live allocations than this are not looked at after each step, only at the end.
const LOOKED_AT: usize = 64;

impl Session<'_> {
    /// Checks what was handed out, as far as addresses tell, and gives it a name.
    pub fn admit(&mut self, slice: NonNull<[u8]>, layout: Layout) -> Result<Allocation, Found> {
        let (ptr, len) = (slice.cast::<u8>(), slice.len());
        let address = ptr.addr().get();
        promised(address.is_multiple_of(layout.align()), Promise::Aligned, || {
            format!("{address:#x} was handed out for alignment {}", layout.align())
        })?;
        promised(len >= layout.size(), Promise::LargeEnough, || {
            format!("{len} bytes were handed out for {}", layout.size())
        })?;
        if let Some(end) = len.checked_sub(1) {
            let end = address.checked_add(end);
            promised(end.is_some(), Promise::LargeEnough, || "the slice wraps around".into())?;
        }
        let new = Allocation { ptr, len, layout, id: self.next_id };
        self.next_id += 1;
        self.admit_as_layer(&new)?;
        promised(len == 0 || !self.subject.contains(address), Promise::Moves, || {
            "the memory lies inside the allocator's own value, and would move with it".into()
        })?;
        self.taken.insert(&new).map_err(|other| Found {
            promise: Promise::NoOverlap,
            what: format!("{} overlaps {other}, which is live", Name(new.id)),
        })?;
        self.served += usize::from(layout.size() > 0);
        Ok(new)
    }

    /// Rules L1, L3, L2 and L4 of layers.
    fn admit_as_layer(&self, new: &Allocation) -> Result<(), Found> {
        let Some(layer) = self.subject.layer() else { return Ok(()) };
        let Allocation { ptr, len, layout, .. } = *new;
        let usable = layer.usable_size(layout);
        if layout.size() == 0 {
            return promised(len == 0 && usable == 0, Promise::ZeroSize, || {
                format!("{len} bytes were handed out for 0; the usable size is {usable}")
            });
        }
        promised(len == usable, Promise::UsableSize, || {
            format!("{len} bytes were handed out; usable_size({}) is {usable}", Shown(layout))
        })?;
        for permille in [1, 250, 500, 999, 1000] {
            let fitting = new.fitting(permille);
            let agrees = layer.usable_size(fitting);
            promised(agrees == usable, Promise::SizesAgree, || {
                let (asked, fits) = (Shown(layout), Shown(fitting));
                format!("usable_size({asked}) is {usable}, usable_size({fits}) is {agrees}")
            })?;
        }
        for at in [0, len / 2, len - 1] {
            // SAFETY: `at < len`, and the slice does not wrap around (`admit`).
            let inside = unsafe { ptr.add(at) };
            promised(layer.owns(inside), Promise::Owns, || {
                format!("owns denies byte {at} of {}, which is live", Name(new.id))
            })?;
        }
        Ok(())
    }

    /// A refusal has to be one that the rules allow.
    pub fn refused(&self, layout: Layout) -> Result<(), Found> {
        let what = || format!("{} was refused", Shown(layout));
        promised(layout.size() > 0, Promise::ZeroSize, what)?;
        promised(self.rules.may_run_out, Promise::Serves, || {
            format!(
                "{} was refused; {} B of {} are in use",
                Shown(layout),
                self.spent_bytes,
                self.rules.max_bytes
            )
        })
    }

    pub fn freeze(&mut self) {
        if let Some(layer) = self.subject.layer() {
            self.steps.push("freeze, thaw".into());
            layer.freeze();
            // SAFETY: this thread called `freeze` in the line before.
            unsafe { layer.thaw() };
        }
    }

    pub fn report(&mut self) -> Result<(), Found> {
        let Some(layer) = self.subject.layer() else { return Ok(()) };
        self.steps.push("report".into());
        let mut nesting = Nesting::default();
        layer.report(&mut crate::Report::new(&mut nesting));
        promised(nesting.depth == 0 && nesting.layers > 0, Promise::Report, || {
            format!("{} layers were opened, {} are still open", nesting.layers, nesting.depth)
        })
    }

    pub fn after_step(&mut self) -> Result<(), Found> {
        self.verify()?;
        if self.live.len() > LOOKED_AT {
            return Ok(());
        }
        self.live.iter().try_for_each(Allocation::check_quickly)
    }

    pub fn check_all(&self, promise: Promise) -> Result<(), Found> {
        self.live.iter().try_for_each(|one| one.check(one.len, promise))
    }

    pub fn verify(&mut self) -> Result<(), Found> {
        let Some(layer) = self.subject.layer() else { return Ok(()) };
        let verdict = layer.verify();
        let range = layer.range();
        let what = || verdict.map_or_else(|broken| broken.to_string(), |()| String::new());
        promised(verdict.is_ok(), Promise::Verify, what)?;
        promised(self.range.is_none() || self.range == range, Promise::Range, || {
            format!("it was {:x?} and is now {range:x?}", self.range)
        })?;
        self.range = range;
        Ok(())
    }

    /// Frees everything that is live, in an order that is not the order of allocation (unless it
    /// has to be), and checks that nothing stays behind.
    pub fn finish(&mut self) -> Result<(), Found> {
        self.check_all(Promise::Contents)?;
        self.subject.drop_all_but_clone();
        let silent = self.steps.len();
        let mut random = Random::new(self.turn as u64);
        while !self.live.is_empty() {
            let any = random.below(self.live.len());
            let at = if self.rules.lifo { self.live.len() - 1 } else { any };
            self.deallocate(at, (random.below(3) * 500) as u16, false)?;
            self.after_step()?;
            self.steps.truncate(silent);
        }
        self.steps.push("deallocate everything".into());
        self.verify()?;
        self.check_balance()?;
        self.reclaim(usize::MAX);
        self.verify()
    }

    fn check_balance(&self) -> Result<(), Found> {
        let now = self.subject.balance();
        promised(now == self.balance, Promise::NothingLost, || {
            format!("the account was {:?} at first and is {now:?} now", self.balance)
        })
    }
}

/// A sink that only counts.
#[derive(Default)]
struct Nesting {
    depth: isize,
    layers: usize,
}

impl crate::report::Sink for Nesting {
    fn enter(&mut self, _: &str) {
        self.depth += 1;
        self.layers += 1;
    }
    fn figure(&mut self, _: &str, _: u64, _: crate::Unit) {}
    fn leave(&mut self) {
        self.depth -= 1;
    }
}
