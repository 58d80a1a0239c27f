//! Runs by themselves: what fits where, and metadata that is broken on purpose.
//!
//! Not here: what can be tested from outside (`tests/model.rs`, `tests/os.rs`).

use super::{Need, Place, Runs, TRIES};
use crate::bits;
use crate::huge::Wish;
use crate::record::{Key, NONE, Page, Record, State};
use crate::table::Table;
use core::ops::Range;

const SHIFT: u32 = 12;
const PAGE: usize = 1 << SHIFT;
/// Aligned to 256 pages.
const BASE: usize = 1 << 20;

/// One free run of `pages` pages, of which the first `committed_pages` are committed.
fn empty(pages: u32, committed_pages: u32) -> Runs {
    let mut runs = Runs::new(BASE, SHIFT, pages, Table::known(pages));
    runs.note_committed(committed_pages, false);
    runs
}

fn place(runs: &Runs, run: Page, start: Page, pages: u32) -> Place {
    let place = Place { run, start, dirty_pages: 0 };
    Place { dirty_pages: runs.dirty_at(place, pages), ..place }
}

/// Takes the first pages of the free run at `start`.
fn take(runs: &mut Runs, start: Page, pages: u32) -> Range<Page> {
    let place = place(runs, start, start, pages);
    runs.take(place, pages)
}

/// Takes runs of these lengths, one behind the other.
fn take_all(runs: &mut Runs, lengths: &[u32]) {
    let mut start = 0;
    for pages in lengths {
        take(runs, start, *pages);
        start += pages;
    }
}

/// Frees used pages and purges them: they are clean.
fn give_clean(runs: &mut Runs, start: Page, pages: u32, tick: u32) {
    runs.give(start, pages, tick);
    runs.depart(start, start..start + pages);
    runs.arrive(start..start + pages, Some(false), tick);
}

/// 64 pages, 40 of them committed:
///
/// ```text
///   0     8     12    20    24    28          64
///   | used | dirty | used | clean | used | free |
/// ```
fn checkered() -> Runs {
    let mut runs = empty(64, 40);
    take_all(&mut runs, &[8, 4, 8, 4, 4]);
    runs.give(8, 4, 1);
    give_clean(&mut runs, 20, 4, 2);
    runs.verify().unwrap();
    runs
}

/// Where the best fit for a request is: the run, the first page, and how many pages are dirty.
fn fit(runs: &Runs, need: Need, limit: Page) -> Option<(Page, Page, u32)> {
    runs.best_fit(need, limit).map(|place| (place.run, place.start, place.dirty_pages))
}

fn aligned(pages: u32, align_pages: usize) -> Need {
    Need::new(pages, align_pages * PAGE)
}

/// The rule that a checkered mapping breaks after `plant`, and the page where.
fn broken(plant: impl FnOnce(&mut Runs)) -> (&'static str, usize) {
    let mut runs = checkered();
    plant(&mut runs);
    let broken = runs.verify().unwrap_err();
    (broken.rule, (broken.place - BASE) / PAGE)
}

#[test]
fn runs_verify_finds_a_wrong_length() {
    let end = |page: usize, state, pages| {
        broken(|runs| runs.table.records_mut()[page] = Record::end(state, pages))
    };
    let rule = "R1: a run is not empty and ends within the mapping";
    assert_eq!(end(28, State::Free, 0), (rule, 28));
    assert_eq!(end(28, State::Free, 37), (rule, 28));
    let rule = "R3: the ends of a run agree";
    assert_eq!(end(19, State::Used, 7), (rule, 12));
    assert_eq!(end(19, State::Free, 8), (rule, 12));
    let rule = "R2: free runs are joined";
    assert_eq!(broken(|runs| runs.put_ends(24..28, Record::end(State::Free, 4))), (rule, 24));
}

#[test]
fn runs_verify_finds_a_wrong_forest() {
    let rule = "R4: a free run counts its dirty pages";
    assert_eq!(broken(|runs| runs.table.records_mut()[8].dirty_pages = 3), (rule, 8));
    let rule = "R4: a free run stands in the forest of its kind";
    let moved = |runs: &mut Runs| {
        runs.dirty.remove(runs.table.records_mut(), 8);
        runs.clean.insert(runs.table.records_mut(), 8);
    };
    assert_eq!(broken(moved), (rule, 8));
    // The run at 30 is in the middle of another one.
    let stray = |runs: &mut Runs| runs.table.records_mut()[30] = Record::end(State::Free, 1);
    let rule = "R4: the forests hold the free runs and nothing else";
    let dirty = |runs: &mut Runs| {
        stray(runs);
        runs.dirty.insert(runs.table.records_mut(), 30);
    };
    assert_eq!(broken(dirty), (rule, 0));
    let clean = |runs: &mut Runs| {
        stray(runs);
        runs.clean.insert(runs.table.records_mut(), 30);
    };
    assert_eq!(broken(clean), (rule, 0));
    let knotted = |runs: &mut Runs| {
        stray(runs);
        runs.table.records_mut()[20].left = 30;
    };
    assert_eq!(broken(knotted).0, "a forest of free runs is in order");
}

#[test]
fn runs_verify_finds_a_wrong_count() {
    assert_eq!(broken(|runs| runs.committed_pages = 27), ("R5: a used run is committed", 24));
    let rule = "R5: the bits of used pages are clear";
    assert_eq!(broken(|runs| bits::set_dirty(runs.table.words_mut(), 13..14)), (rule, 12));
    assert_eq!(broken(|runs| runs.used_pages += 1), ("used pages are counted", 0));
    assert_eq!(broken(|runs| runs.dirty_pages += 1), ("dirty pages are counted", 0));
    let rule = "pages on their way are used";
    assert_eq!(broken(|runs| runs.away_pages = runs.used_pages + 1), (rule, 0));
}

#[test]
fn runs_verify_finds_a_run_that_begins_where_the_table_ends() {
    let mut runs = Runs::new(BASE, SHIFT, 64, Table::known(8));
    runs.note_committed(8, false);
    runs.put_ends(0..8, Record::end(State::Used, 8));
    let broken = runs.verify().unwrap_err();
    assert_eq!(broken.rule, "R3: a run begins where the table ends");
    assert_eq!(broken.place, BASE + 8 * PAGE);
}

#[test]
fn runs_know_their_addresses() {
    let runs = empty(64, 0);
    assert_eq!((runs.address(0), runs.address(64)), (BASE, BASE + 64 * PAGE));
    assert_eq!((runs.pages(), runs.known_pages()), (64, 64));
    assert_eq!((runs.page_at(BASE), runs.page_at(BASE + 3 * PAGE - 1)), (0, 2));
    assert!(runs.contains(BASE) && runs.contains(BASE + 64 * PAGE - 1));
    assert!(!runs.contains(BASE - 1) && !runs.contains(BASE + 64 * PAGE));
}

#[test]
fn runs_fit_best_where_pages_are_dirty() {
    let runs = checkered();
    assert_eq!(fit(&runs, Need::new(1, 1), 64), Some((8, 8, 1)));
    assert_eq!(fit(&runs, Need::new(4, 1), 64), Some((8, 8, 4)));
    assert_eq!(fit(&runs, Need::new(5, 1), 64), Some((28, 28, 0)));
    // Before the limit.
    assert_eq!(fit(&runs, Need::new(4, 1), 12), Some((8, 8, 4)));
    assert_eq!(fit(&runs, Need::new(4, 1), 11), None);
    assert_eq!(fit(&runs, Need::new(36, 1), 64), Some((28, 28, 0)));
    assert_eq!(fit(&runs, Need::new(36, 1), 63), None);
    assert_eq!(fit(&runs, Need::new(37, 1), 64), None);
}

/// Also where a clean one would be shorter.
#[test]
fn runs_fit_best_in_a_long_run_of_dirty_pages() {
    let mut runs = empty(64, 64);
    take_all(&mut runs, &[8, 1, 4, 1]);
    runs.give(0, 8, 1);
    give_clean(&mut runs, 9, 4, 1);
    assert_eq!(fit(&runs, Need::new(2, 1), 64), Some((0, 0, 2)));
}

/// A run that has dirty pages, but none at its start, is worth no more than a clean one.
#[test]
fn runs_fit_best_in_the_shorter_of_two_clean_places() {
    let mut runs = empty(64, 64);
    take_all(&mut runs, &[4, 4, 7, 1, 4]);
    give_clean(&mut runs, 0, 4, 1);
    give_clean(&mut runs, 8, 7, 1);
    runs.give(15, 1, 1);
    runs.verify().unwrap();
    // 4 clean pages; 8, of which the last is dirty; 44 clean pages.
    assert_eq!(fit(&runs, Need::new(3, 1), 64), Some((0, 0, 0)));
    assert_eq!(fit(&runs, Need::new(5, 1), 64), Some((8, 8, 0)));
    assert_eq!(fit(&runs, Need::new(8, 1), 64), Some((8, 8, 1)));
    assert_eq!(fit(&runs, Need::new(9, 1), 64), Some((20, 20, 0)));
    take(&mut runs, 0, 4);
    take(&mut runs, 20, 44);
    assert_eq!(fit(&runs, Need::new(3, 1), 64), Some((8, 8, 0)));
}

#[test]
fn runs_fit_where_they_are_aligned() {
    let runs = checkered();
    assert_eq!(fit(&runs, aligned(1, 16), 64), Some((28, 32, 0)));
    assert_eq!(fit(&runs, aligned(32, 16), 64), Some((28, 32, 0)));
    assert_eq!(fit(&runs, aligned(33, 16), 64), None);
    assert_eq!(fit(&runs, aligned(1, 64), 64), None);
    assert_eq!(fit(&runs, aligned(2, 4), 64), Some((8, 8, 2)));
    // Better so in fresh memory, where it can be.
    let fresh = |pages| Need { fresh_align_bytes: 16 * PAGE, ..Need::new(pages, 1) };
    assert_eq!(fit(&runs, fresh(2), 64), Some((8, 8, 2)));
    assert_eq!(fit(&runs, fresh(32), 64), Some((28, 32, 0)));
    assert_eq!(fit(&runs, fresh(33), 64), Some((28, 28, 0)));
}

/// So many short runs lie askew that a long one is taken; the last resort is to look at all of them.
#[test]
fn runs_fit_beyond_those_that_are_tried() {
    let askew = TRIES as u32 + 2;
    let pages = (askew + 6) * 8;
    let mut runs = empty(pages, pages);
    // Each of the short runs begins a page after a multiple of 8; the one behind them at one.
    let mut lengths = vec![1];
    (0..askew).for_each(|_| lengths.extend([2, 6]));
    lengths.extend([7, 3, 1]);
    take_all(&mut runs, &lengths);
    (0..askew).for_each(|n| give_clean(&mut runs, n * 8 + 1, 2, 1));
    let even = (askew + 1) * 8;
    give_clean(&mut runs, even, 3, 1);
    runs.verify().unwrap();
    let rest = even + 4;
    assert_eq!(fit(&runs, aligned(2, 8), pages), Some((rest, rest + 4, 0)));
    assert_eq!(fit(&runs, aligned(2, 1), pages), Some((1, 1, 0)));
    // Of what is left, nothing is so long that it fits wherever it lies.
    take(&mut runs, rest, pages - rest);
    assert_eq!(fit(&runs, aligned(2, 8), pages), Some((even, even, 0)));
    assert_eq!(fit(&runs, aligned(4, 8), pages), None);
}

#[test]
fn runs_grow_and_shrink_in_place() {
    let mut runs = checkered();
    assert_eq!((runs.room_behind(0), runs.room_behind(24)), (4, 36));
    let behind = runs.place_behind(0, 3);
    assert_eq!((behind.run, behind.start, behind.dirty_pages), (8, 8, 3));
    assert_eq!(runs.extend(0, 11, behind), 8..11);
    assert_eq!((runs.used_at(0), runs.used_at(20), runs.room_behind(0)), (Some(11), None, 1));
    runs.verify().unwrap();
    runs.truncate(0, 5, 3);
    assert_eq!((runs.used_at(0), runs.room_behind(0), runs.dirty_pages()), (Some(5), 7, 7));
    runs.verify().unwrap();
    // Up to the end of the mapping there is no room.
    runs.note_committed(64, false);
    let behind = runs.place_behind(24, 36);
    assert!(runs.extend(24, 40, behind).is_empty());
    assert_eq!((runs.room_behind(24), runs.used_at(24)), (0, Some(40)));
    runs.verify().unwrap();
}

/// A whole is as old as most of its dirty pages.
#[test]
fn runs_have_the_age_of_most_of_them() {
    let tick = |runs: &Runs, page: usize| runs.table.records()[page].tick;
    let joined = |before: u32, own: u32, after: u32| {
        let mut runs = empty(64, 64);
        take_all(&mut runs, &[before, own, after, 1]);
        runs.give(0, before, 1);
        runs.give(before + own, after, 2);
        runs.give(before, own, 3);
        runs.verify().unwrap();
        assert_eq!(runs.dirty_pages(), before + own + after);
        tick(&runs, 0)
    };
    assert_eq!((joined(5, 3, 4), joined(4, 3, 5), joined(3, 5, 4)), (1, 2, 3));
    assert_eq!((joined(4, 4, 4), joined(5, 4, 5)), (3, 1));
    // What is left of a run keeps its age.
    let mut runs = checkered();
    let middle = place(&runs, 8, 9, 2);
    runs.take(middle, 2);
    assert_eq!((tick(&runs, 8), tick(&runs, 11)), (1, 1));
    runs.verify().unwrap();
}

#[test]
fn runs_are_purged_longest_first() {
    let mut runs = empty(64, 64);
    take_all(&mut runs, &[3, 1, 5, 1, 4, 1]);
    runs.give(0, 3, 7);
    runs.give(4, 5, 8);
    runs.give(10, 4, 7);
    let all = Key { pages: u32::MAX, page: NONE };
    let page = |key: Option<Key>| key.map(|key| key.page);
    assert_eq!(page(runs.purgeable(all, None)), Some(4));
    assert_eq!(page(runs.purgeable(all, Some(8))), Some(10));
    assert_eq!(page(runs.purgeable(all, Some(7))), Some(4));
    assert_eq!(page(runs.purgeable(Key { pages: 4, page: 10 }, None)), Some(0));
    assert_eq!(page(runs.purgeable(Key { pages: 4, page: 10 }, Some(7))), None);
}

#[test]
fn runs_on_their_way_are_used() {
    let mut runs = checkered();
    assert_eq!(runs.dirty_stretch(8, 3), Some(9..12));
    assert_eq!(runs.dirty_stretch(28, 3), None);
    runs.depart(8, 9..12);
    assert_eq!((runs.away_pages(), runs.used_pages(), runs.dirty_pages()), (3, 23, 1));
    runs.verify().unwrap();
    runs.arrive(9..11, None, 4);
    assert_eq!((runs.away_pages(), runs.used_pages(), runs.dirty_pages()), (1, 21, 3));
    runs.arrive(11..12, Some(true), 4);
    assert_eq!((runs.away_pages(), runs.used_pages(), runs.dirty_pages()), (0, 20, 3));
    runs.verify().unwrap();
    // Which is stale: it is no longer dirty, but does not read as zero.
    assert_eq!(take(&mut runs, 8, 4), 8..12);
}

#[test]
fn runs_are_walked_over() {
    let runs = checkered();
    let mut seen = Vec::new();
    runs.walk(&mut |run| seen.push((run.start, run.pages, run.state == State::Used)));
    let used = |start, pages| (start, pages, true);
    let free = |start, pages| (start, pages, false);
    assert_eq!(seen, [used(0, 8), free(8, 4), used(12, 8), free(20, 4), used(24, 4), free(28, 36)]);
    assert_eq!((runs.next_free(0), runs.next_free(8)), (Some(8..12), Some(8..12)));
    assert_eq!((runs.next_free(12), runs.next_free(24)), (Some(20..24), Some(28..64)));
    assert_eq!(runs.next_free(64), None);
    assert_eq!((runs.stretch(8..12), runs.stretch(20..40)), ((12, true), (40, false)));
    assert_eq!((runs.dirty_in(0..64), runs.dirty_in(9..11), runs.dirty_in(50..60)), (4, 2, 0));
}

#[test]
fn runs_have_records_that_nobody_reads() {
    let runs = empty(4096, 0);
    let address = |page: Page| (&raw const runs.table.records()[page as usize]).addr();
    let is_edge = |page: &Page| address(*page).is_multiple_of(PAGE);
    // Every 1024th record begins with a page of memory: not even so the first and the last one of a run
    // are among them.
    let edge = (0..1024).find(is_edge).unwrap();
    for run in [0..4096, edge..4096, 0..edge + 2048, edge + 1024..edge + 3072] {
        let (ptr, bytes) = runs.unread_records(run.clone()).unwrap();
        let start = ptr.addr().get();
        assert!(start >= address(run.start + 1) && start + bytes <= address(run.end - 1));
        assert!(start.is_multiple_of(PAGE) && bytes.is_multiple_of(PAGE));
        assert!(bytes + 3 * PAGE > run.len() * size_of::<Record>());
    }
    assert_eq!(runs.unread_records(0..10), None);
}

#[test]
fn runs_have_fresh_pieces() {
    let mut runs = checkered();
    let pieces = |runs: &Runs, start, pages, wish| {
        let place = place(runs, 28, start, pages);
        runs.pieces(place, pages, 4, wish)
    };
    assert!(pieces(&runs, 29, 6, Wish::Nothing).is_empty());
    assert_eq!(pieces(&runs, 29, 6, Wish::Within), 32..32);
    assert_eq!(pieces(&runs, 29, 7, Wish::Within), 32..36);
    assert_eq!(pieces(&runs, 29, 6, Wish::Touched), 28..36);
    assert_eq!(pieces(&runs, 34, 2, Wish::Touched), 32..36);
    // No further than what is committed, and than the run.
    assert_eq!(pieces(&runs, 30, 20, Wish::Touched), 28..40);
    assert_eq!(pieces(&runs, 30, 20, Wish::Within), 32..40);
    runs.note_committed(42, false);
    assert_eq!(pieces(&runs, 30, 20, Wish::Touched), 28..40);
    let odd = |runs: &Runs| runs.pieces(place(runs, 20, 21, 2), 2, 3, Wish::Touched);
    assert_eq!(odd(&runs), 21..24);

    assert_eq!(runs.fresh(28..40, 4), Some(28..40));
    assert_eq!(runs.fresh(8..40, 4), Some(12..40));
    assert_eq!(runs.fresh(8..12, 4), None);
    assert_eq!(runs.fresh(28..28, 4), None);
    bits::set_clean(runs.table.words_mut(), 34..35, true);
    assert_eq!((runs.fresh(28..40, 4), runs.fresh(32..40, 4)), (Some(28..32), Some(36..40)));
}

#[test]
fn runs_that_are_filled_are_dirty() {
    let mut runs = checkered();
    runs.note_filled(28, 32..36, 9);
    let record =
        |runs: &Runs| (runs.table.records()[28].dirty_pages, runs.table.records()[28].tick);
    assert_eq!((runs.dirty_pages(), record(&runs)), (8, (4, 9)));
    runs.verify().unwrap();
    // As old as most of its dirty pages.
    runs.note_filled(28, 36..39, 10);
    assert_eq!(record(&runs), (7, 9));
    runs.note_filled(28, 28..29, 11);
    runs.note_filled(28, 29..32, 12);
    assert_eq!(record(&runs), (11, 9));
    runs.verify().unwrap();
    assert!(take(&mut runs, 28, 11).is_empty(), "what was filled reads as zero");
    runs.verify().unwrap();
    let mut runs = checkered();
    runs.note_filled(28, 28..30, 9);
    runs.note_filled(28, 30..32, 10);
    assert_eq!(record(&runs), (4, 10));
}
