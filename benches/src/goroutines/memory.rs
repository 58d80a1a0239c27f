//! Where tasks have their memory from: stacks of a pool, and a thread cache for what they allocate.
//!
//! Above: tasks. Below: `StackPool`, and the default stack of layers.

use alloc_arena::{Arena, Os, StackPool};
use alloc_sizeclass::{SizeClassHeap, ThreadCache, thread_cache};

/// Addresses of a stack; memory comes as it is touched.
const STACK_BYTES: usize = 64 << 10;

/// All tasks' stacks.
pub static STACKS: StackPool<Os> = StackPool::new(Os::new()).with_stack_bytes(STACK_BYTES);

/// The heap below the workers' caches.
pub type Heap = SizeClassHeap<Arena<Os>>;

/// The type of [`static@TASKS`].
pub type TaskCache = ThreadCache<Heap, TASKS>;

thread_cache! {
    #[migrating]
    #[initial_exec = "strata_goroutines"]
    /// What tasks allocate from: the cache of the worker that they are on at that moment.
    pub static TASKS: Heap = SizeClassHeap::new(Arena::new(Os::new()));
}
