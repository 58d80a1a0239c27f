//! When candidates are listed, and the steps that free dead cycles among what they lead to, while other threads go on.
//!
//! Above: the pointers, whose kind is here (`kind.rs`); the user's calls. Below: the lists (`lists.rs`), what candidates
//! lead to (`graph.rs`), the thread in the background (`worker.rs`), which makes steps as others do.
//!
//! A step takes all lists, on one thread at a time.

use super::ends::Ends;
use super::graph::{Graph, take_up};
use super::lists::{self, Listed};
use super::tally::{live_bytes, live_changed, live_objects};
use super::word::{LISTED, release_any};
#[cfg(not(loom))]
use super::worker;
use crate::figures::{Figures, Progress};
use crate::header::Record;
use crate::kind::Kind;
use crate::pacer::{Pace, Pacer};
use crate::thread;
use crate::words::{Shared, Words, words};
use alloc::vec::Vec;
use alloc_core::Report;
use alloc_core::sync::{Lock, Ordering, wait_a_moment};
use core::ptr::NonNull;

struct Collector {
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

impl Kind for Shared {
    #[inline(always)]
    unsafe fn release(words: &Words<Self>, value: NonNull<u8>, may_cycle: bool) -> bool {
        if may_cycle {
            // SAFETY: the caller's.
            return unsafe { release_listed(words, value) };
        }
        release_any::<true>(words)
    }

    fn note(value: NonNull<u8>, record: &'static Record, is_new: bool) {
        // SAFETY: who calls has the box.
        let bytes = unsafe { (record.bytes)(value) }.cast_signed();
        #[cfg(feature = "census")]
        GLOBAL.census.lock().note(value, record, is_new);
        let (objects, bytes) = if is_new { (1, bytes) } else { (-1, -bytes) };
        let noted = thread::with(|here| here.shared.add(objects, bytes));
        if noted.is_none() {
            live_changed(objects, bytes);
        }
    }
}

/// S2: one pointer less, of a listed value, unless it is the last.
///
/// # Safety
///
/// The box has a record, or is plain, and one of its counts is the caller's.
#[inline]
unsafe fn release_listed(words: &Words<Shared>, value: NonNull<u8>) -> bool {
    // ORDERING: Relaxed; a first look.
    let mut old = words.strong.load(Ordering::Relaxed);
    loop {
        if old & LISTED == 0 && old != 1 {
            // SAFETY: the caller's.
            if !unsafe { list(words, value) } {
                return release_any::<false>(words);
            }
            old = words.strong.load(Ordering::Relaxed);
            continue;
        }
        // ORDERING: Release: S1; and for the step that looks at the counts after this (S2).
        let new = old - 1;
        match words.strong.compare_exchange_weak(old, new, Ordering::Release, Ordering::Relaxed) {
            Ok(_) if old & !LISTED == 1 => {
                // ORDERING: Acquire: S1.
                words.strong.load(Ordering::Acquire);
                return true;
            }
            Ok(_) => return false,
            Err(now) => old = now,
        }
    }
}

/// [`lists::list`], and the look whether a step is due. `false`: the value need not be listed, or cannot.
///
/// # Safety
///
/// As there.
#[cold]
#[inline(never)]
unsafe fn list(of: &Words<Shared>, value: NonNull<u8>) -> bool {
    // SAFETY: the caller's.
    let listed = unsafe { lists::list(of, value) };
    #[cfg(not(loom))]
    if listed == Some(true)
        && wakes_if_due()
        && lists::bytes() > (live_bytes() / HELD_UP_PART).max(HELD_UP_BYTES)
    {
        // The worker cannot free as fast as this thread drops.
        std::thread::sleep(HOLD_UP);
    }
    listed.is_some()
}

/// Where candidates are this part of what is alive, and so many bytes at least, who lists more is held up for a moment,
/// each time that it is looked whether a step is due.
#[cfg(not(loom))]
const HELD_UP_PART: usize = 2;
#[cfg(not(loom))]
const HELD_UP_BYTES: usize = 8 << 20;
#[cfg(not(loom))]
const HOLD_UP: core::time::Duration = core::time::Duration::from_micros(50);

/// Whether there are enough candidates for a step.
#[cfg(not(loom))]
fn is_due() -> bool {
    let listed_bytes = lists::bytes();
    listed_bytes > 0 && GLOBAL.state.lock().pacer.is_due(listed_bytes, live_bytes())
}

/// Wakes the worker, if there are enough candidates for it. Whether it was woken.
#[cfg(not(loom))]
fn wakes_if_due() -> bool {
    is_due() && worker::wake(work)
}

/// What the worker does whenever it is woken.
#[cfg(not(loom))]
fn work() {
    while is_due() {
        // A destructor that unwinds was reported; the values are dropped nonetheless.
        drop(std::panic::catch_unwind(automatic_step));
    }
    thread::with(|here| here.shared.tell());
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
        for list in lists::each() {
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
            // SAFETY: it was listed, and is taken off its list.
            unsafe {
                lists::uncount(value);
                if take_up(value, ends) {
                    seeds.push(value);
                }
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
        let mut looks = false;
        for seed in seeds {
            // Another time. SAFETY: its count is ours.
            unsafe {
                looks |= lists::list(words::<Shared>(seed), seed) == Some(true);
                ends.let_go(seed);
            }
        }
        let visits = graph.len();
        looks |= graph.end(is_whole, &mut ends);
        let freed = ends.dead();
        GLOBAL.state.lock().figures.stepped(tried, visits, freed);
        // Destructors may take locks, or long.
        drop(busy);
        #[cfg(not(loom))]
        if looks {
            wakes_if_due();
        }
        #[cfg(loom)]
        let _ = looks;
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
fn automatic_step() {
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
///
/// ```
/// use rc_cycle::sync::{Cc, collect, figures};
/// use alloc_core::gc::Trace;
/// use std::sync::Mutex;
///
/// #[derive(Trace)]
/// struct Node(Mutex<Option<Cc<Node>>>);
///
/// let node = Cc::new(Node(Mutex::new(None)));
/// *node.0.lock().unwrap() = Some(node.clone());
/// drop(node);
/// assert_eq!(collect(), 1);
/// // 0 objects live, 0 KiB; 1 freed by 1 steps, the longest 9 us
/// println!("{}", figures());
/// assert!(figures().to_string().contains(" 1 freed by "));
/// ```
#[must_use]
pub fn figures() -> Figures {
    thread::with(|here| here.shared.tell());
    let candidates = lists::each().iter().map(|list| list.lock().len()).sum::<usize>();
    let state = GLOBAL.state.lock();
    Figures {
        live_objects: live_objects(),
        live_bytes: live_bytes(),
        candidates: candidates + state.ripe.len(),
        ..state.figures
    }
}

/// Writes the figures of all threads to a report.
pub fn report(report: &mut Report<'_>) {
    figures().report("sync::Cc", report);
}

/// Values that are alive, on all threads, by type; as [`census`](crate::census()).
#[cfg(feature = "census")]
#[must_use]
pub fn census() -> Vec<crate::Count> {
    GLOBAL.census.lock().counts()
}

/// For models: whether every value that candidates lead to is judged, and others run between two verdicts.
#[cfg(loom)]
#[doc(hidden)]
pub fn judge(all: bool, slowly: bool) {
    super::graph::judge(all, slowly);
}
