//! Ten thousand coroutines at a time, each on a stack of a pool; and what the pool knows of them.
//!
//! `cargo run -p alloc-arena --example coroutines --features corosensei`

use alloc_arena::{Os, PooledStack, StackError, StackPool, overflow};
use corosensei::{Coroutine, CoroutineResult, Yielder};

static STACKS: StackPool<Os> = StackPool::new(Os::new()).with_stack_bytes(64 << 10);

type Task = Coroutine<(), u64, u64, PooledStack>;

/// The numbers from `first` on, one at a time, and their sum.
fn count(first: u64) -> Result<Task, StackError> {
    let stack = STACKS.take()?;
    stack.set_name("count");
    stack.set_number(first);
    Ok(Coroutine::with_stack(stack, move |yielder: &Yielder<(), u64>, ()| {
        (first..first + 3).inspect(|&number| yielder.suspend(number)).sum()
    }))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Who uses more than its stack is named, in place of "segmentation fault".
    overflow::install()?;
    for round in 1..=3 {
        let mut tasks = (0..10_000).map(count).collect::<Result<Vec<_>, _>>()?;
        let mut sum = 0;
        while !tasks.is_empty() {
            tasks.retain_mut(|task| match task.resume(()) {
                CoroutineResult::Yield(_) => true,
                CoroutineResult::Return(number) => {
                    sum += number;
                    false // its stack goes back here, and is the next to be taken
                }
            });
        }
        let figures = STACKS.figures();
        println!(
            "round {round}: sum {sum}, {} stacks made, {} warm",
            figures.peak_live_stacks, figures.warm_stacks
        );
    }
    let bytes = STACKS.reclaim(usize::MAX);
    println!(
        "{bytes} bytes went back to the system; no stack was deeper than {}",
        STACKS.figures().peak_stack_bytes
    );
    Ok(())
}
