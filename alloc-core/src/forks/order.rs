//! In which order the stacks of a process are frozen for a fork, so that each layer is frozen once.
//!
//! Above: the handlers (`mod.rs`). Below: layers, by their `freeze` and `thaw` (`part.rs`); the sync shim. A model includes
//! this file.
//!
//! A layer that stands in another one by value is frozen by that one. A layer on which several may stand is behind a
//! pointer, `&L` or `Shared<L>`; and while stacks are frozen for a fork, `freeze` of a pointer does not go down: it says
//! what it leads to ([`Forks::meets`]). So what is frozen at one go is a *part*: a stack down to its pointers. Parts have
//! ranks: 0 at first, and always more than those from which they were met.
//!
//! | field | written by | read by |
//! |---|---|---|
//! | `session` | who holds its lock: the forking thread, from before its fork until after it | the same |
//! | `holder` | who holds `session` | all; each looks only for itself |
//! | `registered` | who holds its lock | the same |
//!
//! * **F1** Parts are frozen by rank: each after all that stand on it. Whoever has a lock of a stack and waits for another
//!   one waits for one that lies below; so nobody has a lock that the forking thread waits for, and waits for one that it
//!   holds.
//! * **F2** Before parts of one rank are frozen, each is frozen and thawed alone: that shows which of them stands on which.
//!   A part that is met is of a higher rank from then on. (One part alone has no other to stand on.)
//! * **F3** A part is frozen once, however many stand on it, and thawed once, in the reverse order: what `thaw` of a part
//!   calls in a forked child finds all below it thawed.
//! * **F4** `registered` is locked when everything on it is frozen, until the fork is over. If there is more on it by then,
//!   all is thawed, and begun anew. Whoever holds it otherwise waits for nothing.
//! * **F5** `session` is locked first: one fork at a time.

use super::part::Part;
use alloc_core::Layer;
use alloc_core::sync::{AtomicUsize, Lock, Ordering};
use core::mem::{ManuallyDrop, forget};

/// Stacks that can be registered; as many more can be frozen by hand around a fork.
pub const MAX_STACKS: usize = if cfg!(all(loom, feature = "loom")) { 3 } else { 128 };
/// Stacks, and layers below their pointers. What finds no place is frozen by whoever meets it.
const MAX_PARTS: usize = 4 * MAX_STACKS;

const _: () = assert!(MAX_PARTS <= u16::MAX as usize && 2 * MAX_STACKS <= MAX_PARTS);

/// The stacks of a process, as a fork sees them.
pub struct Forks {
    registered: Lock<Table<MAX_STACKS>>,
    session: Lock<Session>,
    /// The thread that holds `session`, or 0.
    holder: AtomicUsize,
}

impl Forks {
    alloc_core::const_fn! {
        /// No stacks.
        pub const fn new() -> Self {
            Self {
                registered: Lock::new(Table::new()),
                session: Lock::new(Session::new()),
                holder: AtomicUsize::new(0),
            }
        }
    }

    /// Has `stack` frozen at every fork from now on; `false` if there are too many. Once is enough.
    pub fn register(&self, stack: Part) -> bool {
        let mut registered = self.registered.lock();
        registered.find(&stack).is_some() || registered.add(stack)
    }

    /// Freezes all stacks that are registered, and those `by_hand`, for a fork in the calling thread, `me`.
    ///
    /// Within a fork that `me` holds already, it only counts.
    pub fn hold(&self, me: usize, by_hand: &[&dyn Layer]) {
        if self.is_held_by(me) {
            return self.with(|session| session.nested += 1);
        }
        self.session.acquire();
        // ORDERING: Relaxed: a thread finds its own number here if it wrote it, and never otherwise.
        self.holder.store(me, Ordering::Relaxed);
        loop {
            let known = self.begin(by_hand);
            self.freeze_all();
            let registered = self.registered.lock();
            if registered.len == known {
                // Held on, until `release` (F4).
                forget(registered);
                return;
            }
            drop(registered);
            self.thaw_all();
        }
    }

    /// Thaws what [`hold`](Self::hold) froze, in the parent and in the child.
    ///
    /// # Safety
    ///
    /// This thread, or the one that it is the copy of, called `hold` as `me`, and has not called this since.
    pub unsafe fn release(&self, me: usize) {
        debug_assert!(self.is_held_by(me));
        if self.with(|session| session.leave()) {
            return;
        }
        // SAFETY: the caller's promise: `hold` took it, and kept it.
        unsafe { self.registered.release() };
        self.thaw_all();
        // ORDERING: Relaxed, as in `hold`.
        self.holder.store(0, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { self.session.release() };
    }

    /// Whether `layer`, on which others may stand as well, is a part of its own: then whoever stands on it leaves it alone,
    /// and otherwise freezes (or thaws) it. It always is the calling thread's business, `me`, if at all.
    ///
    /// A layer without bytes has no address of its own, nor locks.
    pub fn meets<A: Layer + ?Sized>(&self, me: usize, layer: &A, freezes: bool) -> bool {
        size_of_val(layer) > 0
            && self.is_held_by(me)
            && self.with(|session| session.meets(Part::of(layer), freezes))
    }

    fn is_held_by(&self, me: usize) -> bool {
        // ORDERING: Relaxed, as in `hold`.
        self.holder.load(Ordering::Relaxed) == me
    }

    /// Looks at the session, which the calling thread holds. `act` calls no layer.
    fn with<R>(&self, act: impl FnOnce(&mut Session) -> R) -> R {
        // SAFETY: only the holder comes here (`is_held_by`), who acquired it in `hold`; the guard lives in this function alone,
        // and `act` does not come back here.
        let mut session = ManuallyDrop::new(unsafe { self.session.resume() });
        act(&mut session)
    }

    /// The stacks become parts of rank 0. Returns how many are registered.
    fn begin(&self, by_hand: &[&dyn Layer]) -> usize {
        let registered = self.registered.lock();
        self.with(|session| {
            session.table.len = 0;
            for stack in by_hand {
                session.meets_at(0, Part::of(*stack));
            }
            for stack in registered.parts.iter().flatten() {
                session.meets_at(0, *stack);
            }
        });
        registered.len
    }

    /// F1, F2.
    fn freeze_all(&self) {
        self.with(|session| session.is_at_work = true);
        for rank in 0..MAX_PARTS {
            let Some(parts) = self.with(|session| session.enter(rank)) else { break };
            if parts > 1 {
                let mut next = 0;
                while let Some((at, part)) = self.with(|session| session.next(next)) {
                    // SAFETY: what is registered is static, what is frozen by hand is the caller's of `hold`; what these
                    // lead to lives as long (`Layer::freeze`). It is thawed right after it was frozen.
                    unsafe {
                        part.freeze();
                        part.thaw();
                    }
                    next = at + 1;
                }
            }
            while let Some(part) = self.with(Session::push) {
                // SAFETY: as above.
                unsafe { part.freeze() };
            }
        }
        self.with(|session| session.is_at_work = false);
    }

    /// F3.
    fn thaw_all(&self) {
        self.with(|session| session.is_at_work = true);
        while let Some(part) = self.with(Session::pop) {
            // SAFETY: as in `freeze_all`, where it was frozen.
            unsafe { part.thaw() };
        }
        self.with(|session| session.is_at_work = false);
    }
}

/// What the forking thread knows.
struct Session {
    table: Table<MAX_PARTS>,
    ranks: [u16; MAX_PARTS],
    is_frozen: [bool; MAX_PARTS],
    /// Which parts are frozen, in their order.
    order: [u16; MAX_PARTS],
    frozen: usize,
    /// The rank that is being frozen.
    rank: usize,
    /// Whether `freeze` and `thaw` of pointers are ours.
    is_at_work: bool,
    /// Calls of `hold` within that of a fork.
    nested: usize,
}

impl Session {
    const fn new() -> Self {
        Self {
            table: Table::new(),
            ranks: [0; MAX_PARTS],
            is_frozen: [false; MAX_PARTS],
            order: [0; MAX_PARTS],
            frozen: 0,
            rank: 0,
            is_at_work: false,
            nested: 0,
        }
    }

    /// Whether this is the end of an inner `hold`.
    fn leave(&mut self) -> bool {
        let is_inner = self.nested > 0;
        self.nested -= usize::from(is_inner);
        is_inner
    }

    fn meets(&mut self, part: Part, freezes: bool) -> bool {
        self.is_at_work
            && if freezes {
                self.meets_at(self.rank + 1, part)
            } else {
                self.table.find(&part).is_some()
            }
    }

    /// `false` if there is no place for it.
    fn meets_at(&mut self, rank: usize, part: Part) -> bool {
        let rank = rank.min(MAX_PARTS - 1) as u16;
        match self.table.find(&part) {
            // A layer that stands on itself is frozen already: there is no order then.
            Some(at) if self.is_frozen[at] => true,
            Some(at) => {
                self.ranks[at] = self.ranks[at].max(rank);
                true
            }
            None => {
                let at = self.table.len;
                let has_place = self.table.add(part);
                if has_place {
                    (self.ranks[at], self.is_frozen[at]) = (rank, false);
                }
                has_place
            }
        }
    }

    /// How many parts there are of `rank`, which is next; `None` when all are frozen.
    fn enter(&mut self, rank: usize) -> Option<usize> {
        self.rank = rank;
        let parts = (0..self.table.len).filter(|at| self.is_next(*at)).count();
        (self.frozen < self.table.len).then_some(parts)
    }

    fn is_next(&self, at: usize) -> bool {
        usize::from(self.ranks[at]) == self.rank && !self.is_frozen[at]
    }

    /// The next part of this rank from the place `from` on.
    fn next(&mut self, from: usize) -> Option<(usize, Part)> {
        let at = (from..self.table.len).find(|at| self.is_next(*at))?;
        Some((at, self.table.parts[at]?))
    }

    /// The next part of this rank, which is frozen from now on.
    fn push(&mut self) -> Option<Part> {
        let (at, part) = self.next(0)?;
        self.is_frozen[at] = true;
        self.order[self.frozen] = at as u16;
        self.frozen += 1;
        Some(part)
    }

    /// The part that was frozen last, which is thawed from now on.
    fn pop(&mut self) -> Option<Part> {
        self.frozen = self.frozen.checked_sub(1)?;
        let at = usize::from(self.order[self.frozen]);
        self.is_frozen[at] = false;
        self.table.parts[at]
    }
}

/// Parts, each once.
struct Table<const PARTS: usize> {
    parts: [Option<Part>; PARTS],
    len: usize,
}

impl<const PARTS: usize> Table<PARTS> {
    const fn new() -> Self {
        Self { parts: [const { None }; PARTS], len: 0 }
    }

    fn find(&self, part: &Part) -> Option<usize> {
        let mut parts = self.parts[..self.len].iter();
        parts.position(|other| other.as_ref().is_some_and(|other| other.is(part)))
    }

    fn add(&mut self, part: Part) -> bool {
        let place = self.parts.get_mut(self.len);
        let has_place = place.is_some();
        if let Some(place) = place {
            *place = Some(part);
            self.len += 1;
        }
        has_place
    }
}
