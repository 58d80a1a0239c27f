//! Threads by the thousand: that come and go, and that stay and do nothing.
//!
//! Above: the table of workloads. Below: `steps`, `stage`.

use super::Scale;
use super::object::{Hands, Object};
use super::random::Random;
use super::stage::Stage;
use super::steps::{IDLE_NAME, Lanes, RECLAIMED_NAME, idle as wait, together, touch_stack};
use super::watch::room;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Threads of a whole workload.
const THREADS: usize = 1000;

/// How many run at once, of those that come and go.
const AT_ONCE: usize = 8;

/// What a thread that comes and goes works on.
pub const WORKING_SET_BYTES: usize = 1 << 20;

/// What a thread that stays has worked on.
pub const IDLE_SET_BYTES: usize = 64 << 10;

/// What a thread that stays keeps.
const KEPT_BYTES: usize = 4 << 10;

/// How often a thread that comes and goes replaces an object.
const REPLACED: usize = 3000;

/// What all threads leave to those after them, in objects: the oldest are freed by whoever comes.
const LEFT: usize = 30_000;
/// One object in so many is left.
const LEAVES: usize = 10;

/// Memory is looked at when so many threads have ended.
const SAMPLE_EVERY: usize = 10;

/// How many threads a scale asks for.
pub fn count(scale: &Scale) -> u64 {
    scale.of(THREADS) as u64
}

/// What threads leave to each other.
struct Left(Mutex<VecDeque<Object>>);

impl Left {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Object>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an object; returns the oldest if there are too many.
    fn add(&self, object: Object) -> Option<Object> {
        let mut left = self.lock();
        let oldest = if left.len() == LEFT { left.pop_front() } else { None };
        left.push_back(object);
        oldest
    }
}

/// The life of one thread: it loads a working set, replaces objects, and leaves some behind.
fn live(number: usize, hands: &mut Hands<'_>, left: &Left) {
    let mut random = Random::new(number as u64);
    let mut objects: Vec<Object> = Vec::new();
    let mut bytes = 0;
    while bytes < WORKING_SET_BYTES {
        let object = hands.make(random.mixed_bytes());
        bytes += object.bytes();
        objects.push(object);
    }
    for _ in 0..REPLACED {
        let at = random.below(objects.len());
        let new = hands.make(random.mixed_bytes());
        let old = std::mem::replace(&mut objects[at], new);
        let gone = if random.one_in(LEAVES) { left.add(old) } else { Some(old) };
        gone.into_iter().for_each(|object| hands.free(object));
    }
    objects.drain(..).for_each(|object| hands.free(object));
}

/// A thousand threads, a few at a time.
pub fn come_and_go(stage: &Stage) {
    let left = Left(Mutex::new(VecDeque::from(room(LEFT + 1))));
    let left = &left;
    // So many threads as will ever run at once have stacks, and arenas of the C library, before.
    let gate = &std::sync::Barrier::new(AT_ONCE);
    std::thread::scope(|scope| {
        (0..AT_ONCE).for_each(|n| drop(scope.spawn(move || warm_up(n, gate))));
    });
    stage.begin();
    std::thread::scope(|scope| {
        let mut running = VecDeque::new();
        for number in 0..stage.scale.of(THREADS) {
            if running.len() == AT_ONCE {
                join(running.pop_front());
                if number % SAMPLE_EVERY == 0 {
                    stage.sample();
                }
            }
            let life = move || live(number, &mut stage.hands(number), left);
            running.push_back(scope.spawn(life));
        }
        running.into_iter().for_each(|thread| join(Some(thread)));
    });
    let read = |at| stage.read(at, left.lock().iter());
    read("all ended");
    wait();
    read(IDLE_NAME);
    stage.reclaim();
    read(RECLAIMED_NAME);
    let mut hands = stage.leader();
    left.lock().drain(..).for_each(|object| hands.free(object));
}

fn join(thread: Option<std::thread::ScopedJoinHandle<'_, ()>>) {
    if let Some(Err(panic)) = thread.map(std::thread::ScopedJoinHandle::join) {
        std::panic::resume_unwind(panic);
    }
}

/// Uses some stack, and the memory that the workload itself needs in a thread.
fn warm_up(number: usize, gate: &std::sync::Barrier) {
    let objects: Vec<Object> = room(1 << 16);
    touch_stack(number);
    gate.wait();
    drop(objects);
}

/// A thousand threads at once.
pub fn idle(stage: &Stage) {
    let lanes = Lanes::new(stage.scale.of(THREADS), 4096);
    let names = ["worked", IDLE_NAME, RECLAIMED_NAME, "all ended"];
    together(stage, &lanes, &names, true, &|lane, step, hands, objects| match step {
        0 => work_once(&mut Random::new(lane as u64), hands, objects),
        1 => wait(),
        2 => stage.reclaim(),
        _ => {}
    });
    let mut hands = stage.leader();
    for lane in 0..lanes.count() {
        lanes.of(lane).drain(..).for_each(|object| hands.free(object));
    }
}

fn work_once(random: &mut Random, hands: &mut Hands<'_>, objects: &mut Vec<Object>) {
    let mut bytes = 0;
    while bytes < IDLE_SET_BYTES && objects.len() < objects.capacity() {
        let object = hands.make(random.log_uniform(16, 4096));
        bytes += object.bytes();
        objects.push(object);
    }
    random.shuffle(objects);
    while bytes > KEPT_BYTES
        && let Some(object) = objects.pop()
    {
        bytes -= object.bytes();
        hands.free(object);
    }
}
