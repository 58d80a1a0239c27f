//! The free runs of a mapping in order of length and address, by grades of length: a small tree each.
//!
//! Above: [`Runs`](crate::runs::Runs), with one forest for runs that have dirty pages and one for
//! runs that have none. Below: [`Tree`]. A look-up finds its grade by arithmetic, the next grade that has
//! runs by a bit mask, and so reads few records; the order is the same as in one large tree.
#![forbid(unsafe_code)]

use crate::record::{Key, NONE, Page, Record};
use crate::tree::Tree;

/// Lengths below `EVEN * STEP_PAGES` are graded in even steps, longer ones by powers of two.
const EVEN: u32 = 16;
const STEP_PAGES: u32 = 16;
const GRADES: usize = 32;

#[derive(Debug)]
pub(crate) struct Forest {
    trees: [Tree; GRADES],
    /// A bit for each grade that has runs.
    grown: u32,
    runs: u32,
}

/// The grade of a length: it never falls as the length grows.
#[inline]
fn grade(pages: u32) -> usize {
    if pages < EVEN * STEP_PAGES {
        (pages / STEP_PAGES) as usize
    } else {
        let power = (pages / (EVEN * STEP_PAGES)).ilog2();
        ((EVEN + power) as usize).min(GRADES - 1)
    }
}

const _: () = assert!(GRADES == u32::BITS as usize);

impl Forest {
    pub const fn new() -> Self {
        Self { trees: [const { Tree::new() }; GRADES], grown: 0, runs: 0 }
    }

    /// How many runs there are.
    pub fn runs(&self) -> u32 {
        self.runs
    }

    /// Adds the run that begins at `page`; its length stands in its record.
    pub fn insert(&mut self, records: &mut [Record], page: Page) {
        let grade = grade(records[page as usize].pages());
        self.trees[grade].insert(records, page);
        self.grown |= 1 << grade;
        self.runs += 1;
    }

    /// Takes out the run that begins at `page`, whose record is as it was at `insert`.
    pub fn remove(&mut self, records: &mut [Record], page: Page) {
        let grade = grade(records[page as usize].pages());
        self.trees[grade].remove(records, page);
        if self.trees[grade].is_empty() {
            self.grown &= !(1 << grade);
        }
        self.runs -= 1;
    }

    /// The first run whose key is at least `key`.
    pub fn at_least(&self, records: &[Record], key: Key) -> Option<Key> {
        let grade = grade(key.pages);
        let in_grade = self.trees[grade].at_least(records, key);
        if in_grade.is_some() {
            return in_grade;
        }
        let longer = self.grown & (u32::MAX << grade) & !(1 << grade);
        let next = self.trees.get(longer.trailing_zeros() as usize)?;
        next.at_least(records, Key { pages: 0, page: 0 })
    }

    /// The last run whose key is less than `key`.
    pub fn before(&self, records: &[Record], key: Key) -> Option<Key> {
        let grade = grade(key.pages);
        let in_grade = self.trees[grade].before(records, key);
        if in_grade.is_some() {
            return in_grade;
        }
        let shorter = self.grown & !(u32::MAX << grade);
        let next = shorter.checked_ilog2()?;
        self.trees[next as usize].before(records, Key { pages: u32::MAX, page: NONE })
    }

    /// Whether all trees are in order, and hold runs of their grade alone, as many as are counted.
    /// Returns the place of the first breach.
    pub fn breach(&self, records: &[Record]) -> Result<(), Page> {
        let mut seen = 0;
        for (at, tree) in self.trees.iter().enumerate() {
            seen += tree.breach(records, |pages| grade(pages) == at)?;
            if tree.is_empty() != (self.grown >> at & 1 == 0) {
                return Err(0);
            }
        }
        if seen == self.runs { Ok(()) } else { Err(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::State;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const PAGES: u32 = 400;

    #[test]
    fn forest_grades_never_fall() {
        let lengths = (1..8000).chain((13..30).flat_map(|power| {
            let power = 1_u32 << power;
            [power - 1, power, power + 1]
        }));
        let grades: Vec<_> = lengths.map(grade).collect();
        assert!(grades.is_sorted());
        assert_eq!((grades[0], grade(255), grade(256), grade(512)), (0, 15, 16, 17));
        assert_eq!(grade(u32::MAX), 31);
    }

    proptest! {
        /// Runs of one page each stand for runs of any length: only their heads are read.
        #[test]
        fn forest_agrees_with_an_ordered_set(
            steps in proptest::collection::vec(
                (0..PAGES, prop_oneof![1..30u32, 1..2000u32, 1..1_000_000u32], any::<bool>()),
                1..300,
            )
        ) {
            let mut records = vec![Record::end(State::Free, 1); PAGES as usize];
            let mut forest = Forest::new();
            let mut set = BTreeSet::new();
            for (page, pages, look) in steps {
                let here = Key::of(&records, page);
                if look {
                    let key = Key { pages, page };
                    let found = forest.at_least(&records, key);
                    prop_assert_eq!(found, set.range(key..).next().copied());
                    let before = set.range(..key).next_back().copied();
                    prop_assert_eq!(forest.before(&records, key), before);
                } else if set.remove(&here) {
                    forest.remove(&mut records, page);
                } else {
                    records[page as usize] = Record::end(State::Free, pages);
                    forest.insert(&mut records, page);
                    set.insert(Key { pages, page });
                }
                prop_assert_eq!(forest.breach(&records), Ok(()));
                prop_assert_eq!(forest.runs() as usize, set.len());
            }
        }
    }
}
