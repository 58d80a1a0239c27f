//! Forks: stacks whose locks are held while the process forks, so that the child finds them in order.
//!
//! Above: static stacks, which register themselves; whoever forks with a stack of its own. Below: `pthread_atfork`, once
//! for all; [`Layer::freeze`] and [`Layer::thaw`], in the order that `order.rs` finds.
//!
//! Stacks may share what they stand on: any layer, at any depth, behind a pointer. It is frozen once, after all that
//! stand on it.
//!
//! ```
//! use alloc_core::{Limit, Locked, Observe, api2::alloc::System, forks};
//!
//! static GROUND: Limit<System> = Limit::new(1 << 20, System);
//! static ONE: Locked<&Limit<System>> = Locked::new(&GROUND);
//! static OTHER: Observe<&Limit<System>> = Observe::new(&GROUND);
//!
//! // Once, before the process forks. A static `ThreadCache` or `Hardened` stack does so itself.
//! assert!(forks::register(&ONE) && forks::register(&OTHER));
//! ```
//!
//! Not seen to, so that a fork may hang or a child find a lock that nobody will release:
//!
//! * a layer that is reached by a pointer into a stack which has it by value, as `&STACK.below()`, while `STACK` is frozen as
//!   well: it is frozen as a part of that one, and once more;
//! * a layer of a user's whose `freeze` goes to a shared layer otherwise than by a pointer's `freeze`. Of a field that is a
//!   plain `&Arena<Os>`, `self.below.freeze()` is the arena's: write [`pass_on!`](crate::pass_on), or
//!   `Layer::freeze(&self.below)`; for a static, `Layer::freeze(&&GROUND)`; and `thaw` likewise;
//! * a stack that is frozen by hand, by [`Layer::freeze`], while another that shares a layer with it is registered: put
//!   [`around`] in its place;
//! * thread caches that are values and stand on static ones, while threads end that used them, and one of them is frozen
//!   behind a pointer: give [`around`] the caches themselves;
//! * a fork that is under way when the process registers its first stack, while handlers of others run (libc calls those alone
//!   that it had when the fork began): [`register`] one before there are threads that fork. A global allocator's is registered
//!   before `main`;
//! * more stacks than 128, or more than 512 parts between pointers;
//! * a fork in a signal handler that interrupted an allocator.

mod order;
mod part;

use crate::Layer;
use crate::sync::{AtomicBool, Ordering};
use core::cell::Cell;
use core::ptr::NonNull;
use order::{Forks, MAX_STACKS};
use part::Part;

const _: () = assert!(MAX_STACKS == 128);

static FORKS: Forks = Forks::new();

std::thread_local! {
    /// What the calling thread freezes by hand ([`around`]).
    static BY_HAND: Cell<Option<NonNull<[&'static dyn Layer]>>> = const { Cell::new(None) };
}

/// Has `stack` frozen at every fork from now on, and thawed in the parent and in the child. `false` if that could not be
/// arranged: there is no memory, or there are 128 stacks already. To be called again is of no use, and no harm.
///
/// Whoever calls this holds no lock for which a handler of `pthread_atfork` waits.
pub fn register<L: Layer + Sync + ?Sized>(stack: &'static L) -> bool {
    FORKS.register(Part::of(stack)) && has_handlers()
}

/// Calls `fork`, and has every fork of this thread meanwhile freeze `stacks`, too: what [`register`] is for stacks that are
/// not static. It returns in the child as well, if `fork` does.
///
/// ```
/// use alloc_core::{Locked, Observe, api2::alloc::System, forks};
///
/// let ground = Observe::new(System);
/// let stack = Locked::new(&ground);
/// // SAFETY: the child only ends.
/// let child = forks::around(&[&stack], || unsafe { libc::fork() });
/// if child == 0 {
///     // SAFETY: ends the child.
///     unsafe { libc::_exit(0) };
/// }
/// # assert!(child > 0);
/// # // SAFETY: the child was made just now.
/// # unsafe { libc::waitpid(child, core::ptr::null_mut(), 0) };
/// ```
///
/// # Panics
///
/// If there are more than 128 stacks.
pub fn around<R>(stacks: &[&dyn Layer], fork: impl FnOnce() -> R) -> R {
    struct Restore(Option<NonNull<[&'static dyn Layer]>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            BY_HAND.set(self.0);
        }
    }
    struct Release;
    impl Drop for Release {
        fn drop(&mut self) {
            after();
        }
    }
    assert!(stacks.len() <= MAX_STACKS, "too many stacks around a fork");
    if !has_handlers() {
        FORKS.hold(this_thread(), stacks);
        let _release = Release;
        return fork();
    }
    // The lifetime is forgotten, and kept all the same: `_restore` ends before `stacks` does.
    let stacks = NonNull::new(core::ptr::from_ref(stacks) as *mut [&'static dyn Layer]);
    let _restore = Restore(BY_HAND.replace(stacks));
    fork()
}

/// Whether forks call the handlers, which it sees to.
fn has_handlers() -> bool {
    static HAVE: AtomicBool = AtomicBool::new(false);
    // ORDERING: Relaxed, here and below: it says that libc has them, and libc has a lock of its own.
    if HAVE.load(Ordering::Relaxed) {
        return true;
    }
    // Threads that come here at once register them more than once; `hold` counts.
    // SAFETY: the handlers are functions of this library.
    let error = unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
    if error == 0 {
        HAVE.store(true, Ordering::Relaxed);
    }
    error == 0
}

extern "C" fn before() {
    // SAFETY: `around` has not returned, in this very thread; so the slice is its caller's still.
    let by_hand = BY_HAND.get().map(|stacks| unsafe { &*stacks.as_ptr() });
    FORKS.hold(this_thread(), by_hand.unwrap_or_default());
}

extern "C" fn after() {
    // SAFETY: `before` ran in this thread just before the fork (libc calls them in pairs), or `around` called `hold`.
    unsafe { FORKS.release(this_thread()) };
}

/// What no other thread has at the same time; in a forked child, the number of the thread that it is the copy of.
fn this_thread() -> usize {
    // SAFETY: it only returns.
    unsafe { libc::pthread_self() as usize }
}

/// [`Layer::freeze`] of a pointer to `layer`.
pub(crate) fn freeze_shared<A: Layer + ?Sized>(layer: &A) {
    if !FORKS.meets(this_thread(), layer, true) {
        layer.freeze();
    }
}

/// [`Layer::thaw`] of a pointer to `layer`.
///
/// # Safety
///
/// As for that: [`freeze_shared`] was called.
pub(crate) unsafe fn thaw_shared<A: Layer + ?Sized>(layer: &A) {
    if !FORKS.meets(this_thread(), layer, false) {
        // SAFETY: the caller's promise: it is not frozen as a part, so `freeze_shared` froze it.
        unsafe { layer.thaw() };
    }
}
