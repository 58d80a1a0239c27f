//! What the threads of the server share: connections that wait for a thread, answers on their way, a cache.
//!
//! Above: `worker`. Below: locks; the stack.

use super::{STACK, Stack};
use crate::objects::{Object, layout};
use crate::random::Random;
use alloc_core::Layout;
use alloc_core::sync::{AtomicUsize, Lock, Ordering};
use std::time::Duration;

const MAILBOXES: usize = 16;
const SHARDS: usize = 8;
const KEYS: usize = 4000;
/// What a shard of the cache may hold, in bytes: beyond it, something goes.
const SHARD_BYTES: usize = 4 << 20;
/// The most connections of a thread, at high tide.
const MOST_CONNECTIONS: usize = 400;
/// From one high tide to the next.
const WAVE: Duration = Duration::from_secs(8);
/// An object's number is below the thread's seed times this.
pub const NUMBERS: u64 = 1 << 32;

/// A client: what it has kept at the server, for as many requests as it will make.
#[derive(Debug)]
pub struct Connection {
    pub session: Vec<Object>,
    pub requests: usize,
}

#[derive(Debug, Default)]
struct Shard {
    entries: Vec<(usize, Object)>,
    held_bytes: usize,
}

/// What is shared.
#[derive(Debug)]
pub struct Server {
    waiting: Lock<Vec<Connection>>,
    mailboxes: [Lock<Vec<Object>>; MAILBOXES],
    shards: [Lock<Shard>; SHARDS],
    /// How many connections a thread has now.
    tide: AtomicUsize,
    over: AtomicUsize,
    requests: AtomicUsize,
    connections: AtomicUsize,
    hits: AtomicUsize,
    evicted: AtomicUsize,
    collections: AtomicUsize,
    seed: u64,
}

/// The stack, as what objects are made of.
pub const fn stack() -> Stack {
    &STACK
}

/// An object of the server's.
pub fn make(layout: Layout, zeroed: bool, number: u64) -> Object {
    Object::make(&stack(), layout, zeroed, number).expect("a server has memory")
}

// ORDERING: Relaxed, in all of these: they are figures, and a wish that is looked at now and then.
impl Server {
    /// One that has no connections yet.
    pub fn new(seed: u64) -> Self {
        Self {
            waiting: Lock::new(Vec::new()),
            mailboxes: std::array::from_fn(|_| Lock::new(Vec::new())),
            shards: std::array::from_fn(|_| Lock::new(Shard::default())),
            tide: AtomicUsize::new(0),
            over: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            hits: AtomicUsize::new(0),
            evicted: AtomicUsize::new(0),
            collections: AtomicUsize::new(0),
            seed,
        }
    }

    /// Sets how many connections there are to be at that time: waves, some of them low.
    pub fn set_tide(&self, at: Duration, over: bool) {
        let part = at.as_secs_f64() / WAVE.as_secs_f64();
        let height = if (part as u64).is_multiple_of(3) { 0.3 } else { 1.0 };
        let wave = (1.0 - (part * std::f64::consts::TAU).cos()) / 2.0;
        let most = MOST_CONNECTIONS as f64 * height * wave;
        // ORDERING: Relaxed: a wish.
        self.tide.store(most as usize + 2, Ordering::Relaxed);
        self.over.store(usize::from(over), Ordering::Relaxed);
    }

    /// How many connections a thread is to have.
    pub fn tide(&self) -> usize {
        // ORDERING: Relaxed: a wish.
        self.tide.load(Ordering::Relaxed)
    }

    /// Whether all threads are to end.
    pub fn is_over(&self) -> bool {
        // ORDERING: Relaxed: a wish.
        self.over.load(Ordering::Relaxed) != 0
    }

    /// A client that waits, or a new one.
    pub fn accept(&self, random: &mut Random) -> Connection {
        if let Some(connection) = self.waiting.lock().pop() {
            return connection;
        }
        // ORDERING: Relaxed: a figure.
        self.connections.fetch_add(1, Ordering::Relaxed);
        // Most are short, a few stay for very long.
        let requests = match random.below(20) {
            0 => 2000 + random.below(20_000),
            1..5 => 50 + random.below(500),
            _ => 1 + random.below(20),
        };
        Connection { session: Vec::new(), requests }
    }

    /// Leaves a client to another thread.
    pub fn leave(&self, connection: Connection) {
        self.waiting.lock().push(connection);
    }

    /// Exchanges an answer for one that another thread left.
    pub fn send(&self, answer: Object, random: &mut Random) -> Option<Object> {
        let mut mailbox = self.mailboxes[random.below(MAILBOXES)].lock();
        mailbox.push(answer);
        if mailbox.len() > 8 {
            let which = random.below(mailbox.len());
            return Some(mailbox.swap_remove(which));
        }
        None
    }

    /// Looks up a document, and puts it into the cache if it is not there; what is too much, goes.
    pub fn look_up(&self, random: &mut Random) {
        // A few keys are asked for far more often than the others.
        let bound = 1 + random.below(KEYS);
        let key = random.below(bound);
        let mut shard = self.shards[key % SHARDS].lock();
        // ORDERING: Relaxed, here and below: figures.
        self.requests.fetch_add(1, Ordering::Relaxed);
        if let Some((_, object)) = shard.entries.iter().find(|(found, _)| *found == key) {
            object.check();
            self.hits.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let object = make(layout(random), random.one_in(4), self.seed * NUMBERS + key as u64);
        shard.held_bytes += object.layout().size();
        shard.entries.push((key, object));
        while shard.held_bytes > SHARD_BYTES {
            let which = random.below(shard.entries.len());
            let (_, object) = shard.entries.swap_remove(which);
            shard.held_bytes -= object.layout().size();
            object.free(&stack());
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a collection.
    pub fn note_collection(&self) {
        // ORDERING: Relaxed: a figure.
        self.collections.fetch_add(1, Ordering::Relaxed);
    }

    /// Frees all that is there. No thread is at work any more.
    pub fn close(&self) {
        let free = |object: Object| object.free(&stack());
        for connection in self.waiting.lock().drain(..) {
            connection.session.into_iter().for_each(free);
        }
        self.mailboxes.iter().for_each(|mailbox| mailbox.lock().drain(..).for_each(free));
        for shard in &self.shards {
            let entries = std::mem::take(&mut *shard.lock()).entries;
            entries.into_iter().for_each(|(_, object)| free(object));
        }
        self.waiting.lock().shrink_to_fit();
    }

    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty() && self.mailboxes.iter().all(|place| place.lock().is_empty())
    }

    /// The figures, in a line.
    pub fn summary(&self) -> String {
        // ORDERING: Relaxed: figures.
        let load = |figure: &AtomicUsize| figure.load(Ordering::Relaxed);
        format!(
            "{} requests of {} connections, {} hits in the cache, {} evicted, {} collections",
            load(&self.requests),
            load(&self.connections),
            load(&self.hits),
            load(&self.evicted),
            load(&self.collections)
        )
    }
}
