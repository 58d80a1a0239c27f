//! What has been sampled, for a caller: [`Snapshot`].
//!
//! Above: `Profile::snapshot`, `pprof.rs`. Below: a copy of the ledger, made without memory being allocated under its lock.

use crate::sync::Lock;
use crate::watch::calls::{Inside, places};
use crate::watch::ledger::{Copied, Ledger, Totals};
use std::collections::HashMap;

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

    /// What has happened since an `earlier` snapshot of the same profile, the largest growth first: what was allocated between the
    /// two, and how much more is in use (below zero: less). So a leak is told from what is large and stays so. A stack of calls of
    /// which nothing has changed is left out.
    ///
    /// ```
    /// use alloc_core::{Profile, api2::{alloc::Global, vec::Vec}};
    ///
    /// let stack = Profile::new(Global).with_mean_bytes(0);
    /// let large = Vec::<u64, _>::with_capacity_in(10_000, &stack);
    /// let before = stack.snapshot();
    /// let leak = Vec::<u64, _>::with_capacity_in(100, &stack);
    /// let now = stack.snapshot();
    /// let growth = now.since(&before);
    /// assert_eq!((growth.len(), growth[0].in_use.bytes), (1, 800.0));
    /// # drop((large, leak));
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Vec<Sample<'_>> {
        let known: HashMap<_, _> = earlier.samples().map(|sample| (sample.calls, sample)).collect();
        let change = |sample: Sample<'_>| match known.get(sample.calls) {
            Some(then) => (sample.allocated - then.allocated, sample.in_use - then.in_use),
            None => (sample.allocated, sample.in_use),
        };
        let all = self.samples().map(|sample| {
            let (allocated, in_use) = change(sample);
            Sample { allocated, in_use, ..sample }
        });
        let mut changed: Vec<_> = all
            .filter(|sample| [sample.allocated, sample.in_use] != [Totals::default(); 2])
            .collect();
        changed.sort_by(|one, other| other.in_use.bytes.total_cmp(&one.in_use.bytes));
        changed
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
