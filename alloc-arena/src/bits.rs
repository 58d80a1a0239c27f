//! What is known of each page's contents: two bits a page, outside the page.
//!
//! Above: [`Runs`](crate::runs::Runs). The bits speak of free pages; those of used pages are clear.
//!
//! | dirty | stale | the page |
//! |---|---|---|
//! | 0 | 0 | reads as zero: never touched, or purged |
//! | 0 | 1 | has no memory that is worth purging, but may not read as zero |
//! | 1 | 0 | was handed out since it was last purged: it has memory and contents |
//! | 1 | 1 | has memory, by a huge page that it is part of, but was not handed out: reads as zero |
#![forbid(unsafe_code)]

use core::ops::Range;

/// The bits of 64 pages.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Word {
    pub dirty: u64,
    pub stale: u64,
}

pub(crate) const WORD_PAGES: u32 = u64::BITS;

/// The parts of `pages` that lie in each word: the word's index, and a mask.
fn parts(pages: Range<u32>) -> impl DoubleEndedIterator<Item = (usize, u64)> {
    let words = pages.start / WORD_PAGES..pages.end.div_ceil(WORD_PAGES);
    words.map(move |word| {
        let first = pages.start.saturating_sub(word * WORD_PAGES);
        let end = (pages.end - word * WORD_PAGES).min(WORD_PAGES);
        let mask = u64::MAX << first & u64::MAX >> (WORD_PAGES - end);
        (word as usize, mask)
    })
}

/// Calls `visit` with each word that `pages` have a part of, the number of its first page, and the
/// mask of that part. Long ranges are whole words but for their ends, and these take a plain loop.
#[inline]
fn visit(words: &mut [Word], pages: Range<u32>, mut visit: impl FnMut(&mut Word, u32, u64)) {
    if pages.is_empty() {
        return;
    }
    let first = pages.start / WORD_PAGES;
    let last = (pages.end - 1) / WORD_PAGES;
    let head = u64::MAX << (pages.start % WORD_PAGES);
    let tail = u64::MAX >> (WORD_PAGES - 1 - (pages.end - 1) % WORD_PAGES);
    let words = &mut words[first as usize..=last as usize];
    if let [only] = words {
        return visit(only, first * WORD_PAGES, head & tail);
    }
    if let [start, whole @ .., end] = words {
        visit(start, first * WORD_PAGES, head);
        let mut page = first * WORD_PAGES;
        for word in whole {
            page += WORD_PAGES;
            visit(word, page, u64::MAX);
        }
        visit(end, last * WORD_PAGES, tail);
    }
}

/// Makes `pages` dirty.
pub(crate) fn set_dirty(words: &mut [Word], pages: Range<u32>) {
    visit(words, pages, |word, _, mask| {
        word.dirty |= mask;
        word.stale &= !mask;
    });
}

/// Makes `pages`, whose bits are clear, part of a huge page.
pub(crate) fn set_filled(words: &mut [Word], pages: Range<u32>) {
    for (word, mask) in parts(pages) {
        words[word].dirty |= mask;
        words[word].stale |= mask;
    }
}

/// Makes `pages` clean, and stale if `stale`.
pub(crate) fn set_clean(words: &mut [Word], pages: Range<u32>, stale: bool) {
    for (word, mask) in parts(pages) {
        words[word].dirty &= !mask;
        if stale {
            words[word].stale |= mask;
        } else {
            words[word].stale &= !mask;
        }
    }
}

pub(crate) fn count_dirty(words: &[Word], pages: Range<u32>) -> u32 {
    let count = |(word, mask): (usize, u64)| match words[word].dirty & mask {
        u64::MAX => u64::BITS,
        0 => 0,
        dirty => dirty.count_ones(),
    };
    parts(pages).map(count).sum()
}

/// Whether both bits of all `pages` are clear.
pub(crate) fn are_clear(words: &[Word], pages: Range<u32>) -> bool {
    parts(pages).all(|(word, mask)| (words[word].dirty | words[word].stale) & mask == 0)
}

/// Clears both bits of `pages`, which are being handed out. Returns the shortest range outside of
/// which all of them read as zero.
pub(crate) fn take(words: &mut [Word], pages: Range<u32>) -> Range<u32> {
    let mut unclear = pages.start..pages.start;
    visit(words, pages, |word, base, mask| {
        let set = (word.dirty ^ word.stale) & mask;
        if set != 0 {
            if unclear.is_empty() {
                unclear.start = base + set.trailing_zeros();
            }
            unclear.end = base + WORD_PAGES - set.leading_zeros();
        }
        word.dirty &= !mask;
        word.stale &= !mask;
    });
    unclear
}

/// The end of the stretch at the start of `pages`, which are not none, that is all dirty or all not;
/// and which of these it is.
pub(crate) fn stretch(words: &[Word], pages: Range<u32>) -> (u32, bool) {
    let first = words[(pages.start / WORD_PAGES) as usize].dirty >> (pages.start % WORD_PAGES);
    let dirty = first & 1 == 1;
    for (word, mask) in parts(pages.clone()) {
        let other = if dirty { !words[word].dirty } else { words[word].dirty } & mask;
        if other != 0 {
            return (word as u32 * WORD_PAGES + other.trailing_zeros(), dirty);
        }
    }
    (pages.end, dirty)
}

/// The last stretch of dirty pages in `pages`, no longer than `most`.
pub(crate) fn last_dirty(words: &[Word], pages: Range<u32>, most: u32) -> Option<Range<u32>> {
    let mut end = None;
    for (word, mask) in parts(pages.clone()).rev() {
        let base = word as u32 * WORD_PAGES;
        let set = words[word].dirty & mask;
        // The highest dirty page of the word, unless the stretch came in from above.
        let top = match end {
            Some(_) => (base + WORD_PAGES).min(pages.end),
            None if set == 0 => continue,
            None => base + WORD_PAGES - set.leading_zeros(),
        };
        let end = *end.get_or_insert(top);
        // The highest page below `top` that is not dirty ends the stretch.
        let clear = !set & u64::MAX >> (WORD_PAGES - (top - base));
        let start = if clear == 0 { base } else { base + WORD_PAGES - clear.leading_zeros() };
        let start = start.max(pages.start).max(end.saturating_sub(most));
        if clear != 0 || start > base || base <= pages.start || end - start >= most {
            return Some(start..end);
        }
    }
    end.map(|end| pages.start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGES: u32 = 5 * WORD_PAGES;

    fn words_of(dirty: &[bool]) -> Vec<Word> {
        let mut words = vec![Word::default(); 5];
        for page in (0..PAGES).filter(|&page| dirty[page as usize]) {
            set_dirty(&mut words, page..page + 1);
        }
        words
    }

    /// Long stretches and short ones, and single pages.
    fn pages() -> impl Strategy<Value = Vec<bool>> {
        let stretch = prop_oneof![1..4usize, 1..150usize];
        proptest::collection::vec((stretch, any::<bool>()), 1..40).prop_map(|stretches| {
            let mut pages: Vec<bool> =
                stretches.iter().flat_map(|&(n, dirty)| vec![dirty; n]).collect();
            pages.resize(PAGES as usize, false);
            pages
        })
    }

    fn range() -> impl Strategy<Value = Range<u32>> {
        (0..=PAGES, 0..=PAGES).prop_map(|(a, b)| a.min(b)..a.max(b))
    }

    proptest! {
        #[test]
        fn bits_agree_with_a_vector(dirty in pages(), at in range(), most in 1..200u32) {
            let mut words = words_of(&dirty);
            let is_dirty = |page: &u32| dirty[*page as usize];
            prop_assert_eq!(
                count_dirty(&words, at.clone()),
                at.clone().filter(is_dirty).count() as u32
            );

            let expected = at.clone().rev().find(is_dirty).map(|last| {
                let run = (at.start..=last).rev().take_while(is_dirty).take(most as usize);
                run.last().unwrap()..last + 1
            });
            prop_assert_eq!(last_dirty(&words, at.clone(), most), expected);

            if !at.is_empty() {
                let kind = is_dirty(&at.start);
                let end = at.clone().find(|page| is_dirty(page) != kind).unwrap_or(at.end);
                prop_assert_eq!(stretch(&words, at.clone()), (end, kind));
            }

            let unclear = take(&mut words, at.clone());
            let first = at.clone().find(is_dirty);
            let last = at.clone().rev().find(is_dirty);
            prop_assert_eq!(
                unclear,
                first.map_or(at.start..at.start, |first| first..last.unwrap() + 1)
            );
            prop_assert_eq!(count_dirty(&words, at.clone()), 0);
            let outside = (0..PAGES).filter(|page| !at.contains(page));
            prop_assert_eq!(
                count_dirty(&words, 0..PAGES),
                outside.filter(is_dirty).count() as u32
            );
        }
    }
}
