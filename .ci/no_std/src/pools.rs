//! Pools without an allocator: one in a `static`, and a plan over a buffer, whose bytes the compiler knows.
//!
//! Above: `main`. Below: pool-prealloc without features.

use alloc_core::{Layer, Layout};
use core::mem::MaybeUninit;
use pool_prealloc::{Budget, KeyPool, Plan, Pool, Share, SlotBox, StaticBox, StaticPool};

const PACKETS: usize = 16;

/// What an interrupt would hand to the main loop.
struct Packet {
    bytes: [u8; 60],
    length: u8,
}

static PACKET_POOL: StaticPool<Packet, PACKETS> = StaticPool::new();

const PLAN: Plan<3> =
    Plan::new([Share::pool::<u64>(20), Share::key_pool::<[u16; 3]>(30), Share::of::<[u8; 100]>(4)]);
const BUFFER_BYTES: usize = 1024;
const _: () = assert!(PLAN.bytes() + PLAN.align_bytes() - 1 <= BUFFER_BYTES, "it does not fit");

/// How many packets went through.
pub fn run() -> usize {
    let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
    let budget = Budget::over(PLAN, &mut buffer).unwrap();
    carve(&budget);
    queue()
}

/// A queue of packets in static slots, and what happens when it is full.
fn queue() -> usize {
    let pool = PACKET_POOL.claim().unwrap();
    assert!(PACKET_POOL.claim().is_none());
    let mut queue: [Option<StaticBox<'static, Packet, PACKETS>>; PACKETS + 1] =
        [const { None }; PACKETS + 1];
    let mut count = 0;
    for round in 0..1000_usize {
        let at = round * 7 % queue.len();
        if let Some(packet) = queue[at].take() {
            assert_eq!(packet.bytes[..usize::from(packet.length)], [at as u8; 60][..at]);
            count += 1;
        } else {
            let packet = Packet { bytes: [at as u8; 60], length: at as u8 };
            queue[at] = pool.alloc(packet).ok();
            assert!(queue[at].is_some() || pool.is_full());
        }
        pool.verify().unwrap();
    }
    assert!(pool.peak_slots() == PACKETS && pool.refused() > 0);
    queue.into_iter().flatten().for_each(drop);
    assert!(pool.is_empty());
    count
}

/// All of a plan's pools, at the same time, in one buffer.
fn carve(budget: &impl Layer) {
    let pool = Pool::<u64, _>::with_capacity_in(20, budget);
    let mut keys = KeyPool::<[u16; 3], _>::with_capacity_in(30, budget);
    let slot = Layout::new::<[u8; 100]>();
    let slots = [(); 4].map(|()| budget.allocate(slot).unwrap());
    assert!(budget.allocate(slot).is_err());
    for n in 0..20 {
        let _ = SlotBox::leak(pool.alloc(n).unwrap());
    }
    assert!(pool.alloc(20).is_err());
    let first = keys.insert([1; 3]).unwrap();
    while keys.insert([2; 3]).is_ok() {}
    assert_eq!(
        (keys.len(), keys.remove(first), keys.remove(first).is_err()),
        (30, Ok([1; 3]), true)
    );
    for taken in slots {
        // SAFETY: allocated above with this layout.
        unsafe { budget.deallocate(taken.cast(), slot) };
    }
    budget.verify().unwrap();
}
