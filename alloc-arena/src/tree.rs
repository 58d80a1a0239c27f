//! Free runs of one grade in order of length and address: a treap in the runs' own records.
//!
//! Above: [`Forest`](crate::forest::Forest), with a tree for each grade. Below: records. A tree owns no memory: a free run brings the links it needs, so
//! that freeing cannot fail.
//!
//! Invariants: in order, keys ascend; from the root down, ranks descend. All steps are loops.
#![forbid(unsafe_code)]

use crate::record::{Key, NONE, Page, Record, above};

#[derive(Debug)]
pub(crate) struct Tree {
    root: Page,
}

/// A place that holds a link.
#[derive(Clone, Copy)]
enum Link {
    Root,
    Left(Page),
    Right(Page),
}

impl Tree {
    pub const fn new() -> Self {
        Self { root: NONE }
    }

    /// Whether no run is in the tree.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root == NONE
    }

    fn get(&self, records: &[Record], link: Link) -> Page {
        match link {
            Link::Root => self.root,
            Link::Left(page) => records[page as usize].left,
            Link::Right(page) => records[page as usize].right,
        }
    }

    fn set(&mut self, records: &mut [Record], link: Link, page: Page) {
        match link {
            Link::Root => self.root = page,
            Link::Left(parent) => records[parent as usize].left = page,
            Link::Right(parent) => records[parent as usize].right = page,
        }
    }

    /// Adds the run that begins at `page`; its length stands in its record.
    pub fn insert(&mut self, records: &mut [Record], page: Page) {
        let key = Key::of(records, page);
        let mut link = Link::Root;
        let mut rest = self.root;
        while rest != NONE && above(rest, page).is_ge() {
            link = if key < Key::of(records, rest) { Link::Left(rest) } else { Link::Right(rest) };
            rest = self.get(records, link);
        }
        self.split(records, rest, page, key);
        self.set(records, link, page);
    }

    /// Hangs the tree at `rest` below `page`: the lesser keys left of it, the greater right.
    fn split(&mut self, records: &mut [Record], mut rest: Page, page: Page, key: Key) {
        let mut lesser = Link::Left(page);
        let mut greater = Link::Right(page);
        while rest != NONE {
            if Key::of(records, rest) < key {
                self.set(records, lesser, rest);
                lesser = Link::Right(rest);
                rest = records[rest as usize].right;
            } else {
                self.set(records, greater, rest);
                greater = Link::Left(rest);
                rest = records[rest as usize].left;
            }
        }
        self.set(records, lesser, NONE);
        self.set(records, greater, NONE);
    }

    /// Takes out the run that begins at `page`, whose record is as it was at `insert`.
    pub fn remove(&mut self, records: &mut [Record], page: Page) {
        let key = Key::of(records, page);
        let mut link = Link::Root;
        loop {
            let at = self.get(records, link);
            if at == page || at == NONE {
                debug_assert!(at == page, "the run is not in this tree");
                break;
            }
            link = if key < Key::of(records, at) { Link::Left(at) } else { Link::Right(at) };
        }
        let (mut left, mut right) = (records[page as usize].left, records[page as usize].right);
        while left != NONE && right != NONE {
            if above(left, right).is_gt() {
                self.set(records, link, left);
                link = Link::Right(left);
                left = records[left as usize].right;
            } else {
                self.set(records, link, right);
                link = Link::Left(right);
                right = records[right as usize].left;
            }
        }
        self.set(records, link, if left == NONE { right } else { left });
    }

    /// The first run whose key is at least `key`.
    pub fn at_least(&self, records: &[Record], key: Key) -> Option<Key> {
        let mut best = None;
        let mut at = self.root;
        while at != NONE {
            let here = Key::of(records, at);
            if here < key {
                at = records[at as usize].right;
            } else {
                best = Some(here);
                at = records[at as usize].left;
            }
        }
        best
    }

    /// The last run whose key is less than `key`.
    pub fn before(&self, records: &[Record], key: Key) -> Option<Key> {
        let mut best = None;
        let mut at = self.root;
        while at != NONE {
            let here = Key::of(records, at);
            if here < key {
                best = Some(here);
                at = records[at as usize].right;
            } else {
                at = records[at as usize].left;
            }
        }
        best
    }

    /// Whether every run that is reached in order of the keys also stands where the ranks put it, and
    /// is of a length that `may_stand` here. Returns how many there are, or the place of the first
    /// breach.
    pub fn breach(&self, records: &[Record], may_stand: impl Fn(u32) -> bool) -> Result<u32, Page> {
        let mut key = Key { pages: 0, page: 0 };
        let mut seen = 0;
        while let Some(here) = self.at_least(records, key) {
            let record = &records[here.page as usize];
            if !may_stand(here.pages) {
                return Err(here.page);
            }
            for child in [record.left, record.right] {
                if child != NONE && above(child, here.page).is_ge() {
                    return Err(here.page);
                }
            }
            if record.left != NONE && Key::of(records, record.left) >= here
                || record.right != NONE && Key::of(records, record.right) <= here
            {
                return Err(here.page);
            }
            seen += 1;
            key = Key { pages: here.pages, page: here.page + 1 };
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::State;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const PAGES: u32 = 400;

    proptest! {
        /// Runs of one page each stand for runs of any length: a tree reads only their heads.
        #[test]
        fn tree_agrees_with_an_ordered_set(
            steps in proptest::collection::vec((0..PAGES, 1..30u32, any::<bool>()), 1..300)
        ) {
            let mut records = vec![Record::end(State::Free, 1); PAGES as usize];
            let mut tree = Tree::new();
            let mut set = BTreeSet::new();
            for (page, pages, look) in steps {
                let here = Key::of(&records, page);
                if look {
                    let key = Key { pages, page };
                    prop_assert_eq!(tree.at_least(&records, key), set.range(key..).next().copied());
                    let before = set.range(..key).next_back().copied();
                    prop_assert_eq!(tree.before(&records, key), before);
                } else if set.remove(&here) {
                    tree.remove(&mut records, page);
                } else {
                    records[page as usize] = Record::end(State::Free, pages);
                    tree.insert(&mut records, page);
                    set.insert(Key { pages, page });
                }
                prop_assert_eq!(tree.breach(&records, |_| true), Ok(set.len() as u32));
            }
        }
    }

    /// Ten thousand runs, freed in order, make no deep tree.
    #[test]
    fn tree_stays_shallow() {
        const MANY: u32 = 10_000;
        let mut records = vec![Record::end(State::Free, 1); MANY as usize];
        let mut tree = Tree::new();
        for page in 0..MANY {
            tree.insert(&mut records, page);
        }
        let mut level = vec![tree.root];
        let mut depth = 0;
        while !level.is_empty() {
            depth += 1;
            level = level
                .iter()
                .flat_map(|&page| [records[page as usize].left, records[page as usize].right])
                .filter(|&page| page != NONE)
                .collect();
        }
        assert!((14..50).contains(&depth), "{depth} levels");
    }
}
