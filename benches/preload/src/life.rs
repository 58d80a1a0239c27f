//! The beginning and the end of the process.
//!
//! Above: the dynamic linker, which calls what stands in `.init_array` and `.fini_array`.
//! Allocation needs none of this: it works before the first constructor and after the last
//! destructor.

use crate::{fork, gate, hardened, idle, record, report, watch};

#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

#[used]
#[unsafe(link_section = ".fini_array")]
static END: extern "C" fn() = end;

/// Runs after the constructors of libc, on which this library depends, and before `main`.
extern "C" fn start() {
    fork::begin();
    report::configure();
    record::configure();
    hardened::configure();
    if !gate::is_hardened() {
        watch::configure();
    }
    fork::register();
    idle::configure();
}

/// Runs after the handlers of `atexit`.
extern "C" fn end() {
    record::finish();
    watch::finish();
    report::at_exit();
}
