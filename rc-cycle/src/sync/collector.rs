//! Lists of candidates, and the steps that free dead cycles while other threads go on.
//!
//! Above: the worker's thread, the user's calls, pointers that are dropped. Below: `graph.rs`.
//!
//! Threads put candidates on one of several lists, so that they seldom meet. A step takes all lists, on one thread at a
//! time.

use super::ends::Ends;
use super::graph::{Graph, take_up};
use super::word::{DEAD, HELD, LISTED};
use crate::cycles::Progress;
use crate::figures::Figures;
use crate::header::{Words, record, words};
use crate::kind::{Kind, Shared};
use crate::pacer::{Pace, Pacer};
use crate::thread;
use alloc::vec::Vec;
use alloc_core::Report;
use alloc_core::sync::{AtomicUsize, Lock, Ordering, wait_a_moment};
use core::ptr::NonNull;

/// A listed box.
struct Listed(NonNull<u8>);

// SAFETY: what it leads to is counted by many threads, and of a type that may go to any (`Admits`).
unsafe impl Send for Listed {}

const LISTS: usize = 8;

pub(super) struct Collector {
    lists: [Lock<Vec<Listed>>; LISTS],
    /// Bytes of the listed boxes; what threads have told of the live ones.
    listed_bytes: AtomicUsize,
    live_bytes: AtomicUsize,
    live_objects: AtomicUsize,
    state: Lock<State>,
    #[cfg(feature = "census")]
    census: Lock<crate::census::Census>,
}

struct State {
    /// A thread makes a step.
    busy: bool,
    ripe: Vec<Listed>,
    /// How many times longer than the pace says the worker's next step is.
    #[cfg(not(loom))]
    stretch: usize,
    pacer: Pacer,
    figures: Figures,
}

impl Collector {
    alloc_core::const_fn! {
        const fn new() -> Self {
            Self {
                lists: [
                    Lock::new(Vec::new()), Lock::new(Vec::new()), Lock::new(Vec::new()),
                    Lock::new(Vec::new()), Lock::new(Vec::new()), Lock::new(Vec::new()),
                    Lock::new(Vec::new()), Lock::new(Vec::new()),
                ],
                listed_bytes: AtomicUsize::new(0),
                live_bytes: AtomicUsize::new(0),
                live_objects: AtomicUsize::new(0),
                #[cfg(feature = "census")]
                census: Lock::new(crate::census::Census::new()),
                state: Lock::new(State {
                    busy: false,
                    ripe: Vec::new(),
                    #[cfg(not(loom))]
                    stretch: 0,
                    pacer: Pacer::new(),
                    figures: Figures::NONE,
                }),
            }
        }
    }
}

#[cfg(not(all(loom, feature = "loom")))]
static GLOBAL: Collector = Collector::new();
#[cfg(all(loom, feature = "loom"))]
alloc_core::sync::lazy_static! {
    static ref GLOBAL: Collector = Collector::new();
}

/// Threads have made, or freed.
pub(super) fn live_changed(objects: isize, bytes: isize) {
    // ORDERING: Relaxed, all counters here: they guard nothing.
    GLOBAL.live_objects.fetch_add(objects.cast_unsigned(), Ordering::Relaxed);
    GLOBAL.live_bytes.fetch_add(bytes.cast_unsigned(), Ordering::Relaxed);
}

/// A box was made, or is freed.
#[cfg(feature = "census")]
pub(super) fn note(value: NonNull<u8>, record: &'static crate::header::Record, is_new: bool) {
    GLOBAL.census.lock().note(value, record, is_new);
}

/// Values that are alive, on all threads, by type; as [`census`](crate::census()).
#[cfg(feature = "census")]
#[must_use]
pub fn census() -> Vec<crate::Count> {
    GLOBAL.census.lock().counts()
}

/// S2: makes a value listed. `false`: it need not be; or there is no memory for the list, and a cycle that dies by this
/// leaks, unless one of its values is listed later.
///
/// # Safety
///
/// One of the box's counts is the caller's; it has a record unless it is plain.
#[cold]
#[inline(never)]
pub(super) unsafe fn list(of: &Words<Shared>, value: NonNull<u8>) -> bool {
    // ORDERING: Relaxed: of the dead, only the thread that drops them has pointers (`ends.rs`).
    if Shared::is_plain(of) || of.strong.load(Ordering::Relaxed) & DEAD == DEAD {
        return false;
    }
    // ORDERING: Release, each with the other's Acquire in `take_up`: who finds the box held by an entry that is being
    // taken up has made it listed before that.
    if of.strong.fetch_or(LISTED, Ordering::Release) & LISTED != 0
        || of.weak.fetch_or(HELD, Ordering::Release) & HELD != 0
    {
        return true;
    }
    // SAFETY: the caller's count keeps the box.
    let bytes = unsafe { (record(value).bytes)(value) };
    let place = thread::with(|here| here.place(LISTS)).unwrap_or(0);
    let listed_bytes = {
        let mut list = GLOBAL.lists[place].lock();
        if list.try_reserve(1).is_err() {
            of.weak.fetch_and(!HELD, Ordering::Relaxed);
            of.strong.fetch_and(!LISTED, Ordering::Relaxed);
            return false;
        }
        list.push(Listed(value));
        // Under the lock, so that who takes it up finds its bytes counted (models S2: else listed bytes fall below none).
        GLOBAL.listed_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes
    };
    #[cfg(not(loom))]
    if listed_bytes / WAKE_BYTES != (listed_bytes - bytes) / WAKE_BYTES && is_due() {
        let there_is_one = super::worker::wake();
        if there_is_one && listed_bytes > (live_bytes() / HELD_UP_PART).max(HELD_UP_BYTES) {
            // The worker cannot free as fast as this thread drops.
            std::thread::sleep(HOLD_UP);
        }
    }
    #[cfg(loom)]
    let _ = listed_bytes;
    true
}

/// How often it is looked whether a step is due.
#[cfg(not(loom))]
const WAKE_BYTES: usize = 16 << 10;
/// Where candidates are this part of what is alive, and so many bytes at least, who lists more is held up for a moment,
/// each time that it is looked whether a step is due.
#[cfg(not(loom))]
const HELD_UP_PART: usize = 2;
#[cfg(not(loom))]
const HELD_UP_BYTES: usize = 8 << 20;
#[cfg(not(loom))]
const HOLD_UP: core::time::Duration = core::time::Duration::from_micros(50);

/// Bytes of the boxes that are alive, as far as threads have told.
fn live_bytes() -> usize {
    GLOBAL.live_bytes.load(Ordering::Relaxed).cast_signed().max(0).cast_unsigned()
}

/// Whether there are enough candidates for a step.
#[cfg(not(loom))]
pub(super) fn is_due() -> bool {
    let listed_bytes = GLOBAL.listed_bytes.load(Ordering::Relaxed);
    listed_bytes > 0 && GLOBAL.state.lock().pacer.is_due(listed_bytes, live_bytes())
}

/// One in so many values that a step may look at is a candidate: what is taken up, and does not come in, was in vain.
const SEED_PART: usize = 8;

/// One thread at a time, but for the destructors that it runs; not a thread that is in a step already.
struct Step;

/// Others have to wait.
struct Busy;

impl Step {
    /// `None`: this thread is in a step; or it is ending, so that nobody knows.
    fn begin() -> Option<Self> {
        let is_nested = thread::with(|here| here.steps.replace(true));
        (is_nested == Some(false)).then_some(Self)
    }

    fn wait() -> Busy {
        let mut round = 0;
        while core::mem::replace(&mut GLOBAL.state.lock().busy, true) {
            wait_a_moment(round);
            round += 1;
        }
        Busy
    }

    /// Takes what is listed: as ripe, behind what was.
    fn ripen(&self) {
        for list in &GLOBAL.lists {
            let listed = core::mem::take(&mut *list.lock());
            let mut state = GLOBAL.state.lock();
            if state.ripe.is_empty() {
                state.ripe = listed;
            } else if state.ripe.try_reserve(listed.len()).is_ok() {
                state.ripe.extend(listed);
            } else {
                drop(state);
                list.lock().extend(listed);
            }
        }
    }

    /// Takes candidates up, all before any value is looked at: so whoever drops a pointer later lists its value anew, and
    /// whoever did before has done so before all looks (S2).
    fn take_up(&self, most: usize, ends: &mut Ends) -> Vec<NonNull<u8>> {
        let mut seeds = Vec::new();
        while seeds.len() < most && seeds.try_reserve(1).is_ok() {
            let Some(Listed(value)) = GLOBAL.state.lock().ripe.pop() else { break };
            // SAFETY: a list keeps its boxes.
            let bytes = unsafe { (record(value).bytes)(value) };
            let listed_bytes = GLOBAL.listed_bytes.fetch_sub(bytes, Ordering::Relaxed);
            assert!(
                !cfg!(any(debug_assertions, loom)) || listed_bytes >= bytes,
                "bytes of what is listed"
            );
            // SAFETY: it was taken off its list.
            if unsafe { take_up(value, ends) } {
                seeds.push(value);
            }
        }
        seeds
    }

    /// Returns how many values were freed, and looked at. `all`: of the young candidates, too.
    fn run(&self, budget: usize, all: bool) -> (usize, usize) {
        #[cfg(not(loom))]
        let begin = std::time::Instant::now();
        let busy = Self::wait();
        if all || GLOBAL.state.lock().ripe.is_empty() {
            self.ripen();
        }
        let mut ends = Ends::default();
        let mut seeds = self.take_up((budget / SEED_PART).max(1), &mut ends);
        let (tried, mut graph) = (seeds.len(), Graph::default());
        // SAFETY: one count of each is ours, and then the graph's.
        let is_whole = unsafe { graph.add_all(&mut seeds, budget, &mut ends) };
        for seed in seeds {
            // Another time. SAFETY: its count is ours.
            unsafe {
                _ = list(words::<Shared>(seed), seed);
                ends.let_go(seed);
            }
        }
        let visits = graph.len();
        graph.end(is_whole, &mut ends);
        let freed = ends.dead();
        GLOBAL.state.lock().figures.stepped(tried, visits, freed);
        // Destructors may take locks, or long.
        drop(busy);
        drop(ends);
        #[cfg(not(loom))]
        GLOBAL.state.lock().figures.steps.note(begin.elapsed());
        (freed, visits)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        GLOBAL.state.lock().busy = false;
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        thread::with(|here| here.steps.set(false));
    }
}

/// Frees all dead cycles that candidates of any thread lead to, as far as no thread is at them. Returns how many values
/// that were.
///
/// Waits for a step that is under way. Called from a destructor that a step runs, it does nothing. Takes time linear in
/// what the candidates lead to.
pub fn collect() -> usize {
    let Some(step) = Step::begin() else { return 0 };
    let mut freed_objects = 0;
    // Destructors may leave more; what was doubtful comes back, but not for ever.
    for _ in 0..ROUNDS {
        let (mut visits, mut all) = (0, true);
        // Tables of a bounded size fit the cache.
        loop {
            let (freed, visited) = step.run(CHUNK_OBJECTS, all);
            (freed_objects, visits, all) = (freed_objects + freed, visits + visited, false);
            if GLOBAL.state.lock().ripe.is_empty() {
                break;
            }
        }
        if visits == 0 {
            break;
        }
    }
    GLOBAL.state.lock().pacer.ended(1, 1, live_bytes());
    freed_objects
}

/// How many values `collect` looks at, at a time.
const CHUNK_OBJECTS: usize = 16 << 10;
/// As often as this, it looks whether there is more.
const ROUNDS: usize = if cfg!(loom) { 1 } else { 8 };

/// A step: begins at candidates until it has looked at `budget_objects` values; what the last of them leads to may be
/// more. Other threads go on.
pub fn collect_some(budget_objects: usize) -> Progress {
    let Some(step) = Step::begin() else { return Progress::NONE };
    let (freed_objects, _) = step.run(budget_objects.max(1), false);
    let more = !GLOBAL.state.lock().ripe.is_empty();
    Progress { freed_objects, more, set_aside: 0 }
}

/// Nobody waits for the worker's steps, which are so much longer than the pace says.
#[cfg(not(loom))]
const UNHURRIED: core::ops::RangeInclusive<usize> = 4..=64;

/// A step of the worker's.
#[cfg(not(loom))]
pub(super) fn automatic_step() {
    let Some(step) = Step::begin() else { return };
    let (budget, stretch) = {
        let state = GLOBAL.state.lock();
        let stretch = state.stretch.clamp(*UNHURRIED.start(), *UNHURRIED.end());
        (state.pacer.pace.budget_objects.saturating_mul(stretch), stretch)
    };
    let (freed, visits) = step.run(budget, false);
    let mut state = GLOBAL.state.lock();
    // The more candidates are tried together, the fewer living values are visited for several of them; and short steps
    // find dead values in the cache.
    state.stretch = if freed < visits / 2 { stretch * 2 } else { stretch / 2 };
    // Else the next step goes on.
    if state.ripe.is_empty() {
        state.pacer.ended(freed, visits, live_bytes());
    }
}

/// Says when the thread in the background makes steps. It is started when the first is due. As nobody waits for them, its
/// steps look at 4 to 64 times as many values as the pace says; meanwhile [`Cc::get_mut`](super::Cc::get_mut) and
/// [`Cc::try_unwrap`](super::Cc::try_unwrap) find those held.
pub fn set_pace(pace: Pace) {
    GLOBAL.state.lock().pacer.pace = pace;
}

/// What happened so far, on all threads. Live values are told by their threads a little later.
#[must_use]
pub fn figures() -> Figures {
    thread::with(|here| here.shared.tell());
    let candidates = GLOBAL.lists.iter().map(|list| list.lock().len()).sum::<usize>();
    let state = GLOBAL.state.lock();
    let positive = |n: usize| n.cast_signed().max(0).cast_unsigned();
    Figures {
        live_objects: positive(GLOBAL.live_objects.load(Ordering::Relaxed)),
        live_bytes: positive(GLOBAL.live_bytes.load(Ordering::Relaxed)),
        candidates: candidates + state.ripe.len(),
        ..state.figures
    }
}

/// Writes the figures of all threads to a report.
pub fn report(report: &mut Report<'_>) {
    figures().report("sync::Cc", report);
}

/// For models: whether every value that candidates lead to is judged, and others run between two verdicts.
#[cfg(loom)]
#[doc(hidden)]
pub fn judge(all: bool, slowly: bool) {
    super::graph::judge(all, slowly);
}
