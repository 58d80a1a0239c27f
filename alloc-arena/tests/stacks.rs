//! Pools of stacks: what is live, warm, cold; limits, guards, what goes back, what is shared.

use alloc_arena::{Os, StackPool};

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
