//! The helper thread: it marks beside mutations, sweeps what has no destructors, and makes empty spans ready.
//!
//! Above: the collector's turns, which hand work over and take it back. Below: a tracer, the heap.
//! `protocol.rs` has the rules by which it visits objects, `handover.rs` those by which the queue changes
//! hands. The thread is parked while it has nothing to do.

use crate::cycle::gained_bytes;
use crate::handover::Handover;
use crate::heap::{Marker, ObjectHeap};
use crate::protocol::Passage;
use crate::queue::Queue;
use crate::{Space, Tracer};
use alloc_core::Layer;
use alloc_core::gc::Collector;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The thread, from the collector's side.
pub(crate) struct Background {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    passage: Passage,
    inbox: Handover<Inbox>,
}

#[derive(Default)]
struct Inbox {
    queue: Queue,
    marker: Option<Marker>,
    visited_bytes: usize,
    sweep: bool,
    stop: bool,
}

/// Of this thread's stack: as much as a main thread's, since an object that is a chain of boxes is visited by
/// recursion.
const STACK_BYTES: usize = 8 << 20;
/// Spans that are swept before the thread looks at its inbox again.
const SPANS_AT_ONCE: usize = 16;
/// What is visited before the thread looks whether it is interrupted.
const STEP_BYTES: usize = 4 << 10;
/// Below this, waking the thread takes longer than marking.
pub(crate) const WORTH_WAKING_BYTES: usize = 256 << 10;
/// How long a mutator that allocates faster than the thread marks is held up at each turn: as long as it ran
/// since the last one, within these bounds.
const HOLD_UP_LEAST: Duration = Duration::from_micros(100);
const HOLD_UP_MOST: Duration = Duration::from_secs(1);
/// How often it looks whether the thread has come to its end.
const NAP: Duration = Duration::from_micros(50);

impl Background {
    pub fn start<A, C>(heap: Arc<ObjectHeap<A>>) -> std::io::Result<Self>
    where
        A: Layer + Send + Sync + 'static,
        C: Collector<Marker = Tracer<A, C>>,
    {
        let shared =
            Arc::new(Shared { passage: Passage::new(), inbox: Handover::new(Inbox::default()) });
        let of_thread = Arc::clone(&shared);
        let builder = thread::Builder::new().name("gc-marksweep".into()).stack_size(STACK_BYTES);
        let helped = Arc::clone(&heap);
        let thread = builder.spawn(move || of_thread.work::<A, C>(&heap))?;
        helped.set_helper(thread.thread().clone());
        Ok(Self { shared, thread: Some(thread) })
    }

    pub fn passage(&self) -> &Passage {
        &self.shared.passage
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Gives the thread objects to visit.
    fn hand_over<A: Layer>(&self, queue: &mut Queue, marker: Marker, below: &A) {
        self.shared.inbox.with(|inbox| {
            inbox.queue.take_all(queue, below);
            inbox.marker = Some(marker);
        });
        self.wake();
    }

    /// Whether the thread has nothing to visit. What it could not take comes back in `queue`.
    fn is_done<A: Layer>(&self, queue: &mut Queue, below: &A) -> Option<usize> {
        self.shared.inbox.if_idle(|inbox| {
            if !inbox.queue.is_empty() {
                return None;
            }
            queue.take_all(&mut inbox.queue, below);
            Some(core::mem::take(&mut inbox.visited_bytes))
        })
    }

    /// Takes all work back, and waits until the thread has let go of it.
    fn take_over<A: Layer>(&self, queue: &mut Queue, below: &A) -> usize {
        self.shared.inbox.take_over(
            |inbox| inbox.sweep = false,
            |inbox| {
                queue.take_all(&mut inbox.queue, below);
                core::mem::take(&mut inbox.visited_bytes)
            },
        )
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.shared.inbox.interrupt();
        self.shared.inbox.with(|inbox| inbox.stop = true);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // The thread's panic, if there was one, was printed; the heap is in order without it.
            drop(thread.join());
        }
    }
}

/// What the thread found in its inbox.
enum Job {
    Mark(Marker, Queue),
    Sweep,
    Wait,
    Stop,
}

impl Shared {
    fn work<A: Layer, C: Collector<Marker = Tracer<A, C>>>(&self, heap: &ObjectHeap<A>) {
        loop {
            match self.next() {
                Job::Mark(marker, queue) => self.mark::<A, C>(heap, marker, queue),
                Job::Sweep => self.sweep(heap),
                Job::Wait => {
                    if heap.make_ready(|| !self.inbox.is_interrupted()) == 0 {
                        thread::park();
                    }
                }
                Job::Stop => return,
            }
        }
    }

    fn next(&self) -> Job {
        let work = self.inbox.take(|inbox| {
            let marker = inbox.marker.filter(|_| !inbox.queue.is_empty() && !inbox.stop)?;
            Some(Job::Mark(marker, core::mem::take(&mut inbox.queue)))
        });
        work.unwrap_or_else(|| {
            self.inbox.with(|inbox| match (inbox.stop, core::mem::take(&mut inbox.sweep)) {
                (true, _) => Job::Stop,
                (_, true) => Job::Sweep,
                _ => Job::Wait,
            })
        })
    }

    fn mark<A: Layer, C: Collector<Marker = Tracer<A, C>>>(
        &self,
        heap: &ObjectHeap<A>,
        marker: Marker,
        queue: Queue,
    ) {
        let _whole = Whole;
        // SAFETY: the heap outlives this; it is marking while this thread is busy, because nobody
        // ends marking meanwhile (H2).
        let mut tracer = unsafe { Tracer::<A, C>::new(marker, queue, heap, false) };
        let goes_on = || !self.inbox.is_interrupted();
        // SAFETY: the mutator writes to an object after the barrier only (P2).
        while goes_on() && unsafe { tracer.drain(&self.passage, &mut STEP_BYTES.clone()) } {}
        tracer.settle();
        self.inbox.put_back(|inbox| {
            inbox.queue.take_all(&mut tracer.queue, heap.below());
            inbox.visited_bytes += tracer.visited_bytes;
        });
    }

    /// Sweeps some; there may be more, which the next turn of the loop finds, unless all work is taken back.
    fn sweep<A: Layer>(&self, heap: &ObjectHeap<A>) {
        if heap.sweep_some(SPANS_AT_ONCE) == SPANS_AT_ONCE && !self.inbox.is_interrupted() {
            self.inbox.with(|inbox| inbox.sweep = true);
        }
    }
}

/// Ends the process if a visit unwinds (rule T2 forbids it): an object would be half visited, and what it leads
/// to would be freed.
struct Whole;

impl Drop for Whole {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}

impl<A: Layer, C: Collector<Marker = Tracer<A, C>>> Space<A, C> {
    /// Gives the thread what there is to visit, if that is worth waking it for.
    pub(crate) fn hand_over(&mut self) {
        let is_large = self.pacer.live_bytes() >= WORTH_WAKING_BYTES;
        let is_test = self.config.torture != crate::Torture::Off;
        if let (Some(background), Some(marker)) = (&self.background, self.mutator.marker())
            && (is_large || is_test)
        {
            background.hand_over(self.queue.get_mut(), marker, self.mutator.heap().below());
        }
    }

    /// Whether the thread has nothing to visit, so that this turn may go on, and end marking.
    pub(crate) fn background_is_done(&mut self) -> bool {
        let Some(background) = &self.background else { return true };
        let queue = self.queue.get_mut();
        let below = self.mutator.heap().below();
        if let Some(bytes) = background.is_done(queue, below) {
            self.visited_bytes += bytes;
            return true;
        }
        if !queue.is_empty() {
            self.hand_over();
        }
        let since_bytes = gained_bytes(self.mutator.allocated_bytes(), self.cycle_bytes);
        since_bytes > self.pacer.wait_bytes() && self.hold_up()
    }

    /// The mutator has allocated more than this cycle may let it. `true`: the thread came to its end
    /// meanwhile.
    ///
    /// Who ran for long may wait for as long: so a program of short mutations has short pauses, and one that
    /// allocates half the heap in a single mutation does not outrun its collector.
    #[cold]
    fn hold_up(&mut self) -> bool {
        let begin = Instant::now();
        let ran = self.turn_ended.map_or(Duration::ZERO, |ended| begin.duration_since(ended));
        while begin.elapsed() < ran.clamp(HOLD_UP_LEAST, HOLD_UP_MOST) {
            thread::sleep(NAP);
            let Some(background) = &self.background else { return true };
            if let Some(bytes) =
                background.is_done(self.queue.get_mut(), self.mutator.heap().below())
            {
                self.visited_bytes += bytes;
                return true;
            }
        }
        false
    }

    /// Takes everything back from the thread.
    pub(crate) fn take_over(&mut self) {
        if let Some(background) = &self.background {
            let below = self.mutator.heap().below();
            self.visited_bytes += background.take_over(self.queue.get_mut(), below);
        }
    }

    /// Lets the thread sweep what has no destructors.
    pub(crate) fn sweep_beside(&self) {
        if let Some(background) = &self.background {
            background.shared.inbox.with(|inbox| inbox.sweep = true);
            background.wake();
        }
    }
}
