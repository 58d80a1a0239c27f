//! What each combinator does beyond the contract, which the kit checks: figures, sides, retries.

#![cfg_attr(strata_nightly, feature(allocator_api))]
#![cfg(not(all(loom, feature = "loom")))]

mod common;

use alloc_core::api2::alloc::{Global, System};
use alloc_core::api2::vec::Vec as Vec04;
use alloc_core::report::{Sink, Tree};
use alloc_core::sync::Lock;
use alloc_core::{
    AllocError, Allocator, AsGlobal, Boxed, Broken, Failing, Fallback, Foreign, Layer, Layout,
    Limit, Locked, Null, Observe, Reclaiming, Report, Schedule, Segregate, Shared, Unit, allocator,
};
use common::Toy;
use std::alloc::GlobalAlloc;
use std::cell::Cell;
use std::ops::Range;
use std::ptr::NonNull;

const L16: Layout = Layout::new::<[u8; 16]>();
const L64: Layout = Layout::new::<[u8; 64]>();
const L256: Layout = Layout::new::<[u8; 256]>();

/// Every combinator can stand in a static.
#[allow(clippy::type_complexity, reason = "that is what is shown here")]
static STACK: AsGlobal<
    Observe<Reclaiming<Limit<Segregate<Fallback<Locked<Null>, Failing<Foreign<System>>>, Global>>>>,
> = AsGlobal::new(Observe::new(Reclaiming::new(Limit::new(
    1 << 20,
    Segregate::new(
        1024,
        Fallback::new(Locked::new(Null), Failing::new(Schedule::Never, Foreign::new(System))),
        Global,
    ),
))));

#[test]
fn a_stack_in_a_static() {
    let mut numbers = Vec04::new_in(STACK.below());
    numbers.extend(0..1000u32);
    assert!(STACK.below().figures().live_bytes >= 4000);
    let names = "Observe Reclaiming Limit Segregate small Fallback primary Locked Null secondary \
                 Failing Foreign large Global";
    let mut seen = Vec::new();
    name_all(&Tree::of(STACK.below()), &mut seen);
    seen.retain(|name| name != "allocations by size");
    assert_eq!(seen.join(" "), names);
    assert!(STACK.below().verify().is_ok());
}

fn name_all(tree: &Tree, into: &mut Vec<String>) {
    into.push(tree.name.clone());
    tree.below.iter().for_each(|tree| name_all(tree, into));
}

#[test]
fn send_and_sync_follow_what_is_below() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    type OneThread = Toy<16>;
    shared::<Lock<Cell<u8>>>();
    shared::<Locked<OneThread>>();
    shared::<Limit<Global>>();
    shared::<Observe<System>>();
    shared::<Failing<Null>>();
    shared::<Reclaiming<Locked<OneThread>>>();
    shared::<Fallback<Locked<OneThread>, Global>>();
    shared::<Segregate<Null, Global>>();
    shared::<AsGlobal<Foreign<Global>>>();
    shared::<Shared<Locked<OneThread>>>();
    sent::<Limit<OneThread>>();
    sent::<Boxed<Fallback<OneThread, Global>>>();
    // Not `Sync` where what is below is not: an inference that has one answer only as long as
    // `Limit<OneThread>` is not `Sync`.
    trait Ambiguous<A> {
        fn here() {}
    }
    impl<T> Ambiguous<()> for T {}
    struct IsSync;
    impl<T: Sync> Ambiguous<IsSync> for T {}
    <Limit<OneThread> as Ambiguous<_>>::here();
    <Observe<OneThread> as Ambiguous<_>>::here();
    <Segregate<Global, OneThread> as Ambiguous<_>>::here();
    <Locked<&'static OneThread> as Ambiguous<_>>::here();
    <Shared<OneThread> as Ambiguous<_>>::here();
}

#[test]
fn fallback_serves_from_the_second_and_moves_between() {
    let stack =
        Fallback::new(Observe::new(Toy::<16>::new(256)), Observe::new(Toy::<64>::new(4096)));
    let figures = || (stack.primary().figures(), stack.secondary().figures());
    // The usable size is the smaller of 16 and 64, wherever it is served.
    assert_eq!(stack.usable_size(L16), 16);
    let first = stack.allocate(L64).unwrap();
    let second = stack.allocate(L256).unwrap();
    assert_eq!((first.len(), second.len()), (64, 256));
    assert_eq!((figures().0.live, figures().1.live), (1, 1));
    assert!(stack.primary().owns(first.cast()) && !stack.primary().owns(second.cast()));
    // SAFETY: each is live, with the layout given, until the line that takes it.
    unsafe {
        first.cast::<u8>().write_bytes(7, 64);
        // Grown where there is no room in the primary: moves, contents and all.
        let first = stack.grow_zeroed(first.cast(), L64, L256).unwrap();
        assert_eq!((figures().0.live, figures().1.live), (0, 2));
        assert_eq!(first.as_ref()[..64], [7; 64]);
        assert_eq!(first.as_ref()[64..], [0; 192]);
        stack.deallocate(first.cast(), L256);
        stack.deallocate(second.cast(), L256);
    }
    assert_eq!((figures().0.live, figures().1.live), (0, 0));
}

/// Claims, on demand, to own everything: what a primary may do that shares its ground.
struct Claiming(Cell<bool>, Toy<16>);

allocator! {
    // SAFETY: every method forwards.
    unsafe impl[] Allocator for Claiming {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.1.allocate(layout)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { self.1.deallocate(ptr, layout) }
        }
    }
}

// SAFETY: every method forwards; `owns` denies nothing that `Toy` owns.
unsafe impl Layer for Claiming {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        // Claims from its second question on, so that a grow finds its old address unclaimed, and
        // the new one claimed.
        self.1.owns(ptr) || self.0.replace(true)
    }
    fn usable_size(&self, layout: Layout) -> usize {
        self.1.usable_size(layout)
    }
    fn range(&self) -> Option<Range<usize>> {
        None
    }
    fn reclaim(&self, _: usize) -> usize {
        0
    }
    fn report(&self, _: &mut Report<'_>) {}
    fn verify(&self) -> Result<(), Broken> {
        self.1.verify()
    }
}

/// Rule R1 of `Fallback`: what the secondary hands out and the primary claims is not handed on.
#[test]
fn fallback_r1_claimed_addresses() {
    let claiming = Claiming(Cell::new(true), Toy::new(128));
    let stack = Fallback::new(claiming, Observe::new(Toy::<16>::new(4096)));
    let kept = stack.allocate(L64).unwrap();
    assert!(stack.allocate(L256).is_err(), "claimed by the primary");
    assert_eq!(stack.secondary().figures().live, 0, "and given back");

    // Not claimed at first; claimed when it has moved within the secondary: it moves home.
    // SAFETY: each is live, with the layout given, until the line that takes it.
    unsafe {
        stack.deallocate(kept.cast(), L64);
        let filler = stack.allocate(L64).unwrap();
        let filler2 = stack.allocate(L64).unwrap();
        stack.primary().0.set(false);
        let there = stack.allocate(L16).unwrap();
        assert_eq!(stack.secondary().figures().live, 1);
        stack.deallocate(filler.cast(), L64);
        there.cast::<u8>().write_bytes(9, 16);
        stack.primary().0.set(false);
        let home = stack.grow_zeroed(there.cast(), L16, L64).unwrap();
        assert!(stack.primary().1.owns(home.cast()), "moved to the primary");
        assert_eq!(stack.secondary().figures().live, 0);
        assert_eq!(home.as_ref()[..16], [9; 16]);
        assert_eq!(home.as_ref()[16..], [0; 48]);
        stack.deallocate(home.cast(), L64);
        stack.deallocate(filler2.cast(), L64);
    }
}

#[test]
fn segregate_routes_by_size_and_alignment() {
    let coarse = || Observe::new(Toy::<64>::new(1 << 16));
    let stack = Segregate::new(100, coarse(), coarse());
    let live = || (stack.small().figures().live, stack.large().figures().live);
    let layout = |size, align| Layout::from_size_align(size, align).unwrap();
    for (asked, usable, sides) in [
        (layout(1, 1), 64, (1, 0)),
        // The small layer would hand out 128, but 101 to 128 would lead to the large one.
        (layout(65, 1), 100, (1, 0)),
        (layout(100, 1), 100, (1, 0)),
        (layout(101, 1), 128, (0, 1)),
        (layout(1, 256), 64, (0, 1)),
    ] {
        let slice = stack.allocate(asked).unwrap();
        assert_eq!((slice.len(), live()), (usable, sides), "{asked:?}");
        let fitting = layout(usable, asked.align());
        // SAFETY: it is live, and the size that was handed out fits.
        unsafe { stack.deallocate(slice.cast(), fitting) };
        assert_eq!(live(), (0, 0));
    }
    // SAFETY: each is live, with the layout given, until the line that takes it.
    unsafe {
        let small = stack.allocate(L64).unwrap();
        small.cast::<u8>().write_bytes(5, 64);
        let large = stack.grow(small.cast(), L64, L256).unwrap();
        assert_eq!((live(), &large.as_ref()[..64]), ((0, 1), &[5; 64][..]));
        let small = stack.shrink(large.cast(), L256, L16).unwrap();
        assert_eq!((live(), &small.as_ref()[..16]), ((1, 0), &[5; 16][..]));
        stack.deallocate(small.cast(), L16);
    }
}

#[test]
fn limit_counts_exactly() {
    let stack = Limit::new(256, Toy::<64>::new(4096));
    let first = stack.allocate(L16).unwrap();
    assert_eq!((stack.live_bytes(), first.len()), (64, 64), "usable bytes count");
    // SAFETY: each is live, with a layout that fits, until the line that takes it.
    unsafe {
        let first = stack.grow(first.cast(), L64, L256).unwrap();
        assert_eq!(stack.live_bytes(), 256);
        assert!(stack.allocate(Layout::new::<u8>()).is_err());
        assert!(stack.allocate(Layout::new::<()>()).is_ok(), "nothing costs nothing");
        let larger = Layout::new::<[u8; 257]>();
        assert!(stack.grow(first.cast(), L256, larger).is_err());
        assert_eq!((stack.live_bytes(), stack.refused()), (256, 2));
        let first = stack.shrink(first.cast(), L256, Layout::new::<u8>()).unwrap();
        assert_eq!((stack.live_bytes(), stack.peak_bytes()), (64, 256));
        stack.deallocate(first.cast(), Layout::new::<[u8; 33]>());
    }
    assert_eq!((stack.live_bytes(), stack.peak_bytes()), (0, 256));
    // A refusal below gives back what was charged.
    let stack = Limit::new(1000, Null);
    assert!(stack.allocate(L16).is_err());
    assert_eq!((stack.live_bytes(), stack.peak_bytes(), stack.refused()), (0, 0, 0));
    // Sizes that add up to more than an address.
    let stack = Limit::new(usize::MAX, Null);
    let huge = Layout::from_size_align(isize::MAX as usize, 1).unwrap();
    assert!((0..4).all(|_| stack.allocate(huge).is_err()));
    assert_eq!(stack.live_bytes(), 0);
}

#[test]
fn a_limit_may_change_at_any_time() {
    let stack = Limit::new(64, Global);
    let first = stack.allocate(L64).unwrap();
    assert!(stack.allocate(L16).is_err());
    stack.set_limit_bytes(256);
    let second = stack.allocate(L64).unwrap();
    stack.set_limit_bytes(100);
    // SAFETY: each is live, with this layout, until the line that takes it.
    unsafe {
        assert_eq!((stack.live_bytes(), stack.limit_bytes()), (128, 100), "what is live stays");
        assert_eq!(stack.verify(), Ok(()));
        assert!(stack.allocate(Layout::new::<u8>()).is_err());
        let first = stack.shrink(first.cast(), L64, L16).unwrap();
        assert!(stack.allocate(L64).is_err(), "80 and 64 are more than 100");
        let third = stack.allocate(L16).unwrap();
        assert_eq!((stack.live_bytes(), stack.peak_bytes(), stack.refused()), (96, 128, 3));
        for (object, layout) in [(first, L16), (second, L64), (third, L16)] {
            stack.deallocate(object.cast(), layout);
        }
    }
    assert_eq!((stack.live_bytes(), stack.verify()), (0, Ok(())));
}

/// A layer that keeps what is freed (up to one allocation) and gives it down only when asked.
struct Hoarding<A> {
    kept: Cell<Option<(NonNull<u8>, Layout)>>,
    below: A,
}

allocator! {
    // SAFETY: what is freed is kept once, or freed below.
    unsafe impl[A: Layer] Allocator for Hoarding<A> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.below.allocate(layout)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if let Some((ptr, layout)) = self.kept.replace(Some((ptr, layout))) {
                // SAFETY: it was freed by its owner and kept here.
                unsafe { self.below.deallocate(ptr, layout) }
            }
        }
    }
}

// SAFETY: every method forwards.
unsafe impl<A: Layer> Layer for Hoarding<A> {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        self.below.owns(ptr)
    }
    fn usable_size(&self, layout: Layout) -> usize {
        self.below.usable_size(layout)
    }
    fn reclaim(&self, _: usize) -> usize {
        self.kept.take().map_or(0, |(ptr, layout)| {
            // SAFETY: it was freed by its owner and kept here.
            unsafe { self.below.deallocate(ptr, layout) };
            layout.size()
        })
    }
    fn report(&self, report: &mut Report<'_>) {
        self.below.report(report);
    }
    fn verify(&self) -> Result<(), Broken> {
        self.below.verify()
    }
}

/// Step two of an allocation: memory is short, so what is cached goes back, and it is served.
#[test]
fn reclaiming_rescues() {
    let hoarding = Hoarding { kept: Cell::new(None), below: Limit::new(256, Global) };
    let stack = Reclaiming::new(hoarding);
    let first = stack.allocate(L256).unwrap();
    assert!(stack.allocate(L16).is_err(), "nothing to give back yet");
    assert_eq!((stack.shortages(), stack.rescues()), (1, 0));
    // SAFETY: each is live, with the layout given, until the line that takes it.
    unsafe {
        stack.deallocate(first.cast(), L256);
        assert_eq!(stack.below().below.live_bytes(), 256, "hoarded");
        let second = stack.allocate(L64).unwrap();
        assert_eq!((stack.shortages(), stack.rescues()), (2, 1));
        stack.deallocate(second.cast(), L64);
    }
    assert_eq!(stack.reclaim(usize::MAX), 64);
    assert_eq!(stack.below().below.live_bytes(), 0);
    assert_eq!(Tree::of(&stack).figure("Reclaiming", "reclaimed"), Some(256));
}

#[test]
fn observe_counts_each_operation() {
    let stack = Observe::new(Limit::new(1024, Global));
    let nothing = stack.allocate(Layout::new::<()>()).unwrap();
    // SAFETY: each is live, with the layout given, until the line that takes it.
    unsafe {
        stack.deallocate(nothing.cast(), Layout::new::<()>());
        let first = stack.allocate(L16).unwrap();
        let first = stack.grow(first.cast(), L16, L256).unwrap();
        let second = stack.grow(nothing.cast(), Layout::new::<()>(), L64).unwrap();
        let first = stack.shrink(first.cast(), L256, L16).unwrap();
        assert!(stack.grow(first.cast(), L16, Layout::new::<[u8; 4096]>()).is_err());
        stack.deallocate(second.cast(), L64);
        let nothing = stack.shrink(first.cast(), L16, Layout::new::<()>()).unwrap();
        stack.shrink(nothing.cast(), Layout::new::<()>(), Layout::new::<()>()).unwrap();
    }
    let figures = stack.figures();
    assert_eq!((figures.allocations, figures.deallocations), (2, 2));
    assert_eq!((figures.grows, figures.shrinks, figures.refused), (1, 1, 1));
    assert_eq!((figures.live, figures.live_bytes, figures.peak_bytes), (0, 0, 320));
    let sizes = stack.sizes();
    assert_eq!((sizes[4], sizes[6], sizes[8]), (2, 1, 1));
    assert_eq!(sizes.iter().sum::<usize>(), 4);
    let tree = Tree::of(&stack);
    let by_size: Vec<_> = tree.below[0].figures.iter().map(|it| (&it.name[..], it.value)).collect();
    assert_eq!(by_size, [("up to 16 B", 2), ("up to 64 B", 1), ("up to 256 B", 1)]);
}

#[test]
fn failing_keeps_to_its_schedule() {
    let fates = |schedule: Schedule| {
        let stack = Failing::new(schedule, Global);
        let fate = |_| match stack.allocate(L16) {
            // SAFETY: allocated here with this layout.
            Ok(slice) => unsafe {
                stack.deallocate(slice.cast(), L16);
                '+'
            },
            Err(_) => '-',
        };
        (0..12).map(fate).collect::<String>()
    };
    assert_eq!(fates(Schedule::Never), "++++++++++++");
    assert_eq!(fates(Schedule::Every(3)), "++-++-++-++-");
    assert_eq!(fates(Schedule::Every(1)), "------------");
    assert_eq!(fates(Schedule::Every(0)), "++++++++++++");
    assert_eq!(fates(Schedule::After(2)), "++----------");
    assert_eq!(fates(Schedule::Bits(0b1010_0001)), "-++++-+-++++");
    let random = |seed| fates(Schedule::Random { seed, permille: 500 });
    assert_eq!(random(1), random(1), "a seed has one schedule");
    let never = Schedule::Random { seed: 1, permille: 0 };
    assert!(!(0..10_000).any(|number| never.refuses(number)));
    assert_ne!(random(1), random(2));
    let thousand = Schedule::Random { seed: 3, permille: 250 };
    let refused = (0..10_000).filter(|number| thousand.refuses(*number)).count();
    assert!((2200..2800).contains(&refused), "{refused} of 10000 at 25 %");

    let stack = Failing::new(Schedule::Every(1), Global);
    assert!(stack.allocate(Layout::new::<()>()).is_ok(), "size 0 is never refused");
    stack.pause();
    let slice = stack.allocate(L16).unwrap();
    stack.resume();
    // SAFETY: it is live with this layout; a refusal leaves it so.
    unsafe {
        assert!(stack.grow(slice.cast(), L16, L64).is_err());
        assert!(stack.shrink(slice.cast(), L16, Layout::new::<u8>()).is_err());
        stack.deallocate(slice.cast(), L16);
    }
    assert_eq!((stack.requests(), stack.refused()), (2, 2));

    let later = Failing::new(Schedule::After(0), &stack).paused();
    stack.pause();
    let slice = later.allocate(L16).unwrap();
    later.resume();
    assert!(later.allocate(L16).is_err() && later.requests() == 1);
    // SAFETY: it is live with this layout.
    unsafe { later.deallocate(slice.cast(), L16) };
}

#[test]
fn as_global_says_null_where_it_refuses() {
    let stack = AsGlobal::new(Observe::new(Limit::new(256, Toy::<16>::new(4096))));
    // SAFETY: each is live, with the layout given, until the line that takes it.
    unsafe {
        let ptr = stack.alloc_zeroed(L16);
        assert_eq!(std::slice::from_raw_parts(ptr, 16), [0; 16]);
        ptr.write_bytes(3, 16);
        let ptr = stack.realloc(ptr, L16, 200);
        assert_eq!(std::slice::from_raw_parts(ptr, 16), [3; 16]);
        assert!(stack.realloc(ptr, Layout::new::<[u8; 200]>(), 300).is_null());
        assert!(stack.alloc(L256).is_null());
        let ptr = stack.realloc(ptr, Layout::new::<[u8; 200]>(), 8);
        assert_eq!(std::slice::from_raw_parts(ptr, 8), [3; 8]);
        stack.dealloc(ptr, Layout::new::<[u8; 8]>());
    }
    let figures = stack.below().figures();
    assert_eq!((figures.grows, figures.shrinks, figures.refused), (1, 1, 2));
    assert_eq!(figures.live_bytes, 0);
    let tree = Tree::of(&stack);
    assert_eq!(tree.figure("Observe", "refused"), Some(2));
    assert_eq!(Tree::from_fn(|report| stack.report(report)), tree);
}

/// A sink that allocates from the very stack that reports.
struct Reentering<'s>(&'s Locked<Observe<Toy<16>>>, usize);

impl Sink for Reentering<'_> {
    fn enter(&mut self, _: &str) {
        let slice = self.0.allocate(L16).unwrap();
        // SAFETY: allocated in the line before with this layout.
        unsafe { self.0.deallocate(slice.cast(), L16) };
        self.1 += 1;
    }
    fn figure(&mut self, _: &str, _: u64, _: Unit) {}
    fn leave(&mut self) {}
}

#[test]
fn locked_reports_outside_its_lock() {
    let stack = Locked::new(Observe::new(Toy::new(4096)));
    let mut sink = Reentering(&stack, 0);
    stack.report(&mut Report::new(&mut sink));
    assert_eq!(sink.1, 4, "Locked, Observe, its sizes (once the sink has allocated or not), Toy");
}

/// While frozen, another thread waits; after thawing it goes on.
#[test]
fn locked_freezes() {
    let stack = Locked::new(Observe::new(Toy::<16>::new(4096)));
    stack.freeze();
    let served = Lock::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let slice = stack.allocate(L16).unwrap();
            *served.lock() = true;
            // SAFETY: allocated above with this layout.
            unsafe { stack.deallocate(slice.cast(), L16) };
        });
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(!*served.lock(), "served while frozen");
        // SAFETY: frozen above by this thread.
        unsafe { stack.thaw() };
    });
    assert!(*served.lock());
}

#[test]
fn into_inner_gives_back_what_is_below() {
    let stack = Segregate::new(8, Fallback::new(Null, Global), Limit::new(1, System));
    let (small, large) = stack.into_inner();
    let (Null, Global) = small.into_inner();
    let System = large.into_inner();
    let Global =
        Locked::new(Observe::new(Foreign::new(Global))).into_inner().into_inner().into_inner();
    assert_eq!(AsGlobal::new(Null).into_inner(), Null);
    assert!(format!("{:?}", Failing::new(Schedule::Every(2), Null)).contains("Every(2)"));
}
