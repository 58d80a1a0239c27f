//! `BlockPool` and `Budget`: pools under collections. Each slot that is used is a live object of the session's, and a
//! request is refused exactly when it does not fit, or no slot is left.
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
        let align = 1 << (self.align_log2 % 10);
        Layout::from_size_align(usize::from(self.slot_bytes) % 2000, align).unwrap()
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
        let budget = Budget::take(plan, Global).unwrap();
        play(&budget, &input.ops, || (0..3).map(|index| budget.used_slots(index)).sum());
        assert!((0..3).all(|index| budget.high_water(index) <= shares[index].slots()));
    }
});
