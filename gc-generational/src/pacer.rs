//! How long the nursery should be, and when survivors are promoted.
//!
//! Above: the end of a minor collection. Below: nothing but figures.
//!
//! A longer nursery gives objects more time to die, and a shorter one has shorter pauses, and stays in the cache. So
//! it doubles while much survives and there is time, and halves when pauses get too long, or hardly anything
//! survives.
#![forbid(unsafe_code)]

use crate::config::{Config, Promotion};

/// What a minor collection found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub eden_bytes: usize,
    pub survivor_bytes: usize,
    /// Of eden's.
    pub survived_bytes: usize,
    /// Of those that had survived before.
    pub again_bytes: usize,
    pub pause_nanos: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    config: Config,
    /// Minor collections for which survivors are promoted at once.
    at_once: u32,
    /// Minor collections in a row that most survived, and how many of them have the nursery rest.
    most: u32,
    enough: u32,
    /// For how many cycles of the tenured space it rests next.
    rest_cycles: usize,
}

/// Above this part of eden, what survives is promoted at once.
const MANY_PERCENT: usize = 25;
/// Above this part, a second survival tells nothing more.
const MOST_PERCENT: usize = 80;
/// Above this part of eden, copying it was in vain.
const VAIN_PERCENT: usize = 60;
const MOST_AT_FIRST: u32 = 3;
/// What survives of less than this tells nothing.
const TELLING_BYTES: usize = 8 << 10;
const REST_MOST_CYCLES: usize = 16;
/// How many minor collections go by until a second survival is tried again.
const AT_ONCE: u32 = 16;
/// Where more survives than this, a longer nursery may help; below the other, a shorter one does as well.
const GROW_PERCENT: usize = 5;

impl Pacer {
    pub const fn new(config: Config) -> Self {
        Self { config, at_once: 0, most: 0, enough: MOST_AT_FIRST, rest_cycles: 1 }
    }

    /// Whether objects are promoted only at their second survival, in the minor collection that is about to begin.
    pub fn waits(&self, eden_bytes: usize, size_bytes: usize) -> bool {
        match self.config.promotion {
            Promotion::First => false,
            Promotion::Second => true,
            // A mutation that has outgrown the nursery was long: what it has left will stay.
            Promotion::Adaptive => self.at_once == 0 && eden_bytes <= size_bytes,
        }
    }

    /// Whether the nursery should rest now, and for how many cycles of the tenured space: asked when a minor
    /// collection has ended. The first one after a rest tells enough.
    pub fn rests(&mut self, found: Found) -> Option<usize> {
        if !self.config.rests || found.eden_bytes < TELLING_BYTES {
            return None;
        }
        if found.survived_bytes <= found.eden_bytes / 100 * VAIN_PERCENT {
            (self.most, self.enough, self.rest_cycles) = (0, MOST_AT_FIRST, 1);
            return None;
        }
        self.most += 1;
        if self.most < self.enough {
            return None;
        }
        (self.most, self.enough) = (0, 1);
        let cycles = self.rest_cycles;
        self.rest_cycles = (cycles * 2).min(REST_MOST_CYCLES);
        Some(cycles)
    }

    /// A minor collection has ended. Returns how long the nursery should be from now on.
    pub fn ended(&mut self, found: Found, size_bytes: usize) -> usize {
        self.at_once = self.at_once.saturating_sub(1);
        let is_part = |part: usize, percent: usize, whole: usize| part > whole / 100 * percent;
        let again = is_part(found.again_bytes, MOST_PERCENT, found.survivor_bytes);
        if is_part(found.survived_bytes, MANY_PERCENT, found.eden_bytes)
            || (found.survivor_bytes > 0 && again)
        {
            self.at_once = AT_ONCE;
        }
        let target_nanos = u64::from(self.config.pause_micros) * 1000;
        let Config { nursery_bytes, nursery_max_bytes, .. } = self.config;
        let survives = is_part(found.survived_bytes, GROW_PERCENT, found.eden_bytes);
        // What a mutation allocates beyond the nursery says nothing about its size.
        if found.pause_nanos == 0 || found.eden_bytes > size_bytes {
            size_bytes
        } else if found.pause_nanos > target_nanos {
            (size_bytes / 2).max((nursery_bytes / 4).max(crate::nursery::BLOCK_LEAST_BYTES))
        } else if survives && found.pause_nanos < target_nanos / 4 {
            (size_bytes * 2).min(nursery_max_bytes.max(nursery_bytes))
        } else if !survives && size_bytes > nursery_bytes {
            size_bytes / 2
        } else {
            size_bytes
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Found = Found {
        eden_bytes: 1 << 20,
        survivor_bytes: 0,
        survived_bytes: 0,
        again_bytes: 0,
        pause_nanos: 1000,
    };

    #[test]
    fn the_nursery_keeps_to_its_pause_and_its_bounds() {
        let config = Config::default();
        let mut pacer = Pacer::new(config);
        let mut size_bytes = config.nursery_bytes;
        for _ in 0..10 {
            let survived_bytes = size_bytes / 5;
            let found =
                Found { eden_bytes: size_bytes, survived_bytes, pause_nanos: 100_000, ..QUIET };
            size_bytes = pacer.ended(found, size_bytes);
        }
        assert_eq!(size_bytes, config.nursery_max_bytes);
        for _ in 0..10 {
            let found = Found { eden_bytes: size_bytes, pause_nanos: 2_000_000, ..QUIET };
            size_bytes = pacer.ended(found, size_bytes);
        }
        assert_eq!(size_bytes, config.nursery_bytes / 4);
        for _ in 0..10 {
            size_bytes = pacer.ended(Found { eden_bytes: size_bytes, ..QUIET }, size_bytes);
        }
        assert!(size_bytes <= config.nursery_bytes);
    }

    #[test]
    fn the_nursery_rests_longer_each_time() {
        let mut pacer = Pacer::new(Config::default());
        let vain = Found { survived_bytes: 900 << 10, ..QUIET };
        assert_eq!([vain; 3].map(|found| pacer.rests(found)), [None, None, Some(1)]);
        assert_eq!([vain; 2].map(|found| pacer.rests(found)), [Some(2), Some(4)]);
        assert_eq!(pacer.rests(QUIET), None);
        assert_eq!([vain; 3].map(|found| pacer.rests(found)), [None, None, Some(1)]);
    }

    #[test]
    fn survivors_wait_as_long_as_that_tells_something() {
        let mut pacer = Pacer::new(Config::default());
        assert!(pacer.waits(1 << 20, 1 << 20) && !pacer.waits(3 << 20, 1 << 20));
        pacer.ended(Found { survivor_bytes: 1000, again_bytes: 100, ..QUIET }, 1 << 20);
        assert!(pacer.waits(1 << 20, 1 << 20));
        pacer.ended(Found { survivor_bytes: 1000, again_bytes: 900, ..QUIET }, 1 << 20);
        assert!(!pacer.waits(1 << 20, 1 << 20));
        (0..AT_ONCE).for_each(|_| _ = pacer.ended(QUIET, 1 << 20));
        assert!(pacer.waits(1 << 20, 1 << 20));
        pacer.ended(Found { survived_bytes: 500 << 10, ..QUIET }, 1 << 20);
        assert!(!pacer.waits(1 << 20, 1 << 20));
    }
}
