//! Looking at an arena: its runs, and its mappings.
//!
//! Above: reports, maps of the memory, tests. Nothing here allocates, and no visitor is called under
//! the lock: it may allocate from this very arena. So a walk copies a few runs at a time, and goes
//! on behind the last of them; what changes meanwhile is seen in its old state or its new one.

use crate::arena::Arena;
use crate::dedicated::Entry;
use crate::mapping::{Mapping, Node};
use crate::record::{Page, State as RunState};
use crate::runs::Run;
use crate::source::Source;
use core::ops::Range;
use core::ptr::NonNull;

/// A stretch of committed pages in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRun {
    /// Its first byte.
    pub base: NonNull<u8>,
    /// Its length.
    pub bytes: usize,
    /// What its pages are.
    pub state: PageState,
}

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageState {
    /// Handed out.
    Used,
    /// Free, with contents that take up memory.
    Dirty,
    /// Free, and never touched or purged.
    Clean,
}

/// How many runs are copied at a time.
const BATCH: usize = 64;

struct Batch {
    runs: [Option<PageRun>; BATCH],
    count: usize,
}

impl Batch {
    fn push(&mut self, run: PageRun) {
        if let Some(place) = self.runs.get_mut(self.count) {
            *place = Some(run);
        }
        self.count += 1; // a count beyond BATCH says that there is more
    }
}

impl<S: Source> Arena<S> {
    /// Visits all committed pages, mapping by mapping in order of address within each: a used run is
    /// one visit, a free one is a visit for each of its dirty and clean stretches. Runs with a
    /// mapping of their own come last. Linear in the runs, with a factor of a 64th of their number.
    pub fn pages(&self, visit: &mut dyn FnMut(PageRun)) {
        let mut mapping = 0;
        let mut cursor = 0;
        loop {
            let mut batch = Batch { runs: [None; BATCH], count: 0 };
            let state = self.lock_whole();
            match state.mappings.iter().nth(mapping) {
                Some(node) => self.copy_runs(node, cursor, &mut batch),
                None if mapping == state.mappings.count() => {
                    let used = state.dedicated.entries().iter().filter(|entry| entry.used);
                    let after = used.filter(|entry| entry.base.as_ptr().addr() >= cursor);
                    after.for_each(|&Entry { base, bytes, .. }| {
                        batch.push(PageRun { base, bytes, state: PageState::Used });
                    });
                }
                None => return,
            }
            drop(state);
            batch.runs.iter().flatten().for_each(|run| visit(*run));
            (mapping, cursor) = match batch.runs[BATCH - 1] {
                Some(last) if batch.count > BATCH => {
                    (mapping, last.base.as_ptr().addr() + last.bytes)
                }
                _ => (mapping + 1, 0),
            };
        }
    }

    /// Copies the stretches of a mapping from the address `cursor` on.
    fn copy_runs(&self, node: &Node, cursor: usize, batch: &mut Batch) {
        let first = if cursor == 0 { 0 } else { node.runs.page_at(cursor) };
        let committed = node.runs.committed_pages();
        let mut push = |pages: Range<Page>, state| {
            let bytes = pages.len() * self.page_bytes();
            batch.push(PageRun { base: node.pointer(pages.start), bytes, state });
        };
        node.runs.walk(&mut |Run { start, pages, state }| {
            let mut rest = start.max(first)..(start + pages).min(committed);
            if rest.is_empty() {
                return;
            }
            if state == RunState::Used {
                return push(rest, PageState::Used);
            }
            while !rest.is_empty() {
                let (end, dirty) = node.runs.stretch(rest.clone());
                push(rest.start..end, if dirty { PageState::Dirty } else { PageState::Clean });
                rest.start = end;
            }
        });
    }

    /// Visits all mappings: those that hold runs, then those of one run each.
    pub fn mappings(&self, visit: &mut dyn FnMut(Mapping)) {
        for at in 0.. {
            let state = self.state.lock();
            let shared = state.mappings.iter().nth(at).map(Node::mapping);
            let own = || state.dedicated.entries().get(at.checked_sub(state.mappings.count())?);
            let found = shared.or_else(|| own().map(Entry::mapping));
            drop(state);
            match found {
                Some(mapping) => visit(mapping),
                None => return,
            }
        }
    }

    /// Makes the first reservation if there is none and it can be had.
    pub(crate) fn make_first(&self, state: &mut crate::state::State) {
        if state.first.is_none() {
            let need = crate::runs::Need::new(1, 1);
            let _ = state.reserve(&self.below, &self.config, need);
            self.publish_first(state);
        }
    }
}
