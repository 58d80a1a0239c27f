//! When one thread's candidates are recorded, and when steps look for dead cycles among what they lead to.
//!
//! Above: the pointers, whose kind is here (`kind.rs`); the user's calls. Below: the lists (`candidates.rs`), steps.
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

use crate::figures::{Figures, Found, Progress};
use crate::header::{Record, record};
use crate::kind::Kind;
use crate::local::{DEAD, LISTED, PLAIN, RIPE, STALE};
use crate::pacer::Pace;
use crate::step::{Budget, Step};
use crate::thread::{self, PerThread};
use crate::words::{Local, Words, words};
#[cfg(any(feature = "std", feature = "census"))]
use alloc::vec::Vec;
use alloc_core::Report;
use core::ptr::NonNull;

impl Kind for Local {
    #[inline(always)]
    unsafe fn release(words: &Words<Self>, value: NonNull<u8>, may_cycle: bool) -> bool {
        let strong = words.strong.get() - 1;
        words.strong.set(strong);
        if strong == 0 {
            return true;
        }
        if may_cycle && words.weak.get() & (LISTED | STALE | RIPE) != LISTED {
            // SAFETY: the caller's; a plain one is marked as listed.
            unsafe { list(value) };
        }
        false
    }

    #[inline]
    fn note(value: NonNull<u8>, record: &'static Record, is_new: bool) {
        // SAFETY: who calls has the box.
        let bytes = unsafe { (record.bytes)(value) };
        thread::with(|here| {
            let (objects, all_bytes) = (here.live_objects.get(), here.live_bytes.get());
            let add = |to: usize, n: usize| if is_new { to + n } else { to.saturating_sub(n) };
            here.live_objects.set(add(objects, 1));
            here.live_bytes.set(add(all_bytes, bytes));
            #[cfg(feature = "census")]
            here.census.borrow_mut().note(value, record, is_new);
        });
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
unsafe fn list(value: NonNull<u8>) {
    // SAFETY: the caller's.
    let of = unsafe { words::<Local>(value) };
    if of.has(DEAD | PLAIN) {
        return;
    }
    if of.has(LISTED) {
        return of.clear(STALE | RIPE);
    }
    let is_due = thread::with(|here| {
        let Ok(mut candidates) = here.candidates.try_borrow_mut() else { return false };
        if candidates.young.try_reserve(1).is_err() {
            return false;
        }
        of.set(LISTED);
        candidates.young.push(value);
        // SAFETY: it has a record.
        candidates.listed_bytes += unsafe { (record(value).bytes)(value) };
        candidates.pacer.is_due(candidates.listed_bytes, here.live_bytes.get()) && !here.steps.get()
    });
    if is_due == Some(true) {
        thread::with(automatic_step);
    }
}

/// A step that nobody asked for.
#[cold]
fn automatic_step(here: &PerThread) {
    let Some(step) = Step::begin(here) else { return };
    let objects = here.candidates.borrow().pacer.pace.budget_objects;
    let mut budget = Budget { objects, first: objects };
    if here.candidates.borrow().is_between_rounds() {
        if !step.ripen(objects) {
            return;
        }
        let candidates = here.candidates.borrow();
        // Most of them have died by themselves, perhaps.
        if !candidates.pacer.is_due(candidates.listed_bytes, here.live_bytes.get()) {
            return;
        }
    }
    if !here.candidates.borrow().large.is_empty() {
        // It leads to as much as it leads to; and so do others, which need no step of their own then.
        budget.first = usize::MAX;
        here.candidates.borrow_mut().take_up(budget.first);
    }
    let (freed, visits) = step.run(budget);
    let mut candidates = here.candidates.borrow_mut();
    let (freed, visits) = (candidates.round.0 + freed, candidates.round.1 + visits);
    candidates.round = (freed, visits);
    // Else the next step goes on.
    if candidates.ripe.is_empty() && candidates.large.is_empty() {
        candidates.round = (0, 0);
        candidates.pacer.ended(freed, visits, here.live_bytes.get());
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
            let before = here.candidates.borrow().len();
            if before == 0 {
                break;
            }
            let (freed, _) = step.run(Budget::ALL);
            freed_objects += freed;
            if freed == 0 && here.candidates.borrow().len() >= before {
                break; // there is no memory for a trial
            }
        }
        here.candidates.borrow_mut().pacer.ended(1, 1, here.live_bytes.get());
        freed_objects
    });
    all.unwrap_or(0)
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
            let mut candidates = here.candidates.borrow_mut();
            if candidates.ripening.is_empty() {
                candidates.take_up(objects);
            }
            candidates.ripening.is_empty() && !candidates.ripe.is_empty()
        };
        if !is_ripe && !step.ripen(objects) {
            let set_aside = here.candidates.borrow().large.len();
            return Progress { freed_objects: 0, more: true, set_aside };
        }
        let (freed_objects, _) = step.run(Budget { objects, first: objects });
        let candidates = here.candidates.borrow();
        let more = candidates.len() > candidates.large.len();
        Progress { freed_objects, more, set_aside: candidates.large.len() }
    });
    done.unwrap_or(Progress::NONE)
}

/// Says when steps happen on this thread.
pub fn set_pace(pace: Pace) {
    thread::with(|here| here.candidates.borrow_mut().pacer.pace = pace);
}

/// Has `trace` be shown what each step of this thread finds dead, before it is dropped.
pub fn set_trace(trace: Option<fn(&Found<'_>)>) {
    thread::with(|here| here.candidates.borrow_mut().trace = trace);
}

/// What happened on this thread so far.
///
/// ```
/// use alloc_core::gc::Trace;
/// use rc_cycle::{Cc, collect, figures};
/// use std::cell::RefCell;
///
/// #[derive(Trace)]
/// struct Node(RefCell<Option<Cc<Node>>>);
///
/// let node = Cc::new(Node(RefCell::new(None)));
/// *node.0.borrow_mut() = Some(node.clone());
/// drop(node);
/// assert_eq!(collect(), 1);
/// let figures = figures();
/// assert_eq!((figures.live_objects, figures.freed_objects), (0, 1));
/// // 0 objects live, 0 KiB; 1 freed by 1 steps, the longest 2 us
/// println!("{figures}");
/// assert!(figures.to_string().starts_with("0 objects live, 0 KiB; 1 freed by 1 steps, the longest "));
/// ```
#[must_use]
pub fn figures() -> Figures {
    let figures = thread::with(|here| {
        let candidates = here.candidates.borrow();
        Figures {
            live_objects: here.live_objects.get(),
            live_bytes: here.live_bytes.get(),
            candidates: candidates.len(),
            ..candidates.figures
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

/// Values of this thread that are alive, by type, those with the most bytes first: of types that can be part of a cycle. Others
/// are not counted, as their boxes say nothing of themselves.
///
/// After [`collect`](crate::collect), it is what somebody still holds: where that should be nothing, a report of leaks.
///
/// ```
/// # #[cfg(feature = "census")] {
/// use alloc_core::gc::Trace;
/// use rc_cycle::{Cc, census};
/// use std::cell::RefCell;
///
/// #[derive(Trace)]
/// struct Node(RefCell<Vec<Cc<Node>>>);
///
/// let node = Cc::new(Node(RefCell::default()));
/// let counts = census();
/// assert!(counts.len() == 1 && counts[0].objects == 1 && counts[0].name.ends_with("Node"));
/// # }
/// ```
#[cfg(feature = "census")]
#[must_use]
pub fn census() -> Vec<crate::Count> {
    thread::with(|here| here.census.borrow().counts()).unwrap_or_default()
}

#[cfg(feature = "std")]
impl Drop for PerThread {
    /// The thread ends: the last chance for its garbage.
    fn drop(&mut self) {
        leave(self);
        self.shared.tell();
    }
}

/// What is still listed is looked at for the last time.
#[cfg(feature = "std")]
fn leave(here: &PerThread) {
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
