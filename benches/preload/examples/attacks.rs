//! Attacks on stacks in Rust: mistakes of unsafe code, and handles that outlive what they stood for.
//!
//! ```sh
//! cargo run --release -p strata-preload --example attacks -- double-deallocate-100 default
//! ```
//!
//! Without arguments it lists its attacks. `tests/attacks.rs` runs them with those in C, whose words it speaks: an attack says
//! `MISTAKE` right before it makes one and `LATER` right after it, and ends with `EFFECT`, `VOID` or `ABSENT`.
//! The second argument is the stack: one of ours (`default`, `hardened`), the standard library's (`system`), or one that falls
//! for everything (`naive`).

use alloc_arena::{Arena, Os};
use alloc_core::Layer;
use alloc_core::api2::alloc::{AllocError, Allocator, System};
use alloc_sizeclass::{SizeClassHeap, ThreadCache, hardened};
use pool_prealloc::{Key, KeyPool};
use std::alloc::Layout;
use std::collections::HashMap;
use std::process::exit;
use std::ptr::NonNull;
use std::sync::Mutex;

/// An attack may take so long.
const MOST_SECONDS: u32 = 20;

/// So many allocations show what came of a mistake.
const LOOKED_AT: usize = 200;

#[derive(Clone, Copy)]
enum Attack {
    /// Deallocate twice, with so many other deallocations in between.
    Twice { bytes: usize, others: usize },
    /// Deallocate as an object of another size.
    OtherSize { bytes: usize, said_bytes: usize },
    /// Grow what is said to have been larger than it was.
    GrowOtherSize { bytes: usize, said_bytes: usize },
    /// Deallocate in another stack than the one that it came from.
    OtherStack { bytes: usize },
    /// Deallocate an address within an object.
    Within { bytes: usize, offset: usize },
    /// Deallocate something on the stack of calls.
    OnStack,
    /// Use a key whose value is gone; or gone, and another is in its slot.
    StaleKey { filled_again: bool },
    /// Remove a value twice, and another is in its slot.
    RemoveTwice,
}

const ATTACKS: &[(&str, &str, Attack)] = {
    use Attack::*;
    const TWICE: &str = "Rust: deallocated twice";
    const SIZE: &str = "Rust: another layout";
    const STACK: &str = "Rust: another stack";
    const WITHIN: &str = "Rust: invalid address";
    const KEY: &str = "Rust: stale key";
    &[
        (TWICE, "double-deallocate-16", Twice { bytes: 16, others: 0 }),
        (TWICE, "double-deallocate-100", Twice { bytes: 100, others: 0 }),
        (TWICE, "double-deallocate-100-after-8", Twice { bytes: 100, others: 8 }),
        (TWICE, "double-deallocate-1000-after-64", Twice { bytes: 1000, others: 64 }),
        (TWICE, "double-deallocate-100KiB", Twice { bytes: 100 << 10, others: 0 }),
        (TWICE, "double-deallocate-1MiB", Twice { bytes: 1 << 20, others: 0 }),
        (SIZE, "deallocate-40-as-400", OtherSize { bytes: 40, said_bytes: 400 }),
        (SIZE, "deallocate-40-as-30KiB", OtherSize { bytes: 40, said_bytes: 30 << 10 }),
        (SIZE, "deallocate-1000-as-1MiB", OtherSize { bytes: 1000, said_bytes: 1 << 20 }),
        (SIZE, "grow-40-as-400", GrowOtherSize { bytes: 40, said_bytes: 400 }),
        (STACK, "other-stack-64", OtherStack { bytes: 64 }),
        (STACK, "other-stack-1000", OtherStack { bytes: 1000 }),
        (STACK, "other-stack-100KiB", OtherStack { bytes: 100 << 10 }),
        (WITHIN, "deallocate-within-100-by-8", Within { bytes: 100, offset: 8 }),
        (WITHIN, "deallocate-within-1000-half", Within { bytes: 1000, offset: 496 }),
        (WITHIN, "deallocate-within-1MiB-half", Within { bytes: 1 << 20, offset: 1 << 19 }),
        (WITHIN, "deallocate-on-stack", OnStack),
        (KEY, "key-of-removed", StaleKey { filled_again: false }),
        (KEY, "key-of-replaced", StaleKey { filled_again: true }),
        (KEY, "key-removed-twice", RemoveTwice),
    ]
};

fn say(word: &str, what: &str) {
    println!("{word} {what}");
}

fn end(word: &str, what: &str) -> ! {
    say(word, what);
    exit(0)
}

hardened! {
    /// The hardened stack.
    static HARDENED: Arena<Os> = Arena::new(Os::new());
}
hardened! {
    /// Another one.
    static OTHER_HARDENED: Arena<Os> = Arena::new(Os::new());
}

/// Around the mistake itself.
fn mistake<T>(action: impl FnOnce() -> T) -> T {
    say("MISTAKE", "");
    let result = action();
    say("LATER", "");
    result
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).expect("sizes are small")
}

fn take(stack: &impl Allocator, bytes: usize) -> NonNull<u8> {
    stack.allocate(layout(bytes)).expect("there is memory").cast()
}

/// Gives back what may have been given back already.
fn give(stack: &impl Allocator, ptr: NonNull<u8>, bytes: usize) {
    // SAFETY: the first time: it came from `take`. Any other time this is the mistake, and the process ends soon.
    unsafe { stack.deallocate(ptr, layout(bytes)) }
}

/// Objects that are live: no two may share a byte.
#[derive(Default)]
struct Live(Vec<(usize, usize)>);

impl Live {
    fn keep(&mut self, ptr: NonNull<u8>, bytes: usize) {
        self.0.push((ptr.as_ptr().addr(), bytes));
    }

    fn expect_overlap(&mut self, stack: &impl Allocator, sizes: &[usize]) -> ! {
        for bytes in sizes {
            (0..LOOKED_AT).for_each(|_| self.keep(take(stack, *bytes), *bytes));
        }
        self.0.sort_unstable();
        if self.0.windows(2).any(|pair| pair[0].0 + pair[0].1 > pair[1].0) {
            end("EFFECT", "two live objects share memory");
        }
        end("VOID", "no two objects share memory")
    }
}

fn attack(attack: Attack, stack: impl Allocator, other: impl Allocator) -> ! {
    let mut live = Live::default();
    match attack {
        Attack::Twice { bytes, others } => {
            let others: Vec<_> = (0..others).map(|_| take(&stack, bytes)).collect();
            let ptr = take(&stack, bytes);
            give(&stack, ptr, bytes);
            others.into_iter().for_each(|other| give(&stack, other, bytes));
            mistake(|| give(&stack, ptr, bytes));
            live.expect_overlap(&stack, &[bytes])
        }
        Attack::OtherSize { bytes, said_bytes } => {
            let ptr = take(&stack, bytes);
            (0..LOOKED_AT).for_each(|_| live.keep(take(&stack, bytes), bytes));
            mistake(|| give(&stack, ptr, said_bytes));
            live.expect_overlap(&stack, &[said_bytes, bytes])
        }
        Attack::GrowOtherSize { bytes, said_bytes } => {
            let first = take(&stack, bytes);
            for _ in 0..LOOKED_AT {
                // SAFETY: the object is live, and has so many bytes.
                unsafe { take(&stack, bytes).as_ptr().write_bytes(b'S', bytes) };
            }
            let (old, new) = (layout(said_bytes), layout(said_bytes * 4));
            // SAFETY: the mistake: `old` is not its layout.
            let grown = mistake(|| unsafe { stack.grow(first, old, new) });
            let Ok(grown) = grown else { end("VOID", "it does not grow") };
            // SAFETY: it has so many bytes, of which these were copied.
            let copied =
                unsafe { std::slice::from_raw_parts(grown.cast::<u8>().as_ptr(), said_bytes) };
            if copied[bytes..].windows(16).any(|bytes| bytes == [b'S'; 16]) {
                end("EFFECT", "it brought another object's bytes with it");
            }
            end("VOID", "it brought nothing of another object")
        }
        Attack::OtherStack { bytes } => {
            // So that both have seen this size.
            give(&other, take(&other, bytes), bytes);
            let ptr = take(&stack, bytes);
            mistake(|| give(&other, ptr, bytes));
            live.keep(ptr, bytes);
            live.expect_overlap(&other, &[bytes])
        }
        Attack::Within { bytes, offset } => {
            let ptr = take(&stack, bytes);
            live.keep(ptr, bytes);
            // SAFETY: within the object.
            let within = unsafe { ptr.add(offset) };
            mistake(|| give(&stack, within, bytes));
            live.expect_overlap(&stack, &[bytes])
        }
        Attack::OnStack => {
            let mut words = [0_u64; 64];
            let ptr = NonNull::from(&mut words).cast::<u8>();
            live.keep(ptr, size_of_val(&words));
            // SAFETY: within the array.
            let within = unsafe { ptr.add(64) };
            mistake(|| give(&stack, within, 100));
            live.expect_overlap(&stack, &[100])
        }
        Attack::StaleKey { .. } | Attack::RemoveTwice => end("ABSENT", "not a matter of stacks"),
    }
}

/// Values that are known by keys.
trait Keyed {
    type Key: Copy;
    fn insert(&mut self, value: u64) -> Self::Key;
    fn get(&self, key: Self::Key) -> Option<u64>;
    fn remove(&mut self, key: Self::Key) -> Option<u64>;
}

impl<A: Layer> Keyed for KeyPool<u64, A> {
    type Key = Key<u64>;

    fn insert(&mut self, value: u64) -> Self::Key {
        Self::insert(self, value).expect("there is room")
    }

    fn get(&self, key: Self::Key) -> Option<u64> {
        Self::get(self, key).copied()
    }

    fn remove(&mut self, key: Self::Key) -> Option<u64> {
        Self::remove(self, key).ok()
    }
}

/// Keys that are nothing but places.
#[derive(Default)]
struct Places {
    values: Vec<u64>,
    free: Vec<usize>,
}

impl Keyed for Places {
    type Key = usize;

    fn insert(&mut self, value: u64) -> usize {
        let Some(at) = self.free.pop() else {
            self.values.push(value);
            return self.values.len() - 1;
        };
        self.values[at] = value;
        at
    }

    fn get(&self, key: usize) -> Option<u64> {
        self.values.get(key).copied()
    }

    fn remove(&mut self, key: usize) -> Option<u64> {
        self.free.push(key);
        self.get(key)
    }
}

fn attack_keys(attack: Attack, mut pool: impl Keyed) -> ! {
    let key = pool.insert(1);
    pool.remove(key);
    let found = match attack {
        Attack::StaleKey { filled_again: false } => pool.get(key),
        Attack::StaleKey { filled_again: true } => {
            pool.insert(2);
            pool.get(key)
        }
        Attack::RemoveTwice => {
            pool.insert(2);
            pool.remove(key)
        }
        _ => end("BROKEN", "not an attack by keys"),
    };
    match found {
        Some(_) => end("EFFECT", "a stale key led to a value"),
        None => end("VOID", "a stale key leads nowhere"),
    }
}

/// A stack that believes everything: lists by the size that it was told, last in, first out, over memory that is never given back.
struct Naive(Mutex<Lists>);

struct Lists {
    free: HashMap<usize, Vec<NonNull<u8>>>,
    never_used: &'static mut [u8],
}

impl Naive {
    fn new() -> Self {
        let never_used = vec![0; 512 << 20].leak();
        Self(Mutex::new(Lists { free: HashMap::new(), never_used }))
    }
}

// SAFETY: it keeps the contract towards those who keep it: sizes come back to the list of their own size.
unsafe impl Allocator for Naive {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let mut lists = self.0.lock().map_err(|_| AllocError)?;
        let freed = lists.free.get_mut(&layout.size()).and_then(Vec::pop);
        let ptr = freed.unwrap_or_else(|| {
            let bytes = layout.size().next_multiple_of(8);
            let (ptr, rest) = std::mem::take(&mut lists.never_used).split_at_mut(bytes);
            lists.never_used = rest;
            NonNull::from(ptr).cast()
        });
        Ok(NonNull::slice_from_raw_parts(ptr, layout.size()))
    }

    unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
        if let Ok(mut lists) = self.0.lock() {
            lists.free.entry(layout.size()).or_default().push(ptr);
        }
    }
}

fn main() {
    let args: Vec<_> = std::env::args().collect();
    let [_, name, stack] = &args[..] else {
        ATTACKS.iter().for_each(|(class, name, _)| println!("{class}\t{name}"));
        return;
    };
    // SAFETY: a limit of its own, valid for the call; an alarm has no preconditions.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &libc::rlimit { rlim_cur: 0, rlim_max: 0 });
        libc::alarm(MOST_SECONDS);
    }
    let found = ATTACKS.iter().find(|(_, attack, _)| attack == name);
    let Some((_, _, found)) = found else { end("BROKEN", "there is no such attack") };
    let by_key = matches!(found, Attack::StaleKey { .. } | Attack::RemoveTwice);
    match stack.as_str() {
        "default" if by_key => attack_keys(*found, KeyPool::with_capacity_in(8, System)),
        "hardened" if by_key => attack_keys(*found, KeyPool::with_capacity_in(8, &HARDENED)),
        "naive" if by_key => attack_keys(*found, Places::default()),
        "default" => {
            let make = || ThreadCache::new(SizeClassHeap::<Arena<Os>>::new(Arena::new(Os::new())));
            attack(*found, make(), make())
        }
        "hardened" => attack(*found, &HARDENED, &OTHER_HARDENED),
        "naive" => attack(*found, Naive::new(), Naive::new()),
        "system" if matches!(found, Attack::OtherStack { .. }) => end("ABSENT", "there is but one"),
        "system" => attack(*found, System, System),
        _ => end("ABSENT", "there is no such stack"),
    }
}
