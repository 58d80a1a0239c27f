//! Models of the hardened stack, which loom cannot run as a whole: of the files that its protocols are. Each fails when the
//! protocol is weakened; which weakening was tried stands above each. Part of `loom.rs`.

use super::model;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use loom::thread;
use std::num::NonZeroU64;

#[path = "../../src/cache/agreed.rs"]
mod agreed;
#[path = "../../src/hardened/claim.rs"]
mod claim;
#[path = "../../src/hardened/opening.rs"]
mod opening;

use claim::Outcome;

/// The state of an object, of some family.
const LIVE: u8 = 0x80;

/// An object: its state in the ledger, and its slot, of which loom sees every use.
#[derive(Default)]
struct Object {
    state: AtomicU8,
    slot: UnsafeCell<u64>,
}

impl Object {
    /// Enters it in the ledger, as its slot's owner does.
    fn enter(&self) {
        self.touch();
        // ORDERING: Relaxed by the ledger's R2.
        self.state.store(LIVE, Ordering::Relaxed);
    }

    /// Claims it as every free does that is a hit; the slot of a claimed object is the claimer's.
    fn free(&self, alone: &AtomicU8) -> Outcome {
        let outcome = claim::claim_if(&self.state, LIVE, alone);
        if outcome == Outcome::Claimed {
            self.touch();
        }
        outcome
    }

    fn touch(&self) {
        // SAFETY: loom checks what this asserts: that no other access is under way or unordered.
        self.slot.with_mut(|slot| unsafe { *slot += 1 });
    }
}

/// Two threads free one object: exactly one finds it live.
///
/// Weakened: a load and a store in the place of the exchange: caught.
#[test]
fn ledger_r1() {
    model(|| {
        let shared = Arc::new((AtomicU8::new(LIVE), AtomicUsize::new(0)));
        let free = |(state, found): &(AtomicU8, AtomicUsize)| {
            if claim::claim(state) == LIVE {
                // ORDERING: Relaxed: read after both threads have ended.
                found.fetch_add(1, Ordering::Relaxed);
            }
        };
        let other = shared.clone();
        let thread = thread::spawn(move || free(&other));
        free(&shared);
        thread.join().unwrap();
        // ORDERING: Relaxed: the join has ordered it.
        assert_eq!(shared.1.load(Ordering::Relaxed), 1);
    });
}

/// A process gets its second thread, and has one again: what the only thread frees without an exchange, no second one finds live;
/// what both free, one of them does; what the second one left, the first finds.
///
/// Weakened: the byte is never asked; it changes only after the second thread has started, or back before that has ended; a claim
/// that comes late holds, too; a load and a store in the place of the exchange: each caught.
#[test]
fn ledger_r1_the_second_thread() {
    model(|| {
        let shared = Arc::new((AtomicU8::new(1), [(); 3].map(|()| Object::default())));
        let (alone, [early, both, late]) = &*shared;
        early.enter();
        both.enter();
        assert_eq!(early.free(alone), Outcome::Claimed);
        // The C library, before it starts a thread.
        // ORDERING: Relaxed: the start orders it; as the end does, below.
        alone.store(0, Ordering::Relaxed);
        let shared2 = shared.clone();
        let second = thread::spawn(move || {
            let (alone, [early, both, late]) = &*shared2;
            assert_eq!(early.free(alone), Outcome::Other);
            late.enter();
            both.free(alone) == Outcome::Claimed
        });
        let first_has_it = both.free(alone) == Outcome::Claimed;
        assert_ne!(second.join().unwrap(), first_has_it);
        alone.store(1, Ordering::Relaxed);
        assert_eq!(both.free(alone), Outcome::Other);
        assert_eq!(late.free(alone), Outcome::Claimed);
        assert_eq!(late.free(alone), Outcome::Other);
    });
}

/// All threads go by one number, a key or a secret, and one of them keeps the one that it offered.
///
/// Weakened: a load and a store in place of the exchange; who comes second goes by his own: caught (two numbers).
#[test]
fn agreed_all_go_by_one_number() {
    model(|| {
        let agreed = Arc::new(agreed::Agreed::new());
        // As `Hardened::secret` asks.
        let ask = |agreed: &agreed::Agreed, own| {
            let own = NonZeroU64::new(own).unwrap();
            agreed.get().unwrap_or_else(|| agreed.offer(own).map_or_else(|other| other, |()| own))
        };
        let others: Vec<_> = [2, u64::MAX]
            .map(|own| {
                let agreed = agreed.clone();
                thread::spawn(move || ask(&agreed, own))
            })
            .into();
        let mut numbers = vec![ask(&agreed, 1)];
        numbers.extend(others.into_iter().map(|other| other.join().unwrap()));
        assert!(numbers.iter().all(|number| Some(*number) == agreed.get()), "{numbers:?}");
        assert!([1, 2, u64::MAX].contains(&numbers[0].get()));
    });
}

/// Two threads open the ledger, a third asks whether it is open: it is made once, and whoever sees that it is there sees it
/// whole.
///
/// Weakened: the Release of the flag made Relaxed, and its Acquire; the flag set before the value is written; no second look
/// under the lock; no lock: each caught.
#[test]
fn opening_is_made_once_and_seen_whole() {
    model(|| {
        let shared = Arc::new((opening::Opening::<u64>::new(), AtomicUsize::new(0)));
        let open = |(opening, made): &(opening::Opening<u64>, AtomicUsize)| {
            opening.get_or_make(|| {
                // ORDERING: Relaxed: a count, read at the end.
                made.fetch_add(1, Ordering::Relaxed);
                Some(7)
            })
        };
        let (for_open, for_get) = (shared.clone(), shared.clone());
        let opener = thread::spawn(move || assert_eq!(open(&for_open), Some(7)));
        let asker = thread::spawn(move || assert!(matches!(for_get.0.get(), None | Some(7))));
        assert_eq!(open(&shared), Some(7));
        opener.join().unwrap();
        asker.join().unwrap();
        // ORDERING: Relaxed: the joins have ordered it.
        assert_eq!((shared.1.load(Ordering::Relaxed), shared.0.get()), (1, Some(7)));
    });
}
