//! The lists that spans stand on, and what is counted beside them: all that the heap's lock guards.
//!
//! Above: refills, sweeps, phases. Below: spans, linked through their headers.
//! Every function here runs under the lock and does little: it follows no list to its end.

use super::span::{LANES, Lane, SpanRef};
use super::{POOL_SPANS, READY_PART, READY_SPANS, RESERVE_LEAST_SPANS, RESERVE_PART};
use alloc_core::AllocError;
use core::ptr::{NonNull, null_mut};

/// A list of spans. What is on it is owned by it (R1).
pub(super) struct List<const KIB: usize> {
    head: *mut super::header::Span<KIB>,
    tail: *mut super::header::Span<KIB>,
    len: usize,
}

// SAFETY: the spans on a list are owned by it, and their headers are all atomics.
unsafe impl<const KIB: usize> Send for List<KIB> {}

impl<const KIB: usize> List<KIB> {
    pub const fn new() -> Self {
        Self { head: null_mut(), tail: null_mut(), len: 0 }
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    /// Puts a span, which stands on no list, in front.
    pub fn push(&mut self, span: SpanRef<KIB>) {
        span.set_next(self.head);
        self.head = span.as_link();
        if self.tail.is_null() {
            self.tail = self.head;
        }
        self.len += 1;
    }

    /// Takes the first span off.
    pub fn pop(&mut self) -> Option<SpanRef<KIB>> {
        // SAFETY: links of a list are null or lead to spans on it (`push`, `append`), which are
        // live: a span is disposed of by who took it off.
        let span = unsafe { SpanRef::from_link(self.head) }?;
        self.head = span.next();
        if self.head.is_null() {
            self.tail = null_mut();
        }
        self.len -= 1;
        Some(span)
    }

    /// Moves all spans of `other` to the end of this list.
    pub fn append(&mut self, other: &mut Self) {
        // SAFETY: as in `pop`.
        match unsafe { SpanRef::from_link(self.tail) } {
            Some(tail) => tail.set_next(other.head),
            None => self.head = other.head,
        }
        if !other.tail.is_null() {
            self.tail = other.tail;
        }
        self.len += other.len;
        *other = Self::new();
    }

    /// The first span's link, to follow by `next` while the list does not change.
    pub const fn first(&self) -> *mut super::header::Span<KIB> {
        self.head
    }

    /// The spans, first to last. The list must not change meanwhile.
    pub fn iter(&self) -> impl Iterator<Item = SpanRef<KIB>> + '_ {
        let mut link = self.head;
        core::iter::from_fn(move || {
            // SAFETY: as in `pop`; the borrow keeps the list as it is.
            let span = unsafe { SpanRef::from_link(link) }?;
            link = span.next();
            Some(span)
        })
    }

    pub fn last(&self) -> Option<SpanRef<KIB>> {
        // SAFETY: as in `pop`.
        unsafe { SpanRef::from_link(self.tail) }
    }
}

/// The lists of one lane.
pub(super) struct LaneLists<const KIB: usize> {
    /// Not swept since the last cycle ended.
    pub unswept: List<KIB>,
    /// Swept, with free slots.
    pub partial: List<KIB>,
    /// Swept, without free slots; every live large object.
    pub full: List<KIB>,
}

impl<const KIB: usize> LaneLists<KIB> {
    const fn new() -> Self {
        Self { unswept: List::new(), partial: List::new(), full: List::new() }
    }

    /// All three, each with its name.
    pub fn each(&self) -> [(&'static str, &List<KIB>); 3] {
        [("unswept", &self.unswept), ("partial", &self.partial), ("full", &self.full)]
    }
}

/// Memory of the layout `APART`, owned by who has this.
pub(super) struct Apart(pub Option<NonNull<u8>>);

// SAFETY: it is memory, and nothing is in it.
unsafe impl Send for Apart {}

/// What the lock guards.
pub(super) struct Lists<const KIB: usize> {
    lanes: [LaneLists<KIB>; LANES],
    /// Empty spans, of whatever lane they were; no bit is set in them.
    pub pool: List<KIB>,
    /// Unswept spans, without destructors and with.
    pub unswept: [usize; 2],
    /// Spans taken off an `unswept` list, and not on another one yet.
    pub in_hand: usize,
    /// New spans on their way to the pool.
    pub on_the_way: usize,
    /// How many ask that nothing is taken in hand.
    pub holds: usize,
    /// Where to look for the next unswept span, without destructors and with.
    next_unswept: [usize; 2],
    /// What is kept apart for whoever marks.
    pub apart: Apart,
    /// All runs taken from the layer below, wherever they stand.
    pub runs: usize,
    pub run_bytes: usize,
}

impl<const KIB: usize> Lists<KIB> {
    pub const fn new() -> Self {
        Self {
            lanes: [const { LaneLists::new() }; LANES],
            pool: List::new(),
            unswept: [0; 2],
            in_hand: 0,
            on_the_way: 0,
            holds: 0,
            next_unswept: [0; 2],
            apart: Apart(None),
            runs: 0,
            run_bytes: 0,
        }
    }

    pub fn lane(&mut self, lane: Lane) -> &mut LaneLists<KIB> {
        &mut self.lanes[lane.index()]
    }

    pub fn lanes(&self) -> impl Iterator<Item = (Lane, &LaneLists<KIB>)> {
        let all = Lane::all(false).chain(Lane::all(true));
        all.map(|lane| (lane, &self.lanes[lane.index()]))
    }

    /// How many spans of the pool are a reserve.
    fn reserve_spans(&self) -> usize {
        if self.runs < RESERVE_LEAST_SPANS {
            return 0;
        }
        (self.runs / RESERVE_PART).clamp(1, POOL_SPANS)
    }

    /// Whether the reserve is smaller than it should be.
    pub fn wants_reserve(&self) -> bool {
        self.pool.len() < self.reserve_spans()
    }

    /// Takes a span from the pool that is not part of the reserve.
    pub fn pop_pooled(&mut self) -> Option<SpanRef<KIB>> {
        if self.pool.len() > self.reserve_spans() { self.pool.pop() } else { None }
    }

    /// How many spans should lie ready beside the reserve, where somebody makes them.
    fn ready_spans(&self) -> usize {
        (self.runs / READY_PART).min(READY_SPANS)
    }

    /// Whether fewer than half of them do.
    #[cfg(feature = "std")]
    pub fn wants_ready(&self) -> bool {
        let ready_spans = (self.pool.len() + self.on_the_way).saturating_sub(self.reserve_spans());
        ready_spans < self.ready_spans().div_ceil(2)
    }

    /// Counts a new span in that is on its way, if one is missing.
    pub fn expect_ready(&mut self) -> bool {
        let coming_spans = self.pool.len() + self.on_the_way;
        let is_missing = coming_spans < self.reserve_spans() + self.ready_spans();
        self.on_the_way += usize::from(is_missing);
        is_missing
    }

    /// Takes the spans off all lists.
    pub fn take_all(&mut self) -> List<KIB> {
        let mut all = List::new();
        for lane in &mut self.lanes {
            all.append(&mut lane.unswept);
            all.append(&mut lane.partial);
            all.append(&mut lane.full);
        }
        all.append(&mut self.pool);
        self.unswept = [0; 2];
        all
    }

    /// Counts a run in, if all together have no more than `limit_bytes` then. `true`: it is the only one.
    pub fn count(&mut self, run_bytes: usize, limit_bytes: usize) -> Result<bool, AllocError> {
        self.count_bytes(run_bytes, limit_bytes)?;
        self.runs += 1;
        Ok(self.runs == 1)
    }

    /// Counts bytes in that are no run of spans.
    pub fn count_bytes(&mut self, bytes: usize, limit_bytes: usize) -> Result<(), AllocError> {
        let all_bytes = self.run_bytes.checked_add(bytes).ok_or(AllocError)?;
        if all_bytes > limit_bytes {
            return Err(AllocError);
        }
        self.run_bytes = all_bytes;
        Ok(())
    }

    /// Counts a run out.
    pub fn uncount(&mut self, run_bytes: usize) {
        self.runs -= 1;
        self.run_bytes -= run_bytes;
    }

    /// Counts out a span that goes back to the layer below.
    pub fn forget(&mut self, span: SpanRef<KIB>) {
        self.uncount(span.run_bytes());
    }

    /// Takes an unswept span of this lane in hand.
    pub fn take_unswept(&mut self, lane: Lane) -> Option<SpanRef<KIB>> {
        if self.holds > 0 {
            return None;
        }
        let span = self.lane(lane).unswept.pop()?;
        self.unswept[lane.drops() as usize] -= 1;
        self.in_hand += 1;
        Some(span)
    }

    /// Takes an unswept span of any lane, with destructors or without, in hand.
    pub fn take_any_unswept(&mut self, drops: bool) -> Option<SpanRef<KIB>> {
        if self.holds > 0 || self.unswept[drops as usize] == 0 {
            return None;
        }
        loop {
            let class = self.next_unswept[drops as usize];
            if let Some(span) = self.take_unswept(Lane::new(class, drops)) {
                return Some(span);
            }
            // The count says that there is one, so the search ends.
            self.next_unswept[drops as usize] = (class + 1) % (LANES / 2);
        }
    }

    /// Gives a span in hand back, as unswept as it was.
    pub fn put_back(&mut self, span: SpanRef<KIB>) {
        let lane = span.lane();
        self.lane(lane).unswept.push(span);
        self.unswept[lane.drops() as usize] += 1;
        self.in_hand -= 1;
    }

    /// Makes every span unswept: the end of marking. Takes time linear in the lanes.
    pub fn make_all_unswept(&mut self) {
        for lane in Lane::all(false).chain(Lane::all(true)) {
            let LaneLists { unswept, partial, full } = self.lane(lane);
            let before = unswept.len();
            unswept.append(full);
            unswept.append(partial);
            let more = unswept.len() - before;
            self.unswept[lane.drops() as usize] += more;
        }
        self.next_unswept = [0; 2];
    }

    /// Whether every span is swept, and no thread has one in hand.
    pub fn all_swept(&self) -> bool {
        self.unswept == [0; 2] && self.in_hand == 0
    }
}
