//! A forked child finds the recorder and the watcher in order.
//!
//! Above: libc's `fork`. Below: `record.rs`, `watch`. The stack sees to itself: its own handlers take its
//! locks, and were registered by its first miss.

use crate::hardened::MALLOC;
use crate::{malloc, record, watch};

/// Has the stack register its handlers, which have to be there before ours: libc calls the first ones in reverse order
/// of their registration, and a fork takes the locks in the order in which a call does that makes a detour: the
/// recorder's or the watcher's, then those below.
pub(crate) fn begin() {
    // SAFETY: allocated here.
    unsafe { malloc::deallocate::<MALLOC>(malloc::allocate::<MALLOC>(1)) };
}

/// Registers the three handlers: after [`begin`], and after the watcher's own stack.
pub(crate) fn register() {
    // SAFETY: the handlers are functions of this library, which is loaded before the program and
    // never unloaded. Without memory for the list of handlers a recording does not survive a fork.
    unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
}

extern "C" fn prepare() {
    record::freeze();
    watch::freeze();
}

extern "C" fn parent() {
    // SAFETY: `prepare` took the locks in this thread; libc calls the handlers in pairs.
    unsafe {
        watch::thaw();
        record::thaw();
    }
}

extern "C" fn child() {
    // SAFETY: this thread is the copy of the one in which `prepare` took the locks.
    unsafe {
        watch::thaw();
        record::abandon();
    }
}
