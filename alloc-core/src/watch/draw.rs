//! Which allocation is watched: a Poisson process along the bytes (or the calls) of each thread.
//!
//! Above: `Profile`, which draws by bytes, and `Sampled`, which draws by calls. Below: thread-local storage.
//!
//! The distance from one sampled unit to the next has a geometric distribution (the exponential one, for whole
//! units), which has no memory: whatever came before, the next unit is sampled with the same odds.
//! So a distance may be thrown away and drawn anew at any time without a bias. Two things follow. An allocation
//! of `n` units is sampled with the odds `1 - exp(-n / mean)`, wherever it stands. And a thread needs one
//! countdown only, however many samplers it meets: a sampler that finds another one's draws a new distance.
//!
//! The scheme is that of tcmalloc and jemalloc. Not here: what is done with a sampled allocation.

use crate::sync::{AtomicU32, AtomicU64, Ordering};
use core::cell::Cell;

/// A thread's countdown: how many units still pass, and for which sampler.
#[derive(Debug)]
pub(super) struct Countdown {
    owner: Cell<u32>,
    /// Signed: then one instruction both takes off what is counted and says whether it was too much.
    left: Cell<isize>,
}

impl Countdown {
    /// A countdown that is no sampler's yet.
    pub(super) const fn new() -> Self {
        Self { owner: Cell::new(NOBODY), left: Cell::new(0) }
    }
}

/// No sampler has this number, nor the one that says that a sampler has no number yet.
const NOBODY: u32 = u32::MAX;
const NO_NUMBER: u32 = 0;
const _: () = assert!(NOBODY != NO_NUMBER);

/// Draws distances around a mean.
#[derive(Debug)]
pub(super) struct Sampler {
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
            Self { number: AtomicU32::new(NO_NUMBER), seed: 0, draws: AtomicU64::new(0), mean }
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
    pub(super) fn passes(&self, countdown: &Countdown, units: usize) -> bool {
        // ORDERING: Relaxed; the number is all that is asked for, and a stale one leads to `turn`.
        if self.number.load(Ordering::Relaxed) != countdown.owner.get() {
            return false;
        }
        // Below 0 it is due; `turn` sets it anew. (No allocation has more than `isize::MAX` bytes.)
        let left = countdown.left.get().wrapping_sub(units.cast_signed());
        countdown.left.set(left);
        left >= 0
    }

    /// What [`passes`](Self::passes) did not settle: counts `units`, and says whether one of them is sampled.
    #[cold]
    #[inline(never)]
    pub(super) fn turn(&self, countdown: &Countdown, units: usize) -> bool {
        let number = self.number();
        let mut left = None;
        if countdown.owner.get() != number {
            // Another sampler's countdown, of which nothing was taken off; or no sampler's.
            countdown.owner.set(number);
            left = self.distance().checked_sub_unsigned(units).filter(|left| *left >= 0);
        }
        countdown.left.set(left.unwrap_or_else(|| self.distance()));
        left.is_none()
    }

    /// The odds with which an allocation of so many units is sampled.
    #[cfg(any(feature = "profile", test))]
    pub(super) fn odds(&self, units: usize) -> f64 {
        if self.mean == 0 { 1.0 } else { -(-(units as f64) / self.mean as f64).exp_m1() }
    }

    /// How many units pass before the next that is sampled; not negative.
    pub(super) fn distance(&self) -> isize {
        if self.mean == 0 {
            return 0;
        }
        // Above 0 and at most 1, in steps of 2 to the power of -53.
        let chance = ((self.random() >> 11) + 1) as f64 * (1.0 / (1u64 << 53) as f64);
        // The cast cuts to a whole number: the geometric distribution.
        (-chance.ln() * self.mean as f64) as isize
    }

    /// A random word: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
    pub(super) fn random(&self) -> u64 {
        // ORDERING: Relaxed; each draw has its own number, and guards nothing.
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        let seed = if self.seed == 0 { self.place_and_time() } else { self.seed };
        let mut word = seed.wrapping_add(draw.wrapping_add(1).wrapping_mul(GOLDEN));
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Where the system laid this process, and it laid the sampler, and when this is: other distances in each, in a forked child
    /// as well. (The clock is read without a call of the system.)
    fn place_and_time(&self) -> u64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let ns = now.map_or(0, |now| now.as_nanos() as u64);
        (core::ptr::from_ref(self).addr() as u64).rotate_left(32) ^ ns
    }

    /// The sampler's number, which no other of this process has.
    fn number(&self) -> u32 {
        static NEXT: crate::sync::language::AtomicU32 = crate::sync::language::AtomicU32::new(1);
        // ORDERING: Relaxed throughout; numbers need to be different, nothing more.
        let known = self.number.load(Ordering::Relaxed);
        if known != NO_NUMBER {
            return known;
        }
        let mut fresh = NEXT.fetch_add(1, Ordering::Relaxed);
        if matches!(fresh, NO_NUMBER | NOBODY) {
            fresh = 1;
        }
        match self.number.compare_exchange(NO_NUMBER, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => fresh,
            Err(number) => number,
        }
    }
}

/// Two to the power of 64, divided by the golden ratio: what splitmix64 counts in.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(all(test, not(all(loom, feature = "loom"))))]
mod tests {
    use super::{Countdown, GOLDEN, Sampler};

    fn seeded(mean: usize, seed: u64) -> Sampler {
        let mut sampler = Sampler::new(mean);
        sampler.set_seed(seed);
        sampler
    }

    #[test]
    fn words_are_those_of_splitmix64() {
        // What its authors' program prints for this seed.
        let words =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        let sampler = seeded(1, 1_234_567);
        assert_eq!(words.map(|_| sampler.random()), words);
    }

    #[test]
    fn without_a_seed_each_draws_other_words() {
        let samplers = [Sampler::new(1), Sampler::new(1)];
        let [one, other] = samplers.each_ref().map(Sampler::random);
        assert_ne!(one, other);
    }

    #[test]
    fn the_rarest_distance_is_a_number() {
        // The first word is 0, of which no logarithm could be taken.
        let sampler = seeded(100, GOLDEN.wrapping_neg());
        assert_eq!(sampler.distance(), (53.0 * core::f64::consts::LN_2 * 100.0) as isize);
    }

    #[test]
    fn the_longest_distance_is_no_less() {
        assert_eq!(seeded(usize::MAX, GOLDEN.wrapping_neg()).distance(), isize::MAX);
        let (sampler, countdown) = (seeded(usize::MAX, GOLDEN.wrapping_neg()), Countdown::new());
        assert!(!sampler.passes(&countdown, 1) && !sampler.turn(&countdown, 1));
        assert_eq!(countdown.left.get(), isize::MAX - 1);
    }

    #[test]
    fn a_mean_is_what_was_set() {
        let mut sampler = Sampler::new(100);
        assert_eq!(sampler.mean(), 100);
        sampler.set_mean(7);
        assert_eq!(sampler.mean(), 7);
    }

    #[test]
    fn a_mean_of_nothing_samples_everything_but_nothing() {
        let (sampler, countdown) = (Sampler::new(0), Countdown::new());
        for _ in 0..10 {
            assert!(!sampler.passes(&countdown, 1) && sampler.turn(&countdown, 1));
            assert!(sampler.passes(&countdown, 0));
        }
    }

    #[test]
    fn the_odds_are_what_was_promised() {
        for (seed, units) in [(1, 1), (2, 30), (3, 100), (4, 250)] {
            let mut sampler = Sampler::new(100);
            sampler.set_seed(seed);
            let countdown = Countdown::new();
            let rounds = 100_000;
            let sampled = (0..rounds)
                .filter(|_| !sampler.passes(&countdown, units) && sampler.turn(&countdown, units))
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
        let countdown = Countdown::new();
        let mut sampled = [0u32; 2];
        for _ in 0..100_000 {
            for (sampler, sampled) in [&coarse, &fine].into_iter().zip(&mut sampled) {
                if !sampler.passes(&countdown, 5) && sampler.turn(&countdown, 5) {
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
}
