//! What has been sampled, for a caller: [`Snapshot`].
//!
//! Above: `Profile::snapshot`, `pprof.rs`. Below: a copy of the ledger, made without memory being allocated under its lock.

use crate::sync::Lock;
use crate::watch::calls::{Inside, places};
use crate::watch::ledger::{Copied, Ledger, Totals};

/// What a [`Profile`](super::Profile) has sampled until a moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    copy: Copied,
    mean_bytes: usize,
}

/// The samples of one stack of calls.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Sample<'a> {
    /// Addresses within the calling instructions, innermost first.
    pub calls: &'a [usize],
    /// All that was allocated from here.
    pub allocated: Totals,
    /// What of it is in use.
    pub in_use: Totals,
}

impl Snapshot {
    pub(super) fn of(ledger: &Lock<Ledger>, mean_bytes: usize) -> Self {
        Self { copy: Copied::of(|read| read(&ledger.lock())), mean_bytes }
    }

    /// The samples, one for each stack of calls, in no order. Their figures are estimates for all allocations.
    pub fn samples(&self) -> impl Iterator<Item = Sample<'_>> {
        self.copy.sites.iter().map(|site| Sample {
            calls: self.copy.frames(site),
            allocated: site.allocated,
            in_use: site.in_use,
        })
    }

    /// The mean distance of two samples.
    #[must_use]
    pub const fn mean_bytes(&self) -> usize {
        self.mean_bytes
    }
}

impl Sample<'_> {
    /// The names of the functions, innermost first, as far as this process can tell them; inlined ones are told
    /// apart. Slow: it reads debug information.
    #[must_use]
    pub fn functions(&self) -> Vec<String> {
        Inside::run(|| {
            let calls = self.calls.iter();
            calls
                .filter_map(|address| places(*address))
                .flatten()
                .map(|place| place.function)
                .collect()
        })
    }
}
