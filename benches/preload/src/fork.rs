//! A forked child finds the stack in order.
//!
//! Above: libc's `fork`. Below: the recorder's lock, then the stack's (`Layer::freeze`), in the
//! order in which a call takes them. The parent frees them all again; so does the child, whose
//! only thread is the copy of the one that took them.

use crate::record;
use crate::stack::STACK;
use alloc_core::Layer;

/// Registers the three handlers. They are registered as early as possible: libc calls `prepare`
/// in reverse order, so those of others, which may allocate, run before ours.
pub(crate) fn register() {
    // SAFETY: the handlers are functions of this library, which is never unloaded (`DT_NEEDED` of
    // nothing, loaded before the program).
    unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
}

unsafe extern "C" fn prepare() {
    record::freeze();
    STACK.freeze();
}

unsafe extern "C" fn parent() {
    // SAFETY: `prepare` froze the stack in this thread; libc calls the handlers in pairs.
    unsafe { STACK.thaw() };
    // SAFETY: as above.
    unsafe { record::thaw() };
}

unsafe extern "C" fn child() {
    // SAFETY: this thread is the copy of the one in which `prepare` froze the stack.
    unsafe { STACK.thaw() };
    // SAFETY: as above.
    unsafe { record::abandon() };
}
