//! Which of the standard library's types may be in a heap, and what is known of them.

use alloc_core::gc::Trace;
use std::sync::atomic::{AtomicBool, AtomicI8, AtomicIsize, AtomicU16, AtomicU32, AtomicU64};

fn needs<T: for<'gc> Trace<'gc>>() -> [bool; 3] {
    [T::NEEDS_TRACE, T::HOLDS_COUNTED, T::MAY_CYCLE]
}

macro_rules! leaves {
    ($($of:ty),* $(,)?) => { $(assert_eq!(needs::<$of>(), [false; 3], stringify!($of));)* };
}

#[test]
fn gc_types_that_hold_nothing() {
    use std::ops::{Bound, ControlFlow, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo};
    leaves! {
        AtomicBool, AtomicI8, AtomicIsize, AtomicU16, AtomicU32, AtomicU64,
        Range<u8>, RangeFrom<u8>, RangeFull, RangeInclusive<u8>, RangeTo<u8>, Bound<u8>,
        ControlFlow<u8, String>, std::task::Poll<u8>, std::pin::Pin<Box<u8>>,
        std::num::Saturating<u8>, std::num::Wrapping<u8>, std::cmp::Reverse<u8>,
        std::marker::PhantomPinned, std::thread::ThreadId, std::sync::Condvar,
        std::fmt::Error, std::num::ParseIntError, std::num::ParseFloatError, std::io::Error,
        std::string::FromUtf8Error, std::borrow::Cow<'static, str>,
        std::collections::HashMap<String, u8>, std::collections::HashSet<&'static str>,
        std::collections::BTreeMap<u8, ()>, std::collections::BTreeSet<u8>,
        std::collections::BinaryHeap<u8>, Option<fn(u8) -> u8>, Functions,
    }
}

#[derive(Trace)]
#[allow(dead_code)]
struct Functions {
    takes_references: fn(&[u8], &mut str) -> Option<u8>,
    gives_one: for<'a> fn(&'a str) -> &'a str,
    #[trace(skip)]
    of_those: Vec<fn(&u8)>,
}

/// What a heap's pointers are in, and where they may not be, is told apart by the fields, and not by the parameters.
#[test]
fn gc_types_of_static_parameters() {
    #[derive(Trace)]
    #[allow(dead_code)]
    struct Plain<T: 'static>(std::cell::RefCell<Vec<T>>);
    #[derive(Trace)]
    #[allow(dead_code)]
    struct Bounded<T: Trace<'static>, U>(T, Plain<U>)
    where
        T: 'static,
        U: for<'a> Trace<'a> + 'static;
    #[derive(Trace)]
    #[allow(dead_code)]
    struct Outer<'gc, T>(alloc_core::gc::Gc<'gc, Plain<u8>>, Bounded<u8, String>, T);
    leaves! { Plain<u8>, Bounded<String, u8> }
    fn is_traced<'gc, T: Trace<'gc>>() -> bool {
        T::NEEDS_TRACE
    }
    assert!(is_traced::<Outer<'_, u8>>());
}
