//! Several threads at once: each allocates, grows and frees, and takes over what others allocated.
//!
//! Above: `runner`. Below: `model`, shared by all the threads under a lock. What the threads do
//! is drawn from the seed; how they interleave is up to the machine, so nothing is shortened here.

use super::Rules;
use super::failure::{Found, Promise, promised};
use super::model::{Allocation, Name, Random, Shown, Taken};
use super::session::Session;
use crate::{Allocator, Layout};
use core::ptr::NonNull;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

const THREADS: usize = 4;
/// Threads end and new ones begin this often, so that what a thread leaves behind is met too.
const GENERATIONS: u64 = 6;
const STEPS: usize = 160;
/// What a failure shows of the thread that found it.
const LAST_STEPS: usize = 12;

/// What the threads share.
struct Common<'c> {
    allocator: &'c (dyn Allocator + Sync),
    /// An allocator's limit, for each thread, in bytes live at a time.
    limit_bytes: usize,
    may_run_out: bool,
    max_align_bytes: usize,
    model: Mutex<Model>,
}

#[derive(Default)]
struct Model {
    taken: Taken,
    next_id: u32,
    /// Allocations on their way from one thread to another.
    handed_over: VecDeque<Allocation>,
}

impl Common<'_> {
    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Runs the threads, several times, then frees what they left. Nothing to do for allocators that
/// are not shared.
pub(super) fn all_at_once(session: &mut Session<'_>) -> Result<(), Found> {
    let rules = session.rules;
    let mut left = Vec::new();
    if let Some(allocator) = session.subject.sync() {
        let generations = if rules.gives_back { GENERATIONS } else { 1 };
        let common = Common {
            allocator,
            limit_bytes: limit_of_each(rules),
            may_run_out: rules.may_run_out,
            max_align_bytes: rules.max_align_bytes,
            model: Mutex::default(),
        };
        for generation in 0..generations {
            one_generation(&common, rules.seed ^ (generation << 32))?;
            if let Some(layer) = session.subject.layer() {
                layer.verify().map_err(|broken| Found {
                    promise: Promise::Verify,
                    what: format!("after {THREADS} threads ended: {broken}"),
                })?;
            }
        }
        left.extend(common.model().handed_over.drain(..));
    }
    for one in left {
        one.check(one.len, Promise::Contents)?;
        // SAFETY: it is live: no thread freed it before it handed it over.
        unsafe { session.subject.allocator(0).deallocate(one.ptr, one.layout) };
    }
    session.finish()
}

fn limit_of_each(rules: &Rules) -> usize {
    let all = rules.max_bytes / THREADS / 2;
    // Where frees give nothing back, every step spends.
    if rules.gives_back { all } else { all / STEPS }
}

fn one_generation(common: &Common<'_>, seed: u64) -> Result<(), Found> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| scope.spawn(move || Worker::new(common, seed + number as u64).work()))
            .collect();
        // All are joined before any verdict is passed on.
        let verdicts: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        verdicts.into_iter().try_for_each(|verdict| {
            verdict.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

/// One thread with what it holds.
struct Worker<'c> {
    common: &'c Common<'c>,
    random: Random,
    mine: Vec<Allocation>,
    mine_bytes: usize,
    steps: VecDeque<String>,
}

impl<'c> Worker<'c> {
    fn new(common: &'c Common<'c>, seed: u64) -> Self {
        Self {
            common,
            random: Random::new(seed),
            mine: Vec::new(),
            mine_bytes: 0,
            steps: VecDeque::new(),
        }
    }

    fn work(mut self) -> Result<(), Found> {
        let outcome = (0..STEPS).try_for_each(|_| self.step()).and_then(|()| self.leave());
        outcome.map_err(|found| {
            let steps: Vec<_> = self.steps.iter().map(String::as_str).collect();
            let what =
                format!("{} ({THREADS} threads; this one: {})", found.what, steps.join("; "));
            let promise = match found.promise {
                Promise::Contents | Promise::NoOverlap => Promise::Threads,
                other => other,
            };
            Found { promise, what }
        })
    }

    fn note(&mut self, step: String) {
        if self.steps.len() == LAST_STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back(step);
    }

    fn step(&mut self) -> Result<(), Found> {
        match self.random.below(10) {
            0..4 => self.allocate(),
            4..6 => self.free_one(),
            6..8 => self.hand_over(),
            8 => self.take_over(),
            _ => self.grow_one(),
        }
    }

    fn layout(&mut self) -> Layout {
        let most = (self.common.limit_bytes / 4).clamp(1, 1 << 16);
        let size = match self.random.below(8) {
            0 => self.random.below(most) + 1,
            1..4 => self.random.below(1024.min(most)) + 1,
            _ => self.random.below(128.min(most)) + 1,
        };
        let align = 1 << if self.random.below(16) == 0 { 12 } else { self.random.below(5) };
        let align = align.min(self.common.max_align_bytes);
        Layout::from_size_align(size, align).expect("the size is small")
    }

    /// Whether this thread's share of the limit leaves room.
    fn affords(&self, layout: Layout) -> bool {
        self.mine_bytes + layout.pad_to_align().size() <= self.common.limit_bytes
    }

    fn allocate(&mut self) -> Result<(), Found> {
        let layout = self.layout();
        if !self.affords(layout) {
            return self.free_one();
        }
        let zeroed = self.random.below(4) == 0;
        let it = self.common.allocator;
        let answer = if zeroed { it.allocate_zeroed(layout) } else { it.allocate(layout) };
        match answer {
            Err(_) => self.refused(layout),
            Ok(slice) => {
                let new = self.admit(slice, layout)?;
                if zeroed {
                    let found = new.first_non_zero(0, new.len);
                    promised(found.is_none(), Promise::Zeroed, || "a byte is not zero".into())?;
                }
                self.keep(new);
                Ok(())
            }
        }
    }

    fn refused(&mut self, layout: Layout) -> Result<(), Found> {
        self.note(format!("{} was refused", Shown(layout)));
        promised(self.common.may_run_out, Promise::Serves, || {
            format!("{} was refused", Shown(layout))
        })
    }

    fn admit(&mut self, slice: NonNull<[u8]>, layout: Layout) -> Result<Allocation, Found> {
        let (ptr, len) = (slice.cast::<u8>(), slice.len());
        let mut model = self.common.model();
        let new = Allocation { ptr, len, layout, id: model.next_id };
        model.next_id += 1;
        promised(ptr.addr().get().is_multiple_of(layout.align()), Promise::Aligned, || {
            format!("{ptr:?} was handed out for {}", Shown(layout))
        })?;
        promised(len >= layout.size(), Promise::LargeEnough, || {
            format!("{len} bytes were handed out for {}", Shown(layout))
        })?;
        let free = model.taken.insert(&new);
        drop(model);
        self.note(format!("{} = {}", Name(new.id), Shown(layout)));
        free.map_err(|other| Found {
            promise: Promise::NoOverlap,
            what: format!("{} overlaps {other}, which is live", Name(new.id)),
        })?;
        Ok(new)
    }

    fn keep(&mut self, new: Allocation) {
        new.fill();
        self.mine_bytes += new.layout.pad_to_align().size();
        self.mine.push(new);
    }

    /// Takes one of this thread's allocations out of its hands.
    fn pick(&mut self) -> Option<Allocation> {
        if self.mine.is_empty() {
            return None;
        }
        let at = self.random.below(self.mine.len());
        let one = self.mine.swap_remove(at);
        self.mine_bytes -= one.layout.pad_to_align().size();
        Some(one)
    }

    fn free_one(&mut self) -> Result<(), Found> {
        let Some(one) = self.pick() else { return Ok(()) };
        self.free(one)
    }

    fn free(&mut self, one: Allocation) -> Result<(), Found> {
        one.check(one.len, Promise::Contents)?;
        self.note(format!("free {}", Name(one.id)));
        self.common.model().taken.remove(&one);
        let layout = one.fitting((self.random.below(3) * 500) as u16);
        // SAFETY: `one` is live and in no other thread's hands (`pick`, `take_over`); `layout` fits.
        unsafe { self.common.allocator.deallocate(one.ptr, layout) };
        Ok(())
    }

    fn grow_one(&mut self) -> Result<(), Found> {
        let Some(old) = self.pick() else { return Ok(()) };
        let size = old.layout.size() + self.random.below(512);
        let layout = Layout::from_size_align(size, old.layout.align()).expect("the size is small");
        if !self.affords(layout) {
            return self.free(old);
        }
        old.check(old.len, Promise::Contents)?;
        self.common.model().taken.remove(&old);
        // SAFETY: as for `free`; the size is not smaller.
        let answer = unsafe { self.common.allocator.grow(old.ptr, old.layout, layout) };
        match answer {
            Ok(slice) => {
                let new = self.admit(slice, layout)?;
                Allocation { id: old.id, ..new }.check(old.layout.size(), Promise::GrowKeeps)?;
                self.keep(new);
                Ok(())
            }
            Err(_) => {
                self.refused(layout)?;
                old.check(old.len, Promise::RefusalKeeps)?;
                let again = self.common.model().taken.insert(&old);
                promised(again.is_ok(), Promise::RefusalKeeps, || {
                    "its memory was handed out again while the grow was refused".into()
                })?;
                self.keep(old);
                Ok(())
            }
        }
    }

    fn hand_over(&mut self) -> Result<(), Found> {
        if let Some(one) = self.pick() {
            self.note(format!("hand over {}", Name(one.id)));
            self.common.model().handed_over.push_back(one);
        }
        self.take_over()
    }

    /// Takes over what another thread (or this one) handed over, and frees it here.
    fn take_over(&mut self) -> Result<(), Found> {
        let taken = {
            let mut model = self.common.model();
            // Some stay on the way, to be freed when their thread has ended.
            if model.handed_over.len() > 16 { model.handed_over.pop_front() } else { None }
        };
        taken.map_or(Ok(()), |one| self.free(one))
    }

    /// Before the thread ends: frees half of what it holds and leaves the rest to others.
    fn leave(&mut self) -> Result<(), Found> {
        while let Some(one) = self.pick() {
            if self.random.below(2) == 0 {
                self.free(one)?;
            } else {
                self.common.model().handed_over.push_back(one);
            }
        }
        Ok(())
    }
}
