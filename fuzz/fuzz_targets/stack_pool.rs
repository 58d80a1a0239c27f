//! `StackPool` beside a model: stacks that are live hold what was written to them, places of their own each, while others
//! cool, by a clock that the program sets and a source whose calls fail by schedule.
#![no_main]

use alloc_arena::{Call, Failures, Os, PooledStack, Scheduled, StackPool};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use std::ops::Range;
use std::time::Duration;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Op {
    Take,
    Drop(u8),
    /// Writes to so many bytes at its upper end.
    Touch(u8, u16),
    Forget(u8),
    Reclaim(u32),
    Freeze,
}

#[derive(Arbitrary, Debug)]
struct Input {
    stack_pages: u8,
    guard_pages: u8,
    limit_stacks: u8,
    cools_at_once: bool,
    kept_bytes: u16,
    failures: Vec<(u8, u8, u8)>,
    ops: Vec<Op>,
}

type Pool = StackPool<Scheduled<Os>>;

struct Live<'p> {
    stack: PooledStack<&'p Pool>,
    touched_bytes: usize,
    stamp: u8,
}

impl Live<'_> {
    fn range(&self) -> Range<usize> {
        let usable = self.stack.usable();
        let start = usable.cast::<u8>().addr().get();
        assert_eq!(start + usable.len(), self.stack.high());
        start - self.stack.guard_bytes()..self.stack.high()
    }

    fn touch(&mut self, bytes: usize) {
        let usable = self.stack.usable();
        let bytes = bytes.min(usable.len());
        // SAFETY: the upper end of a stack that is this program's, on which nothing runs.
        unsafe { usable.cast::<u8>().add(usable.len() - bytes).write_bytes(self.stamp, bytes) };
        self.touched_bytes = self.touched_bytes.max(bytes);
    }

    fn check(&self) {
        // SAFETY: as in `touch`.
        let bytes = unsafe { self.stack.usable().as_ref() };
        let touched = &bytes[bytes.len() - self.touched_bytes..];
        assert!(touched.iter().all(|byte| *byte == self.stamp), "contents were lost");
        assert!(self.stack.peak_bytes().is_none_or(|high| high >= self.touched_bytes));
    }
}

struct Model<'p> {
    pool: &'p Pool,
    live: Vec<Live<'p>>,
    forgotten: usize,
    limit_stacks: usize,
    fails: bool,
    stamp: u8,
}

impl Model<'_> {
    fn at(&self, which: u8) -> Option<usize> {
        usize::from(which).checked_rem(self.live.len())
    }

    fn take(&mut self) {
        let used = self.live.len() + self.forgotten;
        let Ok(stack) = self.pool.take() else {
            return assert!(self.fails || used == self.limit_stacks, "refused, and there is room");
        };
        assert!(used < self.limit_stacks, "more than there may be");
        self.stamp = self.stamp.wrapping_add(1);
        let live = Live { stack, touched_bytes: 0, stamp: self.stamp };
        let range = live.range();
        let apart = |other: &Live| {
            let other = other.range();
            other.end <= range.start || range.end <= other.start
        };
        assert!(self.live.iter().all(apart), "stacks overlap");
        self.live.push(live);
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Take => self.take(),
            Op::Drop(which) => {
                if let Some(at) = self.at(which) {
                    self.live.swap_remove(at);
                }
            }
            Op::Touch(which, bytes) => {
                if let Some(at) = self.at(which) {
                    self.live[at].touch(bytes.into());
                }
            }
            Op::Forget(which) => {
                if let Some(at) = self.at(which) {
                    std::mem::forget(self.live.swap_remove(at).stack);
                    self.forgotten += 1;
                }
            }
            Op::Reclaim(goal_bytes) => {
                let before = self.pool.figures();
                let bytes = self.pool.reclaim(goal_bytes as usize);
                let after = self.pool.figures();
                assert_eq!(after.given_back_bytes - before.given_back_bytes, bytes);
            }
            Op::Freeze => {
                self.pool.freeze();
                // SAFETY: frozen right above, by this thread.
                unsafe { self.pool.thaw() };
            }
        }
        self.pool.verify().unwrap();
        self.live.iter().for_each(Live::check);
        let figures = self.pool.figures();
        assert_eq!(figures.live_stacks, self.live.len() + self.forgotten);
        assert!(
            figures.live_stacks + figures.warm_stacks + figures.cold_stacks <= self.limit_stacks
        );
    }
}

fuzz_target!(|input: Input| {
    let source = Scheduled::new(Os::new());
    for (call, kind, number) in &input.failures {
        let number = usize::from(*number) + 1;
        let kinds = [Failures::Nth(number), Failures::From(number), Failures::Every(number)];
        let call = Call::ALL[usize::from(*call) % Call::ALL.len()];
        source.fail(call, kinds[usize::from(*kind) % kinds.len()]);
    }
    let limit_stacks = 1 + usize::from(input.limit_stacks) % 16;
    let pool = StackPool::new(source)
        .with_stack_bytes((1 + usize::from(input.stack_pages) % 8) << 12)
        .with_guard_bytes((usize::from(input.guard_pages) % 3) << 12)
        .with_limit_stacks(limit_stacks)
        .with_kept_bytes(input.kept_bytes.into())
        .with_idle_delay(input.cools_at_once.then_some(Duration::ZERO));
    let fails = !input.failures.is_empty();
    let mut model =
        Model { pool: &pool, live: Vec::new(), forgotten: 0, limit_stacks, fails, stamp: 0 };
    input.ops.iter().for_each(|op| model.step(*op));
    let forgotten = model.forgotten;
    drop(model);
    assert_eq!(pool.figures().live_stacks, forgotten);
    pool.verify().unwrap();
});
