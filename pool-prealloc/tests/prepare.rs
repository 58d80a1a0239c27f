//! Memory that is taken, prepared, refused: what comes back, and that nothing is kept.

#![cfg(not(loom))]

use alloc_core::api2::alloc::Global;
use alloc_core::{Failing, Layer, Layout, Limit, Observe, Schedule};
use pool_prealloc::{
    BlockPool, Budget, Buffer, KeyPool, Plan, Pool, Preparation, Share, TakeError,
};
use std::mem::MaybeUninit;
use std::process::Command;

const ALL: Preparation = Preparation::new().prefault().lock();

#[test]
fn what_the_layer_below_refuses_is_refused() {
    let below = Failing::new(Schedule::After(0), Global);
    let plan = Plan::new([Share::of::<u64>(10)]);
    for preparation in [Preparation::new(), Preparation::new().prefault(), ALL] {
        let errors = [
            Pool::<u64, _>::prepared_in(10, preparation, &below).err(),
            KeyPool::<u64, _>::prepared_in(10, preparation, &below).err(),
            BlockPool::prepared_in(Layout::new::<u64>(), 10, preparation, &below).err(),
            Budget::prepared_in(plan, preparation, &below).err(),
        ];
        assert_eq!(errors, [Some(TakeError::Exhausted); 4]);
    }
    assert_eq!(below.refused(), 12);
    // Nothing is asked for where nothing is needed.
    assert!(Pool::<u64, _>::try_with_capacity_in(0, &below).is_ok());
    assert!(Pool::<(), _>::prepared_in(usize::MAX, ALL.huge_pages(), &below).is_ok());
}

#[test]
fn a_pool_asks_its_layer_once() {
    let below = Observe::new(Global);
    let pool = Pool::<[u64; 8], _>::with_capacity_in(1000, &below);
    let boxes: Vec<_> = (0..1000).map(|n| pool.alloc([n; 8]).unwrap()).collect();
    assert_eq!((below.figures().live, below.figures().live_bytes), (1, 64_000));
    drop(boxes);
    assert_eq!(below.figures().live, 1);
    drop(pool);
    assert_eq!(below.figures().live, 0);
}

#[test]
fn prepared_memory_goes_back_to_its_layer() {
    let below = Limit::new(1 << 22, Global);
    let mut locked = 0;
    for preparation in [Preparation::new().prefault(), ALL, Preparation::new().huge_pages(), ALL] {
        let pool = Pool::<[u64; 9], _>::prepared_in(100, preparation, &below);
        if let Err(error) = &pool {
            // The system may not allow it; then it says so, and keeps nothing.
            let named =
                matches!(error, TakeError::NotLocked { .. } | TakeError::NoHugePages { .. });
            assert!(named && !error.to_string().is_empty(), "{error}");
            assert_eq!(below.live_bytes(), 0);
            continue;
        }
        let pool = pool.unwrap();
        locked += usize::from(preparation == ALL);
        let boxes: Vec<_> = (0..100).map(|n| pool.alloc([n; 9]).unwrap()).collect();
        assert!(boxes.iter().enumerate().all(|(n, boxed)| boxed[8] == n as u64));
        drop(boxes);
        assert!(below.live_bytes() >= 7200);
        drop(pool);
        assert_eq!(below.live_bytes(), 0);
    }
    assert!(locked % 2 == 0, "once locked, always locked: {locked}");
}

fn status(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// Runs `body` in a process of its own.
#[cfg(target_os = "linux")]
fn alone(test: &str, body: impl FnOnce()) {
    const CHILD: &str = "POOL_PREALLOC_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let passed = output.status.success() && text.contains("1 passed");
    assert!(passed, "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Sanitizers have an `mlock` that does nothing, and says that it has.
#[cfg(target_os = "linux")]
fn locks_are_real() -> bool {
    let page = [0_u8; 4096];
    // SAFETY: the bytes are this function's.
    let locked = unsafe { libc::mlock(page.as_ptr().cast(), page.len()) } == 0;
    let is_real = !locked || status("VmLck") > 0;
    // SAFETY: as above.
    unsafe { libc::munlock(page.as_ptr().cast(), page.len()) };
    is_real
}

#[cfg(target_os = "linux")]
#[test]
fn locks_are_counted_and_undone() {
    alone("locks_are_counted_and_undone", || {
        if !locks_are_real() {
            return;
        }
        let lock = Preparation::new().lock();
        let Ok(pool) = Pool::<u32>::prepared_in(25_000, lock, Global) else { return };
        assert!((100_000..200_000).contains(&status("VmLck")), "{}", status("VmLck"));
        let other = Pool::<u8>::prepared_in(1, lock, Global).unwrap();
        let both = status("VmLck");
        drop(other);
        assert!(status("VmLck") < both && status("VmLck") >= 100_000, "a page of its own");
        drop(pool);
        assert_eq!(status("VmLck"), 0);
    });
}

/// The limit on locked memory is 0: the error names it, and the memory goes back. (Root may lock what it
/// likes, so the test gives that up first.)
#[cfg(target_os = "linux")]
#[test]
fn a_refused_lock_says_why() {
    alone("a_refused_lock_says_why", || {
        if !locks_are_real() {
            return;
        }
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `none` lives through the call; the process is this test's own.
        unsafe {
            assert_eq!(libc::setrlimit(libc::RLIMIT_MEMLOCK, &none), 0);
            libc::setuid(65_534);
        }
        let below = Observe::new(Global);
        let refused = Pool::<u64, _>::prepared_in(1000, ALL, &below).err();
        let Some(TakeError::NotLocked { bytes, errno: Some(errno) }) = refused else {
            panic!("{refused:?}");
        };
        assert!(bytes >= 8000 && errno != 0);
        assert!(refused.unwrap().to_string().contains("RLIMIT_MEMLOCK"), "{}", refused.unwrap());
        assert_eq!(below.figures().live, 0);
    });
}

/// Prefaulting makes every page resident; without it, fresh pages are not.
#[cfg(target_os = "linux")]
#[test]
fn prefaulted_pages_are_resident() {
    alone("prefaulted_pages_are_resident", || {
        use alloc_arena::{Arena, Os};
        const BYTES: usize = 32 << 20;
        let arena = Arena::new(Os::new());
        let before = status("VmRSS");
        let lazy = Pool::<[u8; 4096], _>::with_capacity_in(BYTES / 4096, &arena);
        assert!(status("VmRSS") < before + BYTES / 2);
        let ready = Preparation::new().prefault();
        let eager = Pool::<[u8; 4096], _>::prepared_in(BYTES / 4096, ready, &arena).unwrap();
        assert!(status("VmRSS") >= before + BYTES);
        drop((lazy, eager));
        arena.verify().unwrap();
    });
}

#[test]
fn a_pool_on_huge_pages_is_aligned_to_them() {
    let huge = Preparation::new().huge_pages();
    match Pool::<[u8; 100]>::prepared_in(1000, huge, Global) {
        Ok(pool) => {
            let first = pool.alloc([0; 100]).unwrap();
            let place = pool_prealloc::SlotBox::as_ptr(&first);
            assert!(place.as_ptr().addr().is_multiple_of(2 << 20));
        }
        Err(error) => assert!(matches!(error, TakeError::NoHugePages { .. }), "{error}"),
    }
}

#[test]
fn a_buffer_serves_one_pool_at_a_time() {
    let mut bytes = [MaybeUninit::uninit(); 4096];
    let buffer = Buffer::new(&mut bytes);
    let pool = Pool::<u64, _>::with_capacity_in(500, &buffer);
    assert_eq!(Pool::<u64, _>::try_with_capacity_in(1, &buffer).err(), Some(TakeError::Exhausted));
    let boxes: Vec<_> = (0..500).map(|n| pool.alloc(n).unwrap()).collect();
    assert!(
        boxes.iter().all(|boxed| pool.below().owns(pool_prealloc::SlotBox::as_ptr(boxed).cast()))
    );
    drop(boxes);
    drop(pool);
    let too_long = KeyPool::<u64, _>::try_with_capacity_in(342, &buffer).err();
    assert_eq!(too_long, Some(TakeError::Exhausted));
    assert!(KeyPool::<u64, _>::try_with_capacity_in(340, &buffer).is_ok());
    assert!(BlockPool::try_with_capacity_in(Layout::new::<[u8; 100]>(), 40, buffer).is_ok());
}
