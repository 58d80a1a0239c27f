//! What fits 16 KiB without an operating system, and what the rest is for: the table of task 3, and what is said below it.
//!
//! Above: nothing. Below: the guide's page, and all that stands on a buffer. The figures are for words of 8 bytes.
#![cfg(all(target_pointer_width = "64", not(loom)))]

use alloc_arena::{Arena, Bump, Fixed, Stack};
use alloc_core::{Allocator, Layer, Layout};
use alloc_sizeclass::{Compact, Fine, SizeClassHeap, SizeClasses};
use pool_prealloc::{Budget, Buffer, Plan, Pool, Share};
use std::fs;
use std::mem::MaybeUninit;

const BYTES: usize = 16 << 10;
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tasks.md");

/// As a `Ground` is aligned, if nothing else is said.
#[repr(align(4096))]
struct Memory([MaybeUninit<u8>; BYTES]);

impl Memory {
    fn new() -> Box<Self> {
        Box::new(Self([MaybeUninit::uninit(); BYTES]))
    }
}

fn bytes(length: usize) -> Layout {
    Layout::from_size_align(length, 8).unwrap()
}

/// The longest piece that `layer` has now.
fn longest(layer: &impl Layer) -> usize {
    let has = |length: usize| {
        let piece = layer.allocate(bytes(length));
        // SAFETY: just allocated with this layout.
        piece.map(|piece| unsafe { layer.deallocate(piece.cast(), bytes(length)) }).is_ok()
    };
    (0..=BYTES).rev().find(|length| has(*length)).unwrap()
}

/// How many pieces of 32 bytes there are until none is left. They are free again.
fn pieces(layer: &impl Layer) -> usize {
    let all: Vec<_> = std::iter::from_fn(|| layer.allocate(bytes(32)).ok()).collect();
    for piece in all.iter().rev() {
        // SAFETY: allocated above with this layout; the last one first, as a stack wants it.
        unsafe { layer.deallocate(piece.cast(), bytes(32)) };
    }
    all.len()
}

fn spaced(figure: usize) -> String {
    match figure {
        0..1000 => figure.to_string(),
        _ => format!("{},{:03}", figure / 1000, figure % 1000),
    }
}

/// A row of the table: each of the last two figures is of memory that was not used before.
fn row(what: &str, own_bytes: usize, longest: usize, pieces: usize) -> String {
    format!("| {what} | {} | {} | {} |", spaced(own_bytes), spaced(longest), spaced(pieces))
}

fn on_the_page(row: &str) {
    let page = fs::read_to_string(PAGE).expect("the page is there");
    assert!(page.lines().any(|line| line == row), "docs/tasks.md should have\n{row}");
}

fn heap<T: SizeClasses>(memory: &mut Memory) -> SizeClassHeap<Arena<Fixed<'_>>, T> {
    SizeClassHeap::new(Arena::new(Fixed::new(&mut memory.0).with_page_bytes(512)))
}

#[test]
fn plans_and_pools() {
    const SLOTS: Plan<1> = Plan::new([Share::of::<[u64; 4]>(BYTES / 32)]);
    const WHOLE: Plan<1> = Plan::new([Share::of::<[u64; BYTES / 8]>(1)]);
    let (mut slots, mut whole) = (Memory::new(), Memory::new());
    let slots = Budget::over(SLOTS, &mut slots.0).unwrap();
    let whole = Budget::over(WHOLE, &mut whole.0).unwrap();
    let own_bytes = size_of_val(&slots);
    on_the_page(&row("a `Budget` with one share", own_bytes, longest(&whole), pieces(&slots)));
    assert_eq!(size_of::<Budget<Buffer<'_>, 3>>() - own_bytes, 2 * 96, "96 for each share more");
    let mut memory = Memory::new();
    let over = Buffer::new(&mut memory.0);
    let pool = Pool::<[u64; 4], _>::try_with_capacity_in(BYTES / 32, over).unwrap();
    on_the_page(&row("a `Pool` over a `Buffer`", size_of_val(&pool), 32, pool.capacity()));
}

#[test]
fn stacks_and_bumps() {
    let mut memory = Memory::new();
    let mut stack = Stack::over(&mut memory.0);
    let own_bytes = size_of_val(&stack);
    let (longest_piece, all) = stack.frame(|frame| (longest(&&*frame), pieces(&&*frame)));
    on_the_page(&row("a `Stack`", own_bytes, longest_piece, all));

    let mut memory = Memory::new();
    let mut of = |length: usize| {
        let below = Buffer::new(&mut memory.0);
        let bump = Bump::new(below).with_chunk_bytes(BYTES, BYTES);
        let count = std::iter::from_fn(|| bump.allocate(bytes(length)).ok()).count();
        (size_of_val(&bump), count)
    };
    let longest = (0..=BYTES).rev().find(|length| of(*length).1 > 0).unwrap();
    let (own_bytes, all) = of(32);
    on_the_page(&row("a `Bump` over a `Buffer`", own_bytes, longest, all));
    // The next chunk would be a second allocation.
    let bump = Bump::new(Buffer::new(&mut memory.0)).with_chunk_bytes(4096, BYTES);
    let count = std::iter::from_fn(|| bump.allocate(bytes(32)).ok()).count();
    assert!(count * 32 < 4096, "{count}");
}

#[test]
fn arenas() {
    for page_bytes in [64, 512] {
        let [mut one, mut other] = [Memory::new(), Memory::new()];
        let [one, other] = [&mut one, &mut other]
            .map(|memory| Arena::new(Fixed::new(&mut memory.0).with_page_bytes(page_bytes)));
        let what = format!("an `Arena<Fixed>`, pages of {page_bytes}");
        on_the_page(&row(&what, size_of_val(&one), longest(&one), pieces(&other)));
    }
}

#[test]
fn heaps() {
    let [mut one, mut other] = [Memory::new(), Memory::new()];
    let (one, other) = (heap::<Compact>(&mut one), heap::<Compact>(&mut other));
    let at_first = longest(&one);
    let what = "a `SizeClassHeap` over that, `Compact`";
    on_the_page(&row(what, size_of_val(&one), at_first, pieces(&other)));
    assert_eq!(size_of::<SizeClassHeap<Arena<Fixed<'_>>, Fine>>(), size_of_val(&one));

    // An empty span stays for each class in use, until `reclaim`; the tables that the heap took in between stay.
    pieces(&one);
    let used_bytes = || one.below().figures().used_bytes;
    let (with_span, then) = (used_bytes(), longest(&one));
    assert_eq!(one.reclaim(usize::MAX), 1024);
    assert_eq!(with_span - used_bytes(), 1024);
    let page = fs::read_to_string(PAGE).expect("the page is there");
    let shown = [at_first, then, longest(&one)].map(spaced);
    let [at_first, then, at_last] = shown;
    let sentence = format!(
        "At first the longest piece is {at_first} bytes. Filled with pieces of 32 bytes, which"
    );
    let end = format!("it is {then}, and after `reclaim` {at_last}:");
    assert!(page.contains(&sentence) && page.contains(&end), "{sentence} … {end}");
}

/// A span for each class that was used: with six classes, six.
#[test]
fn an_empty_span_stays_for_each_class() {
    let mut memory = Memory::new();
    let heap = heap::<Compact>(&mut memory);
    for length in [16, 32, 64, 128, 256, 512] {
        let piece = heap.allocate(bytes(length)).unwrap();
        // SAFETY: just allocated with this layout.
        unsafe { heap.deallocate(piece.cast(), bytes(length)) };
    }
    assert_eq!(heap.reclaim(usize::MAX), 6 * 1024);
}

/// The program without std: what the page says of its length is what was written down last.
#[test]
fn the_program_without_std() {
    let sizes = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.ci/no_std/size.txt");
    let sizes = fs::read_to_string(sizes).expect("the sizes are there");
    let text = sizes.lines().find_map(|line| line.strip_prefix("text ")).expect("a section");
    let text = text.parse().expect("a number");
    let sentence = format!("Its code and constants were {} bytes", spaced(text));
    let page = fs::read_to_string(PAGE).expect("the page is there");
    assert!(page.contains(&sentence), "{sentence}");
}
