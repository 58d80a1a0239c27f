//! Which allocation is watched: a Poisson process along the bytes (or the calls) of each thread.
//!
//! Above: `Profile`, which draws by bytes, and `Sampled`, which draws by calls. Below: thread-local storage.
//!
//! The distance from one sampled unit to the next has a geometric distribution (the exponential one, for whole
//! units), which has no memory: whatever came before, the next unit is sampled with the same odds.
//! So a distance may be thrown away and drawn anew at any time without a bias, and an allocation
//! of `n` units is sampled with the odds `1 - exp(-n / mean)`, wherever it stands.
//!
//! A thread has a countdown for each sampler, at a place that the sampler has for itself: to count is one subtraction in
//! memory, whose borrow says that a unit is due. The first `PLACES - 1` samplers of a process have places. Those that come
//! later share a countdown, whose place always borrows: `turn` looks whose it is, and draws anew where it is another's.
//!
//! The scheme is that of tcmalloc and jemalloc. Not here: what is done with a sampled allocation.

use crate::sync::{AtomicU32, AtomicU64, Ordering};
use core::cell::Cell;

/// Places for countdowns. Nobody's is the first, which is always at 0.
const PLACES: usize = 32;
const NO_PLACE: usize = 0;
const _: () = assert!(PLACES <= u32::BITS as usize, "a bit for each");

/// A thread's countdowns: how many units still pass.
#[derive(Debug)]
pub(super) struct Countdowns {
    left: [Cell<usize>; PLACES],
    /// The places whose countdown was drawn, a bit for each.
    drawn: Cell<u32>,
    /// The sampler without a place that counted last, and its countdown.
    owner: Cell<u32>,
    shared: Cell<usize>,
}

impl Countdowns {
    /// Countdowns that are no sampler's yet.
    pub(super) const fn new() -> Self {
        Self {
            left: [const { Cell::new(0) }; PLACES],
            drawn: Cell::new(0),
            owner: Cell::new(NOBODY),
            shared: Cell::new(0),
        }
    }
}

std::thread_local! {
    /// The calling thread's.
    pub(super) static COUNTDOWNS: Countdowns = const { Countdowns::new() };
}

/// No sampler has this number, nor the one that says that a sampler has no number yet.
const NOBODY: u32 = u32::MAX;
const NO_NUMBER: u32 = 0;
const _: () = assert!(NOBODY != NO_NUMBER);

/// Draws distances around a mean.
#[derive(Debug)]
pub(super) struct Sampler {
    /// Where its countdowns are; `NO_PLACE` until it has drawn once, and without a place of its own.
    place: AtomicU32,
    number: AtomicU32,
    seed: u64,
    draws: AtomicU64,
    /// In units; 0 samples everything.
    mean: usize,
}

impl Sampler {
    crate::const_fn! {
        /// A sampler that takes one unit in `mean`, on the average.
        pub(super) const fn new(mean: usize) -> Self {
            Self {
                place: AtomicU32::new(NO_PLACE as u32),
                number: AtomicU32::new(NO_NUMBER),
                seed: 0,
                draws: AtomicU64::new(0),
                mean,
            }
        }
    }

    pub(super) const fn set_mean(&mut self, mean: usize) {
        self.mean = mean;
    }

    pub(super) const fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    pub(super) const fn mean(&self) -> usize {
        self.mean
    }

    /// Counts `units`; `true` if none of them is sampled. Otherwise [`turn`](Self::turn) has to decide at once.
    #[inline(always)]
    pub(super) fn passes(&self, countdowns: &Countdowns, units: usize) -> bool {
        // ORDERING: Relaxed; the place is all that is asked for, and none, which is stale, leads to `turn`.
        let place = self.place.load(Ordering::Relaxed) as usize;
        // SAFETY: `number` stores places only, which are below `PLACES`.
        let left = unsafe { countdowns.left.get_unchecked(place) };
        // Below 0 the word wraps round; `turn` sets it anew.
        let (now, is_due) = left.get().overflowing_sub(units);
        left.set(now);
        !is_due
    }

    /// What [`passes`](Self::passes) did not settle: says whether one of `units` is sampled.
    #[cold]
    #[inline(never)]
    pub(super) fn turn(&self, countdowns: &Countdowns, units: usize) -> bool {
        countdowns.left[NO_PLACE].set(0);
        let number = self.number();
        // ORDERING: Relaxed, as in `passes`. A thread that has a countdown at the place has seen it, and sees it ever after.
        let place = self.place.load(Ordering::Relaxed) as usize;
        let (left, was_drawn) = if place == NO_PLACE {
            (&countdowns.shared, countdowns.owner.replace(number) == number)
        } else {
            let drawn = countdowns.drawn.get();
            countdowns.drawn.set(drawn | 1 << place);
            (&countdowns.left[place], drawn & (1 << place) != 0)
        };
        let passes = match (was_drawn, place) {
            // What was there is another's, or nobody's.
            (false, _) => self.distance().checked_sub(units),
            (true, NO_PLACE) => left.get().checked_sub(units),
            // `passes` has counted, and was below 0.
            (true, _) => None,
        };
        left.set(passes.unwrap_or_else(|| self.distance()));
        passes.is_none()
    }

    /// The odds with which an allocation of so many units is sampled.
    #[cfg(any(feature = "profile", test))]
    pub(super) fn odds(&self, units: usize) -> f64 {
        if self.mean == 0 { 1.0 } else { -(-(units as f64) / self.mean as f64).exp_m1() }
    }

    /// How many units pass before the next that is sampled.
    fn distance(&self) -> usize {
        if self.mean == 0 {
            return 0;
        }
        // Above 0 and at most 1, in steps of 2 to the power of -53.
        let chance = ((self.random() >> 11) + 1) as f64 * (1.0 / (1u64 << 53) as f64);
        // The cast cuts to a whole number: the geometric distribution.
        (-chance.ln() * self.mean as f64) as usize
    }

    /// A random word: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
    pub(super) fn random(&self) -> u64 {
        // ORDERING: Relaxed; each draw has its own number, and guards nothing.
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        let mut word = self.seed.wrapping_add(draw.wrapping_add(1).wrapping_mul(GOLDEN));
        if self.seed == 0 {
            // Where the system laid this process: other distances in each.
            word ^= (core::ptr::from_ref(self).addr() as u64).rotate_left(32);
            word ^= u64::from(std::process::id());
        }
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// The sampler's number, which no other of this process has. The first ones are places.
    fn number(&self) -> u32 {
        static LAST: crate::sync::language::AtomicU32 = crate::sync::language::AtomicU32::new(0);
        // ORDERING: Relaxed throughout; numbers need to be different, nothing more.
        let known = self.number.load(Ordering::Relaxed);
        if known != NO_NUMBER {
            return known;
        }
        // At the very end of all numbers, samplers share the last one.
        let next = |last: u32| (last < NOBODY - 1).then_some(last + 1);
        let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let fresh = last.map_or(NOBODY - 1, |last| last + 1);
        let number = match self.number.compare_exchange(
            NO_NUMBER,
            fresh,
            Ordering::Relaxed,
            Ordering::Relaxed,
        ) {
            Ok(_) => fresh,
            Err(number) => number,
        };
        if (number as usize) < PLACES {
            self.place.store(number, Ordering::Relaxed);
        }
        number
    }
}

/// Two to the power of 64, divided by the golden ratio: what splitmix64 counts in.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(all(test, not(all(loom, feature = "loom"))))]
mod tests {
    use super::{Countdowns, PLACES, Sampler};

    #[test]
    fn a_mean_of_nothing_samples_everything_but_nothing() {
        let (sampler, countdowns) = (Sampler::new(0), Countdowns::new());
        for _ in 0..10 {
            assert!(!sampler.passes(&countdowns, 1) && sampler.turn(&countdowns, 1));
            assert!(sampler.passes(&countdowns, 0));
        }
    }

    #[test]
    fn the_odds_are_what_was_promised() {
        for (seed, units) in [(1, 1), (2, 30), (3, 100), (4, 250)] {
            let mut sampler = Sampler::new(100);
            sampler.set_seed(seed);
            let countdowns = Countdowns::new();
            let rounds = 100_000;
            let sampled = (0..rounds)
                .filter(|_| !sampler.passes(&countdowns, units) && sampler.turn(&countdowns, units))
                .count() as f64;
            let odds = sampler.odds(units);
            let expected = odds * f64::from(rounds);
            // Five standard deviations of a binomial distribution.
            let bound = 5.0 * (expected * (1.0 - odds)).sqrt();
            assert!((sampled - expected).abs() < bound, "{units}: {sampled} of {expected}");
        }
    }

    #[test]
    fn samplers_that_take_turns_on_a_thread_stay_without_bias() {
        let (mut coarse, mut fine) = (Sampler::new(1000), Sampler::new(10));
        coarse.set_seed(7);
        fine.set_seed(8);
        let countdowns = Countdowns::new();
        let mut sampled = [0u32; 2];
        for _ in 0..100_000 {
            for (sampler, sampled) in [&coarse, &fine].into_iter().zip(&mut sampled) {
                if !sampler.passes(&countdowns, 5) && sampler.turn(&countdowns, 5) {
                    *sampled += 1;
                }
            }
        }
        for (sampler, sampled) in [coarse, fine].iter().zip(sampled) {
            let expected = sampler.odds(5) * 100_000.0;
            assert!(
                (f64::from(sampled) - expected).abs() < 5.0 * expected.sqrt(),
                "{sampled} of {expected}"
            );
        }
    }

    /// The first of them have places, the others share a countdown.
    #[test]
    fn any_number_of_samplers_stays_without_bias() {
        let samplers: Vec<Sampler> = (0..2 * PLACES)
            .map(|number| {
                let mut sampler = Sampler::new([40, 400][number % 2]);
                sampler.set_seed(number as u64 + 1);
                sampler
            })
            .collect();
        let countdowns = Countdowns::new();
        let mut sampled = [0u32; 2];
        for _ in 0..3_000 {
            for (number, sampler) in samplers.iter().enumerate() {
                for _ in 0..2 {
                    if !sampler.passes(&countdowns, 7) && sampler.turn(&countdowns, 7) {
                        sampled[number % 2] += 1;
                    }
                }
            }
        }
        for (sampler, sampled) in samplers.iter().zip(sampled) {
            let expected = sampler.odds(7) * 3_000.0 * 2.0 * PLACES as f64;
            assert!(
                (f64::from(sampled) - expected).abs() < 5.0 * expected.sqrt(),
                "{sampled} of {expected}"
            );
        }
    }
}
