//! What is said of a mistake, and the end of the process.
//!
//! Above: `fault.rs`, on a thread of its own; `layer.rs`, on the thread that frees. Below: standard error.

use super::record::{Record, State};
use crate::watch::calls::{self, Calls, Inside};
use core::fmt::{self, Write};

/// What a program did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It went on behind an object's end.
    Overflow,
    /// It went before an object's start.
    Underflow,
    /// It used an object that it had freed.
    UseAfterFree,
    /// It went where no object ever was.
    Wild,
    /// It freed an object again.
    DoubleFree,
    /// It freed what is no object's start.
    InvalidFree,
    /// It freed an object with the wrong size.
    WrongSize(usize),
}

/// A mistake, and the object that it was made with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mistake {
    pub(super) kind: Kind,
    pub(super) address: usize,
    pub(super) record: Option<Record>,
    pub(super) calls: Calls,
}

impl fmt::Display for Mistake {
    /// The first line: what, and where.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Overflow => write!(f, "overflow")?,
            Kind::Underflow => write!(f, "underflow")?,
            Kind::UseAfterFree => write!(f, "use after free")?,
            Kind::Wild => write!(f, "access to memory that was never allocated")?,
            Kind::DoubleFree => write!(f, "double free")?,
            Kind::InvalidFree => write!(f, "invalid free")?,
            Kind::WrongSize(bytes) => write!(f, "free with a wrong size, {bytes} bytes,")?,
        }
        write!(f, " at {:#x}", self.address)?;
        let Some(Record { start, bytes, .. }) = self.record else { return Ok(()) };
        let (far, side) = if self.address < start {
            (start - self.address, "before the start")
        } else if self.address >= start + bytes {
            (self.address - (start + bytes), "behind the end")
        } else {
            (self.address - start, "from the start")
        };
        write!(f, ": {far} bytes {side} of an object of {bytes} bytes at {start:#x}")
    }
}

/// Writes it to standard error.
pub(super) fn write(mistake: &Mistake) {
    Inside::run(|| {
        let mut out = StandardError;
        // What cannot be written is lost; the process ends anyway.
        let _ = writeln!(out, "strata: {mistake}");
        let verb = match mistake.kind {
            Kind::DoubleFree | Kind::InvalidFree | Kind::WrongSize(_) => "freed",
            Kind::Overflow | Kind::Underflow if mistake.calls.frames().is_empty() => "found",
            _ => "accessed",
        };
        let _ = stack(&mut out, verb, &mistake.calls);
        if let Some(record) = &mistake.record {
            let _ = stack(&mut out, "allocated", &record.allocated);
            if matches!(record.state, State::Freed | State::Closing) {
                let _ = stack(&mut out, "freed before", &record.freed);
            }
        }
    });
}

fn stack(out: &mut StandardError, verb: &str, calls: &Calls) -> fmt::Result {
    writeln!(out, "  {verb} by:")?;
    calls::write(calls.frames(), out)
}

/// Ends the process by `SIGABRT`.
pub(super) fn end() -> ! {
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
                Ok(wrote @ 1..) => rest = &rest[wrote..],
                _ => return Err(fmt::Error),
            }
        }
        Ok(())
    }
}
