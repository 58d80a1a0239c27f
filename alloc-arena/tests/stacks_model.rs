//! Random sequences of operations on a pool of stacks beside a model; and threads.

#[path = "common/watched_os.rs"]
mod watched_os;

use alloc_arena::{Os, PooledStack, StackPool};
use proptest::prelude::*;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use watched_os::WatchedOs;

const PAGE: usize = 4 << 10;

type Pool = StackPool<&'static WatchedOs>;

#[derive(Clone, Debug)]
enum Op {
    Take,
    /// Drops the live stack of that number, of all.
    Drop(prop::sample::Index),
    /// Touches so many pages of a live stack.
    Touch(prop::sample::Index, usize),
    Forget(prop::sample::Index),
    Reclaim(usize),
    Wait(u64),
    Freeze,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => Just(Op::Take),
        8 => any::<prop::sample::Index>().prop_map(Op::Drop),
        4 => (any::<prop::sample::Index>(), 1..10_usize).prop_map(|(at, pages)| Op::Touch(at, pages)),
        1 => any::<prop::sample::Index>().prop_map(Op::Forget),
        1 => prop_oneof![Just(0), 1..100_000_usize, Just(usize::MAX)].prop_map(Op::Reclaim),
        2 => (0..900_u64).prop_map(Op::Wait),
        1 => Just(Op::Freeze),
    ]
}

/// A live stack, how many of its pages were touched, and with what.
struct Live<'p> {
    stack: PooledStack<&'p Pool>,
    touched_bytes: usize,
    stamp: u8,
}

impl Live<'_> {
    fn touch(&mut self, bytes: usize) {
        let usable = self.stack.usable();
        let bytes = bytes.min(usable.len());
        // SAFETY: the upper end of a stack that is the test's.
        unsafe { usable.cast::<u8>().add(usable.len() - bytes).write_bytes(self.stamp, bytes) };
        self.touched_bytes = self.touched_bytes.max(bytes);
    }

    fn check(&self) {
        // SAFETY: the stack is the test's, and nothing runs on it.
        let bytes = unsafe { self.stack.usable().as_ref() };
        assert!(bytes[bytes.len() - self.touched_bytes..].iter().all(|&byte| byte == self.stamp));
        assert!(self.stack.peak_bytes().unwrap() >= self.touched_bytes);
    }
}

fn play(ops: Vec<Op>, limit_stacks: usize) {
    let source: &'static WatchedOs = Box::leak(Box::default());
    let pool = StackPool::new(source)
        .with_stack_bytes(8 * PAGE)
        .with_limit_stacks(limit_stacks)
        .with_idle_delay(Some(Duration::from_millis(800)));
    let mut live: Vec<Live> = Vec::new();
    // Of the model: who came back last, as far as nothing cooled since; who is forgotten.
    let (mut warm, mut forgotten, mut stamp) = (Vec::new(), 0, 0_u8);
    for op in ops {
        match op {
            Op::Take => match pool.take() {
                Ok(stack) => {
                    // Cool ones vanish from the model's old end, never from its new one.
                    assert!(live.iter().all(|other| other.stack.high() != stack.high()));
                    if pool.figures().warm_stacks > 0 || warm.last() == Some(&stack.high()) {
                        assert_eq!(warm.pop(), Some(stack.high()), "most recent first");
                    } else {
                        warm.clear();
                    }
                    stamp = stamp.wrapping_add(1);
                    live.push(Live { stack, touched_bytes: 0, stamp });
                }
                Err(_) => assert_eq!(live.len() + forgotten, limit_stacks),
            },
            Op::Drop(at) if !live.is_empty() => {
                let live = live.swap_remove(at.index(live.len()));
                live.check();
                warm.push(live.stack.high());
            }
            Op::Touch(at, pages) if !live.is_empty() => {
                let at = at.index(live.len());
                live[at].touch(pages * PAGE);
            }
            Op::Forget(at) if !live.is_empty() => {
                std::mem::forget(live.swap_remove(at.index(live.len())).stack);
                forgotten += 1;
            }
            Op::Reclaim(goal_bytes) => {
                let before = pool.figures();
                let bytes = pool.reclaim(goal_bytes);
                let after = pool.figures();
                assert_eq!(after.given_back_bytes - before.given_back_bytes, bytes);
                assert!(bytes >= goal_bytes || goal_bytes == 0 || after.warm_stacks == 0);
            }
            Op::Wait(ms) => {
                source.now_ms.fetch_add(ms, Relaxed);
            }
            Op::Freeze => {
                pool.freeze();
                // SAFETY: frozen just now, by this thread.
                unsafe { pool.thaw() };
            }
            _ => {}
        }
        pool.verify().unwrap();
        live.iter().for_each(Live::check);
        let figures = pool.figures();
        assert_eq!(figures.live_stacks, live.len() + forgotten);
        assert!(figures.warm_stacks <= warm.len());
        assert!(figures.live_stacks + figures.warm_stacks + figures.cold_stacks <= limit_stacks);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stacks_beside_a_model(ops in prop::collection::vec(op(), 1..120), limit_stacks in 1..30_usize) {
        play(ops, limit_stacks);
    }
}

/// Threads take, fill, pass on, check and give back, while one reclaims and freezes.
#[test]
fn stacks_of_many_threads() {
    let pool = StackPool::new(Os::new())
        .with_stack_bytes(4 * PAGE)
        .with_limit_stacks(64)
        .with_idle_delay(Some(Duration::from_millis(8)));
    /// A stack, and what it is filled with.
    type Filled<'p> = (PooledStack<&'p StackPool>, u8);
    let places: Vec<Mutex<Option<Filled>>> = (0..32).map(|_| Mutex::new(None)).collect();
    let check = |(stack, byte): Filled| {
        // SAFETY: the stack is the thread's, and nothing runs on it.
        let bytes = unsafe { stack.usable().as_ref() };
        assert!(bytes[bytes.len() - 5000..].iter().all(|&at| at == byte));
    };
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let (pool, places, check) = (&pool, &places, &check);
            scope.spawn(move || {
                for round in 0..5000_usize {
                    let byte = (round * 4 + thread) as u8;
                    let stack = pool.take().expect("there are more than are in use");
                    stack.set_name("round");
                    stack.set_number(round as u64);
                    let usable = stack.usable();
                    // SAFETY: the stack is the thread's, and nothing runs on it.
                    unsafe { usable.cast::<u8>().add(usable.len() - 5000).write_bytes(byte, 5000) };
                    let at = (round * 7 + thread * 5) % places.len();
                    let before = places[at].lock().unwrap().replace((stack, byte));
                    before.into_iter().for_each(check);
                }
            });
        }
        scope.spawn(|| {
            for round in 0..400 {
                pool.reclaim(if round % 2 == 0 { usize::MAX } else { 0 });
                pool.verify().unwrap();
                pool.freeze();
                // SAFETY: frozen just now, by this thread.
                unsafe { pool.thaw() };
                std::thread::yield_now();
            }
        });
    });
    places.into_iter().filter_map(|place| place.into_inner().unwrap()).for_each(check);
    pool.verify().unwrap();
    let figures = pool.figures();
    assert_eq!(figures.live_stacks, 0);
    assert!(figures.warm_stacks + figures.cold_stacks <= 64, "{figures:?}");
}
