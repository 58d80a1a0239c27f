//! The ways out of a process that pass by its destructors.
//!
//! Above: the program, which calls these symbols instead of libc's. Below: `finish` (of the recorder and the watcher), then what
//! libc would have done. `exit` and a return from `main` end in `life.rs`; a signal that kills, or
//! an `exec`, ends the trace without a footer, and its reader says so.

use crate::{foreign, record, watch};
use libc::{c_int, c_void};

// SAFETY: C11 declares it so; it asks for nothing but a function.
unsafe extern "C" {
    safe fn at_quick_exit(handler: extern "C" fn()) -> c_int;
}

/// Registers the handler for `quick_exit`.
pub(crate) fn register() {
    // Without it a trace that ends by `quick_exit` has no footer: no more can be done.
    let _ = at_quick_exit(at_end);
}

extern "C" fn at_end() {
    finish();
}

fn finish() {
    record::finish();
    watch::finish();
}

/// POSIX: ends the process at once.
#[unsafe(no_mangle)]
pub extern "C" fn _exit(status: c_int) -> ! {
    finish();
    loop {
        // SAFETY: ends the process, all threads of it; what it needs is a number.
        unsafe { libc::syscall(libc::SYS_exit_group, status) };
    }
}

/// C: ends the process at once.
#[unsafe(no_mangle)]
pub extern "C" fn _Exit(status: c_int) -> ! {
    _exit(status)
}

/// C: ends the process by `SIGABRT`.
#[unsafe(no_mangle)]
pub extern "C" fn abort() -> ! {
    type Abort = unsafe extern "C" fn() -> !;
    finish();
    let next = foreign::next(c"abort");
    if !next.is_null() {
        // SAFETY: the symbol is C's `abort`, whose type this is.
        let next = unsafe { core::mem::transmute::<*mut c_void, Abort>(next) };
        // SAFETY: no preconditions.
        unsafe { next() }
    }
    // SAFETY: as above; only a process without libc gets here.
    unsafe { libc::raise(libc::SIGKILL) };
    _exit(127)
}
