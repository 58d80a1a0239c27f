//! `Arena<Os>` and the operating system: what is mapped, resident, zero, and given back.

use alloc_arena::{
    Arena, FileMapping, HugePages, MappingKind, Os, PageRun, PageState, Purge, Sharing, Source,
};
use alloc_core::{Allocator, Layer, Layout};
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::time::Duration;

const PAGE: usize = 4096;
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn layout(bytes: usize, align: usize) -> Layout {
    Layout::from_size_align(bytes, align).unwrap()
}

/// How many pages of a range are in memory; `None` if part of it is not mapped.
fn resident_pages(base: NonNull<u8>, bytes: usize) -> Option<usize> {
    let mut pages = vec![0_u8; bytes / PAGE];
    // SAFETY: mincore only writes the vector, which has a byte for each page.
    let result = unsafe { libc::mincore(base.as_ptr().cast(), bytes, pages.as_mut_ptr()) };
    (result == 0).then(|| pages.iter().filter(|&&page| page & 1 == 1).count())
}

fn faults_of_this_thread() -> i64 {
    // SAFETY: all-zero bytes are a valid `rusage`, a struct of integers.
    let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
    // SAFETY: `usage` lives through the call.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) }, 0);
    usage.ru_minflt
}

unsafe fn bytes_of<'a>(run: NonNull<[u8]>) -> &'a mut [u8] {
    // SAFETY: the callers pass live runs that they use through this slice alone.
    unsafe { &mut *run.as_ptr() }
}

#[test]
fn os_fresh_pages_are_not_touched_to_zero_them() {
    let arena = Arena::new(Os::new()).with_huge_pages(HugePages::Avoid);
    let layout = layout(16 * MIB, 64 * KIB);
    let run = arena.allocate_zeroed(layout).unwrap();
    assert_eq!(resident_pages(run.cast(), run.len()), Some(0));
    // SAFETY: live.
    assert!(unsafe { bytes_of(run) }.iter().all(|&byte| byte == 0));
}

#[test]
fn os_reclaim_purges_and_the_pages_read_zero_again() {
    let arena = Arena::new(Os::new()).with_purge_delay(None);
    let layout = layout(16 * MIB, 64 * KIB);
    let run = arena.allocate(layout).unwrap();
    // SAFETY: live.
    unsafe { bytes_of(run) }.fill(0xEE);
    let base = run.cast::<u8>();
    assert_eq!(resident_pages(base, 16 * MIB), Some(4096));
    // SAFETY: allocated above.
    unsafe { arena.deallocate(base, layout) };
    assert_eq!(arena.figures().dirty_bytes, 16 * MIB);

    // In part first: whole pages, and no fewer than the goal.
    assert_eq!(arena.reclaim(MIB - 1), MIB);
    assert_eq!(resident_pages(base, 16 * MIB), Some(4096 - 256));
    assert_eq!(arena.reclaim(usize::MAX), 15 * MIB);
    assert_eq!(resident_pages(base, 16 * MIB), Some(0));
    let figures = arena.figures();
    assert_eq!((figures.dirty_bytes, figures.purged_bytes), (0, 16 * MIB));
    assert_eq!(arena.reclaim(usize::MAX), 0);

    let again = arena.allocate_zeroed(layout).unwrap();
    assert_eq!(again.cast(), base);
    assert_eq!(resident_pages(base, 16 * MIB), Some(0));
    // SAFETY: live.
    assert!(unsafe { bytes_of(again) }.iter().all(|&byte| byte == 0));
    arena.verify().unwrap();
}

#[test]
fn os_lazily_purged_pages_are_zeroed_when_asked() {
    let arena = Arena::new(Os::lazy()).with_purge_delay(None);
    let layout = layout(MIB, PAGE);
    let run = arena.allocate(layout).unwrap();
    // SAFETY: live.
    unsafe { bytes_of(run) }.fill(0xEE);
    // SAFETY: allocated above.
    unsafe { arena.deallocate(run.cast(), layout) };
    assert_eq!(arena.reclaim(usize::MAX), MIB);
    let again = arena.allocate_zeroed(layout).unwrap();
    assert_eq!(again.cast::<u8>(), run.cast());
    // SAFETY: live.
    assert!(unsafe { bytes_of(again) }.iter().all(|&byte| byte == 0));
}

/// Only what is dirty is cleared: the rest of a run that is dirty in part stays untouched.
#[test]
fn os_zeroing_spares_clean_pages() {
    let arena = Arena::new(Os::new()).with_purge_delay(None).with_huge_pages(HugePages::Avoid);
    let small = layout(64 * KIB, 64 * KIB);
    let run = arena.allocate(small).unwrap();
    // SAFETY: live.
    unsafe { bytes_of(run) }.fill(1);
    // SAFETY: allocated above.
    unsafe { arena.deallocate(run.cast(), small) };
    let run = arena.allocate_zeroed(layout(8 * MIB, 64 * KIB)).unwrap();
    assert_eq!(resident_pages(run.cast(), 8 * MIB), Some(16));
    // SAFETY: live.
    assert!(unsafe { bytes_of(run) }.iter().all(|&byte| byte == 0));
}

#[test]
fn os_dirty_pages_are_used_before_fresh_ones() {
    let arena = Arena::new(Os::new()).with_purge_delay(None);
    let span = layout(64 * KIB, 64 * KIB);
    let runs: Vec<_> = (0..32).map(|_| arena.allocate(span).unwrap()).collect();
    // A clean hole below a dirty one: the first is purged before the second is freed.
    // SAFETY: allocated above; so below.
    unsafe { arena.deallocate(runs[3].cast(), span) };
    arena.reclaim(usize::MAX);
    // SAFETY: as above.
    unsafe { arena.deallocate(runs[20].cast(), span) };
    assert_eq!(arena.allocate(span).unwrap(), runs[20]);
    assert_eq!(arena.allocate(span).unwrap(), runs[3]);
}

#[test]
fn os_dirty_pages_decay_in_steps() {
    let arena = Arena::new(Os::new()).with_purge_delay(Some(Duration::from_millis(400)));
    let layout = layout(8 * MIB, PAGE);
    let run = arena.allocate(layout).unwrap();
    // SAFETY: live.
    unsafe { bytes_of(run) }.fill(1);
    // SAFETY: allocated above.
    unsafe { arena.deallocate(run.cast(), layout) };
    let mut seen = vec![arena.figures().dirty_bytes];
    assert_eq!(seen, [8 * MIB]);
    let began = std::time::Instant::now();
    while seen.last() != Some(&0) {
        assert!(began.elapsed() < Duration::from_secs(20), "it never ends: {seen:?}");
        std::thread::sleep(Duration::from_millis(5));
        // Others' calls drive the decay; this page lies elsewhere.
        for _ in 0..8 {
            let other = arena.allocate(Layout::new::<[u8; PAGE]>()).unwrap();
            // SAFETY: allocated just now.
            unsafe { arena.deallocate(other.cast(), Layout::new::<[u8; PAGE]>()) };
        }
        let dirty_bytes = arena.figures().dirty_bytes;
        // The page that drives is young for ever.
        seen.push(if dirty_bytes <= PAGE { 0 } else { dirty_bytes });
    }
    seen.dedup();
    assert!(seen.len() >= 4, "all at once: {seen:?}");
    assert!(began.elapsed() >= Duration::from_millis(200), "too soon: {seen:?}");
    arena.verify().unwrap();
}

#[test]
fn os_long_runs_grow_without_a_copy() {
    let arena = Arena::new(Os::new());
    let mut size = 48 * MIB;
    let mut run = arena.allocate(layout(size, 64 * KIB)).unwrap();
    assert_eq!(arena.figures().dedicated_runs, 1);
    // SAFETY: live; so below.
    let bytes = unsafe { bytes_of(run) };
    for (n, page) in bytes.chunks_mut(PAGE).enumerate() {
        page[0] = n as u8;
    }
    let before = faults_of_this_thread();
    for _ in 0..4 {
        // Something right behind it, so that it has to move now and then.
        let end = run.cast::<u8>().as_ptr().wrapping_add(size);
        // SAFETY: a hint without MAP_FIXED replaces nothing.
        unsafe {
            let (none, flags) = (libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANON);
            libc::mmap(end.cast(), PAGE, none, flags, -1, 0);
        }
        let (old, new) = (layout(size, 64 * KIB), layout(size * 2, 64 * KIB));
        // SAFETY: live with that layout.
        run = unsafe { arena.grow_zeroed(run.cast(), old, new).unwrap() };
        assert!(run.cast::<u8>().as_ptr().addr().is_multiple_of(64 * KIB));
        size *= 2;
        assert_eq!(run.len(), size);
        assert_eq!(arena.figures().dedicated_bytes, size);
    }
    // Copying 48 MiB would have touched 12288 fresh pages.
    let faults = faults_of_this_thread() - before;
    assert!(faults < 1000, "{faults} faults");
    assert_eq!(resident_pages(run.cast(), size), Some(48 * MIB / PAGE));
    // SAFETY: live.
    let bytes = unsafe { bytes_of(run) };
    for (n, page) in bytes[..48 * MIB].chunks(PAGE).enumerate() {
        assert_eq!(page[0], n as u8);
    }
    assert!(bytes[48 * MIB..].iter().step_by(1024).all(|&byte| byte == 0));

    let (old, new) = (layout(size, 64 * KIB), layout(PAGE, 64 * KIB));
    // SAFETY: live with that layout.
    let small = unsafe { arena.shrink(run.cast(), old, new).unwrap() };
    assert_eq!(small.cast::<u8>(), run.cast());
    assert_eq!(arena.figures().dedicated_bytes, PAGE);
    // SAFETY: live with that layout.
    unsafe { arena.deallocate(small.cast(), new) };
    assert_eq!((arena.figures().dedicated_bytes, arena.figures().idle_bytes), (0, PAGE));
    arena.reclaim(usize::MAX);
    assert_eq!(resident_pages(run.cast(), PAGE), None);
    arena.verify().unwrap();
}

/// A long run that is needed over and over keeps its memory, at any length; and is zeroed on demand.
#[test]
fn os_long_runs_are_made_of_idle_ones() {
    let arena = Arena::new(Os::new()).with_purge_delay(Some(Duration::from_millis(100)));
    let mut first_faults = None;
    for mib in [40, 40, 36, 44, 40] {
        let before = faults_of_this_thread();
        let run = arena.allocate_zeroed(layout(mib * MIB, 64 * KIB)).unwrap();
        // SAFETY: live.
        let bytes = unsafe { bytes_of(run) };
        assert!(bytes.iter().step_by(512).all(|&byte| byte == 0));
        bytes.iter_mut().step_by(512).for_each(|byte| *byte = 9);
        // SAFETY: allocated above.
        unsafe { arena.deallocate(run.cast(), layout(mib * MIB, 64 * KIB)) };
        assert_eq!(arena.figures().idle_bytes, mib * MIB);
        let taken = faults_of_this_thread() - before;
        let first = *first_faults.get_or_insert(taken);
        assert!(first_faults == Some(taken) || taken < first * 3 / 4, "{taken} after {first}");
        arena.verify().unwrap();
    }
    // More than 128 MiB does not stay.
    let huge = layout(200 * MIB, PAGE);
    let run = arena.allocate(huge).unwrap();
    // SAFETY: allocated above.
    unsafe { arena.deallocate(run.cast(), huge) };
    assert_eq!(arena.figures().idle_bytes, 0);
    // What stays, goes after the delay.
    let run = arena.allocate(layout(40 * MIB, PAGE)).unwrap();
    // SAFETY: allocated above.
    unsafe { arena.deallocate(run.cast(), layout(40 * MIB, PAGE)) };
    assert_eq!(arena.figures().idle_bytes, 40 * MIB);
    let began = std::time::Instant::now();
    while arena.figures().idle_bytes > 0 {
        assert!(began.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
        for _ in 0..16 {
            let page = arena.allocate(layout(PAGE, PAGE)).unwrap();
            // SAFETY: allocated above.
            unsafe { arena.deallocate(page.cast(), layout(PAGE, PAGE)) };
        }
    }
    assert!(began.elapsed() > Duration::from_millis(50));
    assert_eq!(resident_pages(run.cast(), PAGE), None);
}

#[test]
fn os_shared_runs_grow_and_shrink_in_place() {
    let arena = Arena::new(Os::new());
    let (one, four) = (layout(MIB, PAGE), layout(4 * MIB, PAGE));
    let run = arena.allocate(one).unwrap();
    // SAFETY: live; so below.
    unsafe { bytes_of(run) }.fill(3);
    // SAFETY: live with that layout.
    let grown = unsafe { arena.grow_zeroed(run.cast(), one, four).unwrap() };
    assert_eq!(grown.cast::<u8>(), run.cast());
    assert_eq!(resident_pages(run.cast(), 4 * MIB), Some(256));
    // SAFETY: live.
    let bytes = unsafe { bytes_of(grown) };
    assert!(bytes[..MIB].iter().all(|&byte| byte == 3));
    assert!(bytes[MIB..].iter().all(|&byte| byte == 0));
    // SAFETY: live with that layout.
    let shrunk = unsafe { arena.shrink(grown.cast(), four, one).unwrap() };
    assert_eq!(shrunk.cast::<u8>(), run.cast());
    assert_eq!(arena.figures().used_bytes, MIB);
}

#[test]
fn os_serves_and_refuses_absurd_layouts_cleanly() {
    let arena = Arena::new(Os::new());
    for bytes in [1 << 40, 1 << 45, isize::MAX as usize - (1 << 20)] {
        if let Ok(run) = arena.allocate(layout(bytes, 1)) {
            // SAFETY: allocated just now.
            unsafe { arena.deallocate(run.cast(), layout(bytes, 1)) };
        }
    }
    for shift in 12..62 {
        let layout = layout(PAGE, 1 << shift);
        if let Ok(run) = arena.allocate(layout) {
            assert!(run.cast::<u8>().as_ptr().addr().is_multiple_of(1 << shift));
            // SAFETY: live.
            unsafe { bytes_of(run) }.fill(1);
            // SAFETY: allocated just now.
            unsafe { arena.deallocate(run.cast(), layout) };
        } else {
            assert!(shift > 30, "1 GiB and less must work; 2^{shift} did not");
        }
        arena.verify().unwrap();
    }
    let figures = arena.figures();
    assert_eq!((figures.used_bytes, figures.dedicated_bytes, figures.mappings), (0, 0, 1));
}

/// Whether nothing is mapped where an arena was that is dropped.
fn drops_all() -> bool {
    let arena = Arena::new(Os::new());
    let range = arena.range().unwrap();
    let run = arena.allocate(layout(64 * KIB, 64 * KIB)).unwrap();
    let long = arena.allocate(layout(64 * MIB, PAGE)).unwrap();
    assert_eq!(arena.range(), Some(range.clone()));
    let mut mappings = Vec::new();
    arena.mappings(&mut |mapping| mappings.push(mapping));
    assert_eq!(mappings.len(), 2);
    assert_eq!(mappings[1].kind, MappingKind::Dedicated);
    assert!(resident_pages(run.cast(), PAGE).is_some());
    drop(arena);
    let bases = [run.cast(), long.cast(), NonNull::new(range.start as *mut u8).unwrap()];
    bases.into_iter().all(|base| resident_pages(base, PAGE).is_none())
}

/// Other tests' threads may map something at these addresses at once, but not each time.
#[test]
fn os_dropping_an_arena_unmaps_everything() {
    assert!((0..50).any(|_| drops_all()));
}

#[test]
fn os_commits_in_few_mappings() {
    let arena = Arena::new(Os::new());
    let range = arena.range().unwrap();
    let runs: Vec<_> =
        (0..4000).map(|n| arena.allocate(layout((1 + n % 40) * PAGE, PAGE)).unwrap()).collect();
    for run in runs.iter().step_by(2) {
        // SAFETY: allocated above.
        unsafe { arena.deallocate(run.cast(), layout(run.len(), PAGE)) };
    }
    arena.reclaim(usize::MAX);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let inside = maps.lines().filter(|line| {
        let start = usize::from_str_radix(line.split('-').next().unwrap(), 16).unwrap();
        range.contains(&start)
    });
    let count = inside.count();
    // Never advised, advised, advised no more, reserved.
    assert!(count <= 4, "{count} mappings");
}

#[test]
fn os_keeps_errno() {
    let os = Os::new();
    // SAFETY: the address of this thread's errno.
    let errno = unsafe { &mut *libc::__errno_location() };
    *errno = 42;
    assert!(os.reserve(usize::MAX / 2, 1).is_err());
    let bad = NonNull::new(PAGE as *mut u8).unwrap();
    // SAFETY: nothing is mapped there, so all of these fail without effect.
    unsafe {
        assert!(os.commit(bad, PAGE).is_err());
        assert!(os.decommit(bad, PAGE).is_err());
        assert!(os.remap(bad, PAGE, 2 * PAGE, 1).is_err());
        assert!(os.unreserve(bad, 1).is_ok());
    }
    assert_eq!(*errno, 42);
}

#[test]
fn os_guard_pages_take_memory_and_access() {
    let os = Os::new();
    let range = os.map(4 * PAGE, 1).unwrap();
    // SAFETY: mapped above.
    unsafe {
        range.base.write_bytes(1, 4 * PAGE);
        os.guard(range.base, PAGE).unwrap();
        assert_eq!(resident_pages(range.base, 4 * PAGE), Some(3));
        os.commit(range.base, PAGE).unwrap();
        assert_eq!(range.base.read(), 0);
        os.unreserve(range.base, 4 * PAGE).unwrap();
    }
}

#[test]
fn os_adopts_a_file() {
    let path = std::env::temp_dir().join(format!("alloc-arena-{}", std::process::id()));
    let mut options = std::fs::File::options();
    let file = options.read(true).write(true).create(true).truncate(true).open(&path).unwrap();
    file.set_len(MIB as u64 + 100).unwrap();
    let arena = Arena::new(Os::new());
    // SAFETY: nobody else knows the file.
    let mapping =
        unsafe { FileMapping::new(file.as_raw_fd(), 0, MIB + 100, Sharing::Shared) }.unwrap();
    let adopted = arena.adopt_file(mapping).unwrap();
    assert_eq!((adopted.bytes, adopted.kind), (MIB, MappingKind::Adopted));

    let run = arena.allocate(layout(PAGE, PAGE)).unwrap();
    assert_eq!(run.cast(), adopted.base);
    assert!(arena.owns(run.cast()));
    assert!(!arena.range().unwrap().contains(&run.cast::<u8>().as_ptr().addr()));
    // SAFETY: live.
    let bytes = unsafe { bytes_of(run) };
    bytes[..6].copy_from_slice(b"strata");
    // SAFETY: allocated above.
    unsafe { arena.deallocate(run.cast(), layout(PAGE, PAGE)) };
    arena.reclaim(usize::MAX);
    assert_eq!(&std::fs::read(&path).unwrap()[..6], b"strata");

    // After the purge the page comes back from the file, so it has to be cleared.
    let zeroed = arena.allocate_zeroed(layout(PAGE, PAGE)).unwrap();
    assert_eq!(zeroed, run);
    // SAFETY: live.
    assert!(unsafe { bytes_of(zeroed) }.iter().all(|&byte| byte == 0));
    arena.verify().unwrap();
    drop(arena);
    assert_eq!(resident_pages(adopted.base, PAGE), None);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn os_never_purges_what_its_owner_wants_to_keep() {
    let arena = Arena::new(Os::new()).with_purge_delay(Some(Duration::ZERO));
    let mapping = Os::new().map(MIB, 1).unwrap();
    let memory = NonNull::slice_from_raw_parts(mapping.base, mapping.bytes);
    let adopted = alloc_arena::Adopted { memory, purge: Purge::Never, unreserve: true };
    // SAFETY: mapped above and handed over.
    unsafe { arena.adopt_raw(adopted).unwrap() };
    let run = arena.allocate(layout(MIB, 1)).unwrap();
    assert_eq!(run.cast(), mapping.base);
    // SAFETY: live.
    unsafe { bytes_of(run) }.fill(9);
    // SAFETY: allocated above.
    unsafe { arena.deallocate(run.cast(), layout(MIB, 1)) };
    assert_eq!(arena.reclaim(usize::MAX), 0);
    assert_eq!(resident_pages(mapping.base, MIB), Some(256));
    assert_eq!(arena.figures().dirty_bytes, MIB);
}

#[test]
fn os_pages_tell_what_the_figures_tell() {
    let arena = Arena::new(Os::new()).with_purge_delay(None);
    let runs: Vec<_> =
        (0..500).map(|n| arena.allocate(layout((1 + n % 7) * PAGE, PAGE)).unwrap()).collect();
    let free = |step: usize, first: usize| {
        for run in runs.iter().skip(first).step_by(step) {
            // SAFETY: allocated above, freed once: the two calls take different ones.
            unsafe { arena.deallocate(run.cast(), layout(run.len(), PAGE)) };
        }
    };
    free(4, 0);
    arena.reclaim(usize::MAX);
    free(4, 1);
    let _long = arena.allocate(layout(40 * MIB, PAGE)).unwrap();

    let mut sums = [0_usize; 3];
    let mut before: Option<PageRun> = None;
    arena.pages(&mut |run| {
        sums[match run.state {
            PageState::Used => 0,
            PageState::Dirty => 1,
            PageState::Clean => 2,
        }] += run.bytes;
        if let Some(before) = before
            && before.base.as_ptr().addr() + before.bytes == run.base.as_ptr().addr()
            && before.state != PageState::Used
        {
            assert_ne!(before.state, run.state, "two visits for one stretch");
        }
        before = Some(run);
    });
    let figures = arena.figures();
    assert_eq!(sums[0], figures.used_bytes + figures.dedicated_bytes);
    assert_eq!(sums[1..], [figures.dirty_bytes, figures.clean_bytes]);
    assert!(figures.dirty_bytes > 0 && figures.clean_bytes > 0);
}

#[test]
fn os_the_visitor_may_allocate_from_the_arena() {
    let arena = Arena::new(Os::new());
    let _run = arena.allocate(layout(PAGE, PAGE)).unwrap();
    let mut visits = 0;
    arena.pages(&mut |_| {
        visits += 1;
        arena.allocate(layout(PAGE, PAGE)).unwrap();
    });
    assert!(visits > 0);
}

#[test]
fn os_an_arena_survives_a_fork() {
    let arena = Arena::new(Os::new());
    let run = arena.allocate(layout(PAGE, PAGE)).unwrap();
    arena.freeze();
    // SAFETY: the child only allocates from the arena, whose lock this thread holds, and exits.
    let child = unsafe { libc::fork() };
    // SAFETY: frozen above, by this thread or the one that it is the copy of.
    unsafe { arena.thaw() };
    if child == 0 {
        let fine = arena.allocate(layout(64 * KIB, 64 * KIB)).is_ok() && arena.verify().is_ok();
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(if fine { 7 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: waits for the child made above.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7);
    // SAFETY: allocated above.
    unsafe { arena.deallocate(run.cast(), layout(PAGE, PAGE)) };
    arena.verify().unwrap();
}

#[test]
fn os_many_threads() {
    static ARENA: Arena<Os> = Arena::new(Os::new()).with_dedicated_bytes(2 * MIB);
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            scope.spawn(move || {
                let mut live: Vec<(NonNull<[u8]>, Layout, u8)> = Vec::new();
                let mut random = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(thread as u64 + 1);
                for step in 0..4000_usize {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    if live.len() > 40 || (random & 3 == 0 && !live.is_empty()) {
                        let at = (random >> 8) as usize % live.len();
                        let (run, layout, stamp) = live.swap_remove(at);
                        // SAFETY: live.
                        let bytes = unsafe { bytes_of(run) };
                        assert!(bytes.iter().step_by(512).all(|&byte| byte == stamp));
                        // SAFETY: allocated below.
                        unsafe { ARENA.deallocate(run.cast(), layout) };
                    } else {
                        let pages = if random & 63 == 1 { 600 } else { 1 + (random >> 16) % 40 };
                        let layout = layout(pages as usize * PAGE, PAGE << ((random >> 32) % 5));
                        let run = ARENA.allocate(layout).unwrap();
                        let stamp = (step ^ thread << 6) as u8;
                        // SAFETY: live.
                        unsafe { bytes_of(run) }.iter_mut().step_by(512).for_each(|b| *b = stamp);
                        live.push((run, layout, stamp));
                    }
                    if step % 512 == 0 {
                        ARENA.verify().unwrap();
                        ARENA.reclaim(1 << 20);
                    }
                }
                for (run, layout, _) in live {
                    // SAFETY: allocated above.
                    unsafe { ARENA.deallocate(run.cast(), layout) };
                }
            });
        }
    });
    ARENA.verify().unwrap();
    let figures = ARENA.figures();
    assert_eq!((figures.used_bytes, figures.dedicated_bytes), (0, 0));
}

/// D4: what lies idle does not add up with what the program takes elsewhere.
#[test]
fn os_idle_runs_go_when_the_program_grows_elsewhere() {
    let arena = Arena::new(Os::new()).with_purge_delay(Some(Duration::from_secs(3600)));
    let long = layout(64 * MIB, PAGE);
    let run = arena.allocate(long).unwrap();
    // SAFETY: allocated above.
    unsafe { arena.deallocate(run.cast(), long) };
    let mut small = Vec::new();
    let mut grow_bytes = |to_bytes: usize| {
        while small.len() * 64 * KIB < to_bytes {
            small.push(arena.allocate(layout(64 * KIB, 64 * KIB)).unwrap());
        }
        arena.figures().idle_bytes
    };
    assert_eq!(grow_bytes(15 * MIB), 64 * MIB);
    assert_eq!(grow_bytes(17 * MIB), 0);
    // What is taken of memory that was in use before is no growth.
    let run = arena.allocate(long).unwrap();
    // SAFETY: allocated above.
    unsafe { arena.deallocate(run.cast(), long) };
    for _ in 0..2 {
        for run in small.drain(..) {
            // SAFETY: allocated above.
            unsafe { arena.deallocate(run.cast(), layout(64 * KIB, 64 * KIB)) };
        }
        let again = || arena.allocate(layout(64 * KIB, 64 * KIB)).unwrap();
        small.extend(core::iter::repeat_with(again).take(16 * 16));
        assert_eq!(arena.figures().idle_bytes, 64 * MIB);
    }
    arena.verify().unwrap();
}
