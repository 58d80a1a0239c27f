//! Copying: from a pointer to a young object to the place where the object is now.
//!
//! Above: a minor collection, which shows it every pointer that may lead to a young object. Below: the reserve, the
//! tenured space, and the functions that `Trace` was compiled to. Nothing here can fail: what the tenured space has
//! no memory for stays young.
//!
//! What was copied and not visited yet is *grey*, on a list that goes through the old slots: a header says where
//! the object went, and the word behind it, or before it, is the link.

use crate::Generational;
use crate::cards::Cards;
use crate::links::{Links, NO_OBJECT};
use crate::nursery::{Blocks, LARGEST_BYTES, LEAST_BYTES, young_bytes};
use crate::ranges::Ranges;
use crate::remembered::Remembered;
use alloc_core::Layer;
use alloc_core::gc::{Object, Shape, TypeInfo, VisitorMut, WORD_BYTES, tag};
use core::ptr::{NonNull, null_mut};
use gc_marksweep::Space;

/// Copies what it is shown, and is not copied yet.
///
/// It is made for a minor collection.
pub struct Mover<A: Layer> {
    /// What is being emptied.
    pub(crate) from: Ranges,
    /// The part of it that has survived one minor collection.
    survivors: Ranges,
    /// Only that part is promoted.
    waits: bool,
    /// Where objects go that stay young, and the block of it that is being filled.
    pub(crate) to: Blocks,
    to_ranges: Ranges,
    filling: usize,
    grey: *mut u8,
    /// Copies that stay young and have destructors.
    pub(crate) links: Links,
    /// Whether a pointer was met that leads to an object that stays young.
    met_young: bool,
    space: NonNull<Space<A, Generational<A>>>,
    remembered: NonNull<Remembered>,
    pub(crate) copied_bytes: usize,
    pub(crate) promoted_bytes: usize,
    /// Of both, bytes of objects that had survived before.
    pub(crate) again_bytes: usize,
    /// Objects are promoted at all.
    promotes: bool,
    /// Tenured objects have moved, too.
    compacts: bool,
    /// An object could not be promoted.
    short: bool,
}

/// What young objects are copied from and to.
pub(crate) struct Plan {
    pub from: Ranges,
    pub survivors: Ranges,
    pub waits: bool,
    pub reserve: Blocks,
    pub reserve_ranges: Ranges,
}

type Info<A> = TypeInfo<Generational<A>>;

/// The object that a header's word leads to.
#[inline(always)]
pub(crate) fn lead(word: *mut u8) -> Option<Object> {
    let header = NonNull::new(word.map_addr(|address| address & !tag::ALL))?;
    // SAFETY: whoever tagged the word put an object's header there.
    Some(unsafe { Object::from_header(header) })
}

/// Where a young object went; `None`: it was not copied.
///
/// # Safety
///
/// The object is in a range that a minor collection empties, and its slot is as that has left it.
pub(crate) unsafe fn place_of(object: Object) -> Option<Object> {
    // SAFETY: the caller's.
    let word = unsafe { object.word() };
    if word.addr() & tag::ALL == tag::MOVED { lead(word) } else { None }
}

/// Where a tenured object is, while some have moved.
pub(crate) fn place_in_tenured(object: Object) -> Object {
    // SAFETY: it is a tenured object, whose slot is there, though it may have moved.
    unsafe { place_of(object) }.unwrap_or(object)
}

impl<A: Layer> Mover<A> {
    /// # Safety
    ///
    /// The space and the set outlive the mover, and nobody changes them exclusively meanwhile.
    pub(crate) unsafe fn new(
        plan: Plan,
        space: &Space<A, Generational<A>>,
        remembered: &Remembered,
    ) -> Self {
        Self {
            from: plan.from,
            survivors: plan.survivors,
            waits: plan.waits,
            to: plan.reserve,
            to_ranges: plan.reserve_ranges,
            filling: 0,
            grey: null_mut(),
            links: Links::new(),
            met_young: false,
            space: NonNull::from(space),
            remembered: NonNull::from(remembered),
            copied_bytes: 0,
            promoted_bytes: 0,
            again_bytes: 0,
            promotes: true,
            compacts: false,
            short: false,
        }
    }

    /// Whether objects are promoted from now on.
    pub(crate) const fn set_promotes(&mut self, promotes: bool) {
        self.promotes = promotes;
    }

    /// Whether an object that should have been promoted was not.
    pub(crate) const fn is_short(&self) -> bool {
        self.short
    }

    /// A mover for when nothing is young, and tenured objects have moved.
    ///
    /// # Safety
    ///
    /// As for `new`.
    pub(crate) unsafe fn compacting(
        space: &Space<A, Generational<A>>,
        remembered: &Remembered,
    ) -> Self {
        let nowhere = Ranges::new;
        let plan = Plan {
            from: nowhere(),
            survivors: nowhere(),
            waits: false,
            reserve: Blocks::default(),
            reserve_ranges: nowhere(),
        };
        // SAFETY: the caller's.
        Self { compacts: true, ..unsafe { Self::new(plan, space, remembered) } }
    }

    fn space<'s>(&self) -> &'s Space<A, Generational<A>> {
        // SAFETY: it outlives the mover (`new`).
        unsafe { self.space.as_ref() }
    }

    fn remember(&self, object: Object) {
        // SAFETY: as for `space`.
        unsafe { self.remembered.as_ref() }.push(object, self.space().below());
    }

    /// Copies an object that was not copied yet. `word` is its header's.
    #[inline(never)]
    fn copy(&mut self, object: Object, word: *mut u8) -> Object {
        if word.addr() & (tag::ALL | tag::PINNED) != 0 {
            return self.copy_any(object, word);
        }
        // SAFETY: the object is young, and was not copied. Without a tag, the word is the record's address.
        unsafe {
            let info = &*word.cast::<Info<A>>();
            let Some((to, stays)) = self.plain_place_for(object, info) else {
                return self.copy_any(object, word);
            };
            // The header comes first, and is copied too.
            let from = object.header().as_ptr();
            copy_words(from, to.as_ptr(), info.plain_bytes);
            object.set_word(to.as_ptr().map_addr(|address| address | tag::MOVED));
            link_of(from, info.shape).write(self.grey);
            self.grey = from;
            self.met_young |= stays;
            Object::from_header(to)
        }
    }

    /// Where an object goes that has no home, if it is one of most: of a known size, and aligned like a word.
    #[inline(always)]
    fn plain_place_for(&mut self, object: Object, info: &Info<A>) -> Option<(NonNull<u8>, bool)> {
        let (bytes, drops) = (info.plain_bytes, info.shape.needs_drop);
        if bytes < LEAST_BYTES || info.shape.layout.align() > WORD_BYTES {
            return None;
        }
        let is_survivor = self.survivors.contains(object.address());
        if is_survivor || !self.waits {
            if !self.promotes {
                return None;
            }
            let slot = self.space().allocate_words(bytes / WORD_BYTES, drops).ok()?;
            self.again_bytes += if is_survivor { bytes } else { 0 };
            self.promoted_bytes += bytes;
            return Some((slot, false));
        }
        if drops {
            return None;
        }
        let block = self.to.get_mut(self.filling);
        let start = block.used_bytes;
        if block.bytes - start < bytes {
            return None;
        }
        block.used_bytes = start + bytes;
        self.copied_bytes += bytes;
        // SAFETY: so much lies in the block, which is the mover's to fill.
        Some((unsafe { block.start.add(start) }, true))
    }

    /// Copies any object. `word` is its header's.
    #[inline(never)]
    fn copy_any(&mut self, object: Object, word: *mut u8) -> Object {
        // SAFETY: the object is young, was made in a slot of this shape, and was not copied.
        unsafe {
            let info: &Info<A> = object.info();
            let shape = object.shape::<Generational<A>>();
            let (to, stays) = self.place_for(object, word, shape);
            let from = object.header().as_ptr().sub(shape.header_offset);
            copy_words(from, to.as_ptr(), shape.layout.size());
            let header = to.add(shape.header_offset);
            // A copy has no tags, whatever the old header had; but it stays in its home.
            let pinned = if word.addr() & tag::ALL == tag::HOMED { tag::PINNED } else { 0 };
            header
                .cast::<*const Info<A>>()
                .write(core::ptr::from_ref(info).wrapping_byte_add(pinned));
            object.set_word(header.as_ptr().map_addr(|address| address | tag::MOVED));
            if info.relocate.is_some() {
                let old = object.header().as_ptr();
                link_of(old, shape).write(self.grey.map_addr(|address| address | link_tag(shape)));
                self.grey = old;
            }
            self.met_young |= stays;
            Object::from_header(header)
        }
    }

    /// Where an object goes: a slot, and whether that is young.
    ///
    /// # Safety
    ///
    /// As in `copy`.
    #[inline(always)]
    unsafe fn place_for(
        &mut self,
        object: Object,
        word: *mut u8,
        shape: Shape,
    ) -> (NonNull<u8>, bool) {
        let bytes = shape.layout.size();
        if word.addr() & tag::ALL == tag::HOMED
            && let Some(home) = lead(word)
        {
            self.promoted_bytes += bytes;
            // SAFETY: a home is a slot for this shape, and this is its header.
            return (unsafe { home.header().sub(shape.header_offset) }, false);
        }
        let is_survivor = self.survivors.contains(object.address());
        self.again_bytes += if is_survivor { bytes } else { 0 };
        if is_survivor || !self.waits {
            if self.promotes
                && let Ok(slot) = self.space().allocate_slot(shape.layout, shape.needs_drop)
            {
                self.promoted_bytes += bytes;
                return (slot, false);
            }
            self.short = true;
        }
        self.copied_bytes += bytes;
        (self.reserve(shape), true)
    }

    /// A slot in the reserve, which has room for everything.
    fn reserve(&mut self, shape: Shape) -> NonNull<u8> {
        let link_bytes = if shape.needs_drop { WORD_BYTES } else { 0 };
        let bytes = young_bytes(shape.layout) + link_bytes;
        loop {
            let block = self.to.get_mut(self.filling);
            let start = block.used_bytes;
            if block.bytes - start < bytes {
                debug_assert!(block.bytes - start <= LARGEST_BYTES + 2 * WORD_BYTES);
                self.filling += 1;
                continue;
            }
            block.used_bytes = start + bytes;
            // SAFETY: so much lies in the block, which is the mover's to fill.
            unsafe {
                let begin = block.at(start);
                let gap_bytes = begin.add(link_bytes).align_offset(shape.layout.align());
                let slot = begin.add(link_bytes + gap_bytes);
                let end = slot.add(shape.layout.size());
                fill_gap(begin, gap_bytes);
                fill_gap(end, bytes - end.offset_from_unsigned(begin));
                let slot = NonNull::new_unchecked(slot);
                if link_bytes > 0 {
                    self.links.push(slot);
                }
                return slot;
            }
        }
    }

    /// Visits what was copied, until nothing is grey.
    pub(crate) fn drain(&mut self) {
        while let Some(old) = NonNull::new(self.grey) {
            // SAFETY: what is grey was copied, and its old slot holds the link.
            unsafe {
                let Some(object) = place_of(Object::from_header(old)) else { return };
                let info: &Info<A> = object.info();
                let link = link_of(old.as_ptr(), info.shape).read();
                self.grey = link.map_addr(|address| address & !NO_OBJECT);
                self.met_young = false;
                if let Some(relocate) = info.relocate {
                    relocate(object, self);
                }
                if !self.to_ranges.contains(object.address()) {
                    self.settle(object);
                }
            }
        }
    }

    /// M1, M2: a tenured object was visited, and led to young ones, or not.
    ///
    /// # Safety
    ///
    /// It is a tenured object, and alive.
    #[inline(always)]
    unsafe fn settle(&self, object: Object) {
        if self.met_young {
            self.remember(object);
        } else {
            // SAFETY: the caller's.
            unsafe { object.set_word(object.word().map_addr(|address| address | tag::WATCHED)) };
        }
    }

    /// Visits a tenured object that is remembered. Returns how many cards of it.
    ///
    /// # Safety
    ///
    /// It is a tenured object, and alive, or was when it was remembered.
    pub(crate) unsafe fn visit_tenured(&mut self, object: Object) -> usize {
        self.met_young = false;
        // SAFETY: the caller's. The marker does not visit it: it was claimed when it was written to, or born so.
        unsafe {
            let info: &Info<A> = object.info();
            let cards = Cards::of::<Generational<A>>(object);
            // N2. Of a slice that is remembered by cards, those were claimed.
            debug_assert!(
                self.space().is_left_alone(object)
                    || (cards.is_some() && object.word().addr() & tag::ALL == tag::WATCHED),
                "the marker may visit it"
            );
            let Some(relocate) = info.relocate else { return 0 };
            if object.word().addr() & tag::ALL != tag::WATCHED {
                relocate(object, self);
                self.settle(object);
                if let Some(cards) = cards.filter(|_| !self.met_young) {
                    cards.take(|_| false);
                }
                return 0;
            }
            let (Some(cards), Some(relocate)) = (cards, info.relocate_part) else { return 0 };
            let mut count = 0;
            let keeps = cards.take(|elements| {
                count += 1;
                self.met_young = false;
                relocate(object, elements, self);
                self.met_young
            });
            if keeps {
                self.remember(object);
            }
            count
        }
    }
}

/// The old slot's word that leads to the next grey object: behind the header, or before it, where there is one.
///
/// # Safety
///
/// The header is that of a slot of this shape.
#[inline(always)]
unsafe fn link_of(header: *mut u8, shape: Shape) -> *mut *mut u8 {
    // SAFETY: a slot has two words at least.
    unsafe {
        if shape.header_offset > 0 { header.sub(WORD_BYTES) } else { header.add(WORD_BYTES) }.cast()
    }
}

/// The word before a header goes on looking like a count: slots are told apart by it.
const fn link_tag(shape: Shape) -> usize {
    if shape.header_offset > 0 { 1 } else { 0 }
}

/// Writes words that belong to no object.
///
/// # Safety
///
/// The memory is the caller's, whole words of it.
unsafe fn fill_gap(start: *mut u8, bytes: usize) {
    // SAFETY: the caller's.
    unsafe {
        for word in 0..bytes / WORD_BYTES {
            start.cast::<usize>().add(word).write(NO_OBJECT);
        }
    }
}

/// Copies a slot.
///
/// # Safety
///
/// Both are slots of so many bytes, which are whole words, and different.
#[inline(always)]
unsafe fn copy_words(from: *const u8, to: *mut u8, bytes: usize) {
    /// Above, the call of a function costs less than a loop.
    const FEW_WORDS: usize = 8;
    let words = bytes / WORD_BYTES;
    // SAFETY: the caller's. Words may be partly uninitialised.
    unsafe {
        let (from, to) = (from.cast::<core::mem::MaybeUninit<usize>>(), to.cast());
        if words > FEW_WORDS {
            return from.copy_to_nonoverlapping(to, words);
        }
        for word in 0..words {
            to.add(word).write(from.add(word).read());
        }
    }
}

// SAFETY: `copy` makes a copy of the object, which stays in this heap, and leads from the old place to it.
unsafe impl<A: Layer> VisitorMut for Mover<A> {
    #[inline(always)]
    fn object(&mut self, object: Object) -> Object {
        if !self.from.contains(object.address()) {
            if self.compacts {
                return place_in_tenured(object);
            }
            self.met_young |=
                (self.waits || self.short) && self.to_ranges.contains(object.address());
            return object;
        }
        // SAFETY: it is a young object of this heap, as everything that is shown; its slot is there.
        let word = unsafe { object.word() };
        if word.addr() & tag::ALL != tag::MOVED {
            return self.copy(object, word);
        }
        let to = lead(word).unwrap_or(object);
        self.met_young |= self.to_ranges.contains(to.address());
        to
    }
}

impl<A: Layer> core::fmt::Debug for Mover<A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Mover").finish_non_exhaustive()
    }
}
