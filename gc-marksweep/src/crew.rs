//! Threads that help to mark while mutations stand still.
//!
//! Above: the collector's turns, in [`Mode::StopTheWorld`](crate::Mode). Below: a tracer for each thread;
//! `exchange.rs`, where they meet. The helpers are parked between rounds. A small heap is marked sooner
//! than they are awake, so they are woken above a size only.

use crate::exchange::{Exchange, Own};
use crate::heap::{Marker, ObjectHeap};
use crate::queue::Queue;
use crate::tracer::{Claims, Tracer};
use alloc_core::Layer;
use alloc_core::gc::Collector;
use alloc_core::sync::Lock;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::vec::Vec;

/// What is visited before somebody who waits is looked for.
const STEP_BYTES: usize = 4 << 10;
/// Below this, waking a helper takes longer than what it could do.
pub(crate) const WORTH_HELP_BYTES: usize = 4 << 20;

/// The helpers, from the collector's side.
pub(crate) struct Crew {
    shared: Arc<Shared>,
    own: Own<Queue>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    exchange: Exchange<Queue>,
    round: Lock<Round>,
}

/// What helpers are told, and what they tell when they leave.
#[derive(Default)]
struct Round {
    marker: Option<Marker>,
    visited_bytes: usize,
    /// What they could not visit for want of memory, as `short`; and memory to be used again.
    left: Queue,
    stop: bool,
}

impl Crew {
    /// Starts `helpers` threads.
    pub fn start<A, C>(helpers: usize, heap: &Arc<ObjectHeap<A>>) -> std::io::Result<Self>
    where
        A: Layer + Send + Sync + 'static,
        C: Collector<Marker = Tracer<A, C>>,
    {
        let (exchange, mut ends) = Exchange::new(helpers + 1);
        let shared = Arc::new(Shared { exchange, round: Lock::new(Round::default()) });
        Exchange::<Queue>::warm_up();
        let own = ends.swap_remove(0);
        let mut crew = Self { shared, own, threads: Vec::new() };
        for (number, own) in ends.into_iter().enumerate() {
            let (shared, heap) = (Arc::clone(&crew.shared), Arc::clone(heap));
            let builder = thread::Builder::new().name(std::format!("gc-marksweep {}", number + 1));
            // If it fails, those that run are stopped as the crew is dropped.
            crew.threads.push(builder.spawn(move || shared.help::<A, C>(&own, &heap))?);
        }
        Ok(crew)
    }

    /// Visits everything that the tracer's queue leads to, together.
    ///
    /// # Safety
    ///
    /// Nobody writes to an object, allocates or marks meanwhile, but for this crew. The tracer is not
    /// alone: it sets bits atomically.
    pub unsafe fn mark<A: Layer, C: Collector<Marker = Tracer<A, C>>>(
        &self,
        tracer: &mut Tracer<A, C>,
        marker: Marker,
    ) {
        self.shared.round.lock().marker = Some(marker);
        self.shared.exchange.open();
        self.threads.iter().for_each(|helper| helper.thread().unpark());
        // SAFETY: the caller's.
        unsafe { self.shared.work(&self.own, tracer) };
        self.shared.exchange.close();
        let mut round = self.shared.round.lock();
        round.marker = None;
        tracer.visited_bytes += core::mem::take(&mut round.visited_bytes);
        let below = tracer.below();
        tracer.queue.take_all(&mut round.left, below);
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.round.lock().stop = true;
        for helper in &self.threads {
            helper.thread().unpark();
        }
        for helper in self.threads.drain(..) {
            // A helper's panic, if there was one, was printed.
            drop(helper.join());
        }
    }
}

impl Shared {
    fn help<A: Layer, C: Collector<Marker = Tracer<A, C>>>(
        &self,
        own: &Own<Queue>,
        heap: &ObjectHeap<A>,
    ) {
        Exchange::<Queue>::warm_up();
        loop {
            if self.round.lock().stop {
                return;
            }
            if self.exchange.join() {
                self.take_part::<A, C>(own, heap);
            } else {
                thread::park();
            }
        }
    }

    /// One round of a helper.
    fn take_part<A: Layer, C: Collector<Marker = Tracer<A, C>>>(
        &self,
        own: &Own<Queue>,
        heap: &ObjectHeap<A>,
    ) {
        let Some(marker) = self.round.lock().marker else { return self.exchange.leave() };
        // SAFETY: the heap outlives this, and is marking until the round is closed, after this thread has
        // left it.
        let mut tracer = unsafe { Tracer::<A, C>::new(marker, Queue::default(), heap, false) };
        // SAFETY: `Crew::mark`'s caller vouches for it while the round is open.
        unsafe { self.work(own, &mut tracer) };
        let mut round = self.round.lock();
        round.visited_bytes += tracer.visited_bytes;
        round.left.take_all(&mut tracer.queue, heap.below());
        drop(round);
        self.exchange.leave();
    }

    /// # Safety
    ///
    /// As for [`Crew::mark`].
    unsafe fn work<A: Layer, C: Collector<Marker = Tracer<A, C>>>(
        &self,
        own: &Own<Queue>,
        tracer: &mut Tracer<A, C>,
    ) {
        let below = tracer.below();
        loop {
            // SAFETY: the caller's.
            while unsafe { tracer.drain(&Claims::Idle, &mut STEP_BYTES.clone()) } {
                if self.exchange.is_wanted()
                    && let Some(share) = tracer.queue.split(below)
                    && let Err(mut share) = self.exchange.offer(own, share)
                {
                    tracer.queue.take_all(&mut share, below);
                }
            }
            match self.exchange.next(own) {
                Some(mut share) => tracer.queue.take_all(&mut share, below),
                None => return,
            }
        }
    }
}
