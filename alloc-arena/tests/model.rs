//! The arena against a model: a list of live runs, with what was written to each.

mod common;

use alloc_arena::{Arena, Fixed, Os, Source};
use alloc_core::{Allocator, Layer, Layout};
use common::TinyHuge;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Allocate { bytes: usize, align_shift: u32, zeroed: bool },
    Deallocate { which: usize },
}

struct Live {
    ptr: NonNull<u8>,
    layout: Layout,
    usable: usize,
    stamp: u8,
}

impl Live {
    fn bytes(&self) -> &[u8] {
        // SAFETY: the run is live and was written to in full.
        unsafe { core::slice::from_raw_parts(self.ptr.as_ptr(), self.usable) }
    }
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = prop_oneof![0..20_000usize, 0..300_000usize, Just(65536)];
    let align_shift = prop_oneof![Just(0), Just(16), 0..19u32];
    prop_oneof![
        3 => (bytes, align_shift, any::<bool>())
            .prop_map(|(bytes, align_shift, zeroed)| Op::Allocate { bytes, align_shift, zeroed }),
        2 => any::<usize>().prop_map(|which| Op::Deallocate { which }),
    ]
}

fn run<S: Source>(arena: &Arena<S>, ops: &[Op]) {
    let mut live: Vec<Live> = Vec::new();
    for (stamp, op) in ops.iter().enumerate() {
        let stamp = stamp as u8 | 1;
        match *op {
            Op::Allocate { bytes, align_shift, zeroed } => {
                let layout = Layout::from_size_align(bytes, 1 << align_shift).unwrap();
                let result =
                    if zeroed { arena.allocate_zeroed(layout) } else { arena.allocate(layout) };
                let Ok(slice) = result else { continue };
                assert_eq!(slice.len(), arena.usable_size(layout));
                let ptr = slice.cast::<u8>();
                assert_eq!(ptr.as_ptr().addr() % layout.align(), 0);
                if bytes == 0 {
                    continue;
                }
                let new = Live { ptr, layout, usable: slice.len(), stamp };
                for at in [0, new.usable - 1] {
                    // SAFETY: within the run.
                    assert!(arena.owns(unsafe { ptr.add(at) }));
                }
                if zeroed {
                    assert!(new.bytes().iter().all(|&byte| byte == 0));
                }
                // SAFETY: the run is as long as the slice.
                unsafe { ptr.write_bytes(stamp, new.usable) };
                live.push(new);
            }
            Op::Deallocate { which } if !live.is_empty() => {
                let old = live.swap_remove(which % live.len());
                assert!(old.bytes().iter().all(|&byte| byte == old.stamp));
                // SAFETY: live, and given back once.
                unsafe { arena.deallocate(old.ptr, old.layout) };
            }
            Op::Deallocate { .. } => {}
        }
        arena.verify().unwrap();
    }
    for old in live {
        assert!(old.bytes().iter().all(|&byte| byte == old.stamp));
        // SAFETY: live, and given back once.
        unsafe { arena.deallocate(old.ptr, old.layout) };
    }
    arena.verify().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn over_the_os(ops in proptest::collection::vec(op(), 1..150)) {
        run(&Arena::new(Os::new()), &ops);
    }

    #[test]
    fn over_tiny_huge_pages(ops in proptest::collection::vec(op(), 1..150), lazy: bool) {
        let os = if lazy { Os::lazy() } else { Os::new() };
        let delay = Some(std::time::Duration::from_micros(100));
        run(&Arena::new(TinyHuge::new(os)).with_purge_delay(delay), &ops);
    }

    #[test]
    fn over_a_buffer(
        ops in proptest::collection::vec(op(), 1..150),
        kib in 1..600usize,
        page_shift in 6..13u32,
        skip in 0..300usize,
    ) {
        let mut buffer = vec![MaybeUninit::new(0xAA_u8); kib << 10];
        let fixed = Fixed::new(&mut buffer[skip..]).with_page_bytes(1 << page_shift);
        run(&Arena::new(fixed), &ops);
    }
}
