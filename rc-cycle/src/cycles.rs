//! Candidates, and the steps that find dead cycles among what they lead to.
//!
//! Above: dropping a pointer that was not the last; the user's calls. Below: trials.
//!
//! A *candidate* is a value that lost a pointer, and has others: if it was the last from outside, those are a cycle's.
//!
//! | list | a candidate is here |
//! |---|---|
//! | young | since it was recorded, at most once while it is listed |
//! | ripening | until a step comes by: most have died of their last pointer by then, and go |
//! | ripe | until it is tried in this round |
//! | large | since a trial of it had more members than the step might have |
//!
//! A round is the steps from one ripening to the next. What one of them has proven alive, the others leave alone, so that
//! a round visits no value twice that is alive, however short its steps are.
//!
//! * **P1** A proof says that its value was reached from outside at some time in this round.
//! * **P2** Only candidates are tried that were not dropped from since the round began; the others are young again.
//!
//! So a value that is dead, and held by one that was proven, is found in a later round. For it died in this round: it was
//! reached when the other was (P1), or when the pointer was put there. What cut it off was a drop from a value that leads
//! to it. That one is a candidate now, and not tried in this round (P2); and in the next, no dead value is ever proven.
//!
//! Sources: recording once per object and not on each decrement (Bacon and Rajan, 2001); letting candidates ripen, as
//! most of what was just touched is alive or dies by itself (Lins, *Cyclic reference counting with lazy mark-scan*,
//! 1992); fewer steps where they find little (the adaptive root threshold of PHP 7.3).

use crate::figures::{Figures, Found};
use crate::header::{record, words};
use crate::kind::Local;
use crate::local::{DEAD, LISTED, PLAIN, Proof, RIPE, STALE};
use crate::pacer::{Pace, Pacer};
use crate::step::{Budget, Step};
use crate::thread::{self, PerThread};
use alloc::vec::Vec;
use alloc_core::Report;
use core::ptr::NonNull;

pub(crate) struct Cycles {
    pub young: Vec<NonNull<u8>>,
    pub ripening: Vec<NonNull<u8>>,
    /// The last one is the oldest.
    pub ripe: Vec<NonNull<u8>>,
    pub large: Vec<NonNull<u8>>,
    /// Each of the large ones leads to more values than this.
    pub large_objects: usize,
    /// How many there were when those that are gone were last sifted out.
    pub large_sifted: usize,
    /// Bytes of the boxes that are listed.
    pub listed_bytes: usize,
    /// What values get that are found alive in this round.
    pub proof: Proof,
    /// Values that this round has freed, and looked at.
    round: (usize, usize),
    pub pacer: Pacer,
    pub figures: Figures,
    pub trace: Option<fn(&Found<'_>)>,
}

impl Cycles {
    pub const fn new() -> Self {
        Self {
            young: Vec::new(),
            ripening: Vec::new(),
            ripe: Vec::new(),
            large: Vec::new(),
            large_objects: 0,
            large_sifted: 0,
            listed_bytes: 0,
            proof: Proof::FIRST,
            round: (0, 0),
            pacer: Pacer::new(),
            figures: Figures::NONE,
            trace: None,
        }
    }

    pub fn candidates(&self) -> usize {
        self.young.len() + self.ripening.len() + self.ripe.len() + self.large.len()
    }

    /// Whether nothing is to be taken up before more has ripened.
    fn is_between_rounds(&self) -> bool {
        !self.ripening.is_empty() || (self.ripe.is_empty() && self.large.is_empty())
    }

    /// Takes up what leads to more than `large_objects`, if that may be looked at now.
    fn take_up(&mut self, most: usize) {
        if most > self.large_objects && self.ripe.try_reserve(self.large.len()).is_ok() {
            self.ripe.append(&mut self.large);
        }
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
        return of.clear(STALE | RIPE);
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
    let objects = here.cycles.borrow().pacer.pace.budget_objects;
    let mut budget = Budget { objects, first: objects };
    if here.cycles.borrow().is_between_rounds() {
        if !step.ripen(objects) {
            return;
        }
        let cycles = here.cycles.borrow();
        // Most of them have died by themselves, perhaps.
        if !cycles.pacer.is_due(cycles.listed_bytes, here.live_bytes.get()) {
            return;
        }
    }
    if !here.cycles.borrow().large.is_empty() {
        // It leads to as much as it leads to; and so do others, which need no step of their own then.
        budget.first = usize::MAX;
        here.cycles.borrow_mut().take_up(budget.first);
    }
    let (freed, visits) = step.run(budget);
    let mut cycles = here.cycles.borrow_mut();
    let (freed, visits) = (cycles.round.0 + freed, cycles.round.1 + visits);
    cycles.round = (freed, visits);
    // Else the next step goes on.
    if cycles.ripe.is_empty() && cycles.large.is_empty() {
        cycles.round = (0, 0);
        cycles.pacer.ended(freed, visits, here.live_bytes.get());
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
            step.ripen_all();
            let before = here.cycles.borrow().candidates();
            if before == 0 {
                break;
            }
            let (freed, _) = step.run(Budget::ALL);
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
#[non_exhaustive]
pub struct Progress {
    /// Values that were freed.
    pub freed_objects: usize,
    /// Whether candidates are left for the next step, other than those that were put aside.
    pub more: bool,
    /// Candidates that were put aside: they lead to more values than the budget. A step with a larger budget takes them
    /// up again, and so does [`collect`].
    pub set_aside: usize,
}

/// A step: looks at no more than about `budget_objects` values of this thread, the oldest candidates first, and frees the
/// dead cycles among them.
///
/// A candidate that leads to more values than that is put aside ([`Progress::set_aside`]). So a program that has steps
/// in this way alone calls [`collect`] now and then, or takes a larger budget.
///
/// ```
/// while rc_cycle::collect_some(1000).more {
///     // something else
/// }
/// ```
pub fn collect_some(budget_objects: usize) -> Progress {
    let done = thread::with(|here| {
        let Some(step) = Step::begin(here) else { return Progress::NONE };
        let objects = budget_objects.max(1);
        let is_ripe = {
            let mut cycles = here.cycles.borrow_mut();
            if cycles.ripening.is_empty() {
                cycles.take_up(objects);
            }
            cycles.ripening.is_empty() && !cycles.ripe.is_empty()
        };
        if !is_ripe && !step.ripen(objects) {
            let set_aside = here.cycles.borrow().large.len();
            return Progress { freed_objects: 0, more: true, set_aside };
        }
        let (freed_objects, _) = step.run(Budget { objects, first: objects });
        let cycles = here.cycles.borrow();
        let more = cycles.candidates() > cycles.large.len();
        Progress { freed_objects, more, set_aside: cycles.large.len() }
    });
    done.unwrap_or(Progress::NONE)
}

impl Progress {
    pub(crate) const NONE: Self = Self { freed_objects: 0, more: false, set_aside: 0 };
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

/// Writes this thread's figures to a report. Each pointer brings its allocator, so that there is no one layer below.
///
/// ```
/// use alloc_core::report::Tree;
/// use rc_cycle::Cc;
///
/// let text = Cc::new(String::from("a leaf is not counted: it is in no cycle"));
/// let tree = Tree::from_fn(rc_cycle::report);
/// assert_eq!((tree.name.as_str(), tree.figure("Cc", "live objects")), ("Cc", Some(0)));
/// # let _ = text;
/// ```
pub fn report(report: &mut Report<'_>) {
    figures().report("Cc", report);
}

/// The thread ends: what is still listed is looked at for the last time.
#[cfg(feature = "std")]
pub(crate) fn leave(here: &PerThread) {
    let Some(step) = Step::begin(here) else { return };
    step.ripen_all();
    step.run(Budget::ALL);
    // From now on nothing is listed (`thread::with` gives nothing), and what still is keeps no memory.
    step.ripen_all();
    let mut gone = Vec::new();
    while let Some(value) = step.next() {
        if gone.try_reserve(1).is_ok() {
            step.take(value, &mut gone);
        }
    }
    Step::free_all(gone);
}
