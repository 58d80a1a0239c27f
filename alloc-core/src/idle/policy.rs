//! When to look at a stack, when to have it give back, and how much.
//!
//! Above: [`Purger`](super::Purger)'s thread, or a loop of the program's. Below: the stack, as a layer.
//! Policy alone: time comes in as a number, so that tests need no clock.
//!
//! ```text
//!            figures changed                      nothing left to give
//!   ┌───────────────────────────────┐        ┌──────────────────────────┐
//!   ▼                               │        │                          ▼
//!  busy ── quiet for `after` ──▶ giving back: a step at a time        resting
//!   ▲                                                                   │
//!   └──────────────────────────── figures changed ──────────────────────┘
//! ```
#![forbid(unsafe_code)]

use super::activity::Activity;
use crate::Layer;
use core::time::Duration;

/// What is given back in one step, after which the figures are looked at again.
const STEP_BYTES: usize = 32 << 20;

/// The pause between two steps.
const STEP_PAUSE: Duration = Duration::from_millis(1);

/// While the stack is busy it is looked at so many times in the time after which it is idle.
const LOOKS: u32 = 4;

/// Watches a stack, and has it give back what it caches when nothing has happened for a while.
///
/// It is for whoever calls [`look`](Idle::look) at the right times: a loop that waits for events, a timer.
/// `Purger` is a thread that does.
///
/// A stack is idle when its [report](Layer::report) stays the same. So what no layer counts is no activity:
/// of a thread cache its misses are, its hits are not. A program whose every request is a hit is idle to
/// the layers below, and giving back costs it a miss for each class that it uses.
///
/// ```
/// use alloc_core::{Idle, Observe, api2::alloc::System};
/// use core::time::Duration;
///
/// let stack = Observe::new(System);
/// let mut idle = Idle::new(Duration::from_millis(500));
/// let next = idle.look(&stack, Duration::from_millis(0)); // the time since a moment of your choice
/// assert_eq!(next, Duration::from_millis(125)); // look again then
/// ```
#[derive(Debug)]
pub struct Idle {
    after: Duration,
    seen: Option<Activity>,
    /// Since when the figures are as they were seen.
    since: Duration,
    /// Nothing is left to give; the time to the next look.
    resting: Option<Duration>,
}

impl Idle {
    /// For a stack that is idle when nothing has happened for the time `after`.
    #[must_use]
    pub const fn new(after: Duration) -> Self {
        Self { after, seen: None, since: Duration::ZERO, resting: None }
    }

    /// Looks at the stack `now`, a time that has gone by since any fixed moment. Gives a part of its
    /// memory back if it is idle; else what is due by its age ([`Layer::reclaim`] of 0 bytes). Returns how
    /// much later to look again.
    ///
    /// From the last activity to the first step it takes at most twice the time after which a stack is
    /// idle. While there is nothing to give back, looks become rare, down to one in that time. A look
    /// costs as much as a report.
    pub fn look<L: Layer + ?Sized>(&mut self, layer: &L, now: Duration) -> Duration {
        let before = Activity::of(layer);
        if self.seen != Some(before) {
            self.since = now;
            self.resting = None;
        }
        if let Some(wait) = self.resting {
            self.resting = Some((wait * 2).min(self.after));
            return wait;
        }
        let quiet = now.saturating_sub(self.since);
        if let Some(rest) = self.after.checked_sub(quiet).filter(|rest| !rest.is_zero()) {
            self.reclaim(layer, 0);
            return rest.min(self.shortest());
        }
        match self.reclaim(layer, STEP_BYTES) {
            STEP_BYTES.. => return STEP_PAUSE,
            // What others freed while this went on is in the figures as they are now: only if they are as
            // they were before did nothing happen, and nothing is left.
            0 if self.seen == Some(before) => {
                self.resting = Some((self.shortest() * 2).min(self.after));
            }
            _ => {}
        }
        self.shortest()
    }

    /// Reclaims, which changes the figures too, but is no activity.
    fn reclaim<L: Layer + ?Sized>(&mut self, layer: &L, goal_bytes: usize) -> usize {
        let given_bytes = layer.reclaim(goal_bytes);
        self.seen = Some(Activity::of(layer));
        given_bytes
    }

    fn shortest(&self) -> Duration {
        (self.after / LOOKS).max(STEP_PAUSE)
    }
}
