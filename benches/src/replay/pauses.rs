//! How a pass times every event by itself, and keeps those that took long.
//!
//! Above: `Stage` in `mod.rs`, `lane`; `run::results` has what the rounds agree on. Below: the monotonic clock.
//!
//! An event is the call and the first touch of what it handed out, as in the other passes: where an allocator hands out pages that
//! the system has yet to provide, the program pays for them at once.

use super::watch::Watch;
use crate::program::Step;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// From how long on an event is kept, at first.
pub const LONG_NS: u64 = 10_000;

/// Room for so many in each thread; where more are long, only longer ones are kept.
const ROOM: usize = 1 << 14;

/// What an event did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An allocation.
    Alloc,
    /// A free.
    Free,
    /// A change of size.
    Realloc,
}

/// An event that took long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The thread of the replay.
    pub thread: u32,
    /// The number of the event in that thread.
    pub event: u64,
    /// How long it took.
    pub ns: u64,
    /// What it did.
    pub kind: Kind,
    /// The size of the object; of a change, the larger one.
    pub bytes: u64,
}

/// The events of a replay that took long.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pauses {
    /// All events that took at least so long are there.
    pub from_ns: u64,
    /// In no order.
    pub long: Vec<Pause>,
}

impl Pauses {
    /// Those that took long in every round, each as long as in its quickest one: the same call takes the
    /// same way, while an interruption by the machine comes at another one.
    #[must_use]
    pub fn agreed(rounds: &[Self]) -> Self {
        let from_ns = rounds.iter().map(|round| round.from_ns).max().unwrap_or(LONG_NS);
        let mut all: Vec<Pause> = rounds.iter().flat_map(|round| &round.long).copied().collect();
        all.sort_unstable_by_key(|pause| (pause.thread, pause.event, pause.ns));
        let same = |a: &Pause, b: &Pause| (a.thread, a.event) == (b.thread, b.event);
        // The first of a group is the quickest.
        let groups = all.chunk_by(same).filter(|group| group.len() == rounds.len());
        let long = groups.map(|group| group[0]).filter(|pause| pause.ns >= from_ns).collect();
        Self { from_ns, long }
    }
}

/// Gathers what the threads' timers kept.
#[derive(Debug, Default)]
pub(super) struct Gathered(Mutex<Pauses>);

impl Gathered {
    /// The timer of one thread; its room is made, and touched, before its first event.
    pub fn timer(&self, thread: usize) -> Timer<'_> {
        let none = Pause { thread: 1, event: 1, ns: 1, kind: Kind::Free, bytes: 1 };
        let mut long = vec![none; ROOM];
        long.clear();
        let thread = thread as u32;
        Timer { gathered: self, thread, begin: Instant::now(), event: 0, from_ns: LONG_NS, long }
    }

    pub fn take(&self) -> Pauses {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = std::mem::take(&mut *all);
        all.from_ns = all.from_ns.max(LONG_NS);
        all.long.retain(|pause| pause.ns >= all.from_ns);
        all
    }
}

/// Times the events of one thread.
pub(super) struct Timer<'g> {
    gathered: &'g Gathered,
    thread: u32,
    begin: Instant,
    event: u64,
    from_ns: u64,
    long: Vec<Pause>,
}

impl Timer<'_> {
    #[cold]
    fn keep(&mut self, step: Step, ns: u64) {
        while self.long.len() == ROOM {
            self.from_ns *= 2;
            let from_ns = self.from_ns;
            self.long.retain(|pause| pause.ns >= from_ns);
        }
        let (kind, bytes) = match step {
            Step::Alloc { layout, .. } => (Kind::Alloc, layout.size()),
            Step::Realloc { old, new, .. } => (Kind::Realloc, old.size().max(new.size())),
            Step::Free { layout, .. } => (Kind::Free, layout.size()),
            _ => return,
        };
        let (thread, event, bytes) = (self.thread, self.event, bytes as u64);
        self.long.push(Pause { thread, event, ns, kind, bytes });
    }
}

impl Watch for Timer<'_> {
    #[inline]
    fn begin(&mut self) {
        self.begin = Instant::now();
    }

    #[inline]
    fn end(&mut self, step: Step) {
        let ns = self.begin.elapsed().as_nanos() as u64;
        self.event += 1;
        if ns >= self.from_ns {
            self.keep(step, ns);
        }
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        let mut all = self.gathered.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.from_ns = all.from_ns.max(self.from_ns);
        all.long.append(&mut self.long);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::Layout;

    fn pause(event: u64, ns: u64) -> Pause {
        Pause { thread: 0, event, ns, kind: Kind::Alloc, bytes: 64 }
    }

    #[test]
    fn what_is_long_in_one_round_only_is_no_pause() {
        let first = Pauses { from_ns: LONG_NS, long: vec![pause(3, 50_000), pause(9, 20_000)] };
        let second = Pauses { from_ns: LONG_NS, long: vec![pause(4, 90_000), pause(3, 30_000)] };
        assert_eq!(Pauses::agreed(&[first.clone(), second]).long, [pause(3, 30_000)]);
        assert_eq!(Pauses::agreed(std::slice::from_ref(&first)).long.len(), 2);
        // Where one round kept the longer ones only, the other's shorter ones tell nothing.
        let third = Pauses { from_ns: 40_000, long: vec![pause(3, 60_000)] };
        assert!(Pauses::agreed(&[third.clone(), third.clone()]).long == [pause(3, 60_000)]);
        assert!(Pauses::agreed(&[first, third]).long == [pause(3, 50_000)]);
    }

    #[test]
    fn where_there_are_too_many_the_longer_ones_stay() {
        let gathered = Gathered::default();
        let layout = Layout::from_size_align(64, 8).unwrap();
        let mut timer = gathered.timer(0);
        for n in 0..ROOM as u64 + 10 {
            timer.event = n;
            let ns = if n % 4 == 0 { 3 * LONG_NS } else { LONG_NS };
            timer.keep(Step::Free { place: 0, layout }, ns);
        }
        drop(timer);
        let all = gathered.take();
        assert_eq!(all.from_ns, 2 * LONG_NS);
        assert_eq!(all.long.len(), ROOM / 4 + 3);
    }
}
