//! Rules R1 to R3 of `stacks/mod.rs`, and Q1, Q2 of `stacks/seq.rs`: places go from hand to hand, and the source works on
//! them while nobody holds the lock.

use alloc_arena::source::{Contents, Reserved};
use alloc_arena::{PooledStack, Source, StackError, StackPool};
use alloc_core::AllocError;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use std::ptr::NonNull;
// Not loom's: what follows is the model's own account, which must order nothing.
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const PAGE: usize = 4096;
/// A page of records, and places of two pages and a guard.
const PAGES: usize = 16;
const BUFFER_BYTES: usize = PAGES * PAGE;

/// A buffer in which loom watches every page.
struct Buffer {
    base: NonNull<u8>,
    pages: [UnsafeCell<u8>; PAGES],
    busy: AtomicUsize,
    decommits: AtomicUsize,
}

// SAFETY: `base` is an address; the pages are loom's to watch.
unsafe impl Send for Buffer {}
// SAFETY: as above: loom fails the model if two threads are at a page at once.
unsafe impl Sync for Buffer {}

impl Buffer {
    fn page(&self, address: NonNull<u8>) -> usize {
        (address.addr().get() - self.base.addr().get()) / PAGE
    }

    fn write(&self, first: NonNull<u8>, bytes: usize, value: u8) {
        for page in &self.pages[self.page(first)..][..bytes / PAGE] {
            // SAFETY: loom checks that nobody else is at the page.
            page.with_mut(|place| unsafe { *place = value });
        }
    }

    /// Works on pages for a while, during which other threads may run.
    fn work(&self, base: NonNull<u8>, bytes: usize) {
        self.busy.fetch_add(1, Relaxed);
        loom::thread::yield_now();
        self.write(base, bytes, 0);
        self.busy.fetch_sub(1, Relaxed);
    }
}

// SAFETY: S1: a pool reserves once, and the buffer is one pool's at a time. S2: it is one buffer; a guard is the model's
// word. S3: nothing is said to be zero. S4 to S6: evident.
unsafe impl Source for Buffer {
    fn page_bytes(&self) -> usize {
        PAGE
    }
    fn reserve(&self, bytes: usize, _: usize) -> Result<Reserved, AllocError> {
        let range = Reserved { base: self.base, bytes: BUFFER_BYTES, contents: Contents::Unknown };
        (bytes <= BUFFER_BYTES).then_some(range).ok_or(AllocError)
    }
    unsafe fn unreserve(&self, _: NonNull<u8>, _: usize) -> Result<(), AllocError> {
        Ok(())
    }
    unsafe fn commit(&self, _: NonNull<u8>, _: usize) -> Result<(), AllocError> {
        Ok(())
    }
    unsafe fn decommit(&self, base: NonNull<u8>, bytes: usize) -> Result<Contents, AllocError> {
        self.work(base, bytes);
        self.decommits.fetch_add(1, Relaxed);
        Ok(Contents::Unknown)
    }
    unsafe fn guard_within(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        self.work(base, bytes);
        Ok(())
    }
    fn map(&self, _: usize, _: usize) -> Result<Reserved, AllocError> {
        Err(AllocError)
    }
}

type Pool = Arc<StackPool<Buffer>>;
type Stack<'p> = PooledStack<&'p StackPool<Buffer>>;

/// Runs `body` for every interleaving, each time with a pool over the same buffer.
fn model(limit_stacks: usize, body: impl Fn(Pool) + Sync + Send + 'static) {
    let layout = std::alloc::Layout::from_size_align(BUFFER_BYTES, PAGE).unwrap();
    // SAFETY: the layout has a size. The buffer is leaked.
    let base = super::Run(NonNull::new(unsafe { std::alloc::alloc(layout) }).unwrap());
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let source = Buffer {
            base: base.address(),
            pages: core::array::from_fn(|_| UnsafeCell::new(0)),
            busy: AtomicUsize::new(0),
            decommits: AtomicUsize::new(0),
        };
        let pool = StackPool::new(source)
            .with_stack_bytes(PAGE)
            .with_guard_bytes(PAGE)
            .with_limit_stacks(limit_stacks)
            .with_idle_delay(None);
        body(Arc::new(pool));
    });
}

fn in_thread(
    pool: &Pool,
    work: impl FnOnce(&StackPool<Buffer>) + 'static,
) -> loom::thread::JoinHandle<()> {
    let pool = Arc::clone(pool);
    loom::thread::spawn(move || work(&pool))
}

/// What a coroutine does with its stack: it is there alone.
fn run_on(pool: &StackPool<Buffer>, stack: &Stack, value: u8) {
    pool.below().write(stack.usable().cast(), PAGE, value);
    loom::thread::yield_now();
    pool.below().write(stack.usable().cast(), PAGE, value);
}

/// Two threads take, use and give back, a stack that there is and a new one.
/// Weakened: a place stays on the list when it is taken.
#[test]
fn stacks_r1_a_place_is_in_one_hand() {
    model(2, |pool| {
        drop(pool.take().unwrap());
        let other = in_thread(&pool, |pool| {
            let stack = pool.take().unwrap();
            run_on(pool, &stack, 1);
        });
        let stack = pool.take().unwrap();
        run_on(&pool, &stack, 2);
        drop(stack);
        other.join().unwrap();
        pool.verify().unwrap();
        assert_eq!(pool.figures().live_stacks, 0);
    });
}

/// Weakened: a cooling place stays on the list of the warm ones while the source works.
#[test]
fn stacks_r2_what_is_away_is_nobodys() {
    model(2, |pool| {
        let (one, two) = (pool.take().unwrap(), pool.take().unwrap());
        drop((one, two));
        let cooling = in_thread(&pool, |pool| {
            pool.reclaim(usize::MAX);
        });
        let stack = pool.take().unwrap();
        run_on(&pool, &stack, 1);
        pool.verify().unwrap();
        drop(stack);
        cooling.join().unwrap();
        pool.verify().unwrap();
        let figures = pool.figures();
        assert_eq!((figures.live_stacks, figures.warm_stacks + figures.cold_stacks), (0, 2));
    });
}

/// The only stack that there may be is away: who wants it waits.
/// Weakened: the limit is an error at once.
#[test]
fn stacks_r2_a_taker_waits_for_what_is_away() {
    model(1, |pool| {
        drop(pool.take().unwrap());
        let cooling = in_thread(&pool, |pool| {
            pool.reclaim(usize::MAX);
        });
        let stack = pool.take().expect("it will be back");
        assert_eq!(pool.take().unwrap_err(), StackError::Limit { limit_stacks: 1 });
        run_on(&pool, &stack, 1);
        drop(stack);
        cooling.join().unwrap();
        pool.verify().unwrap();
    });
}

/// Weakened: `freeze` takes the lock at once; a wish is never taken back.
#[test]
fn stacks_r3_freeze_finds_everything_in_its_place() {
    model(2, |pool| {
        drop(pool.take().unwrap());
        let other = in_thread(&pool, |pool| {
            pool.reclaim(usize::MAX);
            // One of them has its guard made.
            let _stacks = (pool.take().unwrap(), pool.take().unwrap());
        });
        pool.freeze();
        // Here the process could fork; the child has no thread that would bring anything back.
        let busy = pool.below().busy.load(Relaxed);
        // SAFETY: frozen above.
        unsafe { pool.thaw() };
        assert_eq!(busy, 0);
        other.join().unwrap();
        assert_eq!(pool.below().decommits.load(Relaxed), 1);
        pool.verify().unwrap();
    });
}

/// A reader gets a whole name or none.
/// Weakened, one at a time: the version is not looked at again after the words; it is not made odd; the fence of a writer, that
/// of a reader, the Release of `end` or the Acquire of `read` is left out.
#[test]
fn stacks_q2_a_name_is_whole() {
    model(1, |pool| {
        let stack = pool.take().unwrap();
        let text: &'static str = "abcdef";
        stack.set_name(&text[..2]);
        // SAFETY: the thread is joined before the stack is dropped.
        let lent =
            unsafe { &*(&raw const stack).cast::<PooledStack<&'static StackPool<Buffer>>>() };
        let writer = loom::thread::spawn(|| lent.set_name(&text[3..]));
        let seen = format!("{stack:?}");
        let whole =
            ["Some(\"ab\")", "Some(\"def\")", "None"].iter().any(|name| seen.contains(name));
        assert!(whole, "{seen}");
        writer.join().unwrap();
        assert!(format!("{stack:?}").contains("Some(\"def\")"));
    });
}

/// Two threads set a name: one after the other.
/// Weakened: a writer does not wait for the one before it; the Acquire of `try_begin` is left out.
#[test]
fn stacks_q1_one_writer_at_a_time() {
    model(1, |pool| {
        let stack = pool.take().unwrap();
        let text: &'static str = "abcdef";
        // SAFETY: the thread is joined before the stack is dropped.
        let lent =
            unsafe { &*(&raw const stack).cast::<PooledStack<&'static StackPool<Buffer>>>() };
        let writer = loom::thread::spawn(|| lent.set_name(&text[3..]));
        stack.set_name(&text[..2]);
        writer.join().unwrap();
        let seen = format!("{stack:?}");
        assert!(["Some(\"ab\")", "Some(\"def\")"].iter().any(|name| seen.contains(name)), "{seen}");
    });
}
