//! Canaries: the last word of a slot in use says how many bytes of it are in use, in a way that nobody can forge.
//!
//! Above: allocations seal, frees check. Below: the slot. The word is `secret ^ its own address ^ (slack << 8)`, where
//! slack is what lies between the object's end and the word. Its lowest byte also stands right behind the object, where
//! there is slack. So:
//!
//! * an object's end is exact to the byte, although slots are not;
//! * whoever writes behind the end changes that byte or the word (text and zeroes do in any case: the byte is above 127);
//! * whoever writes before the start of an object changes the word of the slot before it: the same test, at that address. (Text
//!   and zeroes do in any case here, too: the word's last byte is above 127.)
//!
//! A slot that is not in use has a word of zero. Not here: when any of this is asked.

use core::ptr::NonNull;

/// The bytes of a canary.
pub const CANARY_BYTES: usize = 8;

/// The bits of the word that are the canary's alone: not the slack's.
const FIXED: u64 = 0xffff_ffff_0000_00ff;

/// The bit that keeps the lowest byte from being text, or zero.
const MARK: u64 = 0x80;

/// The same for the highest byte, the last in memory, which stands right before the next object. No address has this bit, so
/// that the word has it if the secret does.
const LAST: u64 = 1 << 63;

/// The most slack that a word can tell.
pub(super) const MAX_SLACK_BYTES: usize = (1 << 24) - 1;

/// What canaries are made with.
#[derive(Clone, Copy)]
pub struct Secret(u64);

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret")
    }
}

/// How a canary was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoilt {
    /// The word is another one.
    Word,
    /// The byte behind the object is.
    Mark,
}

impl Secret {
    /// A secret that this word makes.
    pub(super) const fn new(word: u64) -> Self {
        Self(word | LAST)
    }

    #[inline(always)]
    fn word(self, at: *const u64) -> u64 {
        (self.0 ^ at.addr() as u64) | MARK
    }

    /// A byte for the slack of a large object.
    pub(super) const fn mark(self, object: usize) -> u8 {
        ((self.0 ^ (object as u64 >> 12)) | MARK) as u8
    }

    /// Seals a slot of `slot_bytes` bytes whose first `bytes` are in use.
    ///
    /// # Safety
    ///
    /// The slot is the caller's, aligned to 8, `bytes + 8 <= slot_bytes`, and the slack is at most [`MAX_SLACK_BYTES`].
    #[inline(always)]
    pub(super) unsafe fn seal(self, slot: NonNull<u8>, slot_bytes: usize, bytes: usize) {
        debug_assert!(bytes + CANARY_BYTES <= slot_bytes);
        let slack = slot_bytes - CANARY_BYTES - bytes;
        debug_assert!(slack <= MAX_SLACK_BYTES);
        // SAFETY: the caller's promise: byte `bytes` and the last word lie in the slot.
        unsafe {
            let at = slot.as_ptr().add(slot_bytes - CANARY_BYTES).cast::<u64>();
            let word = self.word(at);
            let sealed = core::ptr::without_provenance_mut((word ^ (slack as u64) << 8) as usize);
            // The owner of the next slot may look at the word at any moment: it changes at once.
            alloc_core::sync::store_word(at.cast(), sealed);
            // Without slack, this is the word's own first byte.
            slot.as_ptr().add(bytes).write(word as u8);
        }
    }

    /// The bytes in use of a sealed slot, if nobody has written behind them.
    ///
    /// # Safety
    ///
    /// The slot is readable, and aligned to 8.
    #[inline(always)]
    pub(super) unsafe fn check(
        self,
        slot: NonNull<u8>,
        slot_bytes: usize,
    ) -> Result<usize, Spoilt> {
        // SAFETY: the caller's promise; the byte's place is checked before it is read.
        unsafe {
            let at = slot.as_ptr().add(slot_bytes - CANARY_BYTES).cast::<u64>();
            let word = self.word(at);
            let slack = at.read() ^ word;
            let room = slot_bytes - CANARY_BYTES;
            let bytes = room.wrapping_sub((slack >> 8) as usize);
            if (slack & FIXED != 0) | (bytes > room) {
                return Err(Spoilt::Word);
            }
            if slot.as_ptr().add(bytes).read() != word as u8 {
                return Err(Spoilt::Mark);
            }
            Ok(bytes)
        }
    }

    /// Whether the word before `slot`, which is that of the slot before it, is a canary still (or zero).
    ///
    /// # Safety
    ///
    /// The 8 bytes before `slot` are readable. Another thread may own them, and be sealing or wiping them at this moment.
    #[inline(always)]
    pub(super) unsafe fn is_intact_before(self, slot: NonNull<u8>) -> bool {
        // SAFETY: the caller's promise. The word is aligned: its owner writes it as a whole, so that it is one
        // of its values.
        unsafe {
            let at = slot.as_ptr().cast::<u64>().sub(1);
            let found = alloc_core::sync::load_word(at.cast()).addr() as u64;
            // Whether the neighbour is free is hard to foresee: no branch.
            (found == 0) | ((found ^ self.word(at)) & FIXED == 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wipe::{Places, SHORT_BYTES, wipe, wipe_short};
    use super::{CANARY_BYTES, Secret, Spoilt};
    use alloc_core::sync::{AtomicBool, Ordering};
    use core::cell::UnsafeCell;
    use core::ptr::NonNull;

    #[test]
    fn text_and_zeroes_before_an_object_are_noticed_whatever_the_secret() {
        for byte in 0..=u8::MAX {
            let secret = Secret::new(u64::from(byte) << 56 | 0x34_5678_9abc_de00);
            for written in 0..0x80 {
                let mut memory = Memory([0; 256]);
                // SAFETY: the slots lie in the memory, which is the test's.
                unsafe {
                    let slot = NonNull::new_unchecked(memory.0.as_mut_ptr().add(16));
                    secret.seal(slot, 32, 20);
                    let next = slot.add(32);
                    assert!(secret.is_intact_before(next));
                    next.sub(1).write(written);
                    assert!(!secret.is_intact_before(next), "{byte}, {written}");
                }
            }
        }
    }

    #[repr(align(16))]
    struct Memory([u8; 256]);

    #[test]
    fn every_byte_behind_the_end_is_guarded() {
        let secret = Secret::new(0x1234_5678_9abc_de00);
        for slot_bytes in [16, 32, 48, 112] {
            for bytes in 0..=slot_bytes - 8 {
                for (at, change) in [(0, 0xff), (0, 0x01)].into_iter().chain([(7, 0x80)]) {
                    let mut memory = Memory([0; 256]);
                    // SAFETY: the slot lies in the memory, which is the test's.
                    unsafe {
                        let slot = NonNull::new_unchecked(memory.0.as_mut_ptr().add(16));
                        secret.seal(slot, slot_bytes, bytes);
                        assert_eq!(secret.check(slot, slot_bytes), Ok(bytes));
                        assert!(slot.as_ptr().add(bytes).read() >= 0x80, "no text, no zero");
                        let place = if at == 0 { bytes } else { slot_bytes - 8 + at };
                        *slot.as_ptr().add(place) ^= change;
                        let spoilt = secret.check(slot, slot_bytes).expect_err("it was changed");
                        assert!(matches!(spoilt, Spoilt::Word | Spoilt::Mark));
                    }
                }
            }
        }
    }

    /// A slot is sealed and wiped again and again, while the owner of the next one looks at the word between them.
    #[test]
    fn a_neighbour_sees_a_whole_word_at_any_moment() {
        const SIZES: [usize; 4] = [48, SHORT_BYTES, 832, 1920];
        #[repr(align(16))]
        struct Shared([UnsafeCell<u8>; 2048]);
        // SAFETY: one thread writes to it; the other reads one word, which changes at once.
        unsafe impl Sync for Shared {}
        let secret = Secret::new(0x1234_5678_9abc_de00);
        for (slot_bytes, slack) in SIZES.into_iter().flat_map(|bytes| [(bytes, 0), (bytes, 5)]) {
            let memory = Shared([const { UnsafeCell::new(0) }; 2048]);
            let (memory, is_over) = (&memory, &AtomicBool::new(false));
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    let slot = NonNull::new(memory.0[16].get()).unwrap();
                    let (bytes, places) =
                        (slot_bytes - CANARY_BYTES - slack, Places::of(slot_bytes));
                    for _ in 0..1_000_000 {
                        // SAFETY: the slot lies in the memory, and is this thread's.
                        unsafe {
                            secret.seal(slot, slot_bytes, bytes);
                            match slot_bytes <= SHORT_BYTES {
                                true => wipe_short(slot, slot_bytes, &places),
                                false => wipe(slot, slot_bytes, bytes + 1),
                            }
                        }
                    }
                    is_over.store(true, Ordering::Relaxed);
                });
                let next = NonNull::new(memory.0[16 + slot_bytes].get()).unwrap();
                while !is_over.load(Ordering::Relaxed) {
                    // SAFETY: the word lies in the memory.
                    let is_intact = unsafe { secret.is_intact_before(next) };
                    assert!(is_intact, "slots of {slot_bytes} bytes, {slack} left");
                }
            });
        }
    }

    #[test]
    fn the_word_before_a_slot_is_its_neighbours() {
        let secret = Secret::new(7);
        let mut memory = Memory([0; 256]);
        // SAFETY: both slots lie in the memory, which is the test's.
        unsafe {
            let first = NonNull::new_unchecked(memory.0.as_mut_ptr().add(16));
            let second = first.add(48);
            assert!(secret.is_intact_before(second), "it is zero");
            secret.seal(first, 48, 20);
            assert!(secret.is_intact_before(second));
            second.as_ptr().sub(1).write(1);
            assert!(!secret.is_intact_before(second));
        }
    }
}
