//! From a trace to a program, in two passes over its events.
//!
//! Above: `run`. Below: the trace's reader.
//!
//! 1. `Gather`: every event with the thread that will replay it, the entry that its object gets in
//!    the table of addresses, and the event that it has to come after (rule O1).
//! 2. `Emit`: the instructions, now that it is known which events are waited for.
//!
//! An entry that a thread frees is taken over only by that thread's later allocations: so the table
//! brings no order with it that the program did not have.

use super::facts::Facts;
use super::{
    ALIGN_MAX_BYTES, EPOCH_EVENTS, PLACES_MAX, Program, SIZE_MAX_BYTES, Step, THREADS_MAX,
};
use crate::Failure;
use std::alloc::Layout;
use std::collections::HashMap;
use std::path::Path;
use strata_trace::{Event, Op, Reader};

/// Reads the trace at `path` and compiles it.
///
/// # Errors
///
/// [`Failure::Trace`] if it cannot be read; [`Failure::Replay`] if it asks for more than an
/// instruction holds: an object of 4 GiB, or 2²⁴ live objects.
pub fn compile(path: &Path) -> Result<(Program, Facts), Failure> {
    let open = || std::fs::File::open(path).map_err(strata_trace::Error::Io);
    let unread = |error| Failure::trace(path, error);
    let threads = fold(Reader::new(open().map_err(unread)?).map_err(unread)?).map_err(unread)?;
    let mut gather = Gather::new(&threads);
    let mut reader = Reader::new(open().map_err(unread)?).map_err(unread)?;
    for event in reader.by_ref() {
        let event = event.map_err(unread)?;
        gather.event(event).map_err(|why| Failure::Replay { path: path.to_owned(), why })?;
    }
    if gather.events.is_empty() {
        return Err(Failure::Replay { path: path.to_owned(), why: "it has no events".into() });
    }
    let header = reader.header();
    let facts = Facts {
        command: header.command.clone(),
        date_unix_seconds: header.date_unix_seconds,
        platform: header.platform.clone(),
        ..gather.facts.clone()
    };
    Ok((Emit::new(&gather, &facts).program(), facts))
}

/// Which thread of the replay stands for each recorded thread.
///
/// Each gets its own while they suffice. If there are more, those that never ran at the same time
/// share one; if that is not enough, any.
fn fold<R: std::io::Read>(reader: Reader<R>) -> Result<Vec<u32>, strata_trace::Error> {
    // By recorded thread: its first and its last event.
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for (at, event) in reader.enumerate() {
        let (at, thread) = (at as u64, event?.thread as usize);
        // Threads come in order (contract of the reader).
        if thread == spans.len() {
            spans.push((at, at));
        }
        spans[thread].1 = at;
    }
    if spans.len() <= THREADS_MAX {
        return Ok((0..spans.len() as u32).collect());
    }
    let mut ends: Vec<u64> = Vec::new();
    Ok(spans
        .iter()
        .enumerate()
        .map(|(thread, &(first, last))| {
            let free = ends.iter().position(|&end| end < first);
            let lane = match free {
                Some(lane) => lane,
                None if ends.len() < THREADS_MAX => {
                    ends.push(0);
                    ends.len() - 1
                }
                None => thread % THREADS_MAX,
            };
            ends[lane] = ends[lane].max(last);
            lane as u32
        })
        .collect())
}

/// An event of the trace, with what the replay needs to know of it.
struct Gathered {
    thread: u32,
    step: Step,
    /// Another thread's event that it comes after.
    after: Option<u32>,
    /// Another thread waits for it.
    awaited: bool,
}

/// An object that lives.
#[derive(Clone, Copy)]
struct Object {
    place: u32,
    layout: Layout,
    /// The event that touched it last, and its thread.
    touched: (u32, u32),
}

struct Gather<'t> {
    threads: &'t [u32],
    events: Vec<Gathered>,
    /// By id.
    objects: Vec<Option<Object>>,
    /// By thread of the replay: entries of the table that it freed.
    free_places: Vec<Vec<u32>>,
    places: u32,
    facts: Facts,
    live_objects: u64,
    /// The event after which most bytes are live.
    peak: usize,
}

impl<'t> Gather<'t> {
    fn new(threads: &'t [u32]) -> Self {
        let lanes = threads.iter().max().map_or(0, |&last| last as usize + 1);
        Self {
            threads,
            events: Vec::new(),
            objects: Vec::new(),
            free_places: vec![Vec::new(); lanes],
            places: 0,
            facts: Facts { replay_threads: lanes as u64, ..Facts::default() },
            live_objects: 0,
            peak: 0,
        }
    }

    fn event(&mut self, event: Event) -> Result<(), String> {
        let now = u32::try_from(self.events.len()).map_err(|_| "it has over 2^32 events")?;
        let thread = self.threads[event.thread as usize];
        self.facts.events += 1;
        self.facts.threads = self.facts.threads.max(u64::from(event.thread) + 1);
        let gathered = match event.op {
            Op::Alloc { id, size_bytes, align_bytes, zeroed } => {
                let layout = layout(size_bytes, align_bytes)?;
                let place = self.place(thread)?;
                self.begin(id as usize, Object { place, layout, touched: (now, thread) });
                Gathered::new(thread, Step::Alloc { place, layout, zeroed }, None)
            }
            Op::Free { id } => {
                let object = self.object(id);
                let after = self.comes_after(&object, thread);
                self.end(id as usize, &object, thread);
                let step = Step::Free { place: object.place, layout: object.layout };
                Gathered::new(thread, step, after)
            }
            Op::Realloc { id, size_bytes, align_bytes } => {
                let new = layout(size_bytes, align_bytes)?;
                let object = self.object(id);
                let after = self.comes_after(&object, thread);
                let moved = Object { layout: new, touched: (now, thread), ..object };
                self.objects[id as usize] = Some(moved);
                self.resize(object.layout.size(), new.size());
                let step = Step::Realloc { place: object.place, old: object.layout, new };
                Gathered::new(thread, step, after)
            }
        };
        self.events.push(gathered);
        if self.facts.end_live_bytes > self.facts.peak_live_bytes {
            self.facts.peak_live_bytes = self.facts.end_live_bytes;
            self.peak = now as usize;
        }
        Ok(())
    }

    fn object(&self, id: u32) -> Object {
        self.objects[id as usize].expect("the reader lets only live objects be freed or resized")
    }

    /// Rule O1: the event before on the object, if it is another thread's.
    fn comes_after(&mut self, object: &Object, thread: u32) -> Option<u32> {
        let (event, by) = object.touched;
        (by != thread).then(|| {
            self.events[event as usize].awaited = true;
            self.facts.handed_over += 1;
            event
        })
    }

    fn place(&mut self, thread: u32) -> Result<u32, String> {
        if let Some(place) = self.free_places[thread as usize].pop() {
            return Ok(place);
        }
        if self.places == PLACES_MAX {
            return Err(format!("more than {PLACES_MAX} objects live at once"));
        }
        self.places += 1;
        Ok(self.places - 1)
    }

    fn begin(&mut self, id: usize, object: Object) {
        if id >= self.objects.len() {
            self.objects.resize(id + 1, None);
        }
        self.objects[id] = Some(object);
        self.facts.objects += 1;
        self.live_objects += 1;
        self.facts.peak_live_objects = self.facts.peak_live_objects.max(self.live_objects);
        self.facts.end_live_bytes += object.layout.size() as u64;
        self.asked(object.layout.size());
    }

    fn resize(&mut self, old: usize, new: usize) {
        self.facts.reallocs += 1;
        self.facts.end_live_bytes = self.facts.end_live_bytes + new as u64 - old as u64;
        self.asked(new);
    }

    fn end(&mut self, id: usize, object: &Object, thread: u32) {
        self.objects[id] = None;
        self.free_places[thread as usize].push(object.place);
        self.facts.frees += 1;
        self.live_objects -= 1;
        self.facts.end_live_bytes -= object.layout.size() as u64;
    }

    fn asked(&mut self, size: usize) {
        self.facts.asked_bytes += size as u64;
        self.facts.sizes.count(size as u64);
    }
}

impl Gathered {
    fn new(thread: u32, step: Step, after: Option<u32>) -> Self {
        Self { thread, step, after, awaited: false }
    }
}

/// `malloc(0)` hands out a byte: an address of its own.
fn layout(size_bytes: u64, align_bytes: u64) -> Result<Layout, String> {
    if size_bytes > SIZE_MAX_BYTES {
        return Err(format!("it holds an object of {size_bytes} bytes (4 GiB is too large)"));
    }
    if align_bytes > ALIGN_MAX_BYTES {
        return Err(format!("it holds an alignment of {align_bytes} bytes"));
    }
    Layout::from_size_align(size_bytes.max(1) as usize, align_bytes as usize)
        .map_err(|_| format!("it holds no layout: {size_bytes} bytes at {align_bytes}"))
}

struct Emit<'g> {
    gather: &'g Gather<'g>,
    /// Events between two samples.
    stride: u64,
    lanes: Vec<Lane>,
    /// By event that is awaited: the how-many-th of its thread.
    published: HashMap<u32, u32>,
}

#[derive(Default)]
struct Lane {
    words: Vec<u64>,
    publishes: u32,
    epoch: Option<u32>,
    /// By other thread: up to which of its publications this one has waited.
    waited: HashMap<u32, u32>,
}

impl<'g> Emit<'g> {
    fn new(gather: &'g Gather<'g>, facts: &Facts) -> Self {
        let mut lanes = Vec::new();
        lanes.resize_with(facts.replay_threads as usize, Lane::default);
        let stride = super::stride(facts.events);
        Self { gather, stride, lanes, published: HashMap::new() }
    }

    fn program(mut self) -> Program {
        for (now, event) in self.gather.events.iter().enumerate() {
            self.event(now as u32, event);
        }
        let mut words = Vec::with_capacity(self.lanes.iter().map(|l| l.words.len()).sum());
        let mut threads = Vec::new();
        for lane in &self.lanes {
            threads.push((words.len(), words.len() + lane.words.len()));
            words.extend_from_slice(&lane.words);
        }
        let (places, events) = (self.gather.places, self.gather.events.len() as u64);
        Program { words, threads, places, events }
    }

    fn event(&mut self, now: u32, event: &Gathered) {
        let many = self.lanes.len() > 1;
        let lane = &mut self.lanes[event.thread as usize];
        let epoch = (u64::from(now) / EPOCH_EVENTS) as u32;
        if many && lane.epoch != Some(epoch) {
            lane.epoch = Some(epoch);
            Step::Enter { epoch }.put(&mut lane.words);
        }
        if let Some(before) = event.after {
            let thread = self.gather.events[before as usize].thread;
            let count = self.published[&before];
            let waited = lane.waited.entry(thread).or_default();
            if *waited < count {
                *waited = count;
                Step::Wait { thread, count }.put(&mut lane.words);
            }
        }
        event.step.put(&mut lane.words);
        if event.awaited {
            lane.publishes += 1;
            self.published.insert(now, lane.publishes);
            Step::Publish.put(&mut lane.words);
        }
        if u64::from(now) % self.stride == 0 {
            let number = (u64::from(now) / self.stride) as u32;
            Step::Sample { number }.put(&mut lane.words);
        }
        if now as usize == self.gather.peak {
            Step::Peak.put(&mut lane.words);
        }
    }
}
