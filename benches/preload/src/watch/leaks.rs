//! `STRATA_LEAKS=1`: what is live at the end, by call site, on standard error; `STRATA_LEAKS=PATH`: at the end of a file.
//!
//! Above: `watch/mod.rs`. Below: `alloc_core::Leaks`. The process that was started writes it; a forked child does not.
//! What a C library keeps for itself to the end (buffers of standard output) is on the list, too.

use super::{Below, WATCHED, Watcher, variable};
use crate::record::exit;
use crate::report;
use alloc_core::sync::{AtomicU32, Ordering};
use alloc_core::{Layout, Leaks};
use core::ptr::NonNull;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Where the list goes; standard error if it is no path.
static TARGET: OnceLock<Option<PathBuf>> = OnceLock::new();
/// The process that writes it, until it has.
static PROCESS: AtomicU32 = AtomicU32::new(0);

fn wanted() -> Option<OsString> {
    variable("STRATA_LEAKS").filter(|value| value != "0")
}

/// Whether the environment asks for it.
pub(super) fn is_wanted() -> bool {
    wanted().is_some()
}

/// The watcher that the environment asks for.
pub(super) fn configure() -> Option<&'static dyn Watcher> {
    let value = wanted()?;
    let path = (value != "1").then(|| PathBuf::from(value));
    // It is set once, by the one call at the start. Later the program may have changed its directory.
    let _ = TARGET.set(path.map(|path| std::path::absolute(&path).unwrap_or(path)));
    // ORDERING: Relaxed; there is one thread, and those that it starts see what it did.
    PROCESS.store(std::process::id(), Ordering::Relaxed);
    exit::register();
    let leaks: &'static Leaks<Below> = Box::leak(Box::new(Leaks::new(&WATCHED)));
    Some(leaks)
}

impl Watcher for Leaks<Below> {
    fn known(&self, _: NonNull<u8>) -> Option<Layout> {
        None
    }

    fn finish(&self) {
        let me = std::process::id();
        // ORDERING: Relaxed; whoever changes the word, and nobody else, writes the list.
        if PROCESS.compare_exchange(me, 0, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let text = format!("strata: process {me}: {}", self.leaks());
        let done = match TARGET.get() {
            Some(Some(path)) => OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .and_then(|mut file| file.write_all(text.as_bytes())),
            _ => {
                report::say(format_args!("{text}"));
                Ok(())
            }
        };
        if let Err(error) = done {
            report::say(format_args!("strata: the leaks are not written: {error}\n"));
        }
    }

    fn freeze_alone(&self) {
        self.freeze_ledger();
    }

    unsafe fn thaw_alone(&self) {
        // SAFETY: the caller's promise: `freeze_alone` took the lock.
        unsafe { self.thaw_ledger() };
    }
}
