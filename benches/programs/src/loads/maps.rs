//! Maps that grow and shrink: entries come and go, and what they own comes and goes with them.

use super::{Random, Ready, scaled};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};

const ENTRIES: usize = 500_000;
const BTREE_STEPS: usize = 6_000_000;
const HASH_STEPS: usize = 10_000_000;

pub(super) fn prepare_btree(percent: usize) -> Ready {
    let (entries, steps) = (scaled(ENTRIES, percent), scaled(BTREE_STEPS, percent));
    Box::new(move || {
        let mut random = Random::new(1);
        let mut map: BTreeMap<u64, String> = BTreeMap::new();
        let mut bytes = 0;
        for step in 0..steps {
            // Twice as many keys as entries: as many come as go.
            let key = random.below(2 * entries as u64);
            match map.remove(&key) {
                Some(text) => bytes += text.len() as u64,
                None => drop(map.insert(key, format!("{step:0w$}", w = key as usize % 60))),
            }
        }
        bytes + map.len() as u64
    })
}

pub(super) fn prepare_hash(percent: usize) -> Ready {
    let (entries, steps) = (scaled(ENTRIES, percent), scaled(HASH_STEPS, percent));
    Box::new(move || {
        let mut random = Random::new(2);
        // The same order in every process.
        let mut map: HashMap<u64, Vec<u32>, BuildHasherDefault<DefaultHasher>> = HashMap::default();
        let mut sum = 0;
        for step in 0..steps {
            let key = random.below(2 * entries as u64);
            match map.remove(&key) {
                Some(numbers) => sum += numbers.len() as u64,
                None => drop(map.insert(key, vec![step as u32; 1 + key as usize % 40])),
            }
        }
        sum + map.len() as u64
    })
}
