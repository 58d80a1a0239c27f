//! A thread that has the stack give memory back while the program allocates nothing: `STRATA_IDLE_MS=N`.
//!
//! Above: `life.rs`. Below: `alloc_core::Purger`. Without the variable there is no thread: a program that has
//! one thread is a program of one thread to libc, too.
//!
//! A child of a fork has no such thread (a program that it executes has). The stack's own fork handlers see
//! to it that the child finds the stack in order, whatever the thread was at.

use crate::report;
use crate::stack::STACK;
use alloc_core::Purger;
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::time::Duration;

/// It lives as long as the process: a destructor of the program may be idle for hours.
static PURGER: OnceLock<Purger> = OnceLock::new();

/// Starts the thread if `STRATA_IDLE_MS` asks for it.
pub(crate) fn configure() {
    let Some(value) = std::env::var_os("STRATA_IDLE_MS").filter(|value| !value.is_empty()) else {
        return;
    };
    let Some(after_ms) = value.to_str().and_then(|value| value.parse::<u32>().ok()) else {
        return report::say(format_args!("strata: STRATA_IDLE_MS is no number: {value:?}\n"));
    };
    if after_ms == 0 {
        return;
    }
    let after = Duration::from_millis(after_ms.into());
    match without_signals(|| Purger::start(&STACK, after)) {
        // It is set once, by the one call at the start.
        Ok(purger) => drop(PURGER.set(purger)),
        Err(error) => report::say(format_args!("strata: no thread for STRATA_IDLE_MS: {error}\n")),
    }
}

/// Runs `start` with all signals blocked, which a thread that it starts inherits: signals are the program's,
/// and its handlers run on its own threads.
pub(crate) fn without_signals<R>(start: impl FnOnce() -> R) -> R {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: `sigfillset` writes the one set, `pthread_sigmask` the other; neither fails on valid arguments.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr());
    }
    let started = start();
    // SAFETY: `before` was written above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    started
}
