//! [`Plan`]: how much memory a program needs, computed before it runs.
//!
//! Above: the user, in a constant. Below: arithmetic. Not here: the memory itself (`budget.rs`).
#![forbid(unsafe_code)]

use crate::slots::Shape;
use alloc_core::Layout;
use core::error::Error;
use core::fmt;

/// So many slots of one layout: a part of a [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub(crate) layout: Layout,
    pub(crate) slots: usize,
    /// A bit for each share that this one may borrow from.
    pub(crate) lenders: u64,
    /// Whether only requests of its very layout get its slots.
    pub(crate) is_exact: bool,
}

impl Share {
    /// `slots` slots for layouts up to `layout`, which bounds size and alignment.
    #[must_use]
    pub const fn new(layout: Layout, slots: usize) -> Self {
        Self { layout, slots, lenders: 0, is_exact: false }
    }

    /// `slots` slots for boxes of `T`, and for all that is as short and no more aligned.
    ///
    /// A share's alignment is a bound as its length is: `[u8; 64]` makes slots of 64 bytes for alignment 1, in which a
    /// `Vec<u32>` finds no place. For collections say `[u64; 8]`.
    #[must_use]
    pub const fn of<T>(slots: usize) -> Self {
        Self::new(Layout::new::<T>(), slots)
    }

    /// The memory of one [`Pool<T>`](crate::Pool) of `slots` slots, and [`exact`](Self::exact): what else would fit into it does
    /// not get it.
    ///
    /// # Panics
    ///
    /// If no pool can be that large.
    #[must_use]
    pub const fn pool<T>(slots: usize) -> Self {
        match Shape::of::<T>().layout(slots, align_of::<T>()) {
            Some(layout) => Self::new(layout, 1).exact(),
            None => panic!("a pool of so many slots is larger than a pool can be"),
        }
    }

    /// The memory of one [`KeyPool<T>`](crate::KeyPool) of `slots` slots, [`exact`](Self::exact) as well.
    ///
    /// # Panics
    ///
    /// If no pool can be that large.
    #[must_use]
    pub const fn key_pool<T>(slots: usize) -> Self {
        match crate::key::layout::<T>(slots) {
            Some((layout, _)) => Self::new(layout, 1).exact(),
            None => panic!("a pool of so many slots is larger than a pool can be"),
        }
    }

    /// The same, for requests of its very layout only: of this size and this alignment. They look for a slot here first. A
    /// share for a pool is so from the start; say it of what is planned for one user otherwise, as a [`BlockPool`](crate::BlockPool)'s run.
    #[must_use]
    pub const fn exact(mut self) -> Self {
        self.is_exact = true;
        self
    }

    /// When all of its slots are used, this share takes slots of the share with the number `lender`,
    /// counted from 0 in the plan. The slots have to be as long and as aligned as its own, and not
    /// [`exact`](Self::exact).
    ///
    /// # Panics
    ///
    /// If `lender` is 64 or more: no plan has so many shares.
    #[must_use]
    pub const fn may_borrow_from(mut self, lender: usize) -> Self {
        assert!(lender < MOST_SHARES, "a plan has at most 64 shares");
        self.lenders |= 1 << lender;
        self
    }

    /// How long a slot is: as long as a pointer at least, and a multiple of its alignment.
    const fn slot_bytes(&self) -> Option<usize> {
        match Shape::raw(self.layout) {
            Some(shape) => Some(shape.slot_bytes),
            None => None,
        }
    }
}

/// The most shares that a plan has.
const MOST_SHARES: usize = u64::BITS as usize;

/// Why shares are not a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// More than 64 shares, or more bytes than there can be.
    TooLarge,
    /// A share borrows from one that is not there, or from itself.
    NoLender,
    /// A share borrows from one whose slots are shorter, or less aligned.
    LenderTooSmall,
    /// A share borrows from one whose slots go to requests of its very layout only, as a pool's do.
    LenderExact,
}

impl PlanError {
    const fn text(self) -> &'static str {
        match self {
            Self::TooLarge => "the plan is larger than memory can be",
            Self::NoLender => "a share borrows from one that is not in the plan, or from itself",
            Self::LenderTooSmall => "a share borrows from one whose slots its own do not fit into",
            Self::LenderExact => "a share borrows from one that is planned for a pool alone",
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Error for PlanError {}

/// All the memory that a program needs, as shares: what it costs is known when it is compiled.
///
/// ```
/// use pool_prealloc::{Budget, Plan, Share};
/// use core::mem::MaybeUninit;
/// # struct Request([u64; 10]);
///
/// const PLAN: Plan<3> = Plan::new([
///     Share::of::<[u64; 8]>(32).may_borrow_from(1), // whatever has 64 bytes and an alignment of 8 at most
///     Share::of::<[u64; 188]>(8),
///     Share::pool::<Request>(100), // the run of one `Pool`, and of nobody else
/// ]);
/// const _: () = assert!(PLAN.bytes() <= 24 << 10, "it does not fit into the device");
///
/// # #[repr(align(16))] struct Aligned<T>(T);
/// let mut memory = Aligned([MaybeUninit::uninit(); PLAN.bytes()]);
/// let budget = Budget::over(PLAN, &mut memory.0)?;
/// let pool = pool_prealloc::Pool::<Request, _>::try_with_capacity_in(100, &budget)?;
/// let packet = alloc_core::api2::boxed::Box::new_in([0_u8; 1000], &budget);
/// # Ok::<(), pool_prealloc::TakeError>(())
/// ```
///
/// Shares lie one after the other by falling alignment, so that there is no gap between them:
/// [`bytes`](Plan::bytes) is the sum of all slots, and a run of so many bytes, aligned to
/// [`align_bytes`](Plan::align_bytes), is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan<const SHARES: usize> {
    pub(crate) shares: [Share; SHARES],
    /// How long the slots of each share are.
    pub(crate) slot_bytes: [usize; SHARES],
    /// Where each share begins.
    pub(crate) offsets: [usize; SHARES],
    /// The shares by the lengths of their slots.
    pub(crate) order: [u8; SHARES],
    bytes: usize,
    align_bytes: usize,
}

impl<const SHARES: usize> Plan<SHARES> {
    /// A plan of these shares.
    ///
    /// # Panics
    ///
    /// If they are none: see [`PlanError`]. In a constant, that is an error of the compiler.
    #[must_use]
    pub const fn new(shares: [Share; SHARES]) -> Self {
        match Self::try_new(shares) {
            Ok(plan) => plan,
            Err(error) => panic!("{}", error.text()),
        }
    }

    /// A plan of these shares.
    ///
    /// # Errors
    ///
    /// [`PlanError`] says why they are none.
    pub const fn try_new(shares: [Share; SHARES]) -> Result<Self, PlanError> {
        if SHARES > MOST_SHARES {
            return Err(PlanError::TooLarge);
        }
        let none = [0; SHARES];
        let order = [0; SHARES];
        let mut plan =
            Self { shares, slot_bytes: none, offsets: none, order, bytes: 0, align_bytes: 1 };
        if let Err(error) = plan.check_lenders() {
            return Err(error);
        }
        if let Err(error) = plan.place() {
            return Err(error);
        }
        plan.sort();
        Ok(plan)
    }

    /// The exact length of the run that holds all shares.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The alignment of that run.
    #[must_use]
    pub const fn align_bytes(&self) -> usize {
        self.align_bytes
    }

    /// The layout of that run.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        match Layout::from_size_align(self.bytes, self.align_bytes) {
            Ok(layout) => layout,
            Err(_) => unreachable!(), // `place` has made sure
        }
    }

    /// The length of a slot of share `index`, in bytes.
    ///
    /// # Panics
    ///
    /// If there is no such share.
    #[must_use]
    pub const fn slot_bytes(&self, index: usize) -> usize {
        self.slot_bytes[index]
    }

    pub(crate) const fn align_of(&self, index: usize) -> usize {
        self.shares[index].layout.align()
    }

    const fn check_lenders(&self) -> Result<(), PlanError> {
        let mut borrower = 0;
        while borrower < SHARES {
            let own = &self.shares[borrower];
            if SHARES < MOST_SHARES && own.lenders >> SHARES != 0
                || own.lenders >> borrower & 1 != 0
            {
                return Err(PlanError::NoLender);
            }
            let mut lender = 0;
            while lender < SHARES {
                let other = &self.shares[lender];
                let (Some(own_bytes), Some(bytes)) = (own.slot_bytes(), other.slot_bytes()) else {
                    return Err(PlanError::TooLarge);
                };
                let fits = own_bytes <= bytes && own.layout.align() <= other.layout.align();
                let borrows = own.lenders >> lender & 1 != 0;
                if borrows && !fits {
                    return Err(PlanError::LenderTooSmall);
                }
                if borrows && other.is_exact {
                    return Err(PlanError::LenderExact);
                }
                lender += 1;
            }
            borrower += 1;
        }
        Ok(())
    }

    /// Gives each share its place: the one with the largest alignment first.
    const fn place(&mut self) -> Result<(), PlanError> {
        let mut shift = usize::BITS;
        while shift > 0 {
            shift -= 1;
            let mut index = 0;
            while index < SHARES {
                if self.align_of(index) == 1 << shift {
                    let Some(slot_bytes) = self.shares[index].slot_bytes() else {
                        return Err(PlanError::TooLarge);
                    };
                    let Some(bytes) = slot_bytes.checked_mul(self.shares[index].slots) else {
                        return Err(PlanError::TooLarge);
                    };
                    self.slot_bytes[index] = slot_bytes;
                    self.offsets[index] = self.bytes;
                    let Some(end) = self.bytes.checked_add(bytes) else {
                        return Err(PlanError::TooLarge);
                    };
                    self.bytes = end;
                    if self.align_bytes < 1 << shift {
                        self.align_bytes = 1 << shift;
                    }
                }
                index += 1;
            }
        }
        if Layout::from_size_align(self.bytes, self.align_bytes).is_err() {
            return Err(PlanError::TooLarge);
        }
        Ok(())
    }

    /// Sorts shares by the lengths of their slots, by insertion.
    const fn sort(&mut self) {
        let mut index = 0;
        while index < SHARES {
            let mut at = index;
            while at > 0 && self.slot_bytes(self.order[at - 1] as usize) > self.slot_bytes(index) {
                self.order[at] = self.order[at - 1];
                at -= 1;
            }
            self.order[at] = index as u8;
            index += 1;
        }
    }
}
