//! `Stack` and `Frame`: the conformance kit over all that allocates at the top of something, and what frames promise when they
//! nest, and when they are full. (Deferred calls: `deferred.rs`.)

#[path = "common/panics.rs"]
mod panics;

use alloc_arena::{Arena, Borrowed, Bump, Deferred, Fixed, Frame, Ground, Lifo, Os, Stack};
use alloc_core::api2::{alloc::Global, boxed::Box, vec::Vec};
use alloc_core::conformance::Kit;
use alloc_core::{Allocator, Fallback, Layer, Layout, Observe, Reclaiming};
use panics::{panics, stack};
use std::cell::Cell;
use std::mem::MaybeUninit;

#[test]
fn stack_conforms() {
    Kit::layer(|| stack(8 << 20)).frees_give_nothing_back().balance(Stack::used_bytes).check();
    Kit::layer(|| stack(8 << 20)).frees_in_lifo_order().balance(Stack::used_bytes).check();
}

#[test]
fn stack_conforms_when_it_is_small() {
    Kit::layer(|| stack(20 << 10))
        .frees_give_nothing_back()
        .may_run_out()
        .balance(Stack::used_bytes)
        .check();
    Kit::layer(|| stack(0)).may_refuse_everything().check();
}

#[test]
fn stack_conforms_over_arenas_and_in_buffers() {
    Kit::layer(|| Stack::with_capacity_in(8 << 20, Arena::new(Os::new())))
        .frees_give_nothing_back()
        .check();
    Kit::layer(|| Stack::over(vec![MaybeUninit::uninit(); (1 << 20) + 5][3..].to_vec().leak()))
        .frees_give_nothing_back()
        .may_run_out()
        .check();
}

/// The stack first, the heap when it is full: everything works, in any order.
#[test]
fn stack_before_a_heap() {
    Kit::layer(|| Fallback::new(stack(16 << 10), Arena::new(Os::new()))).check();
    let memory = Fallback::new(stack(1 << 10), Observe::new(Global));
    let mut boxes = std::vec::Vec::new();
    for n in 0..200_u64 {
        boxes.push(Box::new_in([n; 4], &memory));
    }
    assert_eq!(memory.primary().used_bytes(), 1 << 10);
    assert_eq!(memory.secondary().figures().live_bytes, (200 - 32) * 32);
    boxes.retain(|numbers| numbers[0] % 3 == 0);
    assert!(boxes.iter().all(|numbers| numbers.iter().all(|n| *n == numbers[0])));
    drop(boxes);
    assert_eq!(memory.primary().used_bytes(), 0);
    assert_eq!(memory.secondary().figures().live_bytes, 0);
}

#[test]
fn frame_conforms() {
    // A frame is seen by reference only; the kit takes what it makes by value.
    stack(8 << 20).frame(|frame| {
        let frame = &*frame;
        frame.alloc(7);
        Kit::layer(|| frame).frees_give_nothing_back().may_run_out().clones().cases(16).check();
    });
    Bump::new(Global).frame(|frame| {
        let frame = &*frame;
        Kit::layer(|| frame).frees_give_nothing_back().clones().cases(16).check();
    });
    stack(64 << 10).frame(|frame| {
        let frame = &*frame;
        Kit::layer(|| Fallback::new(frame, Global)).cases(32).check();
    });
}

/// Walks down, allocating in each frame, and back: everything is as it was on the way down.
fn deep<L: Lifo>(frame: &mut Frame<'_, '_, L>, depth: u64) -> u64 {
    let mine = frame.alloc_slice_with(depth as usize % 7, |at| depth + at as u64);
    let text = frame.alloc_fmt(format_args!("frame {depth}"));
    let below = if depth == 0 {
        0
    } else {
        frame.frame(|inner| {
            inner.alloc_slice_fill(depth as usize, &0xEE_u8);
            deep(inner, depth - 1)
        })
    };
    assert!(mine.iter().enumerate().all(|(at, n)| *n == depth + at as u64));
    assert_eq!(*text, *format!("frame {depth}"));
    frame.verify().unwrap();
    below + depth
}

#[test]
fn frames_nest() {
    let mut memory = stack(64 << 10);
    assert_eq!(memory.frame(|frame| deep(frame, 100)), 5050);
    assert_eq!(memory.used_bytes(), 0);
    let mut bump = Bump::new(Global).with_chunk_bytes(256, 4 << 10);
    let kept = *bump.alloc(1);
    for _ in 0..3 {
        assert_eq!(bump.frame(|frame| deep(frame, 200)), 20100);
        bump.verify().unwrap();
        assert_eq!((bump.allocated_bytes(), kept), (8, 1));
    }
}

/// Large objects of a bump's frame go at its end; those from before it stay.
#[test]
fn frames_of_a_bump_free_large_objects() {
    let below = Observe::new(Global);
    let mut bump = Bump::new(&below).with_chunk_bytes(1 << 10, 8 << 10);
    bump.alloc_slice_fill(10_000, &1_u8);
    let live_bytes = below.figures().live_bytes;
    bump.frame(|frame| {
        for n in 0..10 {
            frame.alloc_slice_fill(20_000, &n);
        }
        let mut grown = frame.vec();
        grown.extend((0..100_000_u32).map(u64::from));
        drop(grown);
        frame.frame(|inner| inner.alloc_slice_fill(30_000, &2_u8)[29_999]);
    });
    bump.verify().unwrap();
    assert_eq!(below.figures().live_bytes, live_bytes);
}

#[test]
fn frames_grow_vectors_in_place() {
    stack(64 << 10).frame(|frame| {
        let mut numbers = frame.vec();
        numbers.push(0_u64);
        let first = numbers.as_ptr();
        numbers.extend(1..4000);
        assert_eq!(numbers.as_ptr(), first);
        numbers.truncate(10);
        numbers.shrink_to_fit();
        drop(numbers);
        assert_eq!(frame.alloc(1) as *const i32 as usize, first as usize);
        let mut text = frame.text();
        text.push_str("in place");
        text.push('!');
        assert_eq!(text.leak(), "in place!");
    });
}

#[test]
fn frames_take_all_kinds_of_values() {
    stack(16 << 10).frame(|frame| {
        #[derive(Debug)]
        struct Nothing;
        let _: &mut Nothing = frame.alloc(Nothing);
        assert_eq!(frame.alloc_with(|| frame.alloc(3)), &&mut 3);
        assert_eq!(frame.alloc_try_with(|| "x".parse::<u8>()).map_err(|_| "no"), Err("no"));
        assert_eq!(frame.alloc_try_with(|| "7".parse::<u8>()).map(|n| *n), Ok(7));
        assert_eq!(frame.alloc_slice_clone(&[String::from("a")])[0], "a");
        assert_eq!(frame.alloc_slice_fill(3, &1), [1, 1, 1]);
        assert_eq!(frame.alloc_iter("a b c".split(' ')), ["a", "b", "c"]);
        assert_eq!(frame.alloc_iter(std::iter::empty::<u8>()), []);
        assert_eq!(frame.alloc_uninit::<u64>().write(4), &4);
        assert_eq!(frame.alloc_slice_uninit::<u64>(4).len(), 4);
        assert_eq!(frame.alloc_str(""), "");
        #[repr(align(256))]
        struct Aligned(u8);
        let aligned = frame.alloc(Aligned(1));
        assert_eq!(((&raw const *aligned).addr() % 256, aligned.0), (0, 1));
        assert!(frame.try_alloc_slice_uninit::<u64>(usize::MAX / 4).is_err());
    });
}

/// A slice that is not finished drops what it has, and takes no memory.
#[test]
fn frames_undo_slices_that_fail() {
    let dropped = Cell::new(0);
    struct Counted<'c>(&'c Cell<u32>);
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    stack(4 << 10).frame(|frame| {
        let before = frame.alloc(0_u64) as *const u64 as usize;
        let message = panics(|| {
            frame.alloc_slice_with(
                10,
                |at| if at == 5 { panic!("fifth") } else { Counted(&dropped) },
            );
        });
        assert_eq!((message.as_str(), dropped.get()), ("fifth", 5));
        let many = std::iter::repeat_with(|| Counted(&dropped)).take(1000).filter(|_| true);
        assert!(frame.try_alloc_iter(many).is_err());
        // All that fit, and the one that did not.
        assert_eq!(dropped.get() as usize, 5 + (4 << 10) / 8 - 1 + 1);
        assert_eq!(frame.alloc(0_u64) as *const u64 as usize, before + 8);
    });
}

/// What is full in the middle of a frame refuses, stays whole, and serves again when inner frames are gone.
#[test]
fn frames_run_out_and_go_on() {
    let mut memory = stack(1 << 10);
    memory.frame(|frame| {
        let kept = frame.alloc_slice_fill(512, &1_u8);
        frame.frame(|inner| {
            assert!(inner.try_alloc([0_u8; 600]).is_err());
            assert!(inner.try_alloc_str(&"x".repeat(600)).is_err());
            assert!(inner.try_alloc_fmt(format_args!("{:600}", 1)).is_err());
            assert!(inner.try_alloc_iter(0..600_u64).is_err());
            assert!(panics(|| inner.alloc([0_u8; 600])).contains("no more memory"));
            inner.alloc([2_u8; 504]);
            assert!(inner.try_alloc(1_u64).is_ok() && inner.try_alloc(1_u64).is_err());
            inner.verify().unwrap();
        });
        assert!(frame.try_alloc([0_u8; 512]).is_ok());
        assert!(kept.iter().all(|byte| *byte == 1));
    });
    assert_eq!(memory.used_bytes(), 0);
}

/// Frames and objects of the stack itself do not get into each other's way.
#[test]
fn frames_leave_what_the_stack_counts() {
    let mut memory = stack(4 << 10);
    let layout = Layout::new::<[u8; 64]>();
    let object = memory.allocate(layout).unwrap().cast::<u8>();
    memory.frame(|frame| {
        let kept = frame.alloc(7_u64);
        // All of these are freed again; the stack is not empty for that.
        drop(Box::new_in(1_u64, &*frame));
        frame.alloc_iter((0..10).filter(|n| n % 2 == 0));
        assert!(frame.try_alloc_iter(0..10_000_u64).is_err());
        assert_eq!(frame.alloc(8_u64), &8);
        assert_eq!(kept, &7);
    });
    assert_eq!(memory.used_bytes(), 64);
    // SAFETY: allocated above with the same layout.
    unsafe { memory.deallocate(object, layout) };
    assert_eq!(memory.used_bytes(), 0);
}

/// What a frame of a bump has left behind is given back on demand, while frames are open, too.
#[test]
fn frames_reclaim_what_waits() {
    let arena = Arena::new(Os::new());
    let mut bump = Bump::new(&arena);
    bump.frame(|frame| {
        let kept = frame.alloc(1_u64);
        frame.frame(|inner| inner.alloc_slice_fill(1 << 20, &1_u64).len());
        frame.frame(|inner| (0..1000).map(|n| inner.alloc([n; 64])[0]).sum::<u64>());
        let used_bytes = arena.figures().used_bytes;
        assert!(frame.reclaim(usize::MAX) > 0);
        assert!(arena.figures().used_bytes < used_bytes);
        frame.frame(|inner| (0..1000).map(|n| inner.alloc([n; 64])[0]).sum::<u64>());
        assert_eq!(kept, &1);
        frame.verify().unwrap();
    });
}

/// Every allocation below fails once, in turn: what is refused is refused, and nothing is lost.
#[test]
fn frames_of_a_bump_survive_refusals() {
    use alloc_core::{Failing, Schedule};
    for nth in 0..40 {
        let below = Observe::new(Failing::new(Schedule::Bits(1 << nth), Global));
        let mut bump = Bump::new(&below).with_chunk_bytes(256, 4 << 10);
        let ran = Cell::new(0);
        bump.frame(|frame| {
            let mut deferred = 0;
            for n in 0..60_usize {
                if let Ok(bytes) = frame.try_alloc_slice_with(n * 40, |at| at as u8) {
                    assert!(bytes.iter().enumerate().all(|(at, byte)| *byte == at as u8));
                }
                deferred += i32::from(frame.try_defer(|| ran.set(ran.get() + 1)).is_ok());
                frame.verify().unwrap();
            }
            ran.set(-deferred);
        });
        assert_eq!(ran.get(), 0, "every call that was taken was made");
        assert_eq!(bump.allocated_bytes(), 0);
        drop(bump);
        assert_eq!(below.figures().live_bytes, 0);
    }
}

#[test]
fn stacks_of_nothing_and_of_too_much() {
    assert!(Stack::try_with_capacity_in(usize::MAX, Global).is_err());
    assert!(Stack::try_with_capacity_in(isize::MAX as usize, Global).is_err());
    let mut nothing = stack(0);
    nothing.frame(|frame| assert!(frame.try_alloc(1).is_err() && frame.try_alloc(()).is_ok()));
    for (from, to) in [(0, 0), (1, 3), (0, 15), (7, 24), (3, 100)] {
        let mut buffer = [MaybeUninit::uninit(); 100];
        let mut stack = Stack::over(&mut buffer[from..to]);
        let capacity_bytes = stack.capacity_bytes();
        assert!(capacity_bytes % 8 == 0 && capacity_bytes <= to - from);
        stack.frame(|frame| {
            assert_eq!(
                (0..).take_while(|n| frame.try_alloc(*n as u64).is_ok()).count(),
                capacity_bytes / 8
            );
        });
        stack.verify().unwrap();
    }
}

/// The ground can be a buffer without an operating system, and a layer may reclaim for it.
#[test]
fn stacks_over_a_fixed_ground() {
    let mut buffer = [MaybeUninit::uninit(); 16 << 10];
    let arena = Arena::new(Fixed::new(&mut buffer).with_page_bytes(256));
    let mut bump = Bump::new(Reclaiming::new(&arena)).with_chunk_bytes(256, 1 << 10);
    for _ in 0..10 {
        let served =
            bump.frame(|frame| (0..1000).take_while(|n| frame.try_alloc([*n; 8]).is_ok()).count());
        assert!(served > 200, "{served}");
    }
}

/// What lies in a frame may borrow what is younger than the memory, whatever stands below that.
#[test]
fn frames_borrow_what_is_younger_than_their_memory() {
    static ARENA: Arena<Os> = Arena::new(Os::new());
    static GROUND: Ground<4096> = Ground::new();

    fn words<L: Lifo>(memory: &mut L) -> usize {
        let (text, ends) = (String::from("x y z"), Cell::new(0));
        let words = memory.frame(|frame| {
            frame.defer(|| ends.set(ends.get() + 1));
            let words = frame.alloc_iter(text.split(' '));
            frame.frame(|inner| {
                inner.defer(|| ends.set(ends.get() + 1));
                inner.alloc_slice_copy(words).len()
            })
        });
        assert_eq!(ends.get(), 2);
        words
    }
    struct Server {
        scratch: Bump<&'static Arena<Os>>,
    }
    impl Server {
        fn handle(&mut self, request: &str) -> usize {
            self.scratch.frame(|frame| frame.alloc_iter(request.split(' ')).len())
        }
    }
    assert_eq!(Server { scratch: Bump::new(&ARENA) }.handle("a b"), 2);

    let arena = Arena::new(Os::new());
    let (mut bump, mut buffer) = (Bump::new(&arena), [MaybeUninit::uninit(); 512]);
    let mut stack = Stack::over(&mut buffer);
    for n in 0..3 {
        let (text, ended) = (format!("{n} {n}"), Cell::new(false));
        bump.frame(|frame| assert_eq!(frame.alloc_iter(text.split(' ')).len(), 2));
        stack.frame(|frame| {
            frame.defer(|| ended.set(true));
        });
        assert!(ended.get());
    }
    assert_eq!(words(&mut bump) + words(&mut stack), 6);
    assert_eq!(words(&mut Stack::over(GROUND.take().unwrap())), 3);
    assert!(
        GROUND.take().is_none()
            && Arena::new(Fixed::of(&GROUND)).allocate(Layout::new::<u8>()).is_err()
    );
}

/// Vectors and strings that were grown in a frame are kept for as long as it lasts, inner frames included.
#[test]
fn frames_keep_what_was_grown() {
    stack(4 << 10).frame(|frame| {
        let mut numbers = frame.vec_with_capacity(100);
        numbers.extend(0..10_u64);
        let numbers = frame.keep(numbers);
        let mut text = frame.text();
        text += "kept";
        text.insert_str(0, "is ");
        assert_eq!(text.remove(1), 's');
        let text = frame.keep_text(text);
        assert_eq!(frame.keep(frame.vec::<u8>()), []);
        assert_eq!(frame.alloc(0_u64) as *const u64 as usize, numbers.as_ptr() as usize + 88);
        frame.frame(|inner| {
            inner.alloc_slice_fill(300, &0xEE_u8);
            numbers[9] = *inner.boxed(7);
            text.make_ascii_uppercase();
        });
        assert_eq!((numbers[8], numbers[9], &*text), (8, 7, "I KEPT"));
        assert_eq!(frame.alloc_slice_default::<u32>(3), [0; 3]);
    });
    // A large one stays where it is, and is not copied for what it has left.
    let below = Observe::new(Global);
    Bump::new(&below).with_chunk_bytes(1 << 10, 4 << 10).frame(|frame| {
        let mut large = frame.vec_with_capacity(10_000);
        large.extend(0..5000_u32);
        let (place, allocations) = (large.as_ptr(), below.figures().allocations);
        let large = frame.keep(large);
        assert_eq!((large.as_ptr(), large.len()), (place, 5000));
        assert_eq!(below.figures().allocations, allocations);
    });
    assert_eq!(below.figures().live_bytes, 0);
}

/// A panic for want of memory names its caller.
#[test]
fn panics_name_the_caller() {
    let place = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let seen = std::sync::Arc::clone(&place);
    let before = std::panic::take_hook();
    std::panic::set_hook(std::boxed::Box::new(move |info| {
        if let Some(at) = info.location() {
            *seen.lock().unwrap() += at.file();
        }
    }));
    let full = panics(|| stack(8).frame(|frame| frame.alloc([0_u8; 16]).len()));
    std::panic::set_hook(before);
    assert!(full.contains("no more memory"));
    assert!(place.lock().unwrap().contains("tests/frames.rs"), "{place:?}");
}

#[test]
fn frames_are_of_one_thread_and_stacks_may_move() {
    fn is_send<T: Send>() {}
    is_send::<Stack<Global>>();
    is_send::<Stack<Borrowed<'static>>>();
    is_send::<Bump<Global>>();
    let mut memory = stack(1 << 10);
    std::thread::scope(|scope| {
        scope.spawn(|| memory.frame(|frame| *frame.alloc(1)));
    });
    let _: fn(Deferred<'_, fn()>) = |_| {};
    let vec: Vec<u8, &Stack<Global>> = Vec::new_in(&memory);
    drop(vec);
}
