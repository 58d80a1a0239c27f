//! Numbers without order that are the same in every run, and sizes as programs ask for them.
//!
//! Above: the workloads. Below: nothing.

/// A source of numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // Neighbouring seeds start out alike.
        random.next();
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ (mixed >> 32)
    }

    /// Below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// True once in `count` times.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// In `0.0..1.0`.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From `low` up to `high`, each doubling as often as the others.
    pub fn log_uniform(&mut self, low: usize, high: usize) -> usize {
        let exponent = self.fraction() * (high as f64 / low as f64).ln();
        ((low as f64 * exponent.exp()) as usize).clamp(low, high)
    }

    /// Around `median`: half of them within a factor of 2, few beyond a factor of 8.
    pub fn around(&mut self, median: usize) -> usize {
        // The sum of four uniform numbers is bell-shaped; its deviation is 0.58.
        let bell: f64 = (0..4).map(|_| self.fraction() - 0.5).sum();
        ((median as f64 * (bell * 1.8).exp()) as usize).max(1)
    }

    /// Sizes as many programs mix them: most are small, most bytes are not.
    pub fn mixed_bytes(&mut self) -> usize {
        match self.below(10_000) {
            0..5 => self.log_uniform(32 << 10, 1 << 20),
            5..100 => self.log_uniform(8 << 10, 32 << 10),
            100..600 => self.log_uniform(1 << 10, 8 << 10),
            600..3000 => self.log_uniform(128, 1 << 10),
            _ => self.log_uniform(16, 128),
        }
    }

    /// Puts `items` into any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_mixed_as_promised() {
        let mut random = Random::new(1);
        let sizes: Vec<usize> = (0..400_000).map(|_| random.mixed_bytes()).collect();
        let total: usize = sizes.iter().sum();
        let mean = total / sizes.len();
        assert!((400..900).contains(&mean), "{mean}");
        let part = |low, high| {
            let within = sizes.iter().filter(|&&bytes| bytes >= low && bytes < high);
            within.sum::<usize>() * 100 / total
        };
        assert!(part(16, 1024) > 15, "small objects count");
        assert!(part(32 << 10, usize::MAX) < 40, "large ones are not all");
        assert!(sizes.iter().all(|&bytes| (16..=1 << 20).contains(&bytes)));
    }

    #[test]
    fn medians_are_medians() {
        let mut random = Random::new(2);
        let below = (0..10_000).filter(|_| random.around(1000) < 1000).count();
        assert!((4700..5300).contains(&below), "{below}");
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..1000).collect();
        Random::new(3).shuffle(&mut items);
        assert_ne!(items[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        items.sort_unstable();
        assert!(items.into_iter().eq(0..1000));
    }
}
