//! `BlockPool` and `Budget`: pools under collections. Each slot that is used is a live object of the session's, and in
//! the end all slots are there.
#![no_main]

use alloc_core::api2::alloc::Global;
use alloc_core::{Allocator, Layer, Layout};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pool_prealloc::{BlockPool, Budget, Plan, Share};
use strata_fuzz::{Op, Session};

#[derive(Arbitrary, Debug)]
struct Part {
    slot_bytes: u16,
    align_log2: u8,
    slots: u8,
    /// Which of the other shares lend to it.
    lenders: u8,
}

#[derive(Arbitrary, Debug)]
enum Ground {
    Block(Part),
    Budget([Part; 3]),
}

#[derive(Arbitrary, Debug)]
struct Input {
    ground: Ground,
    ops: Vec<Op>,
}

impl Part {
    fn layout(&self) -> Layout {
        // Mostly short, as the session's objects are, and mostly as long as a slot will be.
        let most_bytes = if self.slots & 64 == 0 { 200 } else { 2000 };
        let align = 1 << (self.align_log2 % 10);
        let layout =
            Layout::from_size_align(usize::from(self.slot_bytes) % most_bytes, align).unwrap();
        if self.lenders & 64 == 0 { layout.pad_to_align() } else { layout }
    }

    fn slots(&self) -> usize {
        usize::from(self.slots) % 20
    }

    fn share(&self, index: usize) -> Share {
        let share = Share::new(self.layout(), self.slots());
        let lends = |other: &usize| *other != index && self.lenders >> other & 1 == 1;
        (0..3).filter(lends).fold(share, Share::may_borrow_from)
    }
}

fn play(layer: &impl Layer, ops: &[Op], used: impl Fn() -> usize) {
    let mut session = Session::new(layer);
    for op in ops {
        session.step(*op);
        layer.verify().unwrap();
        assert_eq!(used(), session.live());
    }
    session.end();
    assert_eq!(used(), 0);
}

fuzz_target!(|input: Input| match &input.ground {
    Ground::Block(share) => {
        let pool = BlockPool::with_capacity(share.layout(), share.slots());
        play(&pool, &input.ops, || pool.len());
        if share.layout().size() > 0 {
            let taken = std::iter::from_fn(|| pool.allocate(share.layout()).ok()).count();
            assert_eq!((taken, pool.len()), (share.slots(), share.slots()));
        }
    }
    Ground::Budget(shares) => {
        let all = [0, 1, 2].map(|index| shares[index].share(index));
        let Ok(plan) = Plan::try_new(all) else { return };
        let budget = Budget::new_in(plan, Global).unwrap();
        play(&budget, &input.ops, || (0..3).map(|index| budget.used_slots(index)).sum());
        assert!((0..3).all(|index| budget.peak_slots(index) <= shares[index].slots()));
        // Objects of the longest layout get all slots of its share, beside those that are as long, or lend.
        let longest = (0..3).max_by_key(|index| (shares[*index].layout().size(), *index)).unwrap();
        let layout = shares[longest].layout();
        if layout.size() > 0 {
            let taken = std::iter::from_fn(|| budget.allocate(layout).ok()).count();
            assert!(taken >= shares[longest].slots());
        }
    }
});
