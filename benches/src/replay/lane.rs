//! What one thread of a replay does.
//!
//! Above: `Stage` in `mod.rs`. Below: `contents`, `heap`.
//!
//! Owners: a lane's words are stored by its own thread alone. Between threads:
//!
//! * **O1** `published`: its thread adds one after the event that another thread waits for.
//! * **O2** `epoch`: its thread stores the epoch of its next events, after all events before.

use super::outcome::{Fault, name};
use super::watch::Watch;
use super::{Stage, contents};
use crate::heap::Heap;
use crate::program::Step;
use alloc_core::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, wait_a_moment};
use std::alloc::Layout;
use std::ptr;

/// What other threads read of a thread; a cache line and its neighbour of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Lane {
    published: AtomicU32,
    /// The epoch of its next events; `u32::MAX` when there are none left.
    epoch: AtomicU32,
    /// Bytes that it allocated less bytes that it freed, wrapping; kept in memory passes only.
    pub live_bytes: AtomicU64,
}

impl<H: Heap> Stage<'_, H> {
    /// All steps of a thread.
    pub fn run<W: Watch>(&self, thread: usize, watch: &mut W) -> Result<(), Fault> {
        let lane = &self.lanes[thread];
        let result = self.steps_of(thread, watch);
        if result.is_err() {
            // ORDERING: carries no data; whoever waits stops soon.
            self.failed.store(true, Ordering::Relaxed);
        }
        // ORDERING: Release as in `enter`, for those who wait there.
        lane.epoch.store(u32::MAX, Ordering::Release);
        result
    }

    fn steps_of<W: Watch>(&self, thread: usize, watch: &mut W) -> Result<(), Fault> {
        let mut event = 0;
        for step in self.program.steps(thread) {
            watch.begin();
            let done = match step {
                Step::Alloc { place, layout, zeroed } => {
                    event += 1;
                    watch.live(layout.size() as i64);
                    self.alloc(place, layout, zeroed)
                }
                Step::Free { place, layout } => {
                    event += 1;
                    watch.live(-(layout.size() as i64));
                    self.free(place, layout)
                }
                Step::Realloc { place, old, new } => {
                    event += 1;
                    watch.live(new.size() as i64 - old.size() as i64);
                    self.realloc(place, old, new)
                }
                other => {
                    if !self.between(thread, other, watch) {
                        return Ok(());
                    }
                    continue;
                }
            };
            watch.end(step);
            if let Err(what) = done {
                return Err(Fault::at(thread, event, op_name(step), what));
            }
        }
        Ok(())
    }

    /// A step that is no event. `false` if the replay has failed elsewhere.
    #[cold]
    fn between<W: Watch>(&self, thread: usize, step: Step, watch: &mut W) -> bool {
        match step {
            Step::Wait { thread: other, count } => {
                let published = &self.lanes[other as usize].published;
                // ORDERING: Acquire meets the Release of `Publish` (O1).
                return self.wait_until(|| published.load(Ordering::Acquire) >= count);
            }
            Step::Publish => {
                let published = &self.lanes[thread].published;
                // ORDERING: Release gives the event before, the table's entry and the object's
                // contents to the Acquire of `Wait` (O1). Only this thread stores, so its own load
                // can be relaxed.
                published.store(published.load(Ordering::Relaxed) + 1, Ordering::Release);
            }
            Step::Enter { epoch } => return self.enter(thread, epoch),
            Step::Sample { number } => watch.sample(number),
            Step::Peak => watch.peak(),
            Step::Alloc { .. } | Step::Free { .. } | Step::Realloc { .. } => {}
        }
        true
    }

    /// Rule O2.
    fn enter(&self, thread: usize, epoch: u32) -> bool {
        // ORDERING: Release meets the Acquire below: that the events of the epochs before are done
        // is all that is told; contents go by O1.
        self.lanes[thread].epoch.store(epoch, Ordering::Release);
        self.lanes.iter().enumerate().all(|(other, lane)| {
            other == thread
                || self.wait_until(|| lane.epoch.load(Ordering::Acquire).saturating_add(1) >= epoch)
        })
    }

    fn wait_until(&self, done: impl Fn() -> bool) -> bool {
        for round in 0.. {
            if done() {
                break;
            }
            // ORDERING: see `run`.
            if self.failed.load(Ordering::Relaxed) {
                return false;
            }
            wait_a_moment(round.min(64));
        }
        true
    }

    fn entry(&self, place: u32) -> &AtomicPtr<u8> {
        &self.table[place as usize]
    }

    #[inline]
    fn alloc(&self, place: u32, layout: Layout, zeroed: bool) -> Result<(), &'static str> {
        let ptr = if zeroed { self.zeroed(layout)? } else { self.heap.alloc(layout) };
        check_place(ptr, layout)?;
        // SAFETY: the heap handed out `layout.size()` bytes (contract of `Heap`).
        unsafe { contents::fill(ptr, layout.size(), contents::tag(place)) };
        // ORDERING: an entry goes to another thread by O1 only.
        self.entry(place).store(ptr, Ordering::Relaxed);
        Ok(())
    }

    /// A function of its own: few events are such, and the others' path is shorter without it.
    #[inline(never)]
    fn zeroed(&self, layout: Layout) -> Result<*mut u8, &'static str> {
        let ptr = self.heap.alloc_zeroed(layout);
        check_place(ptr, layout)?;
        // SAFETY: the heap handed out `layout.size()` bytes (contract of `Heap`).
        match unsafe { contents::is_zero(ptr, layout.size()) } {
            true => Ok(ptr),
            false => Err("the memory is not zero"),
        }
    }

    #[inline]
    fn free(&self, place: u32, layout: Layout) -> Result<(), &'static str> {
        let ptr = self.take(place)?;
        let size = layout.size();
        // SAFETY: the object at `place` lives and has this layout (invariant of `Program`).
        unsafe {
            if !contents::check(ptr, size, size, contents::tag(place)) {
                return Err("the object's contents have changed");
            }
            self.heap.free(ptr, layout);
        }
        Ok(())
    }

    #[inline]
    fn realloc(&self, place: u32, old: Layout, new: Layout) -> Result<(), &'static str> {
        let tag = contents::tag(place);
        let ptr = self.take(place)?;
        // SAFETY: the object at `place` lives and has this layout (invariant of `Program`).
        if !unsafe { contents::check(ptr, old.size(), old.size(), tag) } {
            return Err("the object's contents have changed");
        }
        // SAFETY: as before.
        let ptr = unsafe { self.heap.realloc(ptr, old, new) };
        check_place(ptr, new)?;
        // SAFETY: the heap handed out `new.size()` bytes (contract of `Heap`).
        unsafe {
            if !contents::check(ptr, old.size(), old.size().min(new.size()), tag) {
                return Err("the contents did not come along");
            }
            contents::fill_from(ptr, old.size(), new.size(), tag);
        }
        // ORDERING: as in `alloc`.
        self.entry(place).store(ptr, Ordering::Relaxed);
        Ok(())
    }

    /// The object at `place`, which stands there no longer.
    #[inline]
    fn take(&self, place: u32) -> Result<*mut u8, &'static str> {
        let entry = self.entry(place);
        // ORDERING: the store is this thread's own, or came by O1.
        let ptr = entry.load(Ordering::Relaxed);
        if ptr.is_null() {
            return Err("there is no such object: the replay lost its order");
        }
        // ORDERING: as in `alloc`.
        entry.store(ptr::null_mut(), Ordering::Relaxed);
        Ok(ptr)
    }
}

#[inline]
fn check_place(ptr: *mut u8, layout: Layout) -> Result<(), &'static str> {
    if ptr.is_null() {
        return Err("no memory was handed out");
    }
    if ptr.addr() & (layout.align() - 1) != 0 {
        return Err("the address is not aligned");
    }
    Ok(())
}

#[cold]
fn op_name(step: Step) -> String {
    match step {
        Step::Alloc { place, layout, zeroed: false } => name("alloc", place, layout),
        Step::Alloc { place, layout, zeroed: true } => name("alloc_zeroed", place, layout),
        Step::Free { place, layout } => name("free", place, layout),
        Step::Realloc { place, old, new } => {
            format!("{}, to {}", name("realloc", place, old), new.size())
        }
        other => format!("{other:?}"),
    }
}
