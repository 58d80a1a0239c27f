//! What is said of a mistake, and the end of the process.
//!
//! Above: every check of the preset. Below: standard error, by `write(2)`; the names of the calling functions, by
//! alloc-core. The heap's own records lie where the program could not write to, so that a report may allocate; a mistake
//! that is found meanwhile ends the process at once.

use alloc_core::sync::{AtomicBool, Ordering};
use core::fmt::{self, Write};

/// What a program did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It freed an object again.
    DoubleFree,
    /// It freed what is no object's start.
    InvalidFree,
    /// It freed an object by a function of another family.
    WrongFamily,
    /// It freed an object with a size that is not its own.
    WrongSize,
    /// It freed an object with an alignment that is not its own.
    WrongAlign,
    /// It wrote behind an object's end.
    Overflow,
    /// It wrote before an object's start.
    Underflow,
    /// It wrote to an object that it had freed.
    WriteAfterFree,
}

/// A mistake, and what is known of it; 0 where nothing is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mistake {
    pub kind: Kind,
    pub address: usize,
    /// The object's bytes.
    pub bytes: usize,
    /// The slot's.
    pub slot_bytes: usize,
}

impl Mistake {
    /// A mistake with an object of which nothing is known.
    pub(super) const fn at(kind: Kind, address: usize) -> Self {
        Self { kind, address, bytes: 0, slot_bytes: 0 }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::DoubleFree => "double free",
            Kind::InvalidFree => "invalid free",
            Kind::WrongFamily => "free by the wrong function",
            Kind::WrongSize => "free with a wrong size",
            Kind::WrongAlign => "free with a wrong alignment",
            Kind::Overflow => "overflow",
            Kind::Underflow => "underflow",
            Kind::WriteAfterFree => "write after free",
        })?;
        write!(f, " at {:#x}", self.address)?;
        if self.bytes > 0 {
            write!(f, ", an object of {} bytes", self.bytes)?;
        }
        if self.slot_bytes > 0 {
            write!(f, ", a slot of {} bytes", self.slot_bytes)?;
        }
        Ok(())
    }
}

/// Says what the program did, and ends it by `SIGABRT`.
#[cold]
#[inline(never)]
pub(super) fn stop(mistake: Mistake) -> ! {
    static STOPS: AtomicBool = AtomicBool::new(false);
    // ORDERING: Relaxed: it picks one thread, and the report is that one's own.
    if !STOPS.swap(true, Ordering::Relaxed) {
        let mut out = StandardError;
        // What cannot be written is lost; the process ends anyway.
        let _ = writeln!(out, "strata: {mistake}");
        let _ = alloc_core::write_calls(stop as *const core::ffi::c_void, &mut out);
    }
    // SAFETY: no preconditions.
    unsafe { libc::abort() }
}

struct StandardError;

impl Write for StandardError {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            // SAFETY: `rest` is readable for its length.
            let wrote =
                unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(wrote) {
                Ok(wrote @ 1..) => rest = rest.get(wrote..).ok_or(fmt::Error)?,
                _ => return Err(fmt::Error),
            }
        }
        Ok(())
    }
}
