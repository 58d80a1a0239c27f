//! Destructors of values that can be part of a graph: run at once, but never nested deeper than a bound.
//!
//! Above: the last pointer to a value. Below: records. A list of ten million nodes is dropped in constant stack: what is
//! nested deeper waits in a list, and is dropped when the outermost destructor has ended.

use crate::header::record;
use crate::kind::Kind;
use crate::thread::{self, PerThread};
use crate::words::words;
use core::ptr::NonNull;

/// Up to here, values are dropped in the order that std's pointers drop them in.
const MOST_DEPTH: u32 = 64;

/// Ends a value with a record, now or soon.
///
/// # Safety
///
/// There is no pointer to it any more, and this is its only end.
#[cold]
#[inline(never)]
pub(crate) unsafe fn bury<K: Kind>(value: NonNull<u8>) {
    let nested = thread::with(|here| {
        if here.depth.get() < MOST_DEPTH {
            here.depth.set(here.depth.get() + 1);
            return Some(true);
        }
        let waits = here.waiting.try_borrow_mut().is_ok_and(|mut w| w.push(value, end::<K>));
        // Without memory for the list, on the stack.
        if waits { None } else { Some(false) }
    });
    match nested {
        // SAFETY: the caller's.
        Some(Some(false)) | None => unsafe { end::<K>(value) },
        Some(None) => {}
        Some(Some(true)) => {
            let _rise = Rise;
            // SAFETY: the caller's.
            unsafe { end::<K>(value) };
        }
    }
}

/// One level up again; at the top, ends what waits, also if a destructor unwinds.
struct Rise;

impl Drop for Rise {
    fn drop(&mut self) {
        thread::with(|here| {
            let _level = Level(here);
            if here.depth.get() == 1 {
                end_waiting(here);
            }
        });
    }
}

struct Level<'h>(&'h PerThread);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.depth.set(self.0.depth.get() - 1);
    }
}

fn end_waiting(here: &PerThread) {
    loop {
        let next = here.waiting.borrow_mut().pop();
        let Some((value, end)) = next else { break };
        // If this unwinds, the others wait for the next one that ends.
        // SAFETY: it was put there for this.
        unsafe { end(value) };
    }
    here.waiting.borrow_mut().let_go();
}

/// Drops a value, and frees its box if there is no weak pointer.
///
/// # Safety
///
/// As for [`bury`].
unsafe fn end<K: Kind>(value: NonNull<u8>) {
    struct Free<K: Kind>(NonNull<u8>, core::marker::PhantomData<K>);
    impl<K: Kind> Drop for Free<K> {
        fn drop(&mut self) {
            // SAFETY: the box is there until the last weak count is gone, which is the pointers'.
            unsafe {
                let record = record(self.0);
                K::note(self.0, record, false);
                if K::release_weak(words::<K>(self.0)) {
                    (record.free)(self.0);
                }
            }
        }
    }
    let _free = Free::<K>(value, core::marker::PhantomData);
    // SAFETY: the caller's: nobody uses the value.
    unsafe { (record(value).drop)(value) };
}
