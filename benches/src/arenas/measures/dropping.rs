//! Values with destructors, by each arena's own way to run them.
//!
//! Above: `drops`. Below: the arenas; boxes on `malloc`. Where boxes have to be kept until they are dropped, they are in a vector
//! whose memory is used again.

use super::super::{Side, kinds};
use crate::turns::memory_changes;
use alloc_arena::DropBump;
use alloc_core::api2::alloc::Global;
use std::cell::Cell;
use std::mem::MaybeUninit;

thread_local! {
    static DROPPED: Cell<u64> = const { Cell::new(0) };
}

/// What the words of all values add up to that this thread has dropped.
pub(super) fn dropped_sum() -> u64 {
    DROPPED.get()
}

/// A value of 32 bytes, whose word is added up when it is dropped.
pub(super) struct Value {
    word: u64,
    _rest: [MaybeUninit<u64>; 3],
}

impl Value {
    #[inline(always)]
    const fn new(word: u64) -> Self {
        Self { word, _rest: [MaybeUninit::uninit(); 3] }
    }
}

impl Drop for Value {
    #[inline(always)]
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get().wrapping_add(self.word));
    }
}

/// Who keeps such values.
pub(super) trait Dropping: Sized {
    /// Its name, what it is, and whose.
    const WHO: (&'static str, &'static str, Side);

    /// For so many values at a time. Who grows by itself need not listen.
    fn for_values(count: usize) -> Self;

    /// Allocates the values `first`, `first` + 1, …, so many, and then drops all of them.
    fn pass(&mut self, first: u64, count: u64);
}

/// An empty vector of other boxes in the same memory: std collects in place.
#[inline(always)]
fn emptied<A, B>(mut boxes: Vec<A>) -> Vec<B> {
    boxes.clear();
    boxes.into_iter().map(|_| unreachable!("it is empty")).collect()
}

/// The bound: an array that was touched before.
pub(super) struct Plain(Vec<Value>);

impl Dropping for Plain {
    const WHO: (&'static str, &'static str, Side) =
        ("bound", "a vector with room for all, written and cleared", Side::Bound);
    fn for_values(count: usize) -> Self {
        let mut values = Vec::new();
        // Touched, and empty.
        values.resize_with(count, || Value::new(0));
        values.clear();
        Self(values)
    }
    #[inline(always)]
    fn pass(&mut self, first: u64, count: u64) {
        self.0.extend((first..first + count).map(Value::new));
        memory_changes();
        self.0.clear();
    }
}

macro_rules! drop_bump {
    ($bump:ty, $who:expr, $below:expr) => {
        impl Dropping for $bump {
            const WHO: (&'static str, &'static str, Side) = $who;
            fn for_values(_count: usize) -> Self {
                Self::new($below)
            }
            #[inline(always)]
            fn pass(&mut self, first: u64, count: u64) {
                (first..first + count).for_each(|word| {
                    self.alloc(Value::new(word));
                });
                memory_changes();
                self.reset();
            }
        }
    };
}

/// `DropBump` over the global allocator.
pub(super) type OverGlobal = DropBump<'static, Global>;
drop_bump!(OverGlobal, ("drop-bump", "DropBump over the global allocator", Side::Ours), Global);

/// `DropBump` over pages of the system.
pub(super) type OverArena = DropBump<'static, kinds::Pages>;
drop_bump!(
    OverArena,
    ("drop-bump-arena", "DropBump over Arena<Os>", Side::Ours),
    kinds::below_arena()
);

/// bumpalo's boxes.
pub(super) struct Bumpalo {
    bump: bumpalo::Bump<8>,
    boxes: Vec<bumpalo::boxed::Box<'static, Value>>,
}

impl Dropping for Bumpalo {
    const WHO: (&'static str, &'static str, Side) =
        ("bumpalo", "bumpalo 3, least alignment 8: boxed::Box", Side::Theirs);
    fn for_values(count: usize) -> Self {
        Self { bump: bumpalo::Bump::with_min_align(), boxes: Vec::with_capacity(count) }
    }
    #[inline(always)]
    fn pass(&mut self, first: u64, count: u64) {
        let mut boxes = emptied(std::mem::take(&mut self.boxes));
        // SAFETY: each reference is the value's only one, and the box is dropped before the bump is reset.
        boxes.extend((first..first + count).map(|word| unsafe {
            bumpalo::boxed::Box::from_raw(self.bump.alloc(Value::new(word)))
        }));
        memory_changes();
        self.boxes = emptied(boxes);
        self.bump.reset();
    }
}

/// typed-arena: a new one for each pass, with room for all.
pub(super) struct Typed;

impl Dropping for Typed {
    const WHO: (&'static str, &'static str, Side) =
        ("typed-arena", "typed-arena 2: a new arena each time, with room for all", Side::Theirs);
    fn for_values(_count: usize) -> Self {
        Self
    }
    #[inline(always)]
    fn pass(&mut self, first: u64, count: u64) {
        let arena = typed_arena::Arena::with_capacity(count as usize);
        (first..first + count).for_each(|word| {
            arena.alloc(Value::new(word));
        });
        memory_changes();
    }
}

/// blink-alloc's adaptor, which has a list of what is to be dropped.
pub(super) type Blink = blink_alloc::Blink;

impl Dropping for Blink {
    const WHO: (&'static str, &'static str, Side) =
        ("blink-alloc", "blink-alloc 0.4: Blink::put", Side::Theirs);
    fn for_values(_count: usize) -> Self {
        Self::new()
    }
    #[inline(always)]
    fn pass(&mut self, first: u64, count: u64) {
        (first..first + count).for_each(|word| {
            self.put(Value::new(word));
        });
        memory_changes();
        self.reset();
    }
}

/// bump-scope's boxes.
pub(super) struct BumpScope {
    bump: kinds::BumpScope,
    boxes: Vec<bump_scope::BumpBox<'static, Value>>,
}

impl Dropping for BumpScope {
    const WHO: (&'static str, &'static str, Side) =
        ("bump-scope", "bump-scope 2, least alignment 8, downwards: BumpBox", Side::Theirs);
    fn for_values(count: usize) -> Self {
        Self { bump: kinds::BumpScope::new(), boxes: Vec::with_capacity(count) }
    }
    #[inline(always)]
    fn pass(&mut self, first: u64, count: u64) {
        let mut boxes = emptied(std::mem::take(&mut self.boxes));
        boxes.extend((first..first + count).map(|word| self.bump.alloc(Value::new(word))));
        memory_changes();
        self.boxes = emptied(boxes);
        self.bump.reset();
    }
}

/// Boxes of the standard library.
#[allow(clippy::vec_box)] // to allocate each is what is measured
pub(super) struct Boxes(Vec<Box<Value>>);

impl Dropping for Boxes {
    const WHO: (&'static str, &'static str, Side) =
        ("system", "std's Box on the system's malloc", Side::Theirs);
    fn for_values(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }
    #[inline(always)]
    fn pass(&mut self, first: u64, count: u64) {
        self.0.extend((first..first + count).map(|word| Box::new(Value::new(word))));
        memory_changes();
        self.0.clear();
    }
}
