//! Coroutines of corosensei on pooled stacks.

use alloc_arena::{Os, PooledStack, StackPool};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

static STACKS: StackPool<Os> = StackPool::new(Os::new());

#[test]
fn coroutines_run_on_a_static_pool() {
    let mut task: Coroutine<u32, u32, u32, PooledStack> =
        Coroutine::with_stack(STACKS.take().unwrap(), |yielder: &Yielder<u32, u32>, first| {
            first + yielder.suspend(first + 1)
        });
    assert!(matches!(task.resume(1), CoroutineResult::Yield(2)));
    assert!(matches!(task.resume(10), CoroutineResult::Return(11)));
}

/// Counts how often it is dropped.
struct Note(Rc<Cell<u32>>);
impl Drop for Note {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn coroutines_that_are_dropped_while_suspended_unwind_and_give_back() {
    let pool: &StackPool = Box::leak(Box::new(StackPool::new(Os::new())));
    let drops = Rc::new(Cell::new(0));
    let note = Note(Rc::clone(&drops));
    let mut task =
        Coroutine::with_stack(pool.take().unwrap(), move |yielder: &Yielder<(), ()>, ()| {
            let _inner = Note(Rc::clone(&note.0));
            yielder.suspend(());
        });
    assert!(matches!(task.resume(()), CoroutineResult::Yield(())));
    assert_eq!((pool.figures().live_stacks, drops.get()), (1, 0));
    drop(task);
    assert_eq!((pool.figures().live_stacks, pool.figures().warm_stacks, drops.get()), (0, 1, 2));
    pool.verify().unwrap();
}

#[test]
fn coroutines_that_panic_give_back() {
    let pool = Arc::new(StackPool::new(Os::new()));
    let stack = PooledStack::take_from(Arc::clone(&pool)).unwrap();
    let mut task: Coroutine<(), (), (), _> =
        Coroutine::with_stack(stack, |_: &Yielder<(), ()>, ()| panic!("on purpose"));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| task.resume(())));
    assert!(caught.is_err() && task.done());
    assert_eq!(pool.figures().live_stacks, 1);
    drop(task);
    assert_eq!((pool.figures().live_stacks, pool.figures().warm_stacks), (0, 1));
}

#[test]
fn coroutines_use_the_stack_that_was_given_back_last() {
    let pool: &StackPool = Box::leak(Box::new(StackPool::new(Os::new())));
    let run = || {
        let stack = pool.take().unwrap();
        let high = stack.high();
        let mut task: Coroutine<(), (), usize, _> =
            Coroutine::with_stack(stack, |_: &Yielder<(), ()>, ()| {
                let local = 0_u8;
                (&raw const local).addr()
            });
        let CoroutineResult::Return(address) = task.resume(()) else { unreachable!() };
        assert!(address < high && address > high - (4 << 10));
        high
    };
    assert_eq!(run(), run());
    let deep = pool.take().unwrap();
    assert_eq!(deep.peak_bytes(), Some(4 << 10));
}
