//! What the cores do: each operation is an allocation or a free, with some work of the program's own.
//!
//! Above: `main`. Below: the default stack, as a static, and `lines`.

use alloc_arena::{Arena, Os};
use alloc_core::sync::lines::{
    Access, Figures, count_from_now, count_until_now, done, replace_thread, simulate, touch,
    wait_until, work,
};
use alloc_core::{Allocator, Layout};
use alloc_sizeclass::{SizeClassHeap, thread_cache};
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

thread_cache! {
    /// The default stack.
    static STACK: SizeClassHeap<Arena<Os>> = SizeClassHeap::new(Arena::new(Os::new()));
}

/// A workload.
#[derive(Debug)]
pub struct Workload {
    /// What it is called.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// It makes no sense on fewer cores.
    pub least_cores: usize,
    /// Runs it on so many cores.
    pub run: fn(usize, Load) -> Figures,
}

/// How a workload runs.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Steps of the program's own between two operations.
    pub work: u64,
    /// What decides, where chance does.
    pub seed: u64,
}

/// All workloads.
#[rustfmt::skip]
pub static ALL: &[Workload] = &[
    Workload { name: "pairs", least_cores: 1, run: pairs,
        about: "64 bytes are allocated and freed at once" },
    Workload { name: "working-set", least_cores: 1, run: working_set,
        about: "each core replaces objects of 16 to 1024 bytes in a table of 300" },
    Workload { name: "bursts", least_cores: 1, run: bursts,
        about: "each core allocates 2000 objects of 64 bytes, and frees them: more than its cache holds" },
    Workload { name: "hand-over", least_cores: 2, run: hand_over,
        about: "every other core allocates 64 bytes, its neighbour frees them" },
    Workload { name: "larson", least_cores: 2, run: larson,
        about: "tables of 300 objects of 16 to 512 bytes go from core to core, which replace objects" },
    Workload { name: "churn", least_cores: 1, run: churn,
        about: "threads that come, allocate and free 300 objects of 16 to 512 bytes, and go" },
    Workload { name: "medium", least_cores: 1, run: |cores, load| rounds(cores, load, 64 << 10, 512 << 10),
        about: "each core replaces objects of 64 to 512 KiB in a table of 8" },
    Workload { name: "large", least_cores: 1, run: |cores, load| rounds(cores, load, 2 << 20, 4 << 20),
        about: "each core replaces objects of 2 to 4 MiB in a table of 8: no class serves them" },
];

/// The workloads of these names, or all.
///
/// # Errors
///
/// If there is none of a name.
pub fn choose(names: &[String]) -> Result<Vec<&'static Workload>, String> {
    let of = |name: &String| {
        let found = ALL.iter().find(|workload| workload.name == name);
        found.ok_or_else(|| {
            let known: Vec<_> = ALL.iter().map(|workload| workload.name).collect();
            format!("there is no workload `{name}`; there are: {}", known.join(", "))
        })
    };
    if names.is_empty() { Ok(ALL.iter().collect()) } else { names.iter().map(of).collect() }
}

/// Memory of the stack.
struct Object {
    ptr: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the memory belongs to whoever has this value.
unsafe impl Send for Object {}

/// A core at work.
struct Core {
    load: Load,
    random: u64,
}

impl Core {
    fn new(number: usize, load: Load) -> Self {
        let seed = load.seed.wrapping_add(number as u64 + 1);
        Self { load, random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    fn below(&mut self, end: usize) -> usize {
        let next =
            self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        self.random = next;
        ((u128::from(next ^ (next >> 31)) * end as u128) >> 64) as usize
    }

    /// From `low` up to `high`, each doubling as often as the others.
    fn between(&mut self, low: usize, high: usize) -> usize {
        let doublings = (high / low).ilog2() as usize;
        let base = low << self.below(doublings);
        base + self.below(base)
    }

    /// An object, whose first bytes are written to.
    fn make(&self, bytes: usize) -> Object {
        work(self.load.work);
        let layout = Layout::from_size_align(bytes, 8).expect("sizes are far below the limit");
        let ptr = STACK.allocate(layout).expect("there is memory").cast::<u8>();
        self.use_it(ptr, Access::Write);
        done(1);
        Object { ptr, layout }
    }

    /// Reads the object, and frees it.
    fn free(&self, object: Object) {
        work(self.load.work);
        self.use_it(object.ptr, Access::Read);
        // SAFETY: allocated by `make` with this layout; the object is gone with this call.
        unsafe { STACK.deallocate(object.ptr, object.layout) };
        done(1);
    }

    fn use_it(&self, ptr: NonNull<u8>, access: Access) {
        touch(ptr.as_ptr(), 8, access, crate::points::OBJECTS);
    }
}

/// Simulates cores that live twice: once to warm up, then to be counted.
fn twice(cores: usize, load: Load, life: impl Fn(usize, &mut Core) + Sync) -> Figures {
    let empty = (&raw const alloc_sizeclass::__private::EMPTY).addr();
    let range = empty..empty + size_of_val(&alloc_sizeclass::__private::EMPTY);
    simulate(cores, load.seed, &[range], |number| {
        let mut core = Core::new(number, load);
        life(number, &mut core);
        count_from_now();
        life(number, &mut core);
        count_until_now();
    })
}

fn pairs(cores: usize, load: Load) -> Figures {
    twice(cores, load, |_, core| {
        for _ in 0..500 {
            let object = core.make(64);
            core.free(object);
        }
    })
}

fn working_set(cores: usize, load: Load) -> Figures {
    let empty = (&raw const alloc_sizeclass::__private::EMPTY).addr();
    let range = empty..empty + size_of_val(&alloc_sizeclass::__private::EMPTY);
    simulate(cores, load.seed, &[range], |number| {
        let mut core = Core::new(number, load);
        let mut table = fill(&mut core, 300, 16, 1024);
        replace(&mut core, &mut table, 2000, 16, 1024);
        count_from_now();
        replace(&mut core, &mut table, 1000, 16, 1024);
        count_until_now();
    })
}

fn bursts(cores: usize, load: Load) -> Figures {
    twice(cores, load, |_, core| {
        let objects: Vec<Object> = (0..2000).map(|_| core.make(64)).collect();
        objects.into_iter().for_each(|object| core.free(object));
    })
}

/// Queues between neighbours, which the model does not see.
fn hand_over(cores: usize, load: Load) -> Figures {
    const ROOM: usize = 200;
    let queues: Vec<Mutex<VecDeque<Object>>> =
        (0..cores).map(|_| Mutex::new(VecDeque::new())).collect();
    twice(cores - cores % 2, load, |number, core| {
        let queue = || lock(&queues[number / 2]);
        for _ in 0..2000 {
            if number % 2 == 0 {
                let object = core.make(64);
                wait_until(|| queue().len() < ROOM);
                queue().push_back(object);
            } else {
                wait_until(|| !queue().is_empty());
                let object = queue().pop_front();
                object.into_iter().for_each(|object| core.free(object));
            }
        }
    })
}

fn larson(cores: usize, load: Load) -> Figures {
    const ROUNDS: usize = 4;
    let tables: Vec<Mutex<Vec<Object>>> = (0..cores).map(|_| Mutex::new(Vec::new())).collect();
    twice(cores, load, |number, core| {
        if lock(&tables[number]).is_empty() {
            *lock(&tables[number]) = fill(core, 300, 16, 512);
        }
        for round in 0..ROUNDS {
            // By turns the tables of all others, while nobody else has them.
            alloc_core::sync::lines::meet();
            let mut table = lock(&tables[(number + round + 1) % cores]);
            replace(core, &mut table, 200, 16, 512);
        }
        alloc_core::sync::lines::meet();
    })
}

fn churn(cores: usize, load: Load) -> Figures {
    twice(cores, load, |number, _| {
        for life in 0..3 {
            replace_thread(|| {
                let mut core = Core::new(number * 100 + life, load);
                let table = fill(&mut core, 150, 16, 512);
                table.into_iter().for_each(|object| core.free(object));
            });
        }
    })
}

fn rounds(cores: usize, load: Load, low: usize, high: usize) -> Figures {
    twice(cores, load, |_, core| {
        let mut table = fill(core, 8, low, high);
        replace(core, &mut table, 100, low, high);
        table.into_iter().for_each(|object| core.free(object));
    })
}

fn fill(core: &mut Core, count: usize, low: usize, high: usize) -> Vec<Object> {
    (0..count)
        .map(|_| {
            let bytes = core.between(low, high);
            core.make(bytes)
        })
        .collect()
}

fn replace(core: &mut Core, table: &mut [Object], times: usize, low: usize, high: usize) {
    for _ in 0..times {
        let (at, bytes) = (core.below(table.len()), core.between(low, high));
        let old = std::mem::replace(&mut table[at], core.make(bytes));
        core.free(old);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
