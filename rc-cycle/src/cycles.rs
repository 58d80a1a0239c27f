//! Candidates, and the steps that find dead cycles among what they lead to.
//!
//! Above: dropping a pointer that was not the last; the user's calls. Below: trials.
//!
//! A *candidate* is a value that lost a pointer, and has others: if it was the last from outside, those are a cycle's.
//!
//! | list | a candidate is here |
//! |---|---|
//! | young | since it was recorded, at most once while it is listed |
//! | ripe | since the step that came after that: most candidates die of their last pointer before |
//! | large | since a trial of it had more members than a bounded step may have |
//!
//! Sources of what is not done here: recording once per object and not on each decrement (Bacon and Rajan, 2001);
//! letting candidates ripen, as most of what was just touched is alive or dies by itself (Lins, *Cyclic reference
//! counting with lazy mark-scan*, 1992); fewer steps where they find little (the adaptive root threshold of PHP 7.3).

use crate::figures::{Figures, Found};
use crate::header::{record, words};
use crate::kind::{Kind, Local};
use crate::local::{DEAD, LISTED, PLAIN, STALE};
use crate::pacer::{Pace, Pacer};
use crate::thread::{self, PerThread};
use crate::trial::{Added, Trial};
use alloc::vec::Vec;
use core::ptr::NonNull;

pub(crate) struct Cycles {
    young: Vec<NonNull<u8>>,
    /// The last one is the oldest.
    ripe: Vec<NonNull<u8>>,
    large: Vec<NonNull<u8>>,
    /// How many values the next step that nobody asked for may look at, if that is more than its pace says.
    allowance: usize,
    /// Bytes of the boxes that are listed.
    listed_bytes: usize,
    pub pacer: Pacer,
    pub figures: Figures,
    pub trace: Option<fn(&Found<'_>)>,
}

impl Cycles {
    pub const fn new() -> Self {
        Self {
            young: Vec::new(),
            ripe: Vec::new(),
            large: Vec::new(),
            allowance: 0,
            listed_bytes: 0,
            pacer: Pacer::new(),
            figures: Figures::NONE,
            trace: None,
        }
    }

    pub fn candidates(&self) -> usize {
        self.young.len() + self.ripe.len() + self.large.len()
    }
}

/// Records a candidate. If there is no memory for the list, it is none: a cycle that dies by this leaks, unless one of
/// its values becomes a candidate later.
///
/// # Safety
///
/// It is the value of a live box, which has a record unless it is plain.
#[cold]
#[inline(never)]
pub(crate) unsafe fn list(value: NonNull<u8>) {
    // SAFETY: the caller's.
    let of = unsafe { words::<Local>(value) };
    if of.has(DEAD | PLAIN) {
        return;
    }
    if of.has(LISTED) {
        return of.clear(STALE);
    }
    let is_due = thread::with(|here| {
        let Ok(mut cycles) = here.cycles.try_borrow_mut() else { return false };
        if cycles.young.try_reserve(1).is_err() {
            return false;
        }
        of.set(LISTED);
        cycles.young.push(value);
        // SAFETY: it has a record.
        cycles.listed_bytes += unsafe { (record(value).bytes)(value) };
        cycles.pacer.is_due(cycles.listed_bytes, here.live_bytes.get()) && !here.steps.get()
    });
    if is_due == Some(true) {
        thread::with(automatic_step);
    }
}

/// A step that nobody asked for.
#[cold]
fn automatic_step(here: &PerThread) {
    let Some(step) = Step::begin(here) else { return };
    let budget = {
        let mut cycles = here.cycles.borrow_mut();
        let allowance = core::mem::take(&mut cycles.allowance);
        cycles.pacer.pace.budget_objects.max(allowance)
    };
    if here.cycles.borrow().ripe.is_empty() {
        step.ripen();
        let cycles = here.cycles.borrow();
        // Most of them have died by themselves, perhaps.
        if !cycles.pacer.is_due(cycles.listed_bytes, here.live_bytes.get()) {
            return;
        }
    }
    let (freed, visits) = step.run(budget, false);
    let mut cycles = here.cycles.borrow_mut();
    // Else the next step goes on.
    if cycles.ripe.is_empty() && cycles.large.is_empty() {
        cycles.pacer.ended(freed, visits, here.live_bytes.get());
    }
}

/// One step at a time.
struct Step<'h>(&'h PerThread);

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.0.steps.set(false);
    }
}

impl<'h> Step<'h> {
    fn begin(here: &'h PerThread) -> Option<Self> {
        if here.steps.replace(true) { None } else { Some(Self(here)) }
    }

    /// Takes a listed value off its list, for good. `None`: it is no candidate; if its value is gone, its memory is to be
    /// freed, and is in `gone`, which has room.
    fn take(&self, value: NonNull<u8>, gone: &mut Vec<NonNull<u8>>) -> Option<NonNull<u8>> {
        // SAFETY: what is listed is not freed, and has a record.
        unsafe {
            let of = words::<Local>(value);
            let (is_gone, is_stale) = (of.strong.get() == 0, of.has(STALE));
            self.0.cycles.borrow_mut().listed_bytes -= (record(value).bytes)(value);
            of.clear(LISTED | STALE);
            if is_gone && of.is_abandoned() {
                gone.push(value);
            }
            (!is_gone && !is_stale).then_some(value)
        }
    }

    /// Frees boxes that nobody leads to.
    fn free_all(gone: Vec<NonNull<u8>>) {
        // SAFETY: the list was all that kept them (`take`), and they stand on it no more.
        gone.into_iter().for_each(|value| unsafe { (record(value).free)(value) });
    }

    /// Young candidates become ripe; what is gone leaves the list.
    fn ripen(&self) {
        let mut young = core::mem::take(&mut self.0.cycles.borrow_mut().young);
        let mut gone = Vec::new();
        young.retain(|&value| {
            // SAFETY: as in `take`.
            let of = unsafe { words::<Local>(value) };
            let goes = of.strong.get() == 0 || of.has(STALE);
            if goes && gone.try_reserve(1).is_ok() {
                self.take(value, &mut gone);
                return false;
            }
            true
        });
        Self::free_all(gone);
        young.reverse();
        let mut cycles = self.0.cycles.borrow_mut();
        let room = cycles.ripe.len();
        if cycles.ripe.try_reserve(young.len()).is_ok() {
            cycles.ripe.splice(0..0, young);
        } else if room == 0 {
            cycles.ripe = young;
        } else {
            cycles.young = young;
        }
    }

    /// Looks at about `budget` values, and frees what is dead among them. Returns how many were freed, and looked at.
    /// `bounded`: a candidate that leads to more is put aside; else the next step may look at more.
    fn run(&self, budget: usize, bounded: bool) -> (usize, usize) {
        #[cfg(feature = "std")]
        let begin = std::time::Instant::now();
        let (mut trial, mut seeds, mut gone) = (Trial::new(), 0, Vec::new());
        while trial.len() < budget && trial.visits < budget.saturating_mul(2) {
            if gone.try_reserve(1).is_err() {
                break;
            }
            let Some(value) = self.next(bounded) else { break };
            let Some(seed) = self.take(value, &mut gone) else { continue };
            seeds += 1;
            let is_first = trial.len() == 0;
            // SAFETY: a candidate is alive, and nobody has it exclusively: he would have made it stale (`is_unique`).
            match unsafe { trial.add(seed, budget) } {
                Added::All => {}
                Added::TooMany if is_first && bounded => self.list_again(seed, true),
                Added::TooMany if is_first => {
                    self.0.cycles.borrow_mut().allowance = budget.saturating_mul(2);
                    self.list_again(seed, false);
                    break;
                }
                // With others before it; alone, it may have room enough.
                Added::TooMany | Added::NoMemory => {
                    self.list_again(seed, false);
                    break;
                }
            }
        }
        // SAFETY: as above; the trial ends here.
        let dead = unsafe { trial.end() };
        // Not before: an allocator may do anything, and must not see counts that were taken.
        Self::free_all(gone);
        let (freed, visits) = (dead.len(), trial.visits);
        self.0.cycles.borrow_mut().figures.stepped(seeds, visits, freed);
        self.drop_all(dead);
        #[cfg(feature = "std")]
        self.0.cycles.borrow_mut().figures.paused(begin.elapsed());
        (freed, visits)
    }

    fn next(&self, bounded: bool) -> Option<NonNull<u8>> {
        let mut cycles = self.0.cycles.borrow_mut();
        let next = cycles.ripe.pop();
        if next.is_none() && !bounded { cycles.large.pop() } else { next }
    }

    /// Puts a candidate back, or aside.
    fn list_again(&self, value: NonNull<u8>, aside: bool) {
        let mut cycles = self.0.cycles.borrow_mut();
        let Cycles { large, ripe, .. } = &mut *cycles;
        let list = if aside { large } else { ripe };
        if list.try_reserve(1).is_ok() {
            list.push(value);
            // SAFETY: it was listed a moment ago.
            unsafe {
                words::<Local>(value).set(LISTED);
                cycles.listed_bytes += (record(value).bytes)(value);
            }
        }
    }

    /// Drops values that point at each other, and are pointed at by nobody else.
    fn drop_all(&self, dead: Vec<NonNull<u8>>) {
        if dead.is_empty() {
            return;
        }
        for &value in &dead {
            // SAFETY: they are not freed before all are dropped. One count more, so that none comes to its end early.
            let of = unsafe { words::<Local>(value) };
            of.set(DEAD);
            of.strong.set(of.strong.get() + 1);
        }
        // From here on they are dropped, whatever unwinds; and nobody upgrades.
        let mut all = Dead { values: dead, next: 0 };
        let trace = self.0.cycles.borrow().trace;
        if let Some(trace) = trace {
            trace(&Found::of(&all.values));
        }
        all.drop_values();
    }
}

/// Values that are being dropped, also if one of them unwinds.
struct Dead {
    values: Vec<NonNull<u8>>,
    next: usize,
}

impl Dead {
    fn drop_values(&mut self) {
        while let Some(&value) = self.values.get(self.next) {
            self.next += 1;
            // SAFETY: nobody but dead values leads to it (the trial), and nobody upgrades (`DEAD`).
            unsafe { (record(value).drop)(value) };
        }
    }
}

impl Drop for Dead {
    fn drop(&mut self) {
        self.drop_values();
        for &value in &self.values {
            // SAFETY: the value is dropped; weak pointers may keep the memory, or a list.
            unsafe {
                let of = words::<Local>(value);
                of.strong.set(0);
                of.clear(DEAD);
                let record = record(value);
                Local::note(value, record, false);
                if Local::release_weak(of) {
                    (record.free)(value);
                }
            }
        }
    }
}

/// Frees all dead cycles of this thread that candidates lead to. Returns how many values that were.
///
/// Called from a destructor that a step runs, it does nothing. Takes time linear in what the candidates lead to.
///
/// ```
/// use alloc_core::gc::Trace;
/// use rc_cycle::{Cc, collect};
/// use std::cell::RefCell;
///
/// #[derive(Trace)]
/// struct Node(RefCell<Option<Cc<Node>>>);
///
/// let node = Cc::new(Node(RefCell::new(None)));
/// *node.0.borrow_mut() = Some(node.clone());
/// let watch = Cc::downgrade(&node);
/// drop(node);
/// assert_eq!(collect(), 1);
/// assert!(watch.upgrade().is_none());
/// ```
pub fn collect() -> usize {
    let all = thread::with(|here| {
        let Some(step) = Step::begin(here) else { return 0 };
        let mut freed_objects = 0;
        // Destructors may leave more.
        loop {
            step.ripen();
            {
                let mut cycles = here.cycles.borrow_mut();
                let Cycles { ripe, large, .. } = &mut *cycles;
                if ripe.is_empty() && large.is_empty() {
                    break;
                }
                if ripe.try_reserve(large.len()).is_ok() {
                    ripe.append(large);
                }
            }
            let before = here.cycles.borrow().candidates();
            let (freed, _) = step.run(usize::MAX, false);
            freed_objects += freed;
            if freed == 0 && here.cycles.borrow().candidates() >= before {
                break; // there is no memory for a trial
            }
        }
        here.cycles.borrow_mut().pacer.ended(1, 1, here.live_bytes.get());
        freed_objects
    });
    all.unwrap_or(0)
}

/// What a bounded step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Values that were freed.
    pub freed_objects: usize,
    /// Whether candidates are left, other than those that lead to more than the budget.
    pub more: bool,
}

/// A step: looks at no more than about `budget_objects` values of this thread, the oldest candidates first, and frees the
/// dead cycles among them. What leads to more values than that stays for [`collect`].
///
/// ```
/// while rc_cycle::collect_some(1000).more {
///     // something else
/// }
/// ```
pub fn collect_some(budget_objects: usize) -> Progress {
    let done = thread::with(|here| {
        let Some(step) = Step::begin(here) else {
            return Progress { freed_objects: 0, more: false };
        };
        if here.cycles.borrow().ripe.is_empty() {
            step.ripen();
        }
        let (freed_objects, _) = step.run(budget_objects.max(1), true);
        let cycles = here.cycles.borrow();
        Progress { freed_objects, more: !(cycles.ripe.is_empty() && cycles.young.is_empty()) }
    });
    done.unwrap_or(Progress { freed_objects: 0, more: false })
}

/// Says when steps happen on this thread.
pub fn set_pace(pace: Pace) {
    thread::with(|here| here.cycles.borrow_mut().pacer.pace = pace);
}

/// Has `trace` be shown what each step of this thread finds dead, before it is dropped.
pub fn set_trace(trace: Option<fn(&Found<'_>)>) {
    thread::with(|here| here.cycles.borrow_mut().trace = trace);
}

/// What happened on this thread so far.
#[must_use]
pub fn figures() -> Figures {
    let figures = thread::with(|here| {
        let cycles = here.cycles.borrow();
        Figures {
            live_objects: here.live_objects.get(),
            live_bytes: here.live_bytes.get(),
            candidates: cycles.candidates(),
            ..cycles.figures
        }
    });
    figures.unwrap_or_default()
}

/// The thread ends: what is still listed is looked at for the last time.
#[cfg(feature = "std")]
pub(crate) fn leave(here: &PerThread) {
    let Some(step) = Step::begin(here) else { return };
    step.ripen();
    step.run(usize::MAX, false);
    // From now on nothing is listed (`thread::with` gives nothing), and what still is keeps no memory.
    step.ripen();
    let mut gone = Vec::new();
    while let Some(value) = step.next(false) {
        if gone.try_reserve(1).is_ok() {
            step.take(value, &mut gone);
        }
    }
    Step::free_all(gone);
}
