//! Lists of free slots as a program would write them: the floors, and what is at hand in std and crossbeam.
//!
//! Above: `contestants`. Below: the global allocator, once for each pool.

use super::{by_exclusive_reference, by_reference, last_word};
use crate::pools::{CAPACITY, Pool, Value, View, full};
use crossbeam_queue::ArrayQueue;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

/// A slot: the next free one, or a value.
pub(in crate::pools) union Slot {
    next: *mut Slot,
    value: Value,
}

/// Slots that each point at the next, and the first.
fn chain(slots: &mut [MaybeUninit<Slot>]) -> *mut Slot {
    let start: *mut Slot = slots.as_mut_ptr().cast();
    (0..slots.len()).rev().fold(ptr::null_mut(), |next, at| {
        // SAFETY: the slot is one of these.
        let slot = unsafe { start.add(at) };
        // SAFETY: the same; nothing is in it.
        unsafe { slot.write(Slot { next }) };
        slot
    })
}

/// Pops the first slot of a list, and puts a value there.
#[inline(always)]
fn pop(head: &Cell<*mut Slot>, word: u64) -> NonNull<Slot> {
    let Some(slot) = NonNull::new(head.get()) else { full() };
    // SAFETY: a slot of a list is free, and has the next.
    unsafe {
        head.set((*slot.as_ptr()).next);
        (*slot.as_ptr()).value = Value::new(word);
    }
    slot
}

/// Pushes a slot, and says what was there.
#[inline(always)]
fn push(head: &Cell<*mut Slot>, slot: NonNull<Slot>) -> u64 {
    // SAFETY: the slot has a value (`pop`), and is nobody's from now on.
    unsafe {
        let word = (*slot.as_ptr()).value.word;
        (*slot.as_ptr()).next = head.get();
        head.set(slot.as_ptr());
        word
    }
}

/// The floor: an intrusive list in a cell.
pub(in crate::pools) struct List {
    head: Cell<*mut Slot>,
    _slots: Box<[MaybeUninit<Slot>]>,
}

by_reference!(List, |capacity| {
    let mut slots = Box::new_uninit_slice(capacity);
    List { head: Cell::new(chain(&mut slots)), _slots: slots }
});

impl View for &List {
    type Handle = NonNull<Slot>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> NonNull<Slot> {
        pop(&self.head, word)
    }
    #[inline(always)]
    fn free(&mut self, slot: NonNull<Slot>) -> u64 {
        push(&self.head, slot)
    }
}

thread_local! {
    static HEAD: Cell<*mut Slot> = const { Cell::new(ptr::null_mut()) };
}

/// The floor for two threads: such a list in thread-local storage. It is no pool: what a thread has taken is its own, and
/// its slots are lost when it ends.
pub(in crate::pools) struct LocalList;

impl Pool for LocalList {
    type View<'p> = &'p Self;
    fn with_capacity(capacity_slots: usize) -> Self {
        if capacity_slots > CAPACITY || HEAD.get().is_null() {
            HEAD.set(chain(Box::leak(Box::new_uninit_slice(capacity_slots))));
        }
        Self
    }
    fn view(&mut self) -> &Self {
        self
    }
}

/// A thread that has no slot yet gets some.
#[cold]
#[inline(never)]
fn fresh() {
    // As many as a thread needs that has one value at a time.
    HEAD.set(chain(Box::leak(Box::new_uninit_slice(16))));
}

impl View for &LocalList {
    type Handle = NonNull<Slot>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> NonNull<Slot> {
        if HEAD.get().is_null() {
            fresh();
        }
        HEAD.with(|head| pop(head, word))
    }
    #[inline(always)]
    fn free(&mut self, slot: NonNull<Slot>) -> u64 {
        HEAD.with(|head| push(head, slot))
    }
}

/// Boxes in a vector.
#[expect(clippy::vec_box, reason = "values stay where they are: that is what is measured")]
pub(in crate::pools) struct Stack(Vec<Box<Value>>);

fn boxes(count: usize) -> impl Iterator<Item = Box<Value>> {
    (0..count).map(|_| Box::new(Value::new(0)))
}

by_exclusive_reference!(Stack, |capacity| Stack(boxes(capacity).collect()));

impl View for Stack {
    type Handle = Box<Value>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Box<Value> {
        let Some(mut value) = self.0.pop() else { full() };
        *value = Value::new(word);
        value
    }
    #[inline(always)]
    fn free(&mut self, value: Box<Value>) -> u64 {
        let word = value.word;
        self.0.push(value);
        word
    }
}

/// Boxes in crossbeam's bounded queue.
pub(in crate::pools) struct Queue(ArrayQueue<Box<Value>>);

by_reference!(Queue, |capacity| {
    let queue = ArrayQueue::new(capacity);
    boxes(capacity).for_each(|value| drop(queue.push(value)));
    Queue(queue)
});

impl View for &Queue {
    type Handle = Box<Value>;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> Box<Value> {
        let Some(mut value) = self.0.pop() else { full() };
        *value = Value::new(word);
        value
    }
    #[inline(always)]
    fn free(&mut self, value: Box<Value>) -> u64 {
        let word = value.word;
        if let Err(value) = self.0.push(value) {
            return last_word(value);
        }
        word
    }
}
