//! The hardened preset: a stack that stops a program which breaks its memory, at the free at the latest.
//!
//! Above: a program's allocator ([`Hardened`] through `Allocator`), or C's `malloc` (`benches/preload`, by families).
//! Below: any layer with a [`range`](alloc_core::Layer::range), for spans; the system, for everything that has to be
//! guarded.
//!
//! The journey of an allocation, which is a hit if the thread's bag has a slot (`hit.rs`):
//!
//! 1. *Take* a free slot from the end of the bag, which was filled in random order (`bag.rs`).
//! 2. *Look*: it is zero still; if not, somebody wrote to it after its free (`wipe.rs`).
//! 3. *Seal* it: a canary, which holds the object's size, ends the slot (`canary.rs`).
//! 4. *Enter* it in the ledger: an object of this family of functions is live here (`ledger.rs`).
//!
//! And of a free:
//!
//! 1. *Claim* the object: the ledger says that one of this family starts here, and from now on that none does. Whoever
//!    frees it again, frees what is none, or frees by the wrong function, ends here.
//! 2. *Check* its canary (overflow) and its neighbour's (underflow).
//! 3. *Wipe* it. What is free is zero: a stale pointer reads zeroes, and a stale virtual call faults.
//! 4. *Quarantine* it: the slot that has been longest in the ring leaves for a random place among the free ones.
//!
//! A miss takes slots from the class's shelf, or brings some there (`miss.rs`, `shelf.rs`, `span.rs`, `gap.rs`). What no slot holds
//! is a run of pages between guard pages (`large.rs`, `runs.rs`). Objects of no bytes lie in pages that nobody can access
//! (`other.rs`). Everything that is known of memory lies elsewhere, behind guard pages (`vault.rs`).
//!
//! Each of these is a part that a stack may leave out (`parts.rs`): the files ask `P::PARTS`, and what is not there folds away.
//!
//! Threads meet in the ledger (its R1 to R3), and else under locks. Order of locks: registry, the ledger's opening, a shelf, vault,
//! runs; none is held while the layer below is called. Not here: what is said of a mistake (`mistake.rs`).

mod allocator;
mod bag;
mod canary;
mod claim;
mod gap;
mod hit;
mod key;
mod large;
mod layer;
mod ledger;
mod miss;
mod mistake;
mod opening;
mod other;
mod parts;
mod record;
mod runs;
mod shelf;
mod span;
mod system;
mod vault;
mod wipe;

pub use key::{Key, Static, Thread};
pub use ledger::Family;
pub use other::{Claim, NotOurs, Object};
pub use parts::{Full, Parts, Policy};
pub use record::Record;

use crate::cache::agreed::Agreed;
use crate::table::{Class, ClassTable, Fine, MAX_CLASSES, SizeClasses};
use alloc_core::Layer;
use alloc_core::sync::Lock;
use core::fmt;
use core::marker::PhantomData;
use ledger::{Ledger, PLACE_BYTES};
use record::Registry;
use runs::Runs;
use shelf::Shelf;
use vault::Vault;

/// The table of size classes.
type Table = Fine;

/// The largest slot that a bag holds. What is larger gets pages of its own.
const MAX_SLOT_BYTES: usize = 128 << 10;

/// The class of objects of no bytes: the table has none of this index.
const NO_BYTES: usize = MAX_CLASSES - 1;
const _: () = assert!(Table::SLOT_BYTES.len() < NO_BYTES);

const GRANULE_BYTES: usize = Table::GRANULE_BYTES;
const PLACES_PER_GRANULE: usize = GRANULE_BYTES / PLACE_BYTES;

/// The bytes of a class's spans, and how many slots they have: so many that the first one, which is not handed out, is
/// little. (Of large ones it is only address space.)
fn span_of(class: usize) -> (usize, u32) {
    if class == NO_BYTES {
        return (GRANULE_BYTES, (GRANULE_BYTES / PLACE_BYTES) as u32);
    }
    let info = Table::info(Class::new(class));
    let times = LEAST_SPAN_SLOTS.div_ceil(info.span_slots.max(1));
    let span_bytes = info.span_bytes * times as usize;
    (span_bytes, (span_bytes / info.slot_bytes.max(PLACE_BYTES)) as u32)
}

/// The slots that a span has at least.
const LEAST_SPAN_SLOTS: u32 = 8;

/// A hardened stack over a layer that spans come from, as a static: see [`hardened!`](crate::hardened!). `P` says which
/// parts it has: all, if nothing is said.
///
/// Frees that break the rules end the process: see the crate's documentation for what is found, and when.
pub struct Hardened<A, K, P = Full> {
    below: A,
    ledger: Ledger,
    /// What canaries are made with: from the first allocation on.
    secret: Agreed,
    shelves: [Lock<Shelf>; MAX_CLASSES],
    vault: Lock<Vault>,
    runs: Lock<Runs>,
    registry: Lock<Registry>,
    key: PhantomData<(K, P)>,
}

// SAFETY: what threads share is behind locks and atomics; records belong to their threads, which reach them by the key.
unsafe impl<A: Layer + Sync, K: Key, P: Policy> Sync for Hardened<A, K, P> {}

impl<A: Layer, K: Key, P: Policy> Hardened<A, K, P> {
    /// The stack of a static; [`hardened!`](crate::hardened!) calls this.
    ///
    /// # Safety
    ///
    /// It becomes the static that the key names, and there is no second stack of this key.
    #[doc(hidden)]
    #[must_use]
    pub const unsafe fn for_static(below: A) -> Self {
        const { P::PARTS.checked() };
        Self {
            below,
            ledger: Ledger::new(),
            secret: Agreed::new(),
            shelves: [const { Lock::new(Shelf::new()) }; MAX_CLASSES],
            vault: Lock::new(Vault::new()),
            runs: Lock::new(Runs::new()),
            registry: Lock::new(Registry::new()),
            key: PhantomData,
        }
    }

    /// The layer that spans come from.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }
}

impl<A: fmt::Debug, K, P> fmt::Debug for Hardened<A, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hardened").field("below", &self.below).finish_non_exhaustive()
    }
}
