//! What is known of a page of the pool: a record of what it holds, or held last.
//!
//! Above: the pool, which keeps the records; the handler of faults, which reads them; reports. Below: calls.

use crate::watch::calls::Calls;

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    Fresh = 0,
    Opening,
    Live,
    Closing,
    Freed,
}

/// What a page holds, or held last. Bytes that are all 0, as the system hands them out, are a fresh page's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) state: State,
    /// Where the object starts.
    pub(super) start: usize,
    /// How long it is.
    pub(super) bytes: usize,
    pub(super) allocated: Calls,
    /// Who freed it, if somebody did.
    pub(super) freed: Calls,
    /// The page that was freed after this one.
    pub(super) next: usize,
}

/// No page.
pub(super) const NONE: usize = usize::MAX;
