//! What threads may do with the public types: which may go to another thread, and which may be used by several.
//!
//! Above: nothing. Below: every library crate. Whether a type is `Debug` is the compiler's lint (`missing_debug_implementations`).

use alloc_arena::{
    Adopted, Arena, Borrowed, Bump, Checkpoint, DeferError, Deferred, DropBump, FileMapping, Fixed,
    Frame, Herd, Mapping, Member, Os, PageRun, PooledStack, Scheduled, Stack, StackError,
    StackFigures, StackPool, SysStat, Text,
};
use alloc_core::api2::alloc::Global;
use alloc_core::conformance::Failure;
use alloc_core::gc::{
    DynamicRoot, Ephemeron, Gc, GcWeak, Heap, Lock, Mutation, OnceLock, Pauses, PinnedGc, RefLock,
    Reference, SendHeap, Static, View,
};
use alloc_core::leaks::{LeakList, Leaks};
use alloc_core::profile::Snapshot;
use alloc_core::signals::{FaultHandler, Info};
use alloc_core::{
    AllocError, AsGlobal, Boxed, Broken, Compat02, Failing, Fallback, Foreign, Ground, Idle, Limit,
    Locked, Memcheck, Null, Observe, Profile, Purger, Reclaiming, Report, Sampled, Schedule,
    Segregate, Shared, Unit, report::Tree,
};
use alloc_sizeclass::{
    Batch, Checked, Class, ClassInfo, Compact, Instance, Misuse, SizeClassHeap, ThreadCache,
};
use gc_generational::Generational;
use gc_marksweep::heap::{Mutator, ObjectHeap};
use gc_marksweep::{MarkSweep, Reclaimer};
use pool_prealloc::sync::{ArcBox, Builder, Object, SyncBox, SyncFigures};
use pool_prealloc::{
    BlockPool, Budget, Buffer, Full, Handle, Key, KeyPool, ObjectPool, Plan, PlanError, Pool,
    PoolBox, Preparation, Share, StaleKey, StaticBox, StaticPool, SyncPool, TakeError,
};
use std::cell::Cell;
use std::marker::PhantomData;

/// Asks the compiler: an inherent constant, whose bound holds or not, goes before the trait's.
struct Is<T: ?Sized>(PhantomData<T>);

trait No {
    const SEND: bool = false;
    const SYNC: bool = false;
}
impl<T: ?Sized> No for Is<T> {}

struct IsSync<T: ?Sized>(PhantomData<T>);
impl<T: ?Sized> No for IsSync<T> {}

impl<T: ?Sized + Send> Is<T> {
    const SEND: bool = true;
}
impl<T: ?Sized + Sync> IsSync<T> {
    const SYNC: bool = true;
}

macro_rules! table {
    ($($type:ty => $send:expr, $sync:expr;)*) => {
        [$((stringify!($type), ($send, $sync), (Is::<$type>::SEND, IsSync::<$type>::SYNC))),*]
    };
}

const YES: bool = true;
const NO: bool = false;

/// A layer for one thread at a time: it may go to another, and not be shared.
type OneAtATime = BlockPool<Global>;
/// A layer that may not even go.
type Bound = &'static OneAtATime;

/// A type's name; whether it is `Send` and `Sync` by promise; and in fact.
type Row = (&'static str, (bool, bool), (bool, bool));

fn check(rows: &[Row]) {
    let wrong: Vec<_> = rows.iter().filter(|(_, promised, found)| promised != found).collect();
    assert!(wrong.is_empty(), "type, (Send, Sync) as promised, and as it is: {wrong:#?}");
}

#[test]
fn allocators_on_threads() {
    check(&table! {
        // alloc-core: combinators are what the layers below them are.
        Limit<Global> => YES, YES;
        Observe<Global> => YES, YES;
        Reclaiming<Global> => YES, YES;
        Failing<Global> => YES, YES;
        Fallback<Global, Global> => YES, YES;
        Segregate<Global, Global> => YES, YES;
        Foreign<Global> => YES, YES;
        Null => YES, YES;
        AsGlobal<Global> => YES, YES;
        Shared<Limit<Global>> => YES, YES;
        Boxed<Limit<Global>> => YES, YES;
        Leaks<Global> => YES, YES;
        Profile<Global> => YES, YES;
        Limit<OneAtATime> => YES, NO;
        Observe<OneAtATime> => YES, NO;
        Fallback<Global, OneAtATime> => YES, NO;
        Limit<Bound> => NO, NO;
        // A lock makes one for a thread one for many, if it may go to them.
        Locked<OneAtATime> => YES, YES;
        Locked<Bound> => NO, NO;
        Ground<64> => YES, YES;
        Ground<64, u64> => YES, YES;
        Idle => YES, YES;
        Purger => YES, YES;
        Tree => YES, YES;
        AllocError => YES, YES;
        Broken => YES, YES;

        // alloc-arena
        Arena<Os> => YES, YES;
        Arena<Fixed<'static>> => YES, YES;
        Bump<Global> => YES, NO;
        DropBump<'static, Global> => NO, NO;
        Herd<Global> => YES, YES;
        Member<'static, Global> => YES, NO;
        Stack<Global> => YES, NO;
        Frame<'static, 'static, Stack<Global>> => NO, NO;
        Text<Global> => YES, YES;
        StackPool<Os> => YES, YES;
        PooledStack => YES, YES;

        // alloc-sizeclass
        SizeClassHeap<Global> => YES, YES;
        SizeClassHeap<Arena<Os>, Compact> => YES, YES;
        ThreadCache<SizeClassHeap<Global>> => YES, YES;
        SizeClassHeap<OneAtATime> => YES, NO;
        Batch => YES, NO;
    });
}

#[test]
fn collectors_and_pools_on_threads() {
    check(&table! {
        // Collectors: a heap is one thread's.
        Heap<MarkSweep<Global>, Static<()>> => NO, NO;
        Heap<Generational<Global>, Static<()>> => NO, NO;
        // No mutation is 'static: these stand for pointers that lie in their heap, and go where it goes.
        Gc<'static, u32> => YES, NO;
        GcWeak<'static, u32> => YES, NO;
        Mutation<'static, MarkSweep<Global>> => NO, NO;
        DynamicRoot<Static<()>> => NO, NO;
        Lock<u32> => YES, NO;
        RefLock<u32> => YES, NO;
        Reclaimer<Global> => YES, YES;

        // rc-cycle
        rc_cycle::Cc<u32> => NO, NO;
        rc_cycle::Weak<u32> => NO, NO;
        rc_cycle::sync::Cc<u32> => YES, YES;
        rc_cycle::sync::Weak<u32> => YES, YES;

        // pool-prealloc
        Pool<u32> => YES, NO;
        // A box may be looked at from elsewhere; it is freed on its pool's thread.
        PoolBox<'static, u32> => NO, YES;
        PoolBox<'static, Cell<u32>> => NO, NO;
        KeyPool<u32> => YES, YES;
        KeyPool<Cell<u32>> => YES, NO;
        Key<Cell<u32>> => YES, YES;
        StaticPool<u32, 4> => YES, YES;
        StaticBox<'static, u32, 4> => NO, YES;
        SyncPool<u32> => YES, YES;
        SyncPool<Cell<u32>> => YES, YES;
        ObjectPool<Vec<u8>, fn() -> Vec<u8>, fn(&mut Vec<u8>)> => YES, YES;
        BlockPool<Global> => YES, NO;
        Budget<Global, 1> => YES, NO;
        Buffer<'static> => YES, NO;
        Plan<1> => YES, YES;
        Preparation => YES, YES;
    });
}

#[test]
fn what_layers_give_on_threads() {
    check(&table! {
        // alloc-core
        Sampled<Global> => YES, YES;
        Memcheck<Global> => YES, YES;
        Compat02<Global> => YES, YES;
        alloc_core::Figures => YES, YES;
        Schedule => YES, YES;
        Unit => YES, YES;
        // A report goes to a sink that need not go anywhere.
        Report<'static> => NO, NO;
        alloc_core::report::Text<'static> => NO, NO;
        LeakList => YES, YES;
        Snapshot => YES, YES;
        alloc_core::sync::Lock<Cell<u32>> => YES, YES;
        FaultHandler => YES, YES;
        Info => NO, NO;
        Failure => YES, YES;

        // alloc-arena: what tells where memory lies is a list of addresses, and not its owner.
        Os => YES, YES;
        Fixed<'static> => YES, YES;
        Scheduled<Os> => YES, YES;
        FileMapping => YES, YES;
        Mapping => NO, NO;
        PageRun => NO, NO;
        Adopted => NO, NO;
        Borrowed<'static> => YES, YES;
        Stack<Borrowed<'static>> => YES, NO;
        SysStat => YES, YES;
        StackFigures => YES, YES;
        StackError => YES, YES;
        // A checkpoint, and what cancels a deferred call, belong to one memory on one thread.
        Checkpoint => NO, NO;
        Deferred<'static, fn()> => NO, NO;
        DeferError<Cell<u32>> => YES, NO;

        // alloc-sizeclass
        Class => YES, YES;
        ClassInfo => YES, YES;
        Misuse => YES, YES;
        Checked<'static, SizeClassHeap<Global>, Instance> => YES, YES;
    });
}

#[test]
fn what_collectors_and_pools_give_on_threads() {
    check(&table! {
        // A collector is one thread's at a time; a heap is one thread's, but for `into_send`.
        MarkSweep<Global> => YES, NO;
        Generational<Global> => YES, NO;
        Reference<Global> => YES, NO;
        SendHeap<MarkSweep<Global>, Static<()>> => YES, NO;
        View<'static, MarkSweep<Global>> => NO, NO;
        ObjectHeap<Global> => YES, YES;
        Mutator<&'static ObjectHeap<Global>, Global> => YES, NO;
        gc_marksweep::Config => YES, YES;
        gc_marksweep::Figures => YES, YES;
        gc_marksweep::Cycle => YES, YES;
        gc_generational::Config => YES, YES;
        gc_generational::Figures => YES, YES;
        Pauses => YES, YES;
        OnceLock<u32> => YES, NO;
        Ephemeron<'static, u32, u32> => YES, NO;
        PinnedGc<'static, u32> => YES, NO;

        // rc-cycle: what was found is looked at in the step that found it.
        rc_cycle::Figures => YES, YES;
        rc_cycle::Pace => YES, YES;
        rc_cycle::Progress => YES, YES;
        rc_cycle::Found<'static> => NO, NO;

        // pool-prealloc
        Handle<'static, u32, 4> => NO, NO;
        SyncBox<'static, u32> => YES, YES;
        SyncBox<'static, Cell<u32>> => YES, NO;
        ArcBox<u32> => YES, YES;
        Builder<Cell<u32>> => YES, YES;
        Object<'static, Vec<u8>, fn() -> Vec<u8>, fn(&mut Vec<u8>)> => YES, YES;
        SyncFigures => YES, YES;
        Share => YES, YES;
        PlanError => YES, YES;
        TakeError => YES, YES;
        Full<Cell<u32>> => YES, NO;
        StaleKey => YES, YES;
    });
}

/// What a heap takes for itself, beside its memory, is said where a device's programmer looks.
#[test]
#[cfg(target_pointer_width = "64")]
fn a_small_heap_is_as_large_as_the_pages_say() {
    let bytes = size_of::<SizeClassHeap<Arena<Fixed<'static>>, Compact>>();
    let said = format!("{},{:03} bytes", bytes / 1000, bytes % 1000);
    for path in ["README.md", "docs/choosing.md", "docs/composing.md", "alloc-sizeclass/README.md"]
    {
        let page = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(page).expect("the page is there");
        assert!(text.contains(&said), "{path} does not say that it is {said}");
    }
}
