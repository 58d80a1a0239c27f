//! Who is dropped, when, and how often.

use crate::Rootable;
use crate::gc::{Collector, Gc, GcWeak, Heap, Lock, RefLock, Static, Trace};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, Ref, RefCell};

/// Notes its number when it is dropped.
#[derive(Trace)]
#[trace(leaf)]
pub(super) struct Token {
    pub(super) number: usize,
    log: Rc<RefCell<Vec<usize>>>,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.log.borrow_mut().push(self.number);
    }
}

/// A log of tokens that were dropped.
#[derive(Clone, Default)]
pub(super) struct Log(Rc<RefCell<Vec<usize>>>);

impl Log {
    pub(super) fn token(&self, number: usize) -> Token {
        Token { number, log: self.0.clone() }
    }

    /// The numbers so far, sorted.
    pub(super) fn sorted(&self) -> Vec<usize> {
        let mut numbers = self.numbers().clone();
        numbers.sort_unstable();
        numbers
    }

    /// The numbers so far, as they came.
    pub(super) fn numbers(&self) -> Ref<'_, Vec<usize>> {
        self.0.borrow()
    }
}

pub(super) fn run<C: Collector>(make: &impl Fn() -> C) {
    exactly_the_unreachable(make());
    all_with_the_heap(make());
    a_panic_in_a_destructor(make());
    a_panic_in_a_slice(make());
    a_panic_in_a_mutation(make());
}

Rootable!(type Tokens<'gc> = Vec<Gc<'gc, (Token, Lock<Option<Gc<'gc, u64>>>)>>);

fn exactly_the_unreachable<C: Collector>(collector: C) {
    let log = Log::default();
    let mut heap = Heap::<C, Tokens>::new(collector, |mc| {
        (0..100).map(|number| Gc::new(mc, (log.token(number), Lock::new(None)))).collect()
    });
    heap.collect();
    assert_eq!(log.sorted(), []);
    heap.mutate_root(|_, tokens| tokens.retain(|token| token.0.number % 3 != 0));
    heap.collect();
    assert_eq!(log.sorted(), (0..100).filter(|number| number % 3 == 0).collect::<Vec<_>>());
    drop(heap);
    assert_eq!(log.sorted(), (0..100).collect::<Vec<_>>());
}

fn all_with_the_heap<C: Collector>(collector: C) {
    let log = Log::default();
    let mut heap = Heap::<C, Static<()>>::new(collector, |mc| {
        (0..50).for_each(|number| _ = Gc::new(mc, log.token(number)));
    });
    heap.mutate(|mc, ()| {
        (50..60).for_each(|number| _ = Gc::new(mc, log.token(number)));
        // One whose alignment and size are unusual.
        _ = Gc::new(mc, Aligned(log.token(60)));
        _ = Gc::slice(mc, 7, |index| log.token(61 + index));
        _ = Gc::slice(mc, 2_000, |index| log.token(68 + index));
    });
    drop(heap);
    assert_eq!(log.sorted(), (0..2_068).collect::<Vec<_>>());
}

#[derive(Trace)]
#[repr(align(64))]
struct Aligned(Token);

#[derive(Trace)]
#[trace(leaf)]
struct Bomb(#[expect(dead_code, reason = "dropped, not read")] Token);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor that panics");
    }
}

fn caught(run: impl FnOnce()) -> bool {
    std::panic::catch_unwind(core::panic::AssertUnwindSafe(run)).is_err()
}

fn a_panic_in_a_destructor<C: Collector>(collector: C) {
    let log = Log::default();
    let mut heap = Heap::<C, Static<()>>::new(collector, |_| ());
    // A collector may take its turn, and a destructor panic, at the end of the mutation already. Each
    // panic is passed on; what is left to do is done by later turns.
    let first = caught(|| {
        heap.mutate(|mc, ()| {
            _ = Gc::new(mc, log.token(0));
            _ = Gc::new(mc, Bomb(log.token(1)));
            _ = Gc::new(mc, log.token(2));
            _ = Gc::new(mc, Bomb(log.token(3)));
            _ = Gc::new(mc, log.token(4));
        })
    });
    let panics = (0..10).filter(|_| caught(|| heap.collect())).count() + usize::from(first);
    assert!(panics <= 2, "a destructor ran twice");
    assert_eq!(log.sorted(), [0, 1, 2, 3, 4]);
}

fn a_panic_in_a_slice<C: Collector>(collector: C) {
    let log = Log::default();
    let mut heap = Heap::<C, Static<()>>::new(collector, |_| ());
    assert!(caught(|| heap.mutate(|mc, ()| {
        _ = Gc::slice(mc, 10, |index| {
            assert!(index < 5, "an element that panics");
            log.token(index)
        });
    })));
    assert!(caught(|| heap.mutate(|mc, ()| {
        _ = Gc::with_tail(mc, log.token(5), 10, |index| {
            assert!(index < 4, "an element that panics");
            log.token(6 + index)
        });
    })));
    assert_eq!(log.sorted(), (0..10).collect::<Vec<_>>());
    heap.collect();
    drop(heap);
    assert_eq!(log.sorted(), (0..10).collect::<Vec<_>>());
}

Rootable!(type Shared<'gc> = Gc<'gc, RefLock<Vec<Gc<'gc, Token>>>>);

fn a_panic_in_a_mutation<C: Collector>(collector: C) {
    let log = Log::default();
    let mut heap = Heap::<C, Shared>::new(collector, |mc| Gc::new(mc, RefLock::default()));
    let count = Cell::new(0);
    for _ in 0..10 {
        let panics = caught(|| {
            heap.mutate(|mc, tokens| {
                let mut tokens = tokens.borrow_mut(mc);
                let number = count.replace(count.get() + 1);
                tokens.push(Gc::new(mc, log.token(number)));
                assert!(number.is_multiple_of(2), "a mutation that panics");
            })
        });
        assert_eq!(panics, count.get().is_multiple_of(2));
        heap.collect();
    }
    assert_eq!(log.sorted(), []);
    let weak = heap.mutate(|mc, tokens| {
        let weak: GcWeak<'_, Token> = tokens.borrow()[0].downgrade(mc);
        tokens.borrow_mut(mc).clear();
        weak.upgrade(mc).is_some()
    });
    assert!(weak);
    heap.collect();
    assert_eq!(log.sorted(), (0..10).collect::<Vec<_>>());
}
