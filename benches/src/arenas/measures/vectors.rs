//! Vectors that grow in an arena, a push at a time.
//!
//! Above: the table of measures. Below: each arena's own vector, or allocator_api2's in the arena.
//!
//! One vector at the top of an arena can grow where it is; of several that grow by turns, each has to move. All begin without
//! room. Times are the thread's own processor time.

use super::super::kinds::{Arena, OverArena, OverGlobal};
use super::super::{Column, Contestant, Measure, Way, sum_below};
use crate::measure::of_this_thread;
use crate::turns::{Taken, memory_changes};
use alloc_core::api2::vec::Vec as VecIn;
use bump_scope::alloc::Global;
use bump_scope::settings::BumpSettings;
use std::array;

pub(super) static MEASURE: Measure = Measure {
    name: "vectors",
    about: "vectors of words that grow by pushes, then a reset: nanoseconds for a push",
    columns: &[
        Column::time("one", "one vector of 1000 words", PUSHES, last_words),
        Column::time(
            "several",
            "eight vectors of 125 words, which grow by turns",
            PUSHES,
            last_words,
        ),
    ],
    contestants: &[
        Contestant::bound("bound", "std's Vec that has room, cleared", both::<Roomy>()),
        Contestant::ours(
            "bump",
            "Bump over the global allocator: Vec::new_in",
            both::<OverGlobal>(),
        ),
        Contestant::ours("bump-arena", "Bump over Arena<Os>: Vec::new_in", both::<OverArena>()),
        Contestant::theirs("bumpalo", "bumpalo 3: collections::Vec", both::<bumpalo::Bump>()),
        Contestant::theirs(
            "blink-alloc",
            "blink-alloc 0.4: allocator_api2's Vec::new_in",
            both::<blink_alloc::BlinkAlloc>(),
        ),
        Contestant::theirs("bump-scope", "bump-scope 2, upwards: BumpVec", both::<BumpUp>()),
        Contestant::theirs("system", "std's Vec on the system's malloc", both::<Malloc>()),
    ],
};

const fn both<K: Keeper>() -> Way {
    Way::Turns(const { &[Some(one::<K> as _), Some(several::<K> as _)] })
}

/// Words that are pushed between two resets.
const PUSHES: u64 = 1000;
const SEVERAL: usize = 8;

/// The last word of each step is read.
fn last_words(steps: u64) -> u64 {
    sum_below(steps).wrapping_add(steps.wrapping_mul(PUSHES - 1))
}

/// What vectors can be had of.
trait Keeper: Sized {
    /// Such a vector.
    type Words<'k>: Words
    where
        Self: 'k;
    fn make() -> Self;
    /// An empty one, of several or alone.
    fn words(&self) -> Self::Words<'_>;
    /// When all vectors are gone.
    fn reset(&mut self);
}

/// A vector of words.
trait Words {
    fn push(&mut self, word: u64);
    fn last(&self) -> Option<&u64>;
}

fn one<K: Keeper>(steps: u64) -> Taken {
    run::<K>(steps, |keeper, step| {
        let mut words = keeper.words();
        (0..PUSHES).for_each(|n| words.push(step + n));
        memory_changes();
        words.last().copied().unwrap_or(0)
    })
}

fn several<K: Keeper>(steps: u64) -> Taken {
    run::<K>(steps, |keeper, step| {
        let mut all: [_; SEVERAL] = array::from_fn(|_| keeper.words());
        for n in (0..PUSHES).step_by(SEVERAL) {
            for (at, words) in (n..).zip(&mut all) {
                words.push(step + at);
            }
        }
        memory_changes();
        all[SEVERAL - 1].last().copied().unwrap_or(0)
    })
}

const _: () = assert!(PUSHES.is_multiple_of(SEVERAL as u64) && PUSHES / SEVERAL as u64 == 125);

#[inline(always)]
fn run<K: Keeper>(steps: u64, fill: impl Fn(&K, u64) -> u64) -> Taken {
    let mut keeper = K::make();
    let mut sum = 0_u64;
    let time = of_this_thread(|| {
        let keeper = std::hint::black_box(&mut keeper);
        for step in 0..steps {
            sum = sum.wrapping_add(fill(keeper, step));
            keeper.reset();
        }
    });
    Taken { time, sum }
}

/// Vectors with `push` and, as slices, `last`.
macro_rules! words {
    ([$($generics:tt)*] $vector:ty) => {
        impl<$($generics)*> Words for $vector {
            #[inline(always)]
            fn push(&mut self, word: u64) {
                <$vector>::push(self, word);
            }
            #[inline(always)]
            fn last(&self) -> Option<&u64> {
                self.as_slice().last()
            }
        }
    };
}

words!([A: alloc_core::Allocator] VecIn<u64, A>);
words!(['k] bumpalo::collections::Vec<'k, u64>);
words!(['k] bump_scope::BumpVec<u64, &'k BumpUp>);
words!([] Vec<u64>);

macro_rules! keeper {
    ($keeper:ty, $words:ty, $make:expr, |$of:ident| $new:expr, |$all:ident| $reset:expr) => {
        impl Keeper for $keeper {
            type Words<'k> = $words;
            fn make() -> Self {
                $make
            }
            #[inline(always)]
            fn words(&self) -> Self::Words<'_> {
                let $of = self;
                $new
            }
            #[inline(always)]
            fn reset(&mut self) {
                let $all = self;
                $reset
            }
        }
    };
}

/// bump-scope as it is by default: upwards, so that the last vector grows in place.
type BumpUp = bump_scope::Bump<Global, BumpSettings<8>>;

keeper!(OverGlobal, VecIn<u64, &'k Self>, Arena::for_bytes(0), |of| VecIn::new_in(of), |of| {
    of.reset();
});
keeper!(OverArena, VecIn<u64, &'k Self>, Arena::for_bytes(0), |of| VecIn::new_in(of), |of| {
    of.reset();
});
keeper!(
    bumpalo::Bump,
    bumpalo::collections::Vec<'k, u64>,
    Self::new(),
    |of| bumpalo::collections::Vec::new_in(of),
    |of| of.reset()
);
keeper!(
    blink_alloc::BlinkAlloc,
    VecIn<u64, &'k Self>,
    Self::new(),
    |of| VecIn::new_in(of),
    |of| of.reset()
);
keeper!(
    BumpUp,
    bump_scope::BumpVec<u64, &'k Self>,
    Self::new(),
    |of| bump_scope::BumpVec::new_in(of),
    |of| of.reset()
);

/// std's vectors.
struct Malloc;

keeper!(Malloc, Vec<u64>, Self, |_of| Vec::new(), |_of| ());

/// The bound: vectors that have all the room that they need, and are used again.
struct Roomy(std::cell::RefCell<Vec<Vec<u64>>>);

/// Such a vector, which goes back when it is dropped.
struct Lent<'k>(Vec<u64>, &'k Roomy);

impl Words for Lent<'_> {
    #[inline(always)]
    fn push(&mut self, word: u64) {
        self.0.push(word);
    }
    #[inline(always)]
    fn last(&self) -> Option<&u64> {
        self.0.last()
    }
}

impl Drop for Lent<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.clear();
        self.1.0.borrow_mut().push(std::mem::take(&mut self.0));
    }
}

keeper!(
    Roomy,
    Lent<'k>,
    Self((0..SEVERAL).map(|_| Vec::with_capacity(PUSHES as usize)).collect::<Vec<_>>().into()),
    |of| Lent(of.0.borrow_mut().pop().unwrap_or_default(), of),
    |_of| ()
);
