//! The conformance kit over every allocator of this crate.

use alloc_arena::{Arena, Call, Failures, Fixed, Os, Scheduled};
use alloc_core::conformance::Kit;
use std::mem::MaybeUninit;
use std::sync::LazyLock;
use std::time::Duration;

fn buffer(bytes: usize) -> &'static mut [MaybeUninit<u8>] {
    vec![MaybeUninit::new(0xA5); bytes].leak()
}

#[test]
fn arena_over_the_os() {
    Kit::layer(|| Arena::new(Os::new())).threads().balance(used_bytes).check();
}

fn used_bytes<S: alloc_arena::Source>(arena: &Arena<S>) -> usize {
    let figures = arena.figures();
    figures.used_bytes + figures.dedicated_bytes
}

#[test]
fn arena_over_the_lazy_os_purging_at_once() {
    Kit::layer(|| Arena::new(Os::lazy()).with_purge_delay(Some(Duration::ZERO)))
        .threads()
        .balance(used_bytes)
        .check();
}

/// Nearly every run has a mapping of its own.
#[test]
fn arena_of_dedicated_runs() {
    Kit::layer(|| Arena::new(Os::new()).with_dedicated_bytes(8 << 10))
        .threads()
        .balance(used_bytes)
        .check();
}

/// Many small mappings in place of one large one.
#[test]
fn arena_of_small_reservations() {
    Kit::layer(|| Arena::new(Os::new()).with_reservation_bytes(1 << 20))
        .threads()
        .balance(used_bytes)
        .check();
}

#[test]
fn arena_by_reference() {
    static ARENA: LazyLock<Arena<Os>> = LazyLock::new(|| Arena::new(Os::new()));
    Kit::layer(|| &*ARENA).threads().clones().balance(|arena| used_bytes(arena)).check();
}

#[test]
fn arena_over_a_buffer() {
    for page_bytes in [64, 512, 4096] {
        Kit::layer(|| Arena::new(Fixed::new(buffer(1 << 20)).with_page_bytes(page_bytes)))
            .may_run_out()
            .threads()
            .balance(used_bytes)
            .cases(48)
            .check();
    }
}

#[test]
fn arena_that_fails_by_schedule() {
    let failing = |every: usize| {
        let arena = Arena::new(Scheduled::new(Os::new()))
            .with_dedicated_bytes(64 << 10)
            .with_reservation_bytes(4 << 20)
            .with_purge_delay(Some(Duration::ZERO));
        for call in Call::ALL {
            arena.below().fail(call, Failures::Every(every));
        }
        arena
    };
    for every in [2, 3, 7] {
        Kit::layer(|| failing(every)).may_refuse_anytime().balance(used_bytes).cases(32).check();
    }
}
