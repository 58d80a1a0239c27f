//! How to come from a frame to its caller's, by return address: a table that threads share without a lock.
//!
//! Above: `unwind.rs`, which finds a rule where there is none. Below: the sync shim. A model includes this file.
//!
//! A thread may look for a rule while another one puts its own into the same place, a fork may find a thread in between, and
//! so may a signal whose handler walks the stack. Nobody waits. A place's first word says which writing it is, as a
//! sequence lock's does (Boehm, "Can seqlocks get along with programming language memory models?", 2012):
//!
//! * **U1** A writing begins with a change of `state` from an even number to the next one, which is odd: one thread at a
//!   time gets it, and who does not get it goes without. It ends with the next even number, and the rule.
//! * **U2** A reader believes what it read between two looks at `state`, if both saw the same, and it is even.
//!
//! A place whose writer is no more (a fork) stays odd: its address is looked up each time, or has the other place.

use alloc_core::sync::{AtomicU64, Ordering, fence};

/// How to come from a frame to its caller's. The return address is the word below the frame's end.
///
/// ```text
///   63                 21 20   20 19     18 17        5 4        0
///  ╭─────────────────────┬───────┬─────────┬───────────┬──────────╮
///  │ writings of a place │ 1: in │ kind    │ end_words │ bp_words │
///  │                     │ one   │         │           │          │
///  ╰─────────────────────┴───────┴─────────┴───────────┴──────────╯
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule(u64);

impl Rule {
    const BITS: u32 = 20;
    /// The frame ends so many words above the stack pointer, or the frame pointer.
    pub const BY_SP: u64 = 0;
    pub const BY_BP: u64 = 1;
    /// There is no caller.
    pub const LAST: u64 = 2;
    /// No rule can say it.
    pub const OTHER: u64 = 3;

    pub const NONE: Self = Self(Self::OTHER << 18);
    pub const END: Self = Self(Self::LAST << 18);

    /// `None` if the numbers are too large.
    pub fn new(kind: u64, end_words: u64, bp_words: u64) -> Option<Self> {
        (kind < 4 && end_words < 1 << 13 && bp_words < 1 << 5)
            .then_some(Self(kind << 18 | end_words << 5 | bp_words))
    }

    #[inline(always)]
    pub const fn kind(self) -> u64 {
        self.0 >> 18
    }

    #[inline(always)]
    pub const fn end_words(self) -> usize {
        (self.0 >> 5 & 0x1fff) as usize
    }

    /// Where the caller's frame pointer is kept: so many words below the end. 0: it is in its register.
    #[inline(always)]
    pub const fn bp_words(self) -> usize {
        (self.0 & 0x1f) as usize
    }
}

/// Of which return address a rule is, and of which code there: an object file may go, and another one come to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    pub address: usize,
    /// A hash of what is known of the object file.
    pub object: u64,
}

/// A rule, and whose it is.
struct Place {
    /// The rule, and how often it was written, twice: odd while it is.
    state: AtomicU64,
    address: AtomicU64,
    object: AtomicU64,
}

/// One step of `state`.
const STEP: u64 = 1 << Rule::BITS;

impl Place {
    alloc_core::const_fn! {
        const fn new() -> Self {
            Self { state: AtomicU64::new(0), address: AtomicU64::new(0), object: AtomicU64::new(0) }
        }
    }

    #[inline(always)]
    fn get(&self, site: Site) -> Option<Rule> {
        // ORDERING: Acquire meets the Release of a writing's end: what it wrote is seen, or something later (U2).
        let before = self.state.load(Ordering::Acquire);
        // ORDERING: Relaxed: the fence keeps both before the second look; if one saw a later writing, that sees it, too.
        let address = self.address.load(Ordering::Relaxed);
        let object = self.object.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        // ORDERING: Relaxed, as above.
        let after = self.state.load(Ordering::Relaxed);
        let is_whole = before == after && before & STEP == 0;
        (is_whole && address == site.address as u64 && object == site.object)
            .then_some(Rule(before & (STEP - 1)))
    }

    /// Whether nothing was ever written here.
    fn is_free(&self) -> bool {
        // ORDERING: Relaxed: if another thread is faster, one of the rules is found anew.
        self.state.load(Ordering::Relaxed) == 0
    }

    fn set(&self, site: Site, rule: Rule) {
        // ORDERING: Relaxed: the exchange below looks once more.
        let state = self.state.load(Ordering::Relaxed);
        if state & STEP != 0 {
            return;
        }
        let begun = state.wrapping_add(STEP);
        // ORDERING: Acquire on success: a writing begins after the one before has ended (U1).
        let exchange =
            self.state.compare_exchange(state, begun, Ordering::Acquire, Ordering::Relaxed);
        if exchange.is_err() {
            return;
        }
        // ORDERING: Release: who sees one of the words below sees in its second look that a writing has begun (U2).
        fence(Ordering::Release);
        self.address.store(site.address as u64, Ordering::Relaxed);
        self.object.store(site.object, Ordering::Relaxed);
        // ORDERING: Release meets the Acquire of a reader's first look.
        let ended = (begun & !(STEP - 1)).wrapping_add(STEP) | rule.0;
        self.state.store(ended, Ordering::Release);
    }
}

/// The rules of some return addresses: of two places that are an address's, by its hash, the first that is free, or the second.
pub struct Pair([Place; 2]);

impl Pair {
    alloc_core::const_fn! {
        /// Without rules.
        pub const fn new() -> Self {
            Self([Place::new(), Place::new()])
        }
    }

    #[inline(always)]
    pub fn get(&self, site: Site) -> Option<Rule> {
        self.0[0].get(site).or_else(|| self.0[1].get(site))
    }

    /// Keeps a rule that was found, if nobody else writes there.
    pub fn set(&self, site: Site, rule: Rule) {
        self.0[usize::from(!self.0[0].is_free())].set(site, rule);
    }
}

#[cfg(all(test, not(all(loom, feature = "loom"))))]
mod tests {
    use super::{Pair, Rule, STEP, Site};
    use alloc_core::sync::Ordering;

    const SITES: [Site; 3] = [
        Site { address: 7, object: 1 },
        Site { address: 8, object: 1 },
        Site { address: 7, object: 2 },
    ];

    fn rule(end_words: u64) -> Rule {
        Rule::new(Rule::BY_SP, end_words, 1).unwrap()
    }

    #[test]
    fn rules_are_what_was_put_into_them() {
        let rule = Rule::new(Rule::BY_BP, 8191, 31).unwrap();
        assert_eq!((rule.kind(), rule.end_words(), rule.bp_words()), (Rule::BY_BP, 8191, 31));
        assert_eq!(Rule::new(4, 0, 0), None);
        assert_eq!(Rule::new(Rule::BY_BP, 8192, 0), None);
        assert_eq!(Rule::new(Rule::BY_BP, 0, 32), None);
        assert!(rule.0 < STEP && Rule::NONE.0 < STEP);
        assert_eq!((Rule::NONE.kind(), Rule::END.kind()), (Rule::OTHER, Rule::LAST));
    }

    #[test]
    fn the_first_place_is_kept_and_the_second_one_changes() {
        let pair = Pair::new();
        for (round, site) in SITES.into_iter().enumerate() {
            assert_eq!(pair.get(site), None);
            pair.set(site, rule(round as u64));
            assert_eq!(pair.get(site), Some(rule(round as u64)));
            assert_eq!(pair.get(SITES[0]), Some(rule(0)));
        }
        assert_eq!(pair.get(SITES[1]), None);
    }

    #[test]
    fn a_place_whose_writer_is_no_more_has_no_rule_and_takes_none() {
        let pair = Pair::new();
        pair.set(SITES[0], rule(1));
        pair.0[0].state.fetch_add(STEP, Ordering::Relaxed);
        assert_eq!(pair.get(SITES[0]), None);
        pair.0[0].set(SITES[0], rule(2));
        assert_eq!(pair.get(SITES[0]), None);
        pair.set(SITES[0], rule(3));
        assert_eq!(pair.get(SITES[0]), Some(rule(3)));
    }

    #[test]
    fn a_place_can_be_written_for_ever() {
        let pair = Pair::new();
        pair.0[0].state.store(0_u64.wrapping_sub(2 * STEP), Ordering::Relaxed);
        for (round, site) in SITES.into_iter().enumerate() {
            pair.0[0].set(site, rule(round as u64));
            assert_eq!(pair.get(site), Some(rule(round as u64)));
        }
    }
}
