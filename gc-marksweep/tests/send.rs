//! A heap that goes from thread to thread while its collector's own thread marks.

use alloc_arena::{Arena, Os};
use alloc_core::Rootable;
use alloc_core::gc::{Gc, Heap, Lock, Trace};
use alloc_sizeclass::{SizeClassHeap, ThreadCache};
use gc_marksweep::{Config, MarkSweep, Torture};

#[derive(Trace)]
struct Node<'gc> {
    number: usize,
    next: Lock<Option<Gc<'gc, Node<'gc>>>>,
}

Rootable!(type List<'gc> = Option<Gc<'gc, Node<'gc>>>);

#[test]
fn a_heap_goes_on_on_another_thread() {
    let below = ThreadCache::new(SizeClassHeap::<_>::new(Arena::new(Os::new())));
    let config = Config::default().tortured(Torture::Steps);
    let collector = MarkSweep::background(config, below).expect("a thread");
    let mut heap = Heap::<_, List>::new(collector, |_| None);
    for round in 0..20 {
        for number in 0..50 {
            heap.mutate_root(|mc, first| {
                let node = Node { number: round * 50 + number, next: Lock::new(*first) };
                *first = Some(Gc::new(mc, node));
            });
        }
        let parcel = heap.into_send().unwrap_or_else(|(_, why)| panic!("{why}"));
        heap = std::thread::spawn(move || {
            let mut heap = parcel.open();
            heap.collect_some(100);
            heap.into_send().unwrap_or_else(|(_, why)| panic!("{why}"))
        })
        .join()
        .expect("a thread")
        .open();
    }
    let numbers = heap.mutate(|_, first| {
        std::iter::successors(*first, |node| node.next.get())
            .map(|node| node.number)
            .collect::<Vec<_>>()
    });
    assert!(numbers.into_iter().eq((0..1000).rev()));
}
