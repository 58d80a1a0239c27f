//! A handler of forbidden accesses, in front of the one that was there before.
//!
//! Above: guard pages, which are named when they are touched: `Sampled` here, stacks of coroutines elsewhere. Below:
//! `sigaction`. Not here: what a handler does; it may do little (async-signal-safety).

use crate::AllocError;
#[cfg(not(all(loom, feature = "loom")))]
use crate::sync::Lock;
use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

/// The signals of an access to an inaccessible page: Linux sends the first, macOS the second.
const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// What is called: with the signal, what the system says of it, and the context of the thread.
pub type Handler = extern "C" fn(c_int, *mut Info, *mut c_void);

/// What the system says of a signal: C's `siginfo_t`, and nothing else. A pointer to one may be cast to a pointer to the other.
#[repr(transparent)]
pub struct Info(
    libc::siginfo_t,
    /// For the handler's thread, whatever libc has in its type.
    PhantomData<*mut ()>,
);

impl Info {
    /// The address that could not be accessed. Of a signal that was sent by a program, any number.
    #[must_use]
    pub fn address(&self) -> usize {
        // SAFETY: a `siginfo_t` consists of numbers and pointers, which are there whatever the signal is.
        unsafe { self.0.si_addr() }.addr()
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Info").field("address", &self.address()).finish_non_exhaustive()
    }
}

/// The handlers of SIGSEGV and SIGBUS that one of this process's libraries puts in front of those before.
///
/// ```
/// use alloc_core::signals::{FaultHandler, Info};
/// use core::ffi::{c_int, c_void};
///
/// static FAULTS: FaultHandler = FaultHandler::new();
///
/// extern "C" fn handle(signal: c_int, info: *mut Info, context: *mut c_void) {
///     // SAFETY: this is the handler. The access is not ours: as if there were no such handler.
///     unsafe { FAULTS.pass_on(signal, info, context) };
/// }
///
/// FAULTS.install(handle)?;
/// # Ok::<(), alloc_core::AllocError>(())
/// ```
pub struct FaultHandler {
    #[cfg(not(all(loom, feature = "loom")))]
    is_installed: Lock<bool>,
    before: UnsafeCell<[MaybeUninit<libc::sigaction>; SIGNALS.len()]>,
}

// SAFETY: `before` is written by who holds the lock, before the handler that reads it is installed, and not once all of
// them are.
unsafe impl Sync for FaultHandler {}

impl FaultHandler {
    /// Not installed.
    #[allow(clippy::new_without_default)]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            #[cfg(not(all(loom, feature = "loom")))]
            is_installed: Lock::new(false),
            before: UnsafeCell::new([MaybeUninit::uninit(); SIGNALS.len()]),
        }
    }

    /// Installs `handler`, for the whole process, for good. More than once is as once.
    ///
    /// It runs on the thread's alternate signal stack, if that has one.
    ///
    /// # Errors
    ///
    /// When the system does not take it; and in a loom model, which has no signals.
    #[cfg(not(all(loom, feature = "loom")))]
    pub fn install(&'static self, handler: Handler) -> Result<(), AllocError> {
        let mut is_installed = self.is_installed.lock();
        if !*is_installed {
            for (at, signal) in SIGNALS.into_iter().enumerate() {
                self.replace(signal, at, handler)?;
            }
            *is_installed = true;
        }
        Ok(())
    }

    /// A model has no signals.
    #[cfg(all(loom, feature = "loom"))]
    pub fn install(&'static self, handler: Handler) -> Result<(), AllocError> {
        let _ = (handler, Self::replace);
        Err(AllocError)
    }

    /// Installs the handler for one signal, and keeps the one before.
    fn replace(&self, signal: c_int, at: usize, handler: Handler) -> Result<(), AllocError> {
        // SAFETY: all-zero bytes are a valid `sigaction`, a struct of integers and a set of bits.
        let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        let mut before = MaybeUninit::uninit();
        // SAFETY: `before` lives through the call.
        if unsafe { libc::sigaction(signal, core::ptr::null(), before.as_mut_ptr()) } != 0 {
            return Err(AllocError);
        }
        // SAFETY: the call wrote it.
        let before: libc::sigaction = unsafe { before.assume_init() };
        if before.sa_sigaction == action.sa_sigaction {
            // An attempt that failed afterwards came so far.
            return Ok(());
        }
        // SAFETY: an element of an array of actions; the caller has the lock. It is written first, so that the handler finds
        // it as soon as it is called.
        unsafe { self.before.get().cast::<libc::sigaction>().add(at).write(before) };
        // SAFETY: a handler with the arguments that SA_SIGINFO gives.
        if unsafe { libc::sigaction(signal, &action, core::ptr::null_mut()) } == 0 {
            Ok(())
        } else {
            Err(AllocError)
        }
    }

    /// Has the one before handle a signal; if that was the system's default, puts it in force again, so that the access,
    /// which is made once more, ends the process. Async-signal-safe, if the one before is; may change `errno`.
    ///
    /// # Safety
    ///
    /// The caller is the handler that was installed, with its own arguments.
    pub unsafe fn pass_on(&self, signal: c_int, info: *mut Info, context: *mut c_void) {
        let at = SIGNALS.iter().position(|&known| known == signal).unwrap_or(0);
        // SAFETY: written before the handler was installed that calls this (`replace`).
        let before = unsafe { &*self.before.get().cast::<libc::sigaction>().add(at) };
        match before.sa_sigaction {
            libc::SIG_DFL | libc::SIG_IGN => {
                // SAFETY: an action that was in force before.
                unsafe { libc::sigaction(signal, before, core::ptr::null_mut()) };
            }
            handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
                // SAFETY: the flag says that it is a function of this kind.
                let handler: Handler = unsafe { core::mem::transmute(handler) };
                handler(signal, info, context);
            }
            handler => {
                // SAFETY: without the flag it is a function of this kind.
                let handler: extern "C" fn(c_int) = unsafe { core::mem::transmute(handler) };
                handler(signal);
            }
        }
    }
}

impl fmt::Debug for FaultHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultHandler").finish_non_exhaustive()
    }
}
