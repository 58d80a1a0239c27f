//! Pools of stacks: what is live, warm, cold; what goes back, and when; what stays.

#[path = "common/watched_os.rs"]
mod watched_os;

use alloc_arena::{Os, PooledStack, Source, StackError, StackPool};
use alloc_core::Report;
use alloc_core::report::Text;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use watched_os::WatchedOs;

const KIB: usize = 1 << 10;
const PAGE: usize = 4 * KIB;

type Watched = StackPool<&'static WatchedOs>;

fn watched() -> (&'static WatchedOs, Watched) {
    let source: &WatchedOs = Box::leak(Box::default());
    (source, StackPool::new(source))
}

/// Touches the upper `bytes` of a stack, as a coroutine would.
fn touch<P: alloc_arena::PoolRef>(stack: &PooledStack<P>, bytes: usize, byte: u8) {
    let usable = stack.usable();
    let start = usable.len() - bytes;
    // SAFETY: the stack is the test's, and nothing runs on it.
    unsafe { usable.cast::<u8>().add(start).write_bytes(byte, bytes) };
}

const fn is_send_and_sync<T: Send + Sync>() {}
const _: () = is_send_and_sync::<StackPool<Os>>();
const _: () = is_send_and_sync::<PooledStack>();
const _: () = is_send_and_sync::<PooledStack<Arc<StackPool<Os>>>>();

#[test]
fn stacks_cost_nothing_until_one_is_taken() {
    let pool = StackPool::new(Os::new());
    let figures = pool.figures();
    assert_eq!((figures.reserved_bytes, figures.calls.reserve), (0, 0));
    assert_eq!(pool.reclaim(usize::MAX), 0);
    pool.verify().unwrap();
}

#[test]
fn stacks_come_back_most_recent_first() {
    let pool = StackPool::new(Os::new());
    let (one, two) = (pool.take().unwrap(), pool.take().unwrap());
    let (first, second) = (one.high(), two.high());
    assert_ne!(first, second);
    drop(one);
    drop(two);
    let again = pool.take().unwrap();
    assert_eq!(again.high(), second);
    assert_eq!(pool.take().unwrap().high(), first);
    pool.verify().unwrap();
}

#[test]
fn stacks_warm_ones_are_taken_without_a_call() {
    let (_, pool) = watched();
    drop(pool.take().unwrap());
    let calls = pool.figures().calls;
    for _ in 0..1000 {
        drop(pool.take().unwrap());
    }
    assert_eq!(pool.figures().calls, calls);
}

#[test]
fn stacks_have_what_was_asked_for() {
    for stack_bytes in [0, 1, PAGE, PAGE + 1, 64 * KIB, 100_000, 1 << 20] {
        for guard_bytes in [0, 1, PAGE, 3 * PAGE + 1] {
            let pool = StackPool::new(Os::new())
                .with_stack_bytes(stack_bytes)
                .with_guard_bytes(guard_bytes);
            let mut taken: Vec<_> = (0..40).map(|_| pool.take().unwrap()).collect();
            taken.sort_by_key(PooledStack::high);
            for (at, stack) in taken.iter().enumerate() {
                assert!(stack.usable().len() >= stack_bytes.max(PAGE));
                assert!(stack.guard_bytes() >= guard_bytes.max(PAGE));
                assert!(stack.high().is_multiple_of(16));
                assert_eq!(stack.usable().addr().get() + stack.usable().len(), stack.high());
                touch(stack, stack.usable().len(), at as u8);
            }
            for (at, pair) in taken.windows(2).enumerate() {
                let low = pair[1].usable().addr().get();
                assert!(low - pair[1].guard_bytes() >= pair[0].high(), "no place has two users");
                // SAFETY: the stack is the test's.
                assert!(unsafe { pair[0].usable().as_ref() }.iter().all(|&byte| byte == at as u8));
            }
            pool.verify().unwrap();
        }
    }
}

/// Stacks begin in different sets of the caches, and none of them gives up half a page for it.
#[test]
fn stacks_begin_at_different_places_of_a_page() {
    let pool = StackPool::new(Os::new());
    let taken: Vec<_> = (0..16).map(|_| pool.take().unwrap()).collect();
    let offsets: BTreeSet<usize> = taken.iter().map(|stack| stack.high() % PAGE).collect();
    assert_eq!(offsets.len(), 16);
    assert!(offsets.iter().all(|&offset| offset == 0 || offset > PAGE / 2));
}

#[test]
fn stacks_that_have_no_room_are_refused() {
    for (stack_bytes, guard_bytes) in
        [(usize::MAX, 0), (PAGE, usize::MAX), (isize::MAX as usize, 1)]
    {
        let pool =
            StackPool::new(Os::new()).with_stack_bytes(stack_bytes).with_guard_bytes(guard_bytes);
        assert!(matches!(pool.take(), Err(StackError::Addresses { .. })));
        assert_eq!(pool.figures().live_stacks, 0);
        pool.verify().unwrap();
    }
}

#[test]
fn stacks_take_up_what_was_touched() {
    let (_, pool) = watched();
    let stack = pool.take().unwrap();
    assert_eq!(stack.peak_bytes(), Some(0));
    touch(&stack, 1, 1);
    assert_eq!(stack.peak_bytes(), Some(PAGE));
    touch(&stack, 40 * KIB, 1);
    assert_eq!(stack.peak_bytes(), Some(40 * KIB));
    touch(&stack, stack.usable().len(), 1);
    assert_eq!(stack.peak_bytes(), Some(pool.figures().stack_bytes));
}

#[test]
fn stacks_give_back_on_demand_the_oldest_first() {
    let (_, pool) = watched();
    let taken: Vec<_> = (0..20).map(|_| pool.take().unwrap()).collect();
    taken.iter().for_each(|stack| touch(stack, 6 * KIB, 1));
    assert_eq!(pool.reclaim(usize::MAX), 0, "live stacks are not touched");
    let newest = taken[19].high();
    drop(taken);
    assert_eq!(pool.figures().warm_stacks, 20);
    assert_eq!(pool.reclaim(0), 0, "nothing is due by age");
    let bytes = pool.reclaim(1);
    assert_eq!((bytes, pool.figures().warm_stacks, pool.figures().cold_stacks), (2 * PAGE, 19, 1));
    assert!(pool.reclaim(30 * KIB) >= 30 * KIB);
    pool.verify().unwrap();
    assert!(pool.figures().warm_stacks > 0);
    assert_eq!(pool.take().unwrap().high(), newest);
    pool.reclaim(usize::MAX);
    let figures = pool.figures();
    assert_eq!((figures.warm_stacks, figures.cold_stacks), (0, 20));
    assert_eq!((figures.given_back_bytes, figures.peak_stack_bytes), (20 * 2 * PAGE, 2 * PAGE));
    let calls = pool.figures().calls.guard;
    let stack = pool.take().unwrap();
    assert_eq!(stack.peak_bytes(), Some(0));
    touch(&stack, PAGE, 1);
    assert_eq!(pool.figures().calls.guard, calls, "a guard is made once");
    pool.verify().unwrap();
}

#[test]
fn stacks_that_are_idle_for_a_delay_give_back() {
    let (source, pool) = watched();
    let pool = pool.with_idle_delay(Some(Duration::from_millis(800)));
    let taken: Vec<_> = (0..100).map(|_| pool.take().unwrap()).collect();
    taken.iter().for_each(|stack| touch(stack, PAGE, 1));
    drop(taken);
    // One stack is used all the time; the calls for it drive the others out.
    for now_ms in 0..2000 {
        source.now_ms.store(now_ms, Relaxed);
        for _ in 0..16 {
            touch(&pool.take().unwrap(), PAGE, 1);
        }
        let warm = pool.figures().warm_stacks;
        assert!(now_ms >= 50 || warm == 100, "{warm} warm after {now_ms} ms");
        assert!(now_ms < 1000 || warm <= 2, "{warm} warm after {now_ms} ms");
    }
    let figures = pool.figures();
    assert!(figures.warm_stacks >= 1 && figures.given_back_bytes >= 98 * PAGE, "{figures:?}");
    pool.verify().unwrap();
}

#[test]
fn stacks_that_nobody_calls_give_back_when_asked_for_what_is_due() {
    let (source, pool) = watched();
    let taken: Vec<_> = (0..100).map(|_| pool.take().unwrap()).collect();
    taken.iter().for_each(|stack| touch(stack, PAGE, 1));
    drop(taken);
    let mut bytes = 0;
    for now_ms in (0..2500).step_by(100) {
        source.now_ms.store(now_ms, Relaxed);
        bytes += pool.reclaim(0);
    }
    assert_eq!((bytes >= 100 * PAGE, pool.figures().warm_stacks), (true, 0));
}

#[test]
fn stacks_keep_what_they_have_if_told_so() {
    let (source, pool) = watched();
    let pool = pool.with_idle_delay(None);
    let (one, two) = (pool.take().unwrap(), pool.take().unwrap());
    touch(&one, 100 * KIB, 1);
    drop((one, two));
    for now_ms in (0..100_000).step_by(100) {
        source.now_ms.store(now_ms, Relaxed);
        (0..16).for_each(|_| drop(pool.take().unwrap()));
        assert_eq!(pool.reclaim(0), 0);
    }
    assert_eq!((pool.figures().warm_stacks, pool.figures().calls.decommit), (2, 0));
}

#[test]
fn stacks_at_once_give_back_when_they_come_back() {
    let (_, pool) = watched();
    let pool = pool.with_idle_delay(Some(Duration::ZERO));
    let stack = pool.take().unwrap();
    touch(&stack, PAGE, 1);
    drop(stack);
    assert_eq!((pool.figures().warm_stacks, pool.figures().given_back_bytes), (0, PAGE));
}

/// A stack in use again and again is never idle, and yet does not stay as deep as it once was.
#[test]
fn stacks_do_not_stay_deep() {
    let (source, pool) = watched();
    let stack = pool.take().unwrap();
    touch(&stack, 200 * KIB, 1);
    drop(stack);
    let mut peak_bytes = Vec::new();
    for now_ms in (0..4000).step_by(10) {
        source.now_ms.store(now_ms, Relaxed);
        for _ in 0..16 {
            let stack = pool.take().unwrap();
            touch(&stack, PAGE, 1);
            peak_bytes.push(stack.peak_bytes().unwrap());
        }
    }
    assert_eq!((peak_bytes[0], *peak_bytes.last().unwrap()), (200 * KIB, 16 * KIB));
    let figures = pool.figures();
    assert_eq!((figures.calls.decommit, figures.peak_stack_bytes), (1, 200 * KIB));
    assert_eq!(figures.given_back_bytes, 184 * KIB);
}

/// One that is deep every time is left alone for longer and longer.
#[test]
fn stacks_that_are_always_deep_are_seldom_cut() {
    let (source, pool) = watched();
    for now_ms in (0..100_000).step_by(50) {
        source.now_ms.store(now_ms, Relaxed);
        for _ in 0..16 {
            touch(&pool.take().unwrap(), 100 * KIB, 1);
        }
    }
    let cuts = pool.figures().calls.decommit;
    assert!((4..=7).contains(&cuts), "{cuts} times in 100 delays");
}

#[test]
fn stacks_that_are_forgotten_stay() {
    let (source, pool) = watched();
    let stack = pool.take().unwrap();
    touch(&stack, 100, 7);
    let bytes = stack.usable();
    std::mem::forget(stack);
    assert_eq!(pool.figures().live_stacks, 1);
    let reserved_bytes = source.reserved_bytes.load(Relaxed);
    drop(pool);
    assert_eq!(source.reserved_bytes.load(Relaxed), reserved_bytes);
    // SAFETY: a forgotten stack stays as it is (R5).
    assert!(unsafe { bytes.as_ref() }.ends_with(&[7; 100]));
}

#[test]
fn stacks_end_with_their_pool() {
    let (source, pool) = watched();
    let pool = Arc::new(pool);
    let stack = PooledStack::take_from(Arc::clone(&pool)).unwrap();
    drop(pool);
    assert!(source.reserved_bytes.load(Relaxed) > 0, "the stack keeps its pool");
    touch(&stack, PAGE, 1);
    drop(stack);
    assert_eq!(source.reserved_bytes.load(Relaxed), 0);
}

#[test]
fn stacks_are_named_and_nameless_again() {
    let pool = StackPool::new(Os::new());
    let stack = pool.take().unwrap();
    stack.set_name("worker");
    stack.set_number(12);
    let text = format!("{stack:?}");
    assert!(text.contains("\"worker\"") && text.contains("12"), "{text}");
    drop(stack);
    let text = format!("{:?}", pool.take().unwrap());
    assert!(text.contains("None") && text.contains("number: 0"), "{text}");
}

#[test]
fn stacks_report_their_figures() {
    let pool = StackPool::new(Os::new());
    let _live = pool.take().unwrap();
    drop(pool.take().unwrap());
    let mut text = String::new();
    pool.report(&mut Report::new(&mut Text::new(&mut text)));
    assert!(text.contains("StackPool") && text.contains("live stacks"), "{text}");
    assert!(format!("{pool:?}").contains("StackPool"));
}

/// Each place has a record of 64 bytes, and that is all.
#[test]
fn stacks_have_little_metadata() {
    let pool = StackPool::new(Os::new());
    let taken: Vec<_> = (0..10_000).map(|_| pool.take().unwrap()).collect();
    let figures = pool.figures();
    assert!(figures.metadata_bytes <= 10_000 * 64 + 64 * KIB, "{figures:?}");
    assert_eq!(figures.calls.advise, usize::from(Os::new().huge_bytes() > 0));
    drop(taken);
}

/// Else a stack would take up 2 MiB where huge pages are given without being asked for.
#[cfg(target_os = "linux")]
#[test]
fn stacks_have_no_huge_pages() {
    let pool = StackPool::new(Os::new());
    let stack = pool.take().unwrap();
    let address = stack.high() - 1;
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut inside = false;
    for line in maps.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        if let Some((start, end)) = first.split_once('-') {
            let number = |text| usize::from_str_radix(text, 16).unwrap();
            inside = (number(start)..number(end)).contains(&address);
        } else if inside && first == "VmFlags:" {
            assert!(line.split_whitespace().any(|flag| flag == "nh"), "{line}");
            return;
        }
    }
    panic!("the stack is in no mapping");
}

/// All stacks are looked at, those in use among them.
#[test]
fn stacks_are_measured() {
    let pool = StackPool::new(Os::new()).with_stack_bytes(64 << 10);
    let stacks: Vec<_> = (0..5).map(|_| pool.take().unwrap()).collect();
    assert_eq!((pool.measure(), pool.figures().peak_stack_bytes), (Some(0), 0));
    for (at, stack) in stacks.iter().enumerate() {
        let usable = stack.usable();
        for page in 0..=at {
            // SAFETY: a byte of a stack that nobody runs on, in its page that is `page` from the upper end.
            unsafe { usable.cast::<u8>().add(usable.len() - 1 - page * 4096).write(1) };
        }
    }
    if pool.below().page_bytes() == 4096 {
        assert_eq!(pool.measure(), Some((1 + 2 + 3 + 4 + 5) * 4096));
        assert_eq!(pool.figures().peak_stack_bytes, 5 * 4096);
    }
}
