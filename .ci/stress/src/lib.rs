//! Threads that allocate, fill, pass on, check and free, on one stack.
//!
//! Above: the programs in `bin/`, a stack each. Below: POSIX threads and a `Lock`, not `std`'s: the
//! standard library is shipped without ThreadSanitizer's instructions, so what happens inside it
//! would look like races.

use alloc_core::sync::Lock;
use alloc_core::{Layer, Layout};
use std::ffi::c_void;
use std::ptr::{NonNull, null, null_mut};

/// How many threads run at a time.
pub const THREADS: usize = 4;
/// How many objects may wait for whoever takes them.
const PLACES: usize = 256;

/// An object on its way from one thread to another.
#[derive(Clone, Copy)]
struct Object {
    ptr: NonNull<u8>,
    layout: Layout,
    byte: u8,
}

// SAFETY: whoever has the object has its memory to itself.
unsafe impl Send for Object {}

/// What the threads of a program share.
pub struct Shared<'s, L> {
    stack: &'s L,
    rounds: usize,
    places: Lock<[Option<Object>; PLACES]>,
}

impl<'s, L: Layer + Sync> Shared<'s, L> {
    pub fn new(stack: &'s L, rounds: usize) -> Self {
        Self { stack, rounds, places: Lock::new([None; PLACES]) }
    }

    /// Runs `THREADS` threads at a time, `generations` times over; the metadata is walked in
    /// between, and memory is reclaimed under them.
    pub fn run(&self, generations: usize) {
        for generation in 0..generations {
            let threads: Vec<_> =
                (0..THREADS).map(|n| Thread::start(self, generation * THREADS + n)).collect();
            threads.into_iter().for_each(Thread::join);
            self.stack.verify().expect("the metadata holds");
        }
        for place in 0..PLACES {
            let object = self.places.lock()[place].take();
            object.into_iter().for_each(|object| self.free(object));
        }
        self.stack.verify().expect("the metadata holds");
        self.stack.reclaim(usize::MAX);
    }

    fn work(&self, number: usize) {
        let mut random = Random(number as u64 + 1);
        for round in 0..self.rounds {
            let place = random.below(PLACES);
            let object = self.make(&mut random);
            let before = std::mem::replace(&mut self.places.lock()[place], object);
            before.into_iter().for_each(|object| self.free_or_grow(object, &mut random));
            if round % 512 == 511 {
                self.stack.reclaim(1 << 20);
            }
        }
    }

    fn make(&self, random: &mut Random) -> Option<Object> {
        let most_bytes = if random.below(64) == 0 { 100_000 } else { 1500 };
        let bytes = 1 + random.below(most_bytes);
        let layout = Layout::from_size_align(bytes, 1 << random.below(7)).ok()?;
        let ptr = self.stack.allocate(layout).ok()?.cast::<u8>();
        let byte = random.below(256) as u8;
        // SAFETY: just allocated, so many bytes, and nobody else's.
        unsafe { ptr.write_bytes(byte, bytes) };
        Some(Object { ptr, layout, byte })
    }

    fn free_or_grow(&self, object: Object, random: &mut Random) {
        if random.below(4) > 0 {
            return self.free(object);
        }
        let Object { ptr, layout, byte } = object;
        let Ok(new) = Layout::from_size_align(layout.size() * 2, layout.align()) else { return };
        // SAFETY: the object is this thread's now, and live with this layout.
        let Ok(slice) = (unsafe { self.stack.grow(ptr, layout, new) }) else {
            return self.free(object);
        };
        // SAFETY: what has grown kept its first bytes, and is freed with its new layout.
        unsafe {
            check(slice.cast(), layout.size(), byte);
            self.stack.deallocate(slice.cast(), new);
        }
    }

    fn free(&self, object: Object) {
        // SAFETY: the object is this thread's, was filled by `make`, and is freed once.
        unsafe {
            check(object.ptr, object.layout.size(), object.byte);
            self.stack.deallocate(object.ptr, object.layout);
        }
    }
}

/// # Safety
///
/// `bytes` initialised bytes at `ptr` are the caller's.
unsafe fn check(ptr: NonNull<u8>, bytes: usize, byte: u8) {
    // SAFETY: the caller's promise.
    let contents = unsafe { std::slice::from_raw_parts(ptr.as_ptr(), bytes) };
    assert!(contents.iter().all(|b| *b == byte), "an object's contents changed");
}

struct Thread(libc::pthread_t);

type Work<'w> = Box<dyn FnOnce() + Send + 'w>;

/// Runs all of these at the same time, each on a thread, until the last has ended.
pub fn together(works: Vec<Work<'_>>) {
    let threads: Vec<_> = works.into_iter().map(|work| Thread::start_work(work)).collect();
    threads.into_iter().for_each(Thread::join);
}

impl Thread {
    fn start<L: Layer + Sync>(shared: &Shared<'_, L>, number: usize) -> Self {
        Self::start_work(Box::new(move || shared.work(number)))
    }

    /// Whoever calls joins the thread before what the work borrows ends.
    fn start_work(work: Work<'_>) -> Self {
        extern "C" fn run(start: *mut c_void) -> *mut c_void {
            // SAFETY: `start_work` made the box for this thread alone; what it borrows outlives the thread.
            let work = unsafe { Box::from_raw(start.cast::<Work<'_>>()) };
            work();
            null_mut()
        }
        let start = Box::into_raw(Box::new(work));
        let mut thread = 0;
        // SAFETY: the routine fits its argument.
        let error = unsafe { libc::pthread_create(&mut thread, null(), run, start.cast()) };
        assert_eq!(error, 0, "a thread starts");
        Self(thread)
    }

    fn join(self) {
        // SAFETY: the thread was started, and is joined once.
        let error = unsafe { libc::pthread_join(self.0, null_mut()) };
        assert_eq!(error, 0, "a thread ends");
    }
}

/// Numbers that look random, the same in every run.
pub struct Random(pub u64);

impl Random {
    /// One below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
