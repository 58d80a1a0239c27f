//! Records a running program: turns addresses into ids and any thread names into numbers.
//!
//! Above: the `malloc` of `benches/preload`, which calls from many threads. Below: `writer`.
//! [`Recording`] needs `&mut`; [`Recorder`] puts one lock around it, and that lock makes the one
//! order of all events that a trace has.
//!
//! The order is that of the program only if its caller keeps these rules, because an address that
//! is free may be handed out to another thread at once:
//!
//! * **R1.** An allocation is recorded after it happened.
//! * **R2.** A free is recorded before it happens.
//! * **R3.** A reallocation is announced before it happens and recorded after.

use crate::{Summary, Writer};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// A trace that is being recorded from addresses.
#[derive(Debug)]
pub struct Recording<W: Write> {
    writer: Writer<W>,
    /// Live objects by address.
    objects: HashMap<usize, u32, BuildHasherDefault<Mix>>,
    /// Thread numbers by the caller's name for the thread.
    threads: HashMap<u64, u32, BuildHasherDefault<Mix>>,
}

/// An object between the two ends of its reallocation (rule R3).
#[must_use = "a reallocation that began has to end"]
#[derive(Debug)]
pub struct Moving {
    /// `None`: it was allocated before the recording began.
    id: Option<u32>,
    address: usize,
}

impl<W: Write> Recording<W> {
    /// Records to `writer`.
    pub fn new(writer: Writer<W>) -> Self {
        Self { writer, objects: HashMap::default(), threads: HashMap::default() }
    }

    /// `thread`, whatever it is called, has an object at `address` now.
    ///
    /// An object that was live there is taken as freed: its end escaped the recording.
    ///
    /// # Errors
    ///
    /// Those of [`Writer::alloc`].
    pub fn alloc(
        &mut self,
        thread: u64,
        address: usize,
        size_bytes: usize,
        align_bytes: usize,
        zeroed: bool,
    ) -> io::Result<()> {
        let thread = self.thread(thread);
        self.evict(thread, address)?;
        let id = self.writer.alloc(thread, size_bytes as u64, align_bytes as u64, zeroed)?;
        self.objects.insert(address, id);
        Ok(())
    }

    /// `thread` is about to free the object at `address`. An unknown address is passed over: it
    /// was allocated before the recording began.
    ///
    /// # Errors
    ///
    /// Those of [`Writer::free`].
    pub fn free(&mut self, thread: u64, address: usize) -> io::Result<()> {
        match self.objects.remove(&address) {
            Some(id) => {
                let thread = self.thread(thread);
                self.writer.free(thread, id)
            }
            None => Ok(()),
        }
    }

    /// The object at `address` is about to be reallocated.
    pub fn realloc_begins(&mut self, address: usize) -> Moving {
        Moving { id: self.objects.remove(&address), address }
    }

    /// The object is at `address` now, perhaps where it was.
    ///
    /// # Errors
    ///
    /// Those of [`Writer::realloc`].
    pub fn realloc_ends(
        &mut self,
        moving: Moving,
        thread: u64,
        address: usize,
        size_bytes: usize,
        align_bytes: usize,
    ) -> io::Result<()> {
        let Some(id) = moving.id else {
            return self.alloc(thread, address, size_bytes, align_bytes, false);
        };
        let thread = self.thread(thread);
        self.evict(thread, address)?;
        self.objects.insert(address, id);
        self.writer.realloc(thread, id, size_bytes as u64, align_bytes as u64)
    }

    /// The reallocation failed: the object is where it was, as it was.
    pub fn realloc_fails(&mut self, moving: Moving) {
        if let Some(id) = moving.id {
            self.objects.insert(moving.address, id);
        }
    }

    /// The figures up to now.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.writer.summary()
    }

    /// Ends the trace.
    ///
    /// # Errors
    ///
    /// Those of [`Writer::finish`].
    pub fn finish(self) -> io::Result<(W, Summary)> {
        self.writer.finish()
    }

    fn thread(&mut self, name: u64) -> u32 {
        let next = self.threads.len() as u32;
        *self.threads.entry(name).or_insert(next)
    }

    fn evict(&mut self, thread: u32, address: usize) -> io::Result<()> {
        match self.objects.remove(&address) {
            Some(id) => self.writer.free(thread, id),
            None => Ok(()),
        }
    }
}

/// A [`Recording`] behind one lock, for many threads.
///
/// After the first error, and after [`finish`](Recorder::finish), events are dropped: the program
/// under record must not suffer from a full disk. `finish` tells the error.
///
/// It uses the heap. Called from inside `malloc`, its own calls to `malloc` must not come back to
/// it, which is the caller's business.
#[derive(Debug)]
pub struct Recorder<W: Write>(Mutex<State<W>>);

#[derive(Debug)]
enum State<W: Write> {
    Running(Box<Recording<W>>),
    Failed(io::Error),
    Finished,
}

impl<W: Write> Recorder<W> {
    /// Records to `writer`.
    pub fn new(writer: Writer<W>) -> Self {
        Self(Mutex::new(State::Running(Box::new(Recording::new(writer)))))
    }

    /// See [`Recording::alloc`]; after it happened (R1).
    pub fn alloc(
        &self,
        thread: u64,
        address: usize,
        size_bytes: usize,
        align_bytes: usize,
        zeroed: bool,
    ) {
        self.with(|r| r.alloc(thread, address, size_bytes, align_bytes, zeroed));
    }

    /// See [`Recording::free`]; before it happens (R2).
    pub fn free(&self, thread: u64, address: usize) {
        self.with(|r| r.free(thread, address));
    }

    /// See [`Recording::realloc_begins`]; before it happens (R3).
    pub fn realloc_begins(&self, address: usize) -> Moving {
        let mut moving = Moving { id: None, address };
        self.with(|r| {
            moving = r.realloc_begins(address);
            Ok(())
        });
        moving
    }

    /// See [`Recording::realloc_ends`]; after it happened (R3).
    pub fn realloc_ends(
        &self,
        moving: Moving,
        thread: u64,
        address: usize,
        size_bytes: usize,
        align_bytes: usize,
    ) {
        self.with(|r| r.realloc_ends(moving, thread, address, size_bytes, align_bytes));
    }

    /// See [`Recording::realloc_fails`].
    pub fn realloc_fails(&self, moving: Moving) {
        self.with(|r| {
            r.realloc_fails(moving);
            Ok(())
        });
    }

    /// Ends the trace; events that come later are dropped. `None` if it had ended already.
    ///
    /// # Errors
    ///
    /// The first error of the recording, or that of writing the footer.
    pub fn finish(&self) -> Option<io::Result<(W, Summary)>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Finished) {
            State::Running(recording) => Some(recording.finish()),
            State::Failed(error) => Some(Err(error)),
            State::Finished => None,
        }
    }

    fn with(&self, record: impl FnOnce(&mut Recording<W>) -> io::Result<()>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Running(recording) = &mut *state
            && let Err(error) = record(recording)
        {
            *state = State::Failed(error);
        }
    }
}

/// Hashes one number: addresses and thread names need no defence against an adversary.
#[derive(Debug, Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }
    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
    fn write_u64(&mut self, n: u64) {
        // The table takes its index from the low bits and its tag from the high ones.
        let product = u128::from(self.0 ^ n) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}
