//! `Plan`: exact to the byte, and refused where it is none.

#![cfg(not(loom))]

use alloc_core::{Allocator, Layout};
use pool_prealloc::{Budget, Plan, PlanError, Share, TakeError};
use proptest::prelude::*;
use std::mem::MaybeUninit;

fn layout(bytes: usize, align_bytes: usize) -> Layout {
    Layout::from_size_align(bytes, align_bytes).unwrap()
}

/// Known to the compiler.
const PLAN: Plan<3> =
    Plan::new([Share::of::<u8>(100), Share::of::<[u128; 5]>(10), Share::of::<[u16; 33]>(7)]);
const _: () = assert!(PLAN.bytes() == 100 * size_of::<usize>() + 10 * 80 + 7 * 66);
const _: () = assert!(PLAN.align_bytes() == align_of::<u128>() && PLAN.slot_bytes(2) == 66);

/// Memory at an address that is a multiple of `align_bytes`, and of no larger power of two.
fn aligned(
    memory: &mut [MaybeUninit<u8>],
    bytes: usize,
    align_bytes: usize,
) -> &mut [MaybeUninit<u8>] {
    let gap = memory.as_ptr().align_offset(2 * align_bytes) + align_bytes;
    &mut memory[gap..gap + bytes]
}

/// A run of `plan.bytes()` bytes holds every slot of the plan, all of them in use at once; one of a byte
/// less cannot be had.
fn is_exact<const SHARES: usize>(plan: Plan<SHARES>, shares: &[(Layout, usize); SHARES]) {
    let (bytes, align_bytes) = (plan.bytes(), plan.align_bytes());
    assert_eq!(align_bytes, shares.iter().map(|(share, _)| share.align()).max().unwrap_or(1));
    let mut memory = vec![MaybeUninit::uninit(); bytes + 4 * align_bytes];
    let too_short = aligned(&mut memory, bytes.saturating_sub(1), align_bytes);
    let refused = Budget::over(plan, too_short).err();
    assert_eq!(refused, (bytes > 0).then_some(TakeError::Exhausted));
    let budget = Budget::over(plan, aligned(&mut memory, bytes, align_bytes)).unwrap();
    let mut taken = Vec::new();
    for (index, &(share, slots)) in shares.iter().enumerate() {
        // As long as the share's slots, so that no share with shorter ones serves it.
        let whole = layout(plan.slot_bytes(index), share.align());
        for _ in 0..slots {
            let slot = budget.allocate(whole).expect("a slot of the plan");
            let number = taken.len() as u8;
            // SAFETY: just allocated, and so long.
            unsafe { slot.cast::<u8>().write_bytes(number, slot.len()) };
            taken.push((slot, number));
        }
    }
    let used: usize = (0..SHARES).map(|index| budget.used_slots(index)).sum();
    assert_eq!(used, shares.iter().map(|(_, slots)| slots).sum::<usize>());
    let slots_bytes: usize = taken.iter().map(|(slot, _)| slot.len()).sum();
    assert_eq!(slots_bytes, bytes, "no byte is left over, and none is shared");
    for (slot, number) in taken {
        // SAFETY: live, and written above.
        let contents = unsafe { slot.as_ref() };
        assert!(contents.iter().all(|byte| *byte == number));
    }
}

#[test]
fn a_plan_is_exact() {
    is_exact(
        PLAN,
        &[
            (Layout::new::<u8>(), 100),
            (Layout::new::<[u128; 5]>(), 10),
            (Layout::new::<[u16; 33]>(), 7),
        ],
    );
    is_exact(Plan::new([]), &[]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_plan_is_exact(shares in prop::collection::vec((1_usize..300, 0_u32..8, 0_usize..9), 4)) {
        let mut shares: [_; 4] = std::array::from_fn(|n| {
            let (bytes, shift, slots) = shares[n];
            (layout(bytes, 1 << shift), slots)
        });
        // Distinct lengths: of equal ones, any may serve a layout.
        shares.sort_by_key(|(share, _)| Share::new(*share, 1).bytes_of());
        let plan = Plan::new(shares.map(|(share, slots)| Share::new(share, slots)));
        is_exact(plan, &shares);
    }
}

/// In whatever order the shares stand, a layout gets a slot of the shortest that it fits into.
#[test]
fn a_layout_gets_the_shortest_slot() {
    const LENGTHS: [usize; 4] = [8, 24, 64, 120];
    for order in 0..4_usize.pow(4) {
        let at: [_; 4] = std::array::from_fn(|n| order >> (2 * n) & 3);
        if (0..4).any(|n| !at.contains(&n)) {
            continue;
        }
        let plan = Plan::new(at.map(|n| Share::new(layout(LENGTHS[n], 1), 1)));
        let mut memory = vec![MaybeUninit::uninit(); plan.bytes() + 4 * plan.align_bytes()];
        let budget =
            Budget::over(plan, aligned(&mut memory, plan.bytes(), plan.align_bytes())).unwrap();
        for bytes in LENGTHS {
            let slot = budget.allocate(layout(bytes - 7, 1)).unwrap();
            assert_eq!(slot.len(), bytes, "{at:?}");
        }
    }
}

trait BytesOf {
    fn bytes_of(self) -> usize;
}

impl BytesOf for Share {
    fn bytes_of(self) -> usize {
        Plan::new([self]).bytes()
    }
}

#[test]
fn what_is_no_plan_is_refused() {
    let refused = |shares: [Share; 2]| Plan::try_new(shares).map(|_| ()).unwrap_err();
    let (small, large) = (Share::of::<[u64; 4]>(1), Share::of::<[u64; 8]>(1));
    assert!(Plan::try_new([small.may_borrow_from(1), large]).is_ok());
    assert_eq!(refused([small, large.may_borrow_from(0)]), PlanError::LenderTooSmall);
    assert_eq!(refused([small.may_borrow_from(0), large]), PlanError::NoLender);
    assert_eq!(refused([small, large.may_borrow_from(1)]), PlanError::NoLender);
    assert_eq!(refused([small.may_borrow_from(2), large]), PlanError::NoLender);
    let wide = Share::new(layout(8, 64), 1);
    assert_eq!(refused([wide.may_borrow_from(1), large]), PlanError::LenderTooSmall);
    assert_eq!(refused([small.may_borrow_from(1), large.exact()]), PlanError::LenderExact);
    assert_eq!(refused([small.may_borrow_from(1), Share::pool::<u64>(9)]), PlanError::LenderExact);
    assert!(Plan::try_new([small.exact().may_borrow_from(1), large]).is_ok());
    assert_eq!(refused([small, Share::of::<u64>(usize::MAX)]), PlanError::TooLarge);
    let half = Share::of::<u8>(usize::MAX / 16);
    assert_eq!(refused([half, half]), PlanError::TooLarge);
    assert!(Plan::try_new([small; 64]).is_ok() && Plan::try_new([small; 65]).is_err());
    assert!(PlanError::TooLarge.to_string().contains("larger"));
}
