//! Strata's stacks that take part: the default one, and some for other needs.
//!
//! Above: `candidates`. Below: alloc-sizeclass, alloc-arena, alloc-core.
//!
//! | stack | layers | for |
//! |---|---|---|
//! | default | `ThreadCache<SizeClassHeap<Arena<Os>>>` | any program |
//! | without cache | `SizeClassHeap<Arena<Os>>` | least memory; one thread, or few calls |
//! | profile | `Profile` over the default stack | who allocates what |
//! | sampled | `Sampled` over the default stack | finding what breaks memory |
//! | hardened | `Hardened<Arena<Os>>` | stopping programs that break their memory |
//! | bump | `Locked<Bump<Arena<Os>>>` | programs that free nothing before their end |

use crate::heap::{PageState, Run, Stack};
use crate::measure;
use alloc_arena::{Arena, Bump, Os};
use alloc_core::{AsGlobal, Locked, Profile, Sampled};
use alloc_sizeclass::{Hardened, SizeClassHeap, ThreadCache, hardened, thread_cache};

/// What all stacks stand on.
pub type Ground = Arena<Os>;

const fn ground() -> Ground {
    Arena::new(Os::new())
}

thread_cache! {
    /// The default stack.
    pub static CACHED: SizeClassHeap<Ground> = SizeClassHeap::new(ground());
}

/// The default stack without its thread caches.
pub static UNCACHED: SizeClassHeap<Ground> = SizeClassHeap::new(ground());

/// The default stack with a heap profiler on top.
pub static PROFILED: Profile<&ThreadCache<SizeClassHeap<Ground>, CACHED>> = Profile::new(&CACHED);

/// The default stack with one allocation in many between guard pages.
pub static SAMPLED: Sampled<&ThreadCache<SizeClassHeap<Ground>, CACHED>> = Sampled::new(&CACHED);

hardened! {
    /// The hardened preset.
    pub static HARDENED: Ground = ground();
}

/// A bump that many threads share: each call takes a lock.
pub static BUMP: Locked<Bump<Ground>> = Locked::new(Bump::new(ground()));

/// A stack of type `L`, with the map of its arena's pages.
pub type Mapped<L> = Stack<&'static L>;

/// [`static@CACHED`] as a heap.
#[must_use]
pub fn cached() -> Mapped<ThreadCache<SizeClassHeap<Ground>, CACHED>> {
    Stack::with_map(&CACHED, |stack| runs(stack.below().below()))
}

/// [`static@CACHED`] as a global allocator.
pub type AsGlobalDefault = AsGlobal<&'static ThreadCache<SizeClassHeap<Ground>, CACHED>>;

/// [`static@CACHED`] as a global allocator.
#[must_use]
pub const fn global() -> AsGlobalDefault {
    AsGlobal::new(&CACHED)
}

/// [`UNCACHED`] as a heap.
#[must_use]
pub fn uncached() -> Mapped<SizeClassHeap<Ground>> {
    Stack::new(&UNCACHED)
}

/// [`PROFILED`] as a heap.
#[must_use]
pub fn profiled() -> Mapped<Profile<&'static ThreadCache<SizeClassHeap<Ground>, CACHED>>> {
    Stack::new(&PROFILED)
}

/// [`SAMPLED`] as a heap.
#[must_use]
pub fn sampled() -> Mapped<Sampled<&'static ThreadCache<SizeClassHeap<Ground>, CACHED>>> {
    Stack::new(&SAMPLED)
}

/// [`static@HARDENED`] as a heap.
#[must_use]
pub fn hardened() -> Mapped<Hardened<Ground, HARDENED>> {
    Stack::new(&HARDENED)
}

/// [`BUMP`] as a heap.
#[must_use]
pub fn bump() -> Mapped<Locked<Bump<Ground>>> {
    Stack::new(&BUMP)
}

/// The arena's own map, with the pages in use told apart by whether they hold memory.
fn runs(arena: &Ground) -> Vec<Run> {
    let mut runs = Vec::new();
    arena.pages(&mut |run| {
        let state = match run.state {
            alloc_arena::PageState::Used => PageState::Used,
            alloc_arena::PageState::Dirty => PageState::Dirty,
            alloc_arena::PageState::Clean => PageState::Clean,
        };
        runs.push(Run { base: run.base.addr().get(), bytes: run.bytes, state });
    });
    runs.into_iter()
        .flat_map(|run| match run.state {
            PageState::Used => touched(run),
            _ => vec![run],
        })
        .collect()
}

/// A run in use, cut where it changes between touched and not.
fn touched(run: Run) -> Vec<Run> {
    let mut parts: Vec<Run> = Vec::new();
    let mut base = run.base;
    for resident in measure::resident_pages(run.base, run.bytes) {
        let state = if resident { PageState::Used } else { PageState::Untouched };
        let bytes = measure::page_bytes().min(run.base + run.bytes - base);
        match parts.last_mut() {
            Some(last) if last.state == state => last.bytes += bytes,
            _ => parts.push(Run { base, bytes, state }),
        }
        base += bytes;
    }
    parts
}
