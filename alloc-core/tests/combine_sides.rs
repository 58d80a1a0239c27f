//! What combinators ask of the layers below, and what they answer for two of them: over a layer that keeps account.

#![cfg_attr(strata_nightly, feature(allocator_api))]
#![cfg(not(all(loom, feature = "loom")))]

mod common;

use alloc_core::api2::alloc::Global;
use alloc_core::{
    AllocError, Allocator, Broken, Failing, Fallback, Layer, Layout, Limit, Locked, Null, Observe,
    Reclaiming, Report, Schedule, Segregate, allocator,
};
use common::Toy;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

const L16: Layout = Layout::new::<[u8; 16]>();
const L64: Layout = Layout::new::<[u8; 64]>();

/// A layer that serves nothing. It keeps bytes to give back, and account of what it was asked.
#[derive(Default)]
struct Keeping {
    kept_bytes: Cell<usize>,
    /// The most that it gives back at a time.
    step_bytes: usize,
    goals: RefCell<Vec<usize>>,
    frozen: Cell<bool>,
    is_broken: bool,
}

impl Keeping {
    fn with(kept_bytes: usize) -> Self {
        Self { kept_bytes: Cell::new(kept_bytes), step_bytes: usize::MAX, ..Self::default() }
    }

    fn broken() -> Self {
        Self { is_broken: true, ..Self::default() }
    }
}

allocator! {
    // SAFETY: nothing is handed out.
    unsafe impl[] Allocator for Keeping {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            Null.allocate(layout)
        }
        unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
    }
}

// SAFETY: every answer about an allocation is `Null`'s.
unsafe impl Layer for Keeping {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        Null.owns(ptr)
    }
    fn usable_size(&self, layout: Layout) -> usize {
        Null.usable_size(layout)
    }
    fn reclaim(&self, goal_bytes: usize) -> usize {
        self.goals.borrow_mut().push(goal_bytes);
        let given_bytes = self.kept_bytes.get().min(goal_bytes).min(self.step_bytes);
        self.kept_bytes.set(self.kept_bytes.get() - given_bytes);
        given_bytes
    }
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Keeping", |report| report.bytes("kept", self.kept_bytes.get()));
    }
    fn verify(&self) -> Result<(), Broken> {
        Broken::unless(!self.is_broken, "Keeping", "it is whole", 0)
    }
    fn freeze(&self) {
        self.frozen.set(true);
    }
    unsafe fn thaw(&self) {
        self.frozen.set(false);
    }
}

#[test]
fn two_sides_give_back_what_is_asked() {
    let kept = || Keeping::with(100);
    let (fallback, segregate) = (Fallback::new(kept(), kept()), Segregate::new(8, kept(), kept()));
    for (goal_bytes, given_bytes, goals) in [
        (60, 60, [vec![60], vec![]]),
        (100, 100, [vec![100], vec![60]]),
        (50, 40, [vec![50], vec![50]]),
        // What is due, of both.
        (0, 0, [vec![0], vec![0]]),
    ] {
        assert_eq!(fallback.reclaim(goal_bytes), given_bytes);
        assert_eq!([fallback.primary(), fallback.secondary()].map(|it| it.goals.take()), goals);
        assert_eq!(segregate.reclaim(goal_bytes), given_bytes);
        assert_eq!([segregate.large(), segregate.small()].map(|it| it.goals.take()), goals);
    }
    assert_eq!(Locked::new(kept()).reclaim(7), 7);
    assert_eq!(Null.reclaim(usize::MAX), 0);
}

#[test]
fn two_sides_have_a_range_if_it_is_the_same() {
    let (ground, other) = (Toy::<16>::new(256), Toy::<16>::new(256));
    assert!(ground.range().is_some());
    assert_eq!(Fallback::new(&ground, &ground).range(), ground.range());
    assert_eq!(Segregate::new(8, &ground, &ground).range(), ground.range());
    assert_eq!(Fallback::new(&ground, &other).range(), None);
    assert_eq!(Segregate::new(8, &ground, Global).range(), None);
    assert_eq!(Locked::new(&ground).range(), ground.range());
}

#[test]
fn two_sides_own_what_one_of_them_owns() {
    let (one, other) = (Toy::<16>::new(256), Toy::<16>::new(256));
    let ptrs = [&one, &other].map(|side| side.allocate(L16).unwrap().cast::<u8>());
    let stacks = (Fallback::new(&one, &other), Segregate::new(8, &one, &other));
    let owned = |ptr: NonNull<u8>| (stacks.0.owns(ptr), stacks.1.owns(ptr));
    assert_eq!(ptrs.map(owned), [(true, true); 2]);
    assert_eq!(owned(NonNull::from(&0_u8)), (false, false));
}

#[test]
fn both_sides_are_frozen() {
    let (fallback, segregate) = (Fallback::<Keeping, Keeping>::default(), Segregate::default());
    let frozen = |sides: [&Keeping; 2]| sides.map(|side| side.frozen.get());
    fallback.freeze();
    segregate.freeze();
    assert_eq!(frozen([fallback.primary(), fallback.secondary()]), [true; 2]);
    assert_eq!(frozen([segregate.small(), segregate.large()]), [true; 2]);
    // SAFETY: frozen above.
    unsafe {
        fallback.thaw();
        segregate.thaw();
    }
    assert_eq!(frozen([fallback.primary(), fallback.secondary()]), [false; 2]);
    assert_eq!(frozen([segregate.small(), segregate.large()]), [false; 2]);
}

#[test]
fn what_is_broken_below_is_found() {
    let broken = Keeping::broken;
    let found =
        |stack: &dyn Layer| stack.verify().is_err_and(|broken| broken.rule == "it is whole");
    assert!(found(&Fallback::new(broken(), Null)) && found(&Fallback::new(Null, broken())));
    assert!(found(&Segregate::new(8, broken(), Null)) && found(&Segregate::new(8, Null, broken())));
    assert!(found(&Limit::new(8, broken())) && found(&Locked::new(broken())));
    assert!(found(&Observe::new(broken())) && found(&Reclaiming::new(broken())));
    assert!(found(&Failing::new(Schedule::Never, broken())));
}

#[test]
fn settings_are_what_was_asked_for() {
    assert_eq!(Limit::new(77, Null).limit_bytes(), 77);
    assert_eq!(Segregate::new(77, Null, Null).threshold_bytes(), 77);
    assert_eq!(Failing::new(Schedule::Every(2), Null).schedule(), Schedule::Every(2));
    assert_eq!(Null.usable_size(L16), 16);
}

/// First what is needed, then everything, for as long as that yields something, but not for ever.
#[test]
fn reclaiming_gives_up() {
    let asked = |kept_bytes, step_bytes| {
        let stack = Reclaiming::new(Keeping { step_bytes, ..Keeping::with(kept_bytes) });
        assert!(stack.allocate(L64).is_err());
        assert_eq!((stack.shortages(), stack.rescues()), (1, 0));
        stack.below().goals.take()
    };
    const ALL: usize = usize::MAX;
    assert_eq!(asked(0, ALL), [65, ALL]);
    assert_eq!(asked(100, ALL), [65, ALL, ALL]);
    assert_eq!(asked(1000, 10), [65, ALL, ALL, ALL]);
}
