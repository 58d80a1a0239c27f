//! A replay does what the trace says, in its order, and finds out heaps that do not do their part.

mod common;

use benches::heap::{Flat, Heap};
use benches::program::compile::compile;
use benches::program::facts::Facts;
use benches::program::{EPOCH_EVENTS, Program, Step};
use benches::replay::{Fault, Pass, replay};
use std::alloc::{Layout, System};
use std::collections::{HashMap, VecDeque};
use std::ptr;
use std::sync::Mutex;
use std::thread::ThreadId;
use std::time::Duration;
use strata_trace::{Header, Writer};

const SYSTEM: Flat<System> = Flat(System);

fn program(threads: u32, events: u64) -> (Program, Facts) {
    let file = tempfile::NamedTempFile::new().unwrap();
    common::write_trace(file.path(), threads, events);
    compile(file.path()).unwrap()
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 16).unwrap()
}

/// A heap on the system's that answers as `change` makes it.
struct Broken<F>(F);

/// What to hand out instead of what comes from the system.
trait Change: Sync {
    fn alloc(&self, place: *mut u8, _layout: Layout) -> *mut u8 {
        place
    }
    fn realloc(&self, place: *mut u8, _old: Layout, _new: Layout) -> *mut u8 {
        place
    }
    fn free(&self, _ptr: *mut u8, _layout: Layout) -> bool {
        true
    }
}

// SAFETY: it is not one: these tests look at what a replay makes of that. Memory that was handed out
// stays mapped, so the replay itself stays sound.
unsafe impl<C: Change> Heap for Broken<C> {
    fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.alloc(SYSTEM.alloc(layout), layout)
    }
    fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.0.alloc(SYSTEM.alloc_zeroed(layout), layout)
    }
    unsafe fn free(&self, ptr: *mut u8, layout: Layout) {
        if self.0.free(ptr, layout) {
            // SAFETY: the caller's promise.
            unsafe { SYSTEM.free(ptr, layout) }
        }
    }
    unsafe fn realloc(&self, ptr: *mut u8, old: Layout, new: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.0.realloc(unsafe { SYSTEM.realloc(ptr, old, new) }, old, new)
    }
}

fn fault(change: impl Change, program: &Program) -> Fault {
    let heap = Broken(change);
    let timed = replay(&heap, program, Pass::Time).expect_err("the fault is found");
    assert!(timed.event > 0 && !timed.op.is_empty(), "{timed}");
    timed
}

#[test]
fn a_sound_heap_passes_in_both_passes() {
    for (threads, events) in [(1, 1), (1, 30_000), (3, 60_000), (8, 20_000)] {
        let (program, facts) = program(threads.min(events as u32), events);
        assert_eq!(program.events(), events);
        assert_eq!(facts.events, events);
        let timed = replay(&SYSTEM, &program, Pass::Time).unwrap();
        assert!(timed.wall_ns > 0 && timed.memory.is_none());
        let memory = replay(&SYSTEM, &program, Pass::Memory).unwrap().memory.unwrap();
        assert_eq!(memory.at_end.live_bytes, facts.end_live_bytes);
        if threads == 1 {
            assert_eq!(memory.at_peak.live_bytes, facts.peak_live_bytes);
        }
        let samples = events.min(benches::program::SAMPLES) as usize;
        assert!(memory.samples.len() >= samples * 9 / 10, "{} samples", memory.samples.len());
        assert!(memory.samples.is_sorted_by_key(|s| s.at_permille));
    }
}

#[test]
fn an_address_handed_out_twice_is_found() {
    struct Twice(Mutex<HashMap<Layout, usize>>);
    impl Change for Twice {
        fn alloc(&self, place: *mut u8, layout: Layout) -> *mut u8 {
            let first = *self.0.lock().unwrap().entry(layout).or_insert(place.addr());
            ptr::with_exposed_provenance_mut(first)
        }
        fn free(&self, _: *mut u8, _: Layout) -> bool {
            false
        }
        fn realloc(&self, place: *mut u8, _: Layout, _: Layout) -> *mut u8 {
            place
        }
    }
    let steps = [7, 8, 24, 5000].into_iter().enumerate().flat_map(|(n, size)| {
        let (a, b) = (2 * n as u32, 2 * n as u32 + 1);
        let layout = layout(size);
        let alloc = |place| Step::Alloc { place, layout, zeroed: false };
        [alloc(a), alloc(b), Step::Free { place: a, layout }, Step::Free { place: b, layout }]
    });
    for four in steps.collect::<Vec<_>>().chunks(4) {
        // SAFETY: each object is freed once, with its layout.
        let program = unsafe { Program::from_steps(&[four.to_vec()], 8) };
        let fault = fault(Twice(Mutex::default()), &program);
        assert_eq!(fault.event, 3, "{fault}");
        assert!(
            fault.to_string().contains("free of") && fault.what.contains("contents"),
            "{fault}"
        );
    }
}

#[test]
fn a_byte_that_changes_is_found() {
    /// Writes into an earlier object now and then.
    struct Scribble(Mutex<(usize, usize)>);
    impl Change for Scribble {
        fn alloc(&self, place: *mut u8, layout: Layout) -> *mut u8 {
            let mut state = self.0.lock().unwrap();
            state.0 += 1;
            if state.0 == 100 {
                state.1 = place.addr() + layout.size() - 1;
            }
            if state.0 == 101 {
                // SAFETY: allocation 100 still lives: the program below frees nothing before.
                unsafe { *ptr::with_exposed_provenance_mut::<u8>(state.1) ^= 1 };
            }
            place.expose_provenance();
            place
        }
    }
    let layout = layout(48);
    let allocs = (0..200).map(|place| Step::Alloc { place, layout, zeroed: false });
    let steps: Vec<_> = allocs.chain((0..200).map(|place| Step::Free { place, layout })).collect();
    // SAFETY: each object is freed once, with its layout.
    let program = unsafe { Program::from_steps(&[steps], 200) };
    let fault = fault(Scribble(Mutex::default()), &program);
    assert_eq!(fault.event, 300, "{fault}");
    assert!(fault.op.contains("object 99"), "{fault}");
}

#[test]
fn a_move_without_contents_is_found() {
    struct Forgets;
    impl Change for Forgets {
        fn realloc(&self, place: *mut u8, _: Layout, new: Layout) -> *mut u8 {
            // SAFETY: the system handed out as much.
            unsafe { place.write_bytes(0, new.size()) };
            place
        }
    }
    let (program, _) = program(1, 3000);
    let fault = fault(Forgets, &program);
    assert!(fault.op.starts_with("realloc") && fault.what.contains("come along"), "{fault}");
}

#[test]
fn memory_that_is_not_zero_is_found() {
    struct Dirty;
    impl Change for Dirty {
        fn alloc(&self, place: *mut u8, layout: Layout) -> *mut u8 {
            // SAFETY: the system handed out as much.
            unsafe { place.write_bytes(0xa5, layout.size()) };
            place
        }
    }
    let (program, _) = program(1, 3000);
    let fault = fault(Dirty, &program);
    assert!(fault.op.starts_with("alloc_zeroed") && fault.what.contains("zero"), "{fault}");
}

#[test]
fn a_crooked_address_is_found() {
    struct Crooked;
    impl Change for Crooked {
        fn alloc(&self, place: *mut u8, _: Layout) -> *mut u8 {
            place.wrapping_add(8)
        }
    }
    let (program, _) = program(1, 100);
    assert!(fault(Crooked, &program).what.contains("aligned"));
}

#[test]
fn a_heap_that_runs_out_is_found_in_every_thread() {
    struct Short(Mutex<u32>);
    impl Change for Short {
        fn alloc(&self, place: *mut u8, _: Layout) -> *mut u8 {
            let mut left = self.0.lock().unwrap();
            *left = left.saturating_sub(1);
            if *left > 0 { place } else { ptr::null_mut() }
        }
    }
    let (program, _) = program(4, 40_000);
    assert!(fault(Short(Mutex::new(5000)), &program).what.contains("no memory"));
}

/// Thread 0 is slow to allocate what thread 1 frees.
fn handed_over(wait: bool) -> Result<(), Fault> {
    struct Slow;
    impl Change for Slow {
        fn alloc(&self, place: *mut u8, _: Layout) -> *mut u8 {
            std::thread::sleep(Duration::from_millis(30));
            place
        }
    }
    let layout = layout(40);
    let first = vec![Step::Alloc { place: 0, layout, zeroed: false }, Step::Publish];
    let mut second = vec![Step::Free { place: 0, layout }];
    if wait {
        second.insert(0, Step::Wait { thread: 0, count: 1 });
    }
    // SAFETY: the object is freed with its layout; that it may not be there yet is what is tested,
    // and a replay finds an empty entry.
    let program = unsafe { Program::from_steps(&[first, second], 1) };
    replay(&Broken(Slow), &program, Pass::Time).map(|_| ())
}

#[test]
fn an_object_is_freed_after_it_was_allocated_elsewhere() {
    handed_over(true).unwrap();
    let lost = handed_over(false).expect_err("without O1, the order is lost");
    assert!(lost.what.contains("order"), "{lost}");
}

/// Notes who allocates, in the order of the calls.
struct Log(Mutex<Vec<(ThreadId, u32)>>);

impl Change for &Log {
    fn alloc(&self, place: *mut u8, layout: Layout) -> *mut u8 {
        self.0.lock().unwrap().push((std::thread::current().id(), layout.size() as u32 - 1));
        place
    }
}

#[test]
fn threads_keep_to_their_epochs() {
    const EVENTS: u64 = 12 * EPOCH_EVENTS;
    let file = tempfile::NamedTempFile::new().unwrap();
    let header = Header::now(vec!["epochs".into()]);
    let mut writer = Writer::new(file.reopen().unwrap(), &header).unwrap();
    // By thread: its events, which are allocations of a size that tells the thread.
    let mut events = [const { VecDeque::new() }; 3];
    for n in 0..EVENTS {
        // Thread 1 comes in the sixth epoch, thread 2 in the ninth and is alone then.
        let thread = match n / EPOCH_EVENTS {
            0..5 => 0,
            5..8 => (n % 2) as u32,
            8 => (n % 3) as u32,
            _ => 2,
        };
        events[thread as usize].push_back(n);
        writer.alloc(thread, u64::from(thread) + 1, 1, false).unwrap();
    }
    writer.finish().unwrap();
    let (program, facts) = compile(file.path()).unwrap();
    assert_eq!((facts.threads, facts.handed_over), (3, 0));

    for _ in 0..3 {
        let log = Log(Mutex::default());
        replay(&Broken(&log), &program, Pass::Time).unwrap();
        let log = log.0.into_inner().unwrap();
        assert_eq!(log.len() as u64, EVENTS);
        let mut names = HashMap::new();
        let mut done = vec![0; EVENTS.div_ceil(EPOCH_EVENTS) as usize];
        let mut events = events.clone();
        for &(name, thread) in &log {
            assert_eq!(*names.entry(name).or_insert(thread), thread, "each has its own thread");
            let n = events[thread as usize].pop_front().unwrap();
            let epoch = (n / EPOCH_EVENTS) as usize;
            done[epoch] += 1;
            let before = &done[..epoch.saturating_sub(1)];
            assert!(before.iter().all(|&count| count == EPOCH_EVENTS), "event {n} is early");
        }
        assert_eq!(names.len(), 3);
    }
}

#[test]
fn more_threads_than_a_replay_has_share() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer =
        Writer::new(file.reopen().unwrap(), &Header::now(vec!["many".into()])).unwrap();
    let mut before = None;
    for thread in 0..500 {
        for size in 1..20 {
            let id = writer.alloc(thread, size, 16, false).unwrap();
            // Each thread frees what the one before has left.
            if let Some(old) = before.replace(id) {
                writer.free(thread, old).unwrap();
            }
        }
    }
    writer.finish().unwrap();
    let (program, facts) = compile(file.path()).unwrap();
    assert_eq!(facts.threads, 500);
    // One after the other: they never ran at the same time.
    assert_eq!(program.threads(), 1);
    replay(&SYSTEM, &program, Pass::Memory).unwrap();

    let (program, facts) = self::program(200, 50_000);
    assert_eq!((facts.threads, program.threads()), (200, benches::program::THREADS_MAX));
    assert!(facts.handed_over > 1000);
    replay(&SYSTEM, &program, Pass::Time).unwrap();
}

#[test]
fn a_program_survives_its_file() {
    let (program, _) = program(3, 5000);
    let file = tempfile::NamedTempFile::new().unwrap();
    program.save(file.path()).unwrap();
    // SAFETY: `save` wrote it.
    assert_eq!(unsafe { Program::load(file.path()) }.unwrap(), program);
    let bytes = std::fs::read(file.path()).unwrap();
    for cut in [0, 8, 40, bytes.len() / 2, bytes.len() - 8] {
        std::fs::write(file.path(), &bytes[..cut]).unwrap();
        // SAFETY: what is cut off is missed before anything is replayed.
        assert!(unsafe { Program::load(file.path()) }.is_err(), "cut at {cut}");
    }
}

#[test]
fn what_no_replay_can_do_is_refused() {
    let refused = |write: fn(&mut Writer<std::fs::File>)| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let header = Header::now(vec!["huge".into()]);
        let mut writer = Writer::new(file.reopen().unwrap(), &header).unwrap();
        write(&mut writer);
        writer.finish().unwrap();
        compile(file.path()).map(|_| ()).unwrap_err().to_string()
    };
    let huge = refused(|w| drop(w.alloc(0, 1 << 33, 16, false)));
    assert!(huge.contains("4 GiB"), "{huge}");
    let align = refused(|w| drop(w.alloc(0, 1, 1 << 40, false)));
    assert!(align.contains("alignment"), "{align}");
    assert!(refused(|_| {}).contains("no events"));
}
