//! What the server of the workload is made of: each part keeps within its budget of bytes.
//!
//! Above: `lifetimes`. Below: objects.

use super::Phase;
use crate::memory::object::{Hands, Object};
use crate::memory::random::Random;
use crate::memory::watch::room;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The parts of a budget, in hundredths: sessions, cache, strings, what stays.
const SHARES: [usize; 4] = [25, 45, 20, 10];

/// A cache looks at so many entries and evicts the one that was used longest ago.
const LOOKS: usize = 5;

/// Objects that wait to be taken over by another thread.
const EXCHANGED: usize = 512;

/// Where threads leave cached values to each other.
pub(super) struct Exchange(Mutex<Vec<Object>>);

impl Exchange {
    pub fn new() -> Self {
        Self(Mutex::new(room(EXCHANGED)))
    }

    pub fn lock(&self) -> MutexGuard<'_, Vec<Object>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves an object, and takes one that another thread may have left.
    fn swap(&self, random: &mut Random, object: Object) -> Option<Object> {
        let mut waiting = self.lock();
        if waiting.len() < EXCHANGED {
            waiting.push(object);
            return None;
        }
        let at = random.below(EXCHANGED);
        Some(std::mem::replace(&mut waiting[at], object))
    }
}

/// An entry of the cache.
struct Entry {
    key: Object,
    value: Object,
    used: u32,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.key.bytes() + self.value.bytes()
    }
}

/// One thread's part of the server.
pub(super) struct Server {
    budget_bytes: usize,
    sessions: Vec<Vec<Object>>,
    session_bytes: usize,
    cache: Vec<Entry>,
    cache_bytes: usize,
    strings: Vec<Object>,
    string_bytes: usize,
    staying: Vec<Object>,
    staying_bytes: usize,
    buffer: Option<Object>,
    now: u32,
}

impl Server {
    pub fn new(budget_bytes: usize) -> Self {
        let part = |n: usize, least_bytes: usize| budget_bytes * SHARES[n] / 100 / least_bytes;
        Self {
            budget_bytes,
            sessions: room(part(0, 1000)),
            session_bytes: 0,
            cache: room(part(1, 64)),
            cache_bytes: 0,
            strings: room(part(2, 64)),
            string_bytes: 0,
            staying: room(part(3, 24)),
            staying_bytes: 0,
            buffer: None,
            now: 0,
        }
    }

    /// All that is live.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        let cached = self.cache.iter().flat_map(|entry| [&entry.key, &entry.value]);
        let sessions = self.sessions.iter().flatten();
        sessions.chain(cached).chain(&self.strings).chain(&self.staying).chain(&self.buffer)
    }

    /// Works for `steps` steps.
    pub fn serve(
        &mut self,
        phase: &Phase,
        steps: usize,
        hands: &mut Hands<'_>,
        random: &mut Random,
        exchange: &Exchange,
    ) {
        for _ in 0..steps {
            self.now = self.now.wrapping_add(1);
            match random.below(1000) {
                0 => self.use_buffer(hands, random),
                1..150 => self.open_session(phase, hands, random),
                150..160 => self.keep(phase, hands, random),
                160..700 => self.fill_cache(phase, hands, random, exchange),
                _ => self.lengthen(phase, hands, random),
            }
        }
    }

    /// What a part may have.
    fn share(&self, part: usize, phase: &Phase) -> usize {
        self.budget_bytes * SHARES[part] / 100 * phase.percent / 100
    }

    /// A request comes: its data, some strings, often a buffer. Sessions end in any order.
    fn open_session(&mut self, phase: &Phase, hands: &mut Hands<'_>, random: &mut Random) {
        let mut objects = vec![hands.make(random.log_uniform(200, 600))];
        for _ in 0..random.below(10) {
            objects.push(hands.make(random.log_uniform(16, 128)));
        }
        if random.one_in(2) {
            objects.push(hands.make(random.log_uniform(2 << 10, 16 << 10)));
        }
        self.session_bytes += objects.iter().map(Object::bytes).sum::<usize>();
        self.sessions.push(objects);
        let most = self.share(0, phase);
        while self.session_bytes > most || self.sessions.len() == self.sessions.capacity() {
            let objects = self.sessions.swap_remove(random.below(self.sessions.len()));
            for object in objects {
                self.session_bytes -= object.bytes();
                hands.free(object);
            }
        }
    }

    /// A value enters the cache; others leave it. Some values come from another thread.
    fn fill_cache(
        &mut self,
        phase: &Phase,
        hands: &mut Hands<'_>,
        random: &mut Random,
        exchange: &Exchange,
    ) {
        // Entries are looked up more often than they are added.
        for _ in 0..3 {
            if !self.cache.is_empty() {
                let at = random.below(self.cache.len());
                self.cache[at].used = self.now;
            }
        }
        let key = hands.make(random.log_uniform(20, 60));
        let mut value = hands.make(random.around(phase.value_bytes).clamp(16, 1 << 20));
        if random.one_in(20) {
            value = match exchange.swap(random, value) {
                Some(other) => other,
                None => hands.make(random.around(phase.value_bytes).clamp(16, 1 << 20)),
            };
        }
        let entry = Entry { key, value, used: self.now };
        self.cache_bytes += entry.bytes();
        self.cache.push(entry);
        let most = self.share(1, phase);
        while self.cache_bytes > most || self.cache.len() == self.cache.capacity() {
            let looks = (0..LOOKS).map(|_| random.below(self.cache.len()));
            let at = looks.min_by_key(|&at| self.cache[at].used).unwrap_or(0);
            let entry = self.cache.swap_remove(at);
            self.cache_bytes -= entry.bytes();
            hands.free(entry.key);
            hands.free(entry.value);
        }
    }

    /// A string begins or grows; a long one is done with.
    fn lengthen(&mut self, phase: &Phase, hands: &mut Hands<'_>, random: &mut Random) {
        let most = self.share(2, phase);
        let few = self.strings.len() < 64 || self.string_bytes < most / 2;
        if few || random.one_in(4) {
            let string = hands.make(random.log_uniform(24, 64));
            self.string_bytes += string.bytes();
            self.strings.push(string);
        }
        let at = random.below(self.strings.len());
        let old_bytes = self.strings[at].bytes();
        if old_bytes >= phase.string_bytes || random.one_in(16) {
            let string = self.strings.swap_remove(at);
            self.string_bytes -= string.bytes();
            hands.free(string);
        } else {
            let more_bytes = random.below(old_bytes) + 1;
            hands.grow(&mut self.strings[at], old_bytes + more_bytes);
            self.string_bytes += more_bytes;
        }
        while self.string_bytes > most || self.strings.len() == self.strings.capacity() {
            let string = self.strings.swap_remove(random.below(self.strings.len()));
            self.string_bytes -= string.bytes();
            hands.free(string);
        }
    }

    /// Something stays for very long.
    fn keep(&mut self, phase: &Phase, hands: &mut Hands<'_>, random: &mut Random) {
        let object = hands.make(random.log_uniform(24, 400));
        self.staying_bytes += object.bytes();
        self.staying.push(object);
        let most = self.share(3, phase);
        while self.staying_bytes > most || self.staying.len() == self.staying.capacity() {
            let object = self.staying.swap_remove(random.below(self.staying.len()));
            self.staying_bytes -= object.bytes();
            hands.free(object);
        }
    }

    /// A large buffer takes the place of the one before, or is only freed.
    fn use_buffer(&mut self, hands: &mut Hands<'_>, random: &mut Random) {
        if let Some(object) = self.buffer.take() {
            hands.free(object);
        } else {
            self.buffer = Some(hands.make(random.log_uniform(64 << 10, 4 << 20)));
        }
    }

    /// Frees all.
    pub fn close(&mut self, hands: &mut Hands<'_>) {
        for entry in self.cache.drain(..) {
            hands.free(entry.key);
            hands.free(entry.value);
        }
        let sessions = self.sessions.drain(..).flatten();
        let others = self.strings.drain(..).chain(self.staying.drain(..)).chain(self.buffer.take());
        sessions.chain(others).for_each(|object| hands.free(object));
    }
}
