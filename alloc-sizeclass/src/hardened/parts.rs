//! The parts of a hardened stack, each of which can be left out: what a stack does not have costs it nothing.
//!
//! Above: users, who name a [`Policy`]. Below: nothing: every file of this folder asks for the parts that it does.
//! Not here: what a part does (the files that `mod.rs` names).

/// Which parts a hardened stack has. Each works alone, but for [`look`](Self::look), which needs [`wipe`](Self::wipe).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools)]
pub struct Parts {
    /// Frees are checked by the ledger: that an object starts there, that it was not freed, that the function is of its
    /// family, that the alignment that is told fits, and the size, if there are canaries, which know it. Without it, a forked
    /// child loses the free slots that other threads had at hand.
    pub frees: bool,
    /// A canary stands behind every object: what is written directly behind it, or before it, is found when it is freed.
    pub canaries: bool,
    /// What is freed is zeroed: no object's contents are found later, by a stale pointer or in another object.
    pub wipe: bool,
    /// What is handed out is looked at: whoever wrote to it after its free is found.
    pub look: bool,
    /// Freed slots rest, before they are handed out again.
    pub rest: bool,
    /// Which of the free slots is next is random.
    pub shuffle: bool,
    /// Objects above 128 KiB lie in pages of their own, between guard pages, and cannot be accessed once they are freed.
    /// Without it they come from the layer below. Where the system has guards that split no mapping (Linux 6.13), each
    /// span of slots begins with some of them, too, as many as a random number says.
    pub guards: bool,
}

impl Parts {
    /// All of them.
    pub const ALL: Self = Self {
        frees: true,
        canaries: true,
        wipe: true,
        look: true,
        rest: true,
        shuffle: true,
        guards: true,
    };

    /// None: an allocator without checks.
    pub const NONE: Self = Self {
        frees: false,
        canaries: false,
        wipe: false,
        look: false,
        rest: false,
        shuffle: false,
        guards: false,
    };

    /// The same parts, if they go together.
    pub(super) const fn checked(self) -> Self {
        assert!(self.wipe || !self.look, "what is not wiped cannot be looked at");
        self
    }
}

/// Says which parts a hardened stack has.
///
/// ```
/// use alloc_arena::{Arena, Os};
/// use alloc_core::api2::vec::Vec;
/// use alloc_sizeclass::hardened;
/// use alloc_sizeclass::hardened::{Parts, Policy};
///
/// /// Frees are checked, and nothing else is.
/// enum Frees {}
/// impl Policy for Frees {
///     const PARTS: Parts = Parts { frees: true, ..Parts::NONE };
/// }
///
/// /// No contents are left behind, and which addresses come next is not foreseen.
/// enum Secrecy {}
/// impl Policy for Secrecy {
///     const PARTS: Parts = Parts { wipe: true, rest: true, shuffle: true, ..Parts::NONE };
/// }
///
/// hardened! {
///     static PLAIN: Arena<Os>, Frees = Arena::new(Os::new());
/// }
/// hardened! {
///     static KEYS: Arena<Os>, Secrecy = Arena::new(Os::new());
/// }
///
/// let mut key = Vec::new_in(&KEYS);
/// key.extend_from_slice(b"a secret");
/// let address = key.as_ptr();
/// drop(key);
/// // SAFETY: it is not: this is what a stale pointer finds, as long as the slot is mapped.
/// assert_eq!(unsafe { address.read_volatile() }, 0);
///
/// let numbers = Vec::<u32, _>::with_capacity_in(10, &PLAIN);
/// drop(numbers); // dropped again, it would end the process
/// ```
pub trait Policy: Send + Sync + 'static {
    /// The parts.
    const PARTS: Parts;
}

/// The policy of a stack that has all parts: the `hardened` preset.
#[derive(Clone, Copy, Debug)]
pub enum Full {}

impl Policy for Full {
    const PARTS: Parts = Parts::ALL;
}
