//! A forked child finds the recorder in order.
//!
//! Above: libc's `fork`. Below: `record.rs`. The stack sees to itself: its own handlers take its
//! locks, and were registered by its first miss.

use crate::{malloc, record};

/// Registers the three handlers.
///
/// libc calls the first ones in reverse order of their registration. The stack's have to be there
/// before ours, so that a fork takes the locks in the order in which a recorded call does: the
/// recorder's, then the stack's.
pub(crate) fn register() {
    // SAFETY: allocated here.
    unsafe { malloc::deallocate(malloc::allocate(1)) };
    // SAFETY: the handlers are functions of this library, which is loaded before the program and
    // never unloaded. Without memory for the list of handlers a recording does not survive a fork.
    unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
}

extern "C" fn prepare() {
    record::freeze();
}

extern "C" fn parent() {
    // SAFETY: `prepare` took the lock in this thread; libc calls the handlers in pairs.
    unsafe { record::thaw() };
}

extern "C" fn child() {
    // SAFETY: this thread is the copy of the one in which `prepare` took the lock.
    unsafe { record::abandon() };
}
