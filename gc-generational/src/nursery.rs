//! Memory for young objects: blocks that are filled from the front to the back.
//!
//! Above: allocation; minor collections. Below: runs from the tenured space's heap, whose limit counts them.
//!
//! | blocks | hold | at the end of a minor collection |
//! |---|---|---|
//! | eden | what was allocated since the last one; the first is the main block | empty; all but the main block are given back |
//! | survivors | what survived one | empty; reserve |
//! | reserve | nothing: room for all that eden and survivors hold, so that copying never fails | what was copied to are survivors |
//!
//! What is emptied has room for its own content, too, so that it can be the next reserve even if no other memory is
//! to be had; if need be, without the main block, and then objects are made in the tenured space.
//!
//! A mutation that allocates more than the main block gets more blocks, each twice as long as the last, and each
//! with as much reserve, which takes addresses but is not touched as long as little survives.
//!
//! Not here: what is done where there is no memory for another block (`scarce.rs`).

use crate::ranges::Ranges;
use alloc_core::gc::{Object, WORD_BYTES};
use alloc_core::{AllocError, Layer, Layout};
use core::cell::{Cell, RefCell};
use core::ptr::{NonNull, null_mut};
use gc_marksweep::heap::ObjectHeap;

/// Larger objects are made in the tenured space.
pub(crate) const LARGEST_BYTES: usize = 8 << 10;
/// A slot is long enough for a header and a link.
pub(crate) const LEAST_BYTES: usize = 2 * WORD_BYTES;
/// No block is longer.
const BLOCK_MAX_BYTES: usize = 64 << 20;
/// Nor shorter.
pub(crate) const BLOCK_LEAST_BYTES: usize = 16 << 10;
/// The part of the main block that is left for the mutation that has filled the rest to come to its end.
const TAIL_PART: usize = 8;
/// How much more memory there has to be than what the main block takes, for it to take that.
const TENURED_PART: usize = 8;
const BLOCK_ALIGN: usize = 64;
/// Reserve of more than so many times what is needed is too much.
const WASTE_PART: usize = 4;
/// What may be left empty at the end of a block that is copied to, because the next object does not fit.
pub(crate) const SLACK_BYTES: usize = LARGEST_BYTES + 2 * WORD_BYTES;
const _: () = assert!(BLOCK_LEAST_BYTES >= 2 * LARGEST_BYTES);
/// All blocks together are no more: any of them may become reserve.
const BLOCKS: usize = 32;
const _: () = assert!(BLOCKS <= crate::ranges::MORE);
/// So many may be added while others are not given up yet.
const MORE_BLOCKS: usize = 2;

/// What an object of this layout takes in a block, at most.
#[inline(always)]
pub(crate) const fn young_bytes(layout: Layout) -> usize {
    let size = if layout.size() < LEAST_BYTES { LEAST_BYTES } else { layout.size() };
    // A slot is aligned to a word at least.
    size.next_multiple_of(WORD_BYTES) + (layout.align() - WORD_BYTES)
}

/// A block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub start: NonNull<u8>,
    pub bytes: usize,
    /// Up to where it may be filled.
    pub usable_bytes: usize,
    /// Up to where it was filled; of the block that is being filled, `Nursery::next` says it.
    pub used_bytes: usize,
}

impl Block {
    fn layout(bytes: usize) -> Result<Layout, AllocError> {
        Layout::from_size_align(bytes, BLOCK_ALIGN).map_err(|_| AllocError)
    }

    fn take<A: Layer>(heap: &ObjectHeap<A>, bytes: usize) -> Result<Self, AllocError> {
        let start = heap.take_run(Self::layout(bytes)?)?;
        Ok(Self { start, bytes, usable_bytes: bytes, used_bytes: 0 })
    }

    /// What fits in for certain: an object that does not fit at the end leaves a gap.
    pub const fn room_bytes(&self) -> usize {
        self.bytes.saturating_sub(SLACK_BYTES)
    }

    const fn for_room(bytes: usize) -> usize {
        bytes + SLACK_BYTES
    }

    /// An address in the block, or its end.
    ///
    /// # Safety
    ///
    /// `offset` is at most the block's length.
    pub unsafe fn at(&self, offset: usize) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { self.start.as_ptr().add(offset) }
    }
}

/// Blocks of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Blocks {
    list: [Option<Block>; BLOCKS],
    len: usize,
}

impl Blocks {
    pub fn push(&mut self, block: Block) {
        self.list[self.len] = Some(block);
        self.len += 1;
    }

    /// Those for which `is_first` holds, and the others.
    fn part(
        blocks: impl Iterator<Item = Block>,
        is_first: impl Fn(&Block) -> bool,
    ) -> (Self, Self) {
        let mut parts = (Self::default(), Self::default());
        blocks.for_each(|block| {
            if is_first(&block) { &mut parts.0 } else { &mut parts.1 }.push(block)
        });
        parts
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Takes the block in this place out; the last one takes its place.
    pub fn take(&mut self, place: usize) -> Block {
        let block = *self.get_mut(place);
        self.len -= 1;
        self.list.swap(place, self.len);
        self.list[self.len] = None;
        block
    }

    pub fn last_mut(&mut self) -> Option<&mut Block> {
        self.list[..self.len].last_mut()?.as_mut()
    }

    /// The block in this place.
    pub fn get_mut(&mut self, place: usize) -> &mut Block {
        match &mut self.list[place] {
            Some(block) => block,
            None => unreachable!("the reserve has room for all that survives"),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Block> {
        self.list[..self.len].iter().flatten()
    }

    pub fn sum(&self, of: impl Fn(&Block) -> usize) -> usize {
        self.iter().map(of).sum()
    }
}

/// All blocks.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub eden: Blocks,
    pub survivors: Blocks,
    pub reserve: Blocks,
}

/// Where objects are made from now on.
pub(crate) enum Place {
    /// In this block, which is on no list.
    Eden(Block),
    /// In this one, which is the last of the survivors', behind what is used of it.
    Survivors(Block),
}

/// The nursery.
pub(crate) struct Nursery {
    /// Where the next object will begin, and up to where eden's last block may be filled.
    next: Cell<*mut u8>,
    end: Cell<*mut u8>,
    /// The end that was set lies before the block's, so that a mutation can come to its own.
    has_tail: Cell<bool>,
    /// What is being filled is the last block of the survivors.
    shares: Cell<bool>,
    /// A minor collection is due.
    pub due: Cell<bool>,
    /// How long the main block should be.
    pub size_bytes: Cell<usize>,
    /// What was there is still in use: nothing is allocated here until `flip`.
    pub stands_still: Cell<bool>,
    /// It rests: it is empty, and nothing is allocated here.
    pub rests: Cell<bool>,
    pub table: RefCell<Table>,
}

impl Nursery {
    pub fn new(size_bytes: usize) -> Self {
        Self {
            next: Cell::new(null_mut()),
            end: Cell::new(null_mut()),
            has_tail: Cell::new(false),
            shares: Cell::new(false),
            due: Cell::new(false),
            size_bytes: Cell::new(size_bytes),
            stands_still: Cell::new(false),
            rests: Cell::new(false),
            table: RefCell::default(),
        }
    }

    /// Takes `bytes`, if they fit.
    #[inline(always)]
    pub fn take(&self, bytes: usize) -> Option<*mut u8> {
        let next = self.next.get();
        if self.end.get().addr() - next.addr() < bytes {
            return None;
        }
        // SAFETY: so much lies between the two, which are in one block, or both null.
        self.next.set(unsafe { next.add(bytes) });
        Some(next)
    }

    /// Makes room for `bytes`, at most [`LARGEST_BYTES`] and a little. A minor collection is due then, unless
    /// the nursery was empty.
    #[cold]
    #[inline(never)]
    pub fn grow<A: Layer>(&self, heap: &ObjectHeap<A>, bytes: usize) -> Result<(), AllocError> {
        if self.rests.get() {
            return Err(AllocError);
        }
        self.due.set(self.due.get() || self.stands_still.get() || !self.next.get().is_null());
        if self.stands_still.get() {
            return Err(AllocError);
        }
        let mut table = self.table.borrow_mut();
        if self.has_tail.take()
            && let Some(block) = table.eden.last_mut()
        {
            // SAFETY: not more than the block's length.
            self.end.set(unsafe { block.at(block.usable_bytes) });
            if self.end.get().addr() - self.next.get().addr() >= bytes {
                return Ok(());
            }
        }
        self.settle(&mut table);
        let all_bytes = table.eden.sum(|block| block.bytes);
        let block = if all_bytes > 0 {
            table.fresh(heap, all_bytes.min(BLOCK_MAX_BYTES))?
        } else {
            self.main_block(&mut table, heap)?
        };
        self.fill(&block, all_bytes == 0);
        table.eden.push(block);
        Ok(())
    }

    /// Makes room for `bytes` where `grow` cannot, and the tenured space has no memory either.
    #[cold]
    pub fn make_do<A: Layer>(&self, heap: &ObjectHeap<A>, bytes: usize) -> Result<(), AllocError> {
        if self.rests.get() || self.stands_still.get() {
            return Err(AllocError);
        }
        let mut table = self.table.borrow_mut();
        self.settle(&mut table);
        match table.make_do(heap, bytes)? {
            Place::Eden(block) => {
                self.fill(&block, table.eden.len() == 0);
                table.eden.push(block);
            }
            Place::Survivors(block) => self.share(&block),
        }
        Ok(())
    }

    /// The main block: as long as it should be, or shorter where memory is scarce: the tenured space needs several
    /// times as much.
    fn main_block<A: Layer>(
        &self,
        table: &mut Table,
        heap: &ObjectHeap<A>,
    ) -> Result<Block, AllocError> {
        let mut bytes = self.size_bytes.get().clamp(BLOCK_LEAST_BYTES, BLOCK_MAX_BYTES);
        while bytes / 2 >= BLOCK_LEAST_BYTES && !has_room(heap, bytes * TENURED_PART) {
            bytes /= 2;
        }
        self.size_bytes.set(bytes);
        table.fresh(heap, bytes)
    }

    /// Notes how far the block is filled that is being filled.
    pub fn settle(&self, table: &mut Table) {
        let list = if self.shares.get() { &mut table.survivors } else { &mut table.eden };
        if let Some(block) = list.last_mut() {
            block.used_bytes = self.next.get().addr() - block.start.addr().get();
        }
    }

    /// Allocates in this block from now on, from its front.
    fn fill(&self, block: &Block, is_main: bool) {
        let tail_bytes = if is_main { block.usable_bytes / TAIL_PART } else { 0 };
        self.has_tail.set(is_main);
        self.shares.set(false);
        self.next.set(block.start.as_ptr());
        // SAFETY: not more than the block's length.
        self.end.set(unsafe { block.at(block.usable_bytes - tail_bytes) });
    }

    /// Allocates in the last block of the survivors from now on, behind them.
    fn share(&self, block: &Block) {
        self.has_tail.set(false);
        self.shares.set(true);
        // SAFETY: not more than the block's length, both.
        unsafe {
            self.next.set(block.at(block.used_bytes));
            self.end.set(block.at(block.usable_bytes));
        }
    }

    /// Nothing can be allocated, until `flip`.
    pub fn stop(&self) {
        self.settle(&mut self.table.borrow_mut());
        self.stands_still.set(true);
        self.has_tail.set(false);
        self.shares.set(false);
        self.next.set(null_mut());
        self.end.set(null_mut());
    }

    /// Ends a minor collection: what it copied to are the survivors, and all other blocks are empty.
    /// `renews`: no block is used again.
    ///
    /// Reserve that is not needed now is kept all the same, unless `trims`: it was never touched, so the next long
    /// mutation had better have its blocks where this one had them.
    pub fn flip<A: Layer>(&self, heap: &ObjectHeap<A>, renews: bool, trims: bool) {
        let mut table = self.table.borrow_mut();
        let Table { eden, survivors, reserve } = core::mem::take(&mut *table);
        for block in reserve.iter() {
            let list = if block.used_bytes > 0 { &mut table.survivors } else { &mut table.reserve };
            list.push(*block);
        }
        let emptied = |block: &Block| Block { used_bytes: 0, ..*block };
        if renews {
            table.give_up(heap, survivors.iter().chain(eden.iter()).map(emptied), renews);
        } else {
            survivors.iter().for_each(|block| table.reserve.push(emptied(block)));
            table.give_up(heap, eden.iter().skip(1).map(emptied), renews);
            let main = eden.iter().take(1).map(emptied);
            let (kept, other): (Blocks, Blocks) =
                Blocks::part(main, |main| main.bytes == self.size_bytes.get());
            table.settle_main(heap, kept);
            table.give_up(heap, other.iter().copied(), renews);
        }
        if trims || renews {
            table.trim(heap);
        }
        self.stands_still.set(false);
        self.due.set(false);
        match table.eden.last_mut() {
            Some(main) => self.fill(main, true),
            None => {
                self.next.set(null_mut());
                self.end.set(null_mut());
            }
        }
    }

    /// Whether a minor collection that was made just now, or none, has left nothing here.
    pub fn has_copied_nothing(&self) -> bool {
        self.table.borrow().reserve.sum(|block| block.used_bytes) == 0
    }

    /// Whether the object is in it.
    #[must_use]
    pub fn contains(&self, object: Object) -> bool {
        let table = self.table.borrow();
        let Table { eden, survivors, reserve } = &*table;
        let mut all = eden.iter().chain(survivors.iter()).chain(reserve.iter());
        all.any(|block| object.address().wrapping_sub(block.start.addr().get()) < block.bytes)
    }

    /// Gives all memory back.
    ///
    /// # Safety
    ///
    /// No object in it is used any more.
    pub unsafe fn free<A: Layer>(&self, heap: &ObjectHeap<A>) {
        self.next.set(null_mut());
        self.end.set(null_mut());
        let Table { eden, survivors, reserve } = self.table.take();
        for block in eden.iter().chain(survivors.iter()).chain(reserve.iter()) {
            // SAFETY: the caller's.
            unsafe { release(heap, block) };
        }
    }
}

/// Whether so much could be taken.
fn has_room<A: Layer>(heap: &ObjectHeap<A>, bytes: usize) -> bool {
    // SAFETY: it is given back as it was taken, and not used.
    Block::take(heap, bytes).map(|block| unsafe { release(heap, &block) }).is_ok()
}

/// Gives a block back.
///
/// # Safety
///
/// Nothing in it is used any more.
unsafe fn release<A: Layer>(heap: &ObjectHeap<A>, block: &Block) {
    if let Ok(layout) = Block::layout(block.bytes) {
        // SAFETY: it was taken with this layout; the rest is the caller's.
        unsafe { heap.return_run(block.start, layout) };
    }
}

impl Table {
    /// What may have to be copied when eden is full.
    pub fn needed_bytes(&self) -> usize {
        self.eden.sum(|block| block.usable_bytes) + self.survivors.sum(|block| block.used_bytes)
    }

    /// A block for eden, and as much reserve; or, where there is too little memory for that, as much as may be filled.
    fn fresh<A: Layer>(&mut self, heap: &ObjectHeap<A>, bytes: usize) -> Result<Block, AllocError> {
        let room_bytes = bytes.saturating_sub(SLACK_BYTES);
        self.pair(heap, bytes, bytes).or_else(|_| self.pair(heap, bytes, room_bytes))
    }

    /// A block for eden, and reserve for `room_bytes` of it, which are no fewer than may be filled; or neither.
    pub fn pair<A: Layer>(
        &mut self,
        heap: &ObjectHeap<A>,
        bytes: usize,
        room_bytes: usize,
    ) -> Result<Block, AllocError> {
        if self.is_full() {
            return Err(AllocError);
        }
        let reserve = self.reserve.len();
        self.provide(heap, room_bytes)?;
        match Block::take(heap, bytes) {
            Ok(block) => Ok(Block { usable_bytes: self.usable_bytes(&block), ..block }),
            Err(AllocError) => {
                if self.reserve.len() > reserve {
                    // SAFETY: it was taken just now.
                    unsafe { release(heap, &self.reserve.take(reserve)) };
                }
                Err(AllocError)
            }
        }
    }

    /// Up to where a block of eden may be filled, so that it and the survivors have room for all that is in them.
    pub fn usable_bytes(&self, block: &Block) -> usize {
        let missing_bytes =
            self.survivors.sum(|block| block.used_bytes.saturating_sub(block.room_bytes()));
        let spare_bytes = block.room_bytes().saturating_sub(missing_bytes);
        spare_bytes / WORD_BYTES * WORD_BYTES
    }

    /// Allocates in the main block again, if there is one; as far as there is reserve for that.
    fn settle_main<A: Layer>(&mut self, heap: &ObjectHeap<A>, main: Blocks) {
        let Some(main) = main.iter().next() else { return };
        let usable_bytes = self.usable_bytes(main);
        self.eden.push(Block { usable_bytes, ..*main });
        if self.provide(heap, 0).is_ok() {
            return;
        }
        let survivor_bytes = self.survivors.sum(|block| block.used_bytes);
        let spare_bytes = self.reserve.sum(Block::room_bytes).saturating_sub(survivor_bytes);
        self.eden = Blocks::default();
        let usable_bytes = usable_bytes.min(spare_bytes / WORD_BYTES * WORD_BYTES);
        if usable_bytes > 0 {
            self.eden.push(Block { usable_bytes, ..*main });
        } else {
            self.give_up(heap, core::iter::once(*main), false);
        }
    }

    /// Gives emptied blocks back. Those without which there is too little reserve are reserve instead, if no other is
    /// to be had, or one that would not be much shorter; unless this `renews` all.
    fn give_up<A: Layer>(
        &mut self,
        heap: &ObjectHeap<A>,
        old: impl Iterator<Item = Block>,
        renews: bool,
    ) {
        for block in old {
            let missing_bytes = self.missing_bytes(0);
            let is_short = block.bytes / 2 <= Block::for_room(missing_bytes);
            if (missing_bytes > 0 && is_short && !renews) || self.provide(heap, 0).is_err() {
                self.reserve.push(block);
            } else {
                // SAFETY: nothing in it is used any more.
                unsafe { release(heap, &block) };
            }
        }
    }

    /// Whether there are as many blocks as there may be.
    const fn is_full(&self) -> bool {
        self.eden.len() + self.survivors.len() + self.reserve.len() + MORE_BLOCKS >= BLOCKS
    }

    /// What the reserve lacks, to have room for everything and for `more_bytes`.
    fn missing_bytes(&self, more_bytes: usize) -> usize {
        let room_bytes = self.reserve.sum(Block::room_bytes);
        (self.needed_bytes() + more_bytes).saturating_sub(room_bytes)
    }

    /// Sees that the reserve has room for everything, and for `more_bytes`.
    pub fn provide<A: Layer>(
        &mut self,
        heap: &ObjectHeap<A>,
        more_bytes: usize,
    ) -> Result<(), AllocError> {
        let missing_bytes = self.missing_bytes(more_bytes);
        if missing_bytes == 0 {
            return Ok(());
        }
        if self.is_full() {
            return Err(AllocError);
        }
        self.reserve.push(Block::take(heap, Block::for_room(missing_bytes))?);
        Ok(())
    }

    /// Gives back what is not needed. Where next to nothing is, all of it, and eden too: it will be taken anew, as
    /// long as it has to be then.
    fn trim<A: Layer>(&mut self, heap: &ObjectHeap<A>) {
        let survivor_bytes = self.survivors.sum(|block| block.used_bytes);
        let room_bytes = self.reserve.sum(Block::room_bytes);
        if survivor_bytes == 0 && room_bytes / WASTE_PART > self.needed_bytes() {
            for block in self.eden.iter().chain(self.reserve.iter()) {
                // SAFETY: nothing is in them.
                unsafe { release(heap, block) };
            }
            (self.eden, self.reserve) = (Blocks::default(), Blocks::default());
            return;
        }
        let mut kept = Blocks::default();
        let mut rest_bytes = room_bytes;
        for block in self.reserve.iter() {
            if rest_bytes - block.room_bytes() >= self.needed_bytes() {
                rest_bytes -= block.room_bytes();
                // SAFETY: nothing is in the reserve.
                unsafe { release(heap, block) };
            } else {
                kept.push(*block);
            }
        }
        self.reserve = kept;
    }

    /// The ranges of what a minor collection will empty.
    pub fn ranges_to_empty(&self) -> Ranges {
        let mut eden = self.eden.iter();
        let mut ranges = Ranges::new();
        for block in eden.next().into_iter().chain(self.survivors.iter()).chain(eden) {
            ranges.add(block.start.addr().get(), block.bytes);
        }
        ranges
    }

    /// The ranges of these blocks.
    pub fn ranges_of(blocks: &Blocks) -> Ranges {
        let mut ranges = Ranges::new();
        blocks.iter().for_each(|block| ranges.add(block.start.addr().get(), block.bytes));
        ranges
    }
}
