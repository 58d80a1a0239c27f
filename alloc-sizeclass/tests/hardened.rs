//! The hardened stack: it is an allocator like any other, for programs that break nothing; for those that do, a child process
//! makes each mistake, and has to end with the right words.
#![cfg(all(unix, not(all(loom, feature = "loom"))))]

use alloc_arena::{Arena, Os};
use alloc_core::api2::{boxed::Box, vec::Vec};
use alloc_core::conformance::Kit;
use alloc_core::{Allocator, Layer, Layout};
use alloc_sizeclass::hardened;
use alloc_sizeclass::hardened::{Claim, Family, Parts, Policy};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::ptr::NonNull;

hardened! {
    static STACK: Arena<Os> = Arena::new(Os::new());
}

hardened! {
    #[initial_exec = "strata_test_hardened_record"]
    static INITIAL_EXEC: Arena<Os> = Arena::new(Os::new());
}

/// A stack with some of the parts.
macro_rules! stack_with {
    ($NAME:ident: $Parts:ident = $parts:expr) => {
        enum $Parts {}
        impl Policy for $Parts {
            const PARTS: Parts = $parts;
        }
        hardened! {
            static $NAME: Arena<Os>, $Parts = Arena::new(Os::new());
        }
    };
}

stack_with!(BARE: NoParts = Parts::NONE);
stack_with!(FREES: OnlyFrees = Parts { frees: true, ..Parts::NONE });
stack_with!(CANARIES: OnlyCanaries = Parts { canaries: true, ..Parts::NONE });
stack_with!(WIPE: OnlyWipe = Parts { wipe: true, ..Parts::NONE });
stack_with!(LOOK: OnlyLook = Parts { wipe: true, look: true, ..Parts::NONE });
stack_with!(REST: OnlyRest = Parts { rest: true, ..Parts::NONE });
stack_with!(GUARDS: OnlyGuards = Parts { guards: true, ..Parts::NONE });
stack_with!(UNGUARDED: AllButGuards = Parts { guards: false, ..Parts::ALL });
stack_with!(NEIGHBOURS: AllOfThem = Parts::ALL);

#[test]
fn conformance() {
    Kit::layer(|| &STACK).threads().clones().check();
}

#[test]
fn conformance_with_initial_exec_storage() {
    Kit::layer(|| &INITIAL_EXEC).threads().clones().check();
}

/// Whether a byte can be read, asked of the system: no fault if it cannot.
fn is_readable(address: usize) -> bool {
    let mut pipe = [0; 2];
    // SAFETY: `write` reads the byte in the system's own time, and says `EFAULT` where there is none to be read.
    unsafe {
        assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
        let wrote = libc::write(pipe[1], std::ptr::with_exposed_provenance(address), 1);
        for end in pipe {
            libc::close(end);
        }
        wrote == 1
    }
}

/// Whether the system has guards that split no mapping: from a page of this test's own.
fn has_guards() -> bool {
    const MADV_GUARD_INSTALL: libc::c_int = 102;
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a mapping of this test's own.
    unsafe {
        let page = libc::mmap(std::ptr::null_mut(), 4096, rights, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        let is_there = libc::madvise(page, 4096, MADV_GUARD_INSTALL) == 0;
        libc::munmap(page, 4096);
        is_there
    }
}

/// Spans begin with guard pages, one to four of them, and their slots behind these.
#[test]
fn spans_begin_with_a_gap() {
    const SPAN_BYTES: usize = 64 << 10;
    if !has_guards() {
        eprintln!("SKIPPED: this system has no guards that split no mapping");
        return;
    }
    for layout in
        [Layout::new::<[u64; 6]>(), Layout::new::<[u64; 200]>(), Layout::new::<[u64; 900]>()]
    {
        let count = 20 * SPAN_BYTES / layout.size();
        let slots: Vec<_> =
            (0..count).map(|_| STACK.allocate(layout).unwrap().cast::<u8>()).collect();
        let mut gaps = std::collections::BTreeMap::new();
        for slot in &slots {
            let span = slot.as_ptr().expose_provenance() & !(SPAN_BYTES - 1);
            // A span of several granules has its gap in the first.
            if !is_readable(span) {
                gaps.entry(span).or_insert_with(|| {
                    (0..16).take_while(|page| !is_readable(span + page * 4096)).count()
                });
            }
        }
        assert!(gaps.len() >= 10, "{layout:?}: {gaps:?}");
        assert!(gaps.values().all(|pages| (1..=4).contains(pages)), "{gaps:?}");
        let kinds: std::collections::BTreeSet<_> = gaps.values().collect();
        assert!(kinds.len() > 1, "ten spans alike: {gaps:?}");
        for slot in slots {
            // SAFETY: allocated above with this layout, and freed once.
            unsafe { STACK.deallocate(slot, layout) };
        }
    }
    STACK.reclaim(usize::MAX);
    STACK.verify().unwrap();
}

/// Stacks that lack parts are allocators like any other: neither ledger nor canaries tell anything, large objects come from
/// the layer below; the other half of the parts.
#[test]
fn conformance_with_some_parts() {
    Kit::layer(|| &BARE).threads().clones().check();
    Kit::layer(|| &CANARIES).threads().clones().check();
    Kit::layer(|| &UNGUARDED).threads().clones().check();
}

/// Objects that threads hand to each other, and leave behind when they end.
#[test]
fn threads_free_each_others_objects() {
    let (give, take) = std::sync::mpsc::channel::<Vec<Box<[usize; 9], _>, _>>();
    let giver = std::thread::spawn(move || {
        for round in 0..200 {
            let mut batch = Vec::new_in(&STACK);
            batch.extend((0..100).map(|at| Box::new_in([round * at; 9], &STACK)));
            if give.send(batch).is_err() {
                return;
            }
        }
    });
    for (round, batch) in take.into_iter().enumerate() {
        for (at, object) in batch.into_iter().enumerate() {
            assert_eq!(*object, [round * at; 9]);
        }
    }
    giver.join().unwrap();
    STACK.verify().unwrap();
}

/// Objects that fill their slots to the last byte before the canary, of threads that share spans: each free looks at a word that the slot's
/// neighbour may be sealing, moving or wiping at this moment.
#[test]
fn neighbours_of_other_threads_are_never_seen_half_done() {
    const SLOTS: [usize; 6] = [32, 128, 160, 832, 1024, 7168];
    let work = |seed: u64| {
        let mut random = seed;
        let mut held: Vec<(NonNull<u8>, Layout)> = Vec::new();
        for step in 0..500_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let draw = (random >> 33) as usize;
            if held.len() < 24 || step % 3 == 0 {
                let bytes = SLOTS[draw % SLOTS.len()] - 8;
                let layout = Layout::from_size_align(bytes, 8).unwrap();
                let object: NonNull<u8> = NEIGHBOURS.allocate(layout).unwrap().cast();
                // SAFETY: allocated right above.
                unsafe { object.write_bytes(seed as u8, bytes) };
                held.push((object, layout));
                continue;
            }
            let (object, layout) = held.swap_remove(draw % held.len());
            // SAFETY: allocated above, with this layout, by this thread; to shrink by a byte is to stay in the slot.
            unsafe {
                assert_eq!(object.add(layout.size() - 1).read(), seed as u8);
                let less = Layout::from_size_align(layout.size() - 1, 8).unwrap();
                let object = NEIGHBOURS.shrink(object, layout, less).unwrap().cast();
                let object = NEIGHBOURS.grow(object, less, layout).unwrap().cast();
                NEIGHBOURS.deallocate(object, layout);
            }
        }
        for (object, layout) in held {
            // SAFETY: as above.
            unsafe { NEIGHBOURS.deallocate(object, layout) };
        }
    };
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            scope.spawn(move || work(seed));
        }
    });
    NEIGHBOURS.verify().unwrap();
}

/// A freed address stays away for as long as so many more objects have not been freed, and comes back at some time.
#[test]
fn addresses_come_back_late() {
    let layout = Layout::new::<[u8; 50]>();
    let address = || {
        let object: NonNull<u8> = STACK.allocate(layout).unwrap().cast();
        // SAFETY: allocated right above.
        unsafe { STACK.deallocate(object, layout) };
        object
    };
    let first = address();
    let again = (0..10_000).position(|_| address() == first);
    assert!(again.is_some_and(|again| again >= 15), "{again:?}");
}

/// What a stale pointer finds is zero; so is what is handed out, whatever was there before.
#[test]
fn free_memory_is_zero() {
    for bytes in [1, 8, 24, 100, 128, 200, 1000, 5000, 40_000] {
        let layout = Layout::from_size_align(bytes, 8).unwrap();
        for _ in 0..100 {
            let object: NonNull<u8> = STACK.allocate_zeroed(layout).unwrap().cast();
            // SAFETY: allocated right above; then a read of what was freed, in a slot that stays mapped, by a test
            // that has one thread in this stack's class.
            unsafe {
                let slice = std::slice::from_raw_parts(object.as_ptr(), bytes);
                assert!(slice.iter().all(|byte| *byte == 0), "{bytes}");
                object.write_bytes(0xa5, bytes);
                STACK.deallocate(object, layout);
                let stale = (0..bytes).all(|at| object.add(at).read_volatile() == 0);
                assert!(stale, "{bytes}");
            }
        }
    }
}

/// Where objects of a stack lie, one after the other, each freed before the next.
fn addresses<L: Layer>(stack: &L, layout: Layout, objects: usize) -> Vec<usize> {
    let mut addresses = Vec::new();
    for _ in 0..objects {
        let object: NonNull<u8> = stack.allocate(layout).unwrap().cast();
        addresses.push(object.addr().get());
        // SAFETY: allocated right above.
        unsafe { stack.deallocate(object, layout) };
    }
    addresses
}

/// Without the part, the last one freed is next.
#[test]
fn rest_alone_keeps_an_address_away() {
    let layout = Layout::new::<[u8; 50]>();
    let bare = addresses(&&BARE, layout, 100);
    assert!(bare.iter().all(|address| *address == bare[0]));
    let rested = addresses(&&REST, layout, 100);
    for (at, address) in rested.iter().enumerate() {
        let again = rested[at + 1..].iter().position(|other| other == address);
        assert!(again.is_none_or(|again| again >= 15), "{again:?}");
    }
}

/// Without the part, slots come from a span one behind the other.
#[test]
fn shuffle_alone_leaves_the_order_to_chance() {
    stack_with!(IN_ORDER: InOrder = Parts::NONE);
    stack_with!(SHUFFLED: OnlyShuffle = Parts { shuffle: true, ..Parts::NONE });
    fn steps<L: Layer>(stack: &L, layout: Layout) -> usize {
        let mut before = 0;
        let mut forwards = 0;
        for _ in 0..400 {
            let object = stack.allocate(layout).unwrap().cast::<u8>().addr().get();
            forwards += usize::from(object.abs_diff(before) == 64);
            before = object;
        }
        forwards
    }
    let layout = Layout::new::<[u8; 50]>();
    let (ordered, shuffled) = (steps(&&IN_ORDER, layout), steps(&&SHUFFLED, layout));
    assert!(ordered > 300, "{ordered}");
    assert!(shuffled < 100, "{shuffled}");
}

#[test]
fn wipe_alone_leaves_nothing_behind() {
    stack_with!(WIPED: Wiped = Parts { wipe: true, ..Parts::NONE });
    stack_with!(LEFT: Left = Parts::NONE);
    for bytes in [24, 100, 1000, 5000, 40_000, 200_000] {
        let layout = Layout::from_size_align(bytes, 8).unwrap();
        let left = |stack: &dyn Fn() -> NonNull<u8>, free: &dyn Fn(NonNull<u8>)| {
            let object = stack();
            // SAFETY: the object has so many bytes; its memory stays mapped.
            unsafe {
                object.write_bytes(0xa5, bytes);
                free(object);
                (64..bytes).any(|at| object.add(at).read_volatile() == 0xa5)
            }
        };
        // SAFETY: each object is one of the stack's.
        let (wiped, bare) = unsafe {
            (
                left(&|| WIPED.allocate(layout).unwrap().cast(), &|o| WIPED.deallocate(o, layout)),
                left(&|| LEFT.allocate(layout).unwrap().cast(), &|o| LEFT.deallocate(o, layout)),
            )
        };
        assert!(!wiped, "{bytes}");
        assert!(bare || bytes < 65, "{bytes}");
    }
}

/// What the program asks to be zero is, whoever has to see to it; also what an object has grown by.
#[test]
fn zeroes_are_zero_with_any_parts() {
    fn check<L: Layer>(stack: &L) {
        let sizes = [24, 100, 1000, 5000, 40_000, 200_000];
        // To another slot and back; within the slot.
        let both = sizes.into_iter().flat_map(|bytes| [(bytes, bytes / 2 + 1), (bytes, bytes - 3)]);
        for (bytes, old) in both {
            let new = bytes;
            let layout = |bytes| Layout::from_size_align(bytes, 8).unwrap();
            for _ in 0..50 {
                // SAFETY: each layout is that of the object as it is then.
                unsafe {
                    let object: NonNull<u8> = stack.allocate_zeroed(layout(new)).unwrap().cast();
                    let is_zero = |object: NonNull<u8>, from: usize| {
                        (from..new).all(|at| object.add(at).read() == 0)
                    };
                    assert!(is_zero(object, 0), "{bytes}");
                    object.write_bytes(0xa5, new);
                    let object = stack.shrink(object, layout(new), layout(old)).unwrap().cast();
                    let object = stack.grow_zeroed(object, layout(old), layout(new)).unwrap();
                    let object: NonNull<u8> = object.cast();
                    assert!((0..old).all(|at| object.add(at).read() == 0xa5), "{bytes}");
                    assert!(is_zero(object, old), "{bytes}");
                    object.write_bytes(0xa5, new);
                    stack.deallocate(object, layout(new));
                }
            }
        }
        stack.verify().unwrap();
    }
    check(&&BARE);
    check(&&CANARIES);
    check(&&WIPE);
    check(&&UNGUARDED);
    check(&&STACK);
}

/// The mistakes, by name, and what is said of each.
const MISTAKES: &[(&str, &str)] = &[
    ("double-free", "double free"),
    ("double-free-later", "double free"),
    ("double-free-large", "double free"),
    ("free-twice-by-threads", "double free"),
    ("interior", "invalid free"),
    ("interior-large", "invalid free"),
    ("misaligned", "invalid free"),
    ("foreign", "invalid free"),
    ("wrong-size", "free with a wrong size"),
    ("wrong-size-large", "free with a wrong size"),
    ("wrong-family", "free by the wrong function"),
    ("overflow", "overflow"),
    ("overflow-by-zero", "overflow"),
    ("overflow-large", "overflow"),
    ("underflow", "underflow"),
    ("underflow-large", "underflow"),
    ("write-after-free", "write after free"),
    ("write-after-free-middle", "write after free"),
    ("write-after-free-middle-long", "write after free"),
    ("resize-after-free", "double free"),
    ("part-frees", "double free"),
    ("part-frees-invalid", "invalid free"),
    ("part-canaries", "overflow"),
    ("part-canaries-before", "underflow"),
    ("part-canaries-large", "overflow"),
    ("part-look", "write after free"),
    ("part-unguarded-large", "overflow"),
];

fn child(name: &str) -> std::process::Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "makes_a_mistake", "--ignored", "--nocapture"])
        .env("STRATA_TEST_MISTAKE", name)
        .output()
        .unwrap()
}

#[test]
fn mistakes_end_the_process() {
    for (name, words) in MISTAKES {
        let output = child(name);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{name}: {output:?}");
        assert!(text.contains(&format!("strata: {words} at 0x")), "{name}: {text}");
    }
    // What a part is there to stop is let through without it.
    for name in ["without-frees", "without-canaries", "without-look"] {
        let output = child(name);
        assert!(output.status.success(), "{name}: {output:?}");
    }
    let output = child("none");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn guards_end_the_process() {
    for name in
        ["use-after-free-large", "overflow-guard", "underflow-guard", "empty", "part-guards"]
    {
        let output = child(name);
        // A sanitizer has its own handler, and its own way to end.
        let is_told = String::from_utf8_lossy(&output.stderr).contains("AddressSanitizer: SEGV");
        let is_ended = output.status.signal() == Some(libc::SIGSEGV);
        assert!(is_ended || is_told, "{name}: {output:?}");
    }
}

/// Writes `at` so far from the start of an object, then frees it, if it is to be written to before.
///
/// # Safety
///
/// It is a mistake: that is what the stack is to find out.
unsafe fn write_and_free<L: Layer>(stack: &L, bytes: usize, at: isize, is_freed_before: bool) {
    let layout = Layout::from_size_align(bytes, 8).unwrap();
    let allocate = || stack.allocate(layout).unwrap().cast::<u8>();
    let (before, object) = (allocate(), allocate());
    // SAFETY: see above.
    unsafe {
        if is_freed_before {
            stack.deallocate(object, layout);
        }
        let byte = object.offset(at);
        byte.write(!byte.read());
        if !is_freed_before {
            stack.deallocate(object, layout);
        }
        addresses(stack, layout, 200);
        stack.deallocate(before, layout);
    }
}

/// What one part alone stops, or does not.
///
/// # Safety
///
/// As for [`mistake`].
unsafe fn part(name: &str) {
    let small = Layout::new::<[u8; 100]>();
    // SAFETY: see there.
    unsafe {
        let twice = |stack: &dyn Fn() -> NonNull<u8>, free: &dyn Fn(NonNull<u8>)| {
            let object = stack();
            [(); 2].iter().for_each(|()| free(object));
        };
        match name {
            "part-frees" => {
                twice(&|| FREES.allocate(small).unwrap().cast(), &|o| FREES.deallocate(o, small));
            }
            "without-frees" => {
                twice(&|| LOOK.allocate(small).unwrap().cast(), &|o| LOOK.deallocate(o, small));
            }
            "part-frees-invalid" => {
                let object = FREES.allocate(small).unwrap().cast::<u8>();
                FREES.deallocate(object.add(16), small);
            }
            "part-canaries" => write_and_free(&&CANARIES, 100, 100, false),
            "part-canaries-before" => write_and_free(&&CANARIES, 100, -1, false),
            "part-canaries-large" => write_and_free(&&CANARIES, 200_000, 200_000, false),
            "part-unguarded-large" => write_and_free(&&UNGUARDED, 200_000, 200_000, false),
            "without-canaries" => write_and_free(&&FREES, 100, 100, false),
            "part-look" => write_and_free(&&LOOK, 100, 50, true),
            "without-look" => write_and_free(&&WIPE, 100, 50, true),
            "part-guards" => {
                let layout = Layout::new::<[u8; 1 << 20]>();
                let object = GUARDS.allocate(layout).unwrap().cast::<u8>();
                object.add(1 << 20).write(1);
            }
            _ => {}
        }
    }
}

/// # Safety
///
/// None of these is: that is what the stack is to find out.
unsafe fn mistake(name: &str) {
    let layout = |bytes| Layout::from_size_align(bytes, 8).unwrap();
    let (small, large) = (layout(100), layout((1 << 20) - 41));
    let allocate = |layout| STACK.allocate(layout).unwrap().cast::<u8>();
    let (object, big, other) = (allocate(small), allocate(large), allocate(small));
    let pages = allocate(layout(1 << 20));
    // SAFETY: see above.
    unsafe {
        let free = |object: NonNull<u8>, layout| STACK.deallocate(object, layout);
        let churn = |objects: usize| (0..objects).for_each(|_| free(allocate(small), small));
        match name {
            "double-free" => [(); 2].iter().for_each(|()| free(object, small)),
            "double-free-later" => {
                free(object, small);
                churn(10);
                free(object, small);
            }
            "double-free-large" => [(); 2].iter().for_each(|()| free(big, large)),
            "free-twice-by-threads" => twice_by_threads(),
            "interior" => free(object.add(16), layout(84)),
            "interior-large" => free(big.add(4096), large),
            "misaligned" => free(object.add(1), layout(99)),
            "foreign" => free(NonNull::from(&mut [0u8; 64]).cast(), layout(64)),
            "wrong-size" => free(object, layout(99)),
            "wrong-size-large" => free(big, layout(1 << 20)),
            "wrong-family" => {
                let object = STACK.allocate_for(small, Family::New, false).unwrap();
                STACK.free(object, Claim::of(Family::Malloc));
            }
            "overflow" => object.add(100).write(object.add(100).read() ^ 0x10),
            "overflow-by-zero" => object.add(100).write(0),
            "overflow-large" => big.add((1 << 20) - 41).write(0),
            "underflow" => object.sub(1).write(object.sub(1).read() ^ 0x10),
            "underflow-large" => big.sub(1).write(1),
            "write-after-free" => {
                free(object, small);
                object.add(50).write(1);
                churn(10_000);
            }
            "write-after-free-middle" => write_and_free(&&STACK, 900, 450, true),
            // One in eight is looked at there, before it is wiped the next time.
            "write-after-free-middle-long" => {
                (0..200).for_each(|_| write_and_free(&&STACK, 4000, 2000, true));
            }
            "resize-after-free" => {
                free(object, small);
                let _ = STACK.grow(object, small, layout(5000));
            }
            "use-after-free-large" => {
                free(big, large);
                assert_ne!(big.as_ptr().read_volatile(), 1);
            }
            "overflow-guard" => pages.add(1 << 20).write(1),
            "underflow-guard" => pages.sub(1).write(1),
            "empty" => {
                let empty = STACK.allocate_for(layout(0), Family::Malloc, false).unwrap();
                assert_ne!(empty.as_ptr().read_volatile(), 1);
            }
            _ => part(name),
        }
        if name.starts_with("overflow") || name.starts_with("underflow") || name == "none" {
            free(object, small);
            free(big, large);
            free(other, small);
        }
    }
}

/// Two threads free the same objects at the same moment: one of them comes too late.
fn twice_by_threads() {
    let layout = Layout::new::<[u8; 40]>();
    let objects: Vec<usize> = (0..1000)
        .map(|_| STACK.allocate(layout).unwrap().cast::<u8>().as_ptr().expose_provenance())
        .collect();
    let gate = std::sync::Barrier::new(2);
    let free_all = || {
        gate.wait();
        for object in &objects {
            let object = NonNull::new(std::ptr::with_exposed_provenance_mut(*object)).unwrap();
            // SAFETY: it is not safe: that is what is to be found.
            unsafe { STACK.deallocate(object, layout) };
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(free_all);
        free_all();
    });
}

/// Not a test by itself: what a child does.
#[test]
#[ignore = "a child of the tests above runs it"]
fn makes_a_mistake() {
    let name = std::env::var("STRATA_TEST_MISTAKE").unwrap();
    // SAFETY: this process has nothing to lose.
    unsafe { mistake(&name) };
}
