//! `DropBump` and `Herd`: destructors in order, threads that share a result.

use alloc_arena::{Arena, Bump, DropBump, Herd, Member, Os};
use alloc_core::api2::alloc::Global;
use alloc_core::{Failing, Layer, Observe, Schedule};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Notes when it is dropped.
struct Noted<'l>(u32, &'l RefCell<Vec<u32>>);

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
        if self.0 == 13 {
            panic!("thirteen");
        }
    }
}

#[test]
fn drop_bump_drops_last_first() {
    let log = RefCell::new(Vec::new());
    let mut bump = DropBump::new(Global);
    for round in 0..3 {
        bump.alloc(Noted(1, &log));
        bump.alloc_slice_with(3, |at| Noted(2 + at as u32, &log));
        bump.alloc_iter([Noted(5, &log), Noted(6, &log)]);
        let changed = bump.alloc_with(|| Noted(0, &log));
        changed.0 = 7;
        bump.alloc_str("nothing to drop");
        assert!(bump.alloc_try_with(|| Err::<Noted<'_>, _>(())).is_err());
        assert!(log.borrow().is_empty());
        bump.reset();
        assert_eq!(log.take(), [7, 5, 6, 2, 3, 4, 1], "round {round}");
    }
    bump.alloc(Noted(8, &log));
    drop(bump);
    assert_eq!(log.take(), [8]);
}

#[test]
fn drop_bump_survives_destructors_that_panic() {
    let log = RefCell::new(Vec::new());
    let below = Observe::new(Global);
    let mut bump = DropBump::new(&below);
    for n in 11..16 {
        bump.alloc(Noted(n, &log));
    }
    bump.alloc_slice_with(3, |at| Noted(12 + at as u32, &log));
    assert!(catch_unwind(AssertUnwindSafe(|| bump.reset())).is_err());
    assert_eq!(log.take(), [12, 13, 14, 15, 14, 13, 12, 11]);
    assert_eq!(bump.bump().allocated_bytes(), 0);
    bump.alloc(Noted(13, &log));
    bump.alloc(Noted(1, &log));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(bump))).is_err());
    assert_eq!(log.take(), [1, 13]);
    assert_eq!(below.figures().live_bytes, 0);
}

/// Values of one type that come one behind the other are a row; other values, other types and vectors come in between.
#[test]
fn drop_bump_drops_rows_once_and_last_first() {
    /// As `Noted`, of a length that is no multiple of a word.
    #[repr(C, packed(4))]
    struct Odd<'l>(u32, &'l RefCell<Vec<u32>>);
    impl Drop for Odd<'_> {
        fn drop(&mut self) {
            let log = self.1;
            log.borrow_mut().push(self.0);
        }
    }
    #[repr(align(32))]
    struct Aligned<'l>(Noted<'l>);

    let log = RefCell::new(Vec::new());
    let mut bump = DropBump::of(Bump::new(Global).with_chunk_bytes(512, 512));
    for round in 0..50_u32 {
        let mut expected = Vec::new();
        let mut seed = round;
        for n in 100..400 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            expected.push(n);
            match seed >> 29 {
                0 => {
                    let aligned = bump.alloc(Aligned(Noted(n, &log)));
                    assert_eq!(aligned.0.0, n);
                }
                1 => {
                    let odd = bump.alloc(Odd(n, &log));
                    assert_eq!({ odd.0 }, n);
                }
                2 => {
                    bump.alloc(n);
                    bump.alloc(Noted(n, &log));
                }
                3 => {
                    let mut between = alloc_core::api2::vec::Vec::new_in(bump.bump());
                    between.push(n);
                    bump.alloc(Noted(n, &log));
                }
                _ => {
                    let noted = bump.alloc(Noted(n, &log));
                    assert_eq!(noted.0, n);
                }
            }
        }
        expected.reverse();
        bump.reset();
        assert_eq!(log.take(), expected, "round {round}");
    }
}

/// What is in a row takes no more than the value.
#[test]
fn drop_bump_keeps_a_row_together() {
    let log = RefCell::new(Vec::new());
    let bump = DropBump::new(Global);
    bump.alloc(Noted(20, &log));
    let one_bytes = bump.bump().allocated_bytes();
    (21..120).for_each(|n| {
        bump.alloc(Noted(n, &log));
    });
    let more_bytes = bump.bump().allocated_bytes() - one_bytes;
    assert!(more_bytes < 100 * size_of::<Noted<'_>>(), "{more_bytes}");
}

/// Values for which there is no room, or none for the note that they are there, are dropped at once.
#[test]
fn drop_bump_loses_nothing_when_it_is_full() {
    for nth in 0..12 {
        let log = RefCell::new(Vec::new());
        let mut put = 0;
        let below = Observe::new(Failing::new(Schedule::Bits(1 << nth), Global));
        let bump = DropBump::of(Bump::new(&below).with_chunk_bytes(256, 256));
        for n in 0..30_u32 {
            put += 1 + 3;
            let one = bump.try_alloc(Noted(100 + n, &log)).is_ok();
            let row = bump.try_alloc_slice_with(3, |_| Noted(200 + n, &log)).is_ok();
            let made = 100 * usize::from(!one) + 3 * usize::from(!row);
            assert!(log.borrow().len() < 5 + made);
        }
        drop(bump);
        // Each value that was made was dropped once; a slice for which there was no memory was not made.
        let dropped = log.take();
        assert!(dropped.len() == put || dropped.len() + 3 == put, "{} of {put}", dropped.len());
        assert_eq!(below.figures().live_bytes, 0);
    }
}

#[test]
fn drop_bump_takes_values_without_a_size() {
    thread_local!(static DROPPED: Cell<u32> = const { Cell::new(0) });
    struct Nothing;
    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPPED.set(DROPPED.get() + 1);
        }
    }
    let bump = DropBump::new(Global);
    bump.alloc(Nothing);
    bump.alloc_slice_with(4, |_| Nothing);
    drop(bump);
    assert_eq!(DROPPED.get(), 5);
}

#[test]
fn herd_gives_each_thread_a_bump() {
    const THREADS: usize = 4;
    let arena = Arena::new(Os::new());
    let mut herd = Herd::new(&arena);
    for round in 0..20_usize {
        let mut rows: Vec<Vec<&mut [usize]>> = std::thread::scope(|scope| {
            let herd = &herd;
            let workers: Vec<_> = (0..THREADS)
                .map(|worker| {
                    scope.spawn(move || {
                        let mut rows = Vec::new();
                        for n in 0..50 {
                            let member = herd.get();
                            rows.push(member.alloc_slice_with(n, |at| worker * 1000 + at + round));
                            member.alloc_str("and what nobody keeps");
                        }
                        rows
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        for (worker, rows) in rows.iter_mut().enumerate() {
            for (n, row) in rows.iter_mut().enumerate() {
                assert_eq!(row.len(), n);
                assert!(row.iter().enumerate().all(|(at, m)| *m == worker * 1000 + at + round));
                row.fill(0);
            }
        }
        let bumps = herd.bumps().count();
        assert!((1..=THREADS).contains(&bumps), "{bumps} bumps for {THREADS} threads");
        assert!(herd.bumps().all(|bump| bump.verify().is_ok()));
        herd.reset();
        assert_eq!(herd.bumps().map(|bump| bump.allocated_bytes()).sum::<usize>(), 0);
    }
    drop(herd);
    assert_eq!(arena.figures().used_bytes, 0);
}

/// A member that is leaked keeps its bump from others, until the herd is reset.
#[test]
fn herd_gets_leaked_members_back() {
    let mut herd = Herd::new(Global);
    std::mem::forget(herd.get());
    let other = herd.get();
    let both = herd.get();
    drop((other, both));
    assert_eq!(herd.bumps().count(), 3);
    herd.reset();
    let (_one, _two, _three) = (herd.get(), herd.get(), herd.get());
    assert_eq!(format!("{:?}", herd), "Herd { below: Global, .. }");
}

#[test]
fn herd_refuses_and_goes_on() {
    let below = Observe::new(Failing::new(Schedule::Bits(1), Global));
    let herd = Herd::new(&below);
    assert!(herd.try_get().is_err());
    let member = herd.try_get().unwrap();
    assert_eq!(member.alloc(1), &1);
    // By reference it is a bump.
    let mut numbers = member.vec();
    numbers.extend(0..100);
    drop(numbers);
    drop(member);
    drop(herd);
    assert_eq!(below.figures().live_bytes, 0);
}

/// What is temporary in a herd's thread is in frames of its member.
#[test]
fn herd_members_have_frames() {
    let below = Observe::new(Global);
    let mut herd = Herd::new(&below).with_chunk_bytes(1 << 10, 8 << 10);
    let mut member = herd.get();
    let kept = member.alloc_iter(0..10);
    for round in 0..10 {
        let sum = member.frame(|frame| {
            let temporary = frame.alloc_iter((0..1000).map(|n| n * round));
            frame.frame(|inner| inner.alloc_slice_fill(5000, &1_u8).len()) + temporary.len()
        });
        assert_eq!(sum, 6000);
    }
    assert_eq!((member.alloc_str("kept, too"), kept.len()), (&mut *String::from("kept, too"), 10));
    drop(member);
    // Besides the chunks there is the bump's own place.
    let home_bytes = below.figures().live_bytes - herd.chunk_bytes();
    assert!((1..300).contains(&home_bytes), "{home_bytes}");
    herd.reset();
    assert!(herd.reclaim(usize::MAX) > 0);
    assert_eq!(herd.chunk_bytes(), 0);
}

#[test]
fn herds_are_shared_and_members_move() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<Herd<Global>>();
    is_sync::<Herd<Global>>();
    is_sync::<Herd<&'static Arena<Os>>>();
    is_send::<Member<'static, Global>>();
}
