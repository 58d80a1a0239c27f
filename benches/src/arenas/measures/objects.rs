//! Objects of 8 to 64 bytes, mixed: ten at a time, whose sizes the compiler knows.
//!
//! Above: `small`, `mixed`, and the test of all arenas. Below: `Alloc`.

use super::super::kinds::Alloc;
use crate::arenas::Object;

/// An arena that takes objects of all these sizes.
pub(in crate::arenas) trait Mixed:
    Alloc<Object<0>>
    + Alloc<Object<1>>
    + Alloc<Object<2>>
    + Alloc<Object<3>>
    + Alloc<Object<4>>
    + Alloc<Object<5>>
    + Alloc<Object<6>>
    + Alloc<Object<7>>
{
}

impl<A> Mixed for A where
    A: Alloc<Object<0>>
        + Alloc<Object<1>>
        + Alloc<Object<2>>
        + Alloc<Object<3>>
        + Alloc<Object<4>>
        + Alloc<Object<5>>
        + Alloc<Object<6>>
        + Alloc<Object<7>>
{
}

/// How many objects there are in [`ten`].
pub(in crate::arenas) const TEN: u64 = 10;

/// Bytes of ten objects: 31 each, on average.
pub(in crate::arenas) const TEN_BYTES: usize = 8 * (1 + 4 + 2 + 8 + 3 + 6 + 1 + 5 + 2 + 7);

const _: () = assert!(TEN_BYTES == 312);

/// Allocates objects of 8, 32, 16, 64, 24, 48, 8, 40, 16 and 56 bytes, which hold `word`, `word` + 1, …; returns the last one's
/// word.
#[inline(always)]
pub(in crate::arenas) fn ten<A: Mixed>(arena: &A, word: u64) -> &u64 {
    arena.alloc(Object::<0>::new(word));
    arena.alloc(Object::<3>::new(word + 1));
    arena.alloc(Object::<1>::new(word + 2));
    arena.alloc(Object::<7>::new(word + 3));
    arena.alloc(Object::<2>::new(word + 4));
    arena.alloc(Object::<5>::new(word + 5));
    arena.alloc(Object::<0>::new(word + 6));
    arena.alloc(Object::<4>::new(word + 7));
    arena.alloc(Object::<1>::new(word + 8));
    &arena.alloc(Object::<6>::new(word + 9)).word
}

#[cfg(test)]
mod tests {
    use super::super::super::kinds::{
        Arena, Blink, BumpScope, Bumpalo, OverArena, OverGlobal, Raw, Register,
    };
    use super::*;

    /// Ten objects, all of them kept.
    fn kept<A: Mixed>(arena: &A, word: u64) -> [(&u64, usize); 10] {
        macro_rules! object {
            ($rest:literal, $n:literal) => {
                (&arena.alloc(Object::<$rest>::new(word + $n)).word, 8 * ($rest + 1))
            };
        }
        [
            object!(0, 0),
            object!(3, 1),
            object!(1, 2),
            object!(7, 3),
            object!(2, 4),
            object!(5, 5),
            object!(0, 6),
            object!(4, 7),
            object!(1, 8),
            object!(6, 9),
        ]
    }

    fn objects_are_apart<A: Arena + Mixed>() {
        const ROUNDS: u64 = 1000;
        let mut arena = A::for_bytes((ROUNDS as usize + 1) * TEN_BYTES);
        for _ in 0..3 {
            let mut all: Vec<_> = (0..ROUNDS).flat_map(|n| kept(&arena, n * TEN)).collect();
            for (expected, (word, _)) in (0..).zip(&all) {
                assert_eq!(**word, expected, "nobody else wrote there");
            }
            all.sort_by_key(|(word, _)| std::ptr::from_ref(*word).addr());
            let ends = |at: usize| std::ptr::from_ref(all[at].0).addr() + all[at].1;
            let apart = |at: usize| ends(at) <= std::ptr::from_ref(all[at + 1].0).addr();
            assert!((0..all.len() - 1).all(apart), "objects lie beside each other");
            assert_eq!(*ten(&arena, 5), 14);
            arena.reset();
        }
    }

    #[test]
    fn all_arenas_keep_objects_apart() {
        objects_are_apart::<Raw>();
        objects_are_apart::<Register>();
        objects_are_apart::<OverGlobal>();
        objects_are_apart::<OverArena>();
        objects_are_apart::<Bumpalo>();
        objects_are_apart::<Blink>();
        objects_are_apart::<BumpScope>();
    }
}
