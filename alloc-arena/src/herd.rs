//! A herd of bumps: each thread that comes gets one, and what it allocates lives as long as the herd.
//!
//! Above: threads that work on one result. Below: [`Bump`], and a layer that can be cloned, such as `&Arena`.
//!
//! Rules:
//! * R1: a bump is its member's alone, from [`Herd::get`] until the member is dropped. Then it waits among those that are
//!   idle, with all that lies in it, and goes to whoever comes next.
//! * R2: bumps are reset and dropped only by who has the herd to itself (`&mut`).

use crate::bump::{Bump, FIRST_CHUNK_BYTES, MOST_CHUNK_BYTES};
use crate::frame::{self, Frame};
use crate::values::{Put, or_exhausted, values};
use alloc_core::sync::Lock;
use alloc_core::{AllocError, Layer, Layout};
use core::convert::Infallible;
use core::fmt;
use core::iter;
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr::NonNull;

/// Bumps for threads: [`get`](Herd::get) one, allocate in it, and let it go for the next who comes. What was allocated
/// stays until the herd is [reset](Herd::reset) or dropped, and may be given to other threads.
///
/// ```
/// use alloc_arena::Herd;
/// use alloc_core::api2::alloc::Global;
/// use std::thread;
///
/// let mut herd = Herd::new(Global);
/// let (one, other) = thread::scope(|scope| {
///     let other = scope.spawn(|| herd.get().alloc_str("from another thread"));
///     (herd.get().alloc_iter(0..100), other.join().unwrap())
/// });
/// assert_eq!((one[99], &*other), (99, "from another thread"));
/// herd.reset();
/// ```
pub struct Herd<A: Layer + Clone> {
    lists: Lock<Lists<A>>,
    first_bytes: usize,
    most_bytes: usize,
    below: A,
}

/// All bumps of a herd, and those that are nobody's.
struct Lists<A: Layer> {
    all: Option<NonNull<Home<A>>>,
    idle: Option<NonNull<Home<A>>>,
}

/// Where a bump lives, in memory of the layer below.
struct Home<A: Layer> {
    bump: Bump<A>,
    next: Option<NonNull<Self>>,
    next_idle: Option<NonNull<Self>>,
}

// SAFETY: the bumps belong to the herd, and go from thread to thread with it or by members (R1), which they may if the
// layer may.
unsafe impl<A: Layer + Clone + Send> Send for Herd<A> {}
// SAFETY: the lists are behind a lock; a shared herd clones its layer on any thread (`Sync`), and lets the bumps go from
// thread to thread, one at a time (R1), which they may if the layer may.
unsafe impl<A: Layer + Clone + Send + Sync> Sync for Herd<A> {}

impl<A: Layer + Clone> Herd<A> {
    alloc_core::const_fn! {
        /// A herd over `below`, of which each bump has a clone. It has no bump yet.
        #[must_use]
        pub const fn new(below: A) -> Self {
            Self {
                lists: Lock::new(Lists { all: None, idle: None }),
                first_bytes: FIRST_CHUNK_BYTES,
                most_bytes: MOST_CHUNK_BYTES,
                below,
            }
        }
    }

    /// Each bump that is made from now on has chunks of these lengths: see [`Bump::with_chunk_bytes`].
    #[must_use]
    pub const fn with_chunk_bytes(mut self, first_bytes: usize, most_bytes: usize) -> Self {
        (self.first_bytes, self.most_bytes) = (first_bytes, most_bytes);
        self
    }

    /// A bump for the time being: one that is idle, or a new one.
    ///
    /// # Panics
    ///
    /// When there is no memory for a new one.
    #[track_caller]
    pub fn get(&self) -> Member<'_, A> {
        or_exhausted(self.try_get())
    }

    /// A bump for the time being: one that is idle, or a new one.
    ///
    /// # Errors
    ///
    /// When there is no memory for a new one.
    pub fn try_get(&self) -> Result<Member<'_, A>, AllocError> {
        let home = match self.take_idle() {
            Some(home) => home,
            None => self.new_home()?,
        };
        Ok(Member { home, herd: self })
    }

    fn take_idle(&self) -> Option<NonNull<Home<A>>> {
        let mut lists = self.lists.lock();
        let home = lists.idle?;
        // SAFETY: homes live as long as the herd; what is idle is nobody's (R1).
        lists.idle = unsafe { home.as_ref() }.next_idle;
        Some(home)
    }

    #[cold]
    fn new_home(&self) -> Result<NonNull<Home<A>>, AllocError> {
        // First what may panic.
        let bump = Bump::new(self.below.clone());
        let bump = bump.with_chunk_bytes(self.first_bytes, self.most_bytes);
        let place = self.below.allocate(Layout::new::<Home<A>>())?.cast::<Home<A>>();
        let mut lists = self.lists.lock();
        // SAFETY: allocated for a home.
        unsafe { place.write(Home { bump, next: lists.all, next_idle: None }) };
        lists.all = Some(place);
        Ok(place)
    }

    /// Frees everything that was allocated in all bumps; their chunks are kept: see [`Bump::reset`]. Those of members that
    /// were leaked come back, too.
    pub fn reset(&mut self) {
        for bump in self.bumps() {
            bump.reset();
        }
        let mut lists = self.lists.lock();
        let mut next = lists.all;
        lists.idle = next;
        while let Some(mut home) = next {
            // SAFETY: homes live as long as the herd; `&mut self`: all are nobody's.
            let home = unsafe { home.as_mut() };
            (home.next_idle, next) = (home.next, home.next);
        }
    }

    /// Gives back the chunks that wait, and those that are empty, and asks the layer below for what is cached there: see
    /// [`Layer::reclaim`]. Returns the bytes that went.
    pub fn reclaim(&mut self, goal_bytes: usize) -> usize {
        let given_bytes = self.bumps().map(|bump| bump.reclaim(goal_bytes)).sum::<usize>();
        given_bytes.max(self.below.reclaim(goal_bytes))
    }

    /// The bytes that all bumps hold of the layer below.
    pub fn chunk_bytes(&mut self) -> usize {
        self.bumps().map(|bump| bump.chunk_bytes()).sum()
    }

    /// All bumps, whether idle or not.
    pub fn bumps(&mut self) -> impl Iterator<Item = &mut Bump<A>> {
        let mut next = self.lists.lock().all;
        iter::from_fn(move || {
            let home = next?;
            // SAFETY: homes live as long as the herd, which is borrowed as `&mut` for as long as what is returned: no
            // member is left, and each bump is returned once.
            unsafe {
                next = home.as_ref().next;
                Some(&mut (*home.as_ptr()).bump)
            }
        })
    }
}

impl<A: Layer + Clone> Drop for Herd<A> {
    fn drop(&mut self) {
        let mut next = self.lists.lock().all;
        while let Some(home) = next {
            // SAFETY: as in `bumps`; its memory came from `below` with this layout.
            unsafe {
                next = home.as_ref().next;
                home.drop_in_place();
                self.below.deallocate(home.cast(), Layout::new::<Home<A>>());
            }
        }
    }
}

impl<A: Layer + Clone + Default> Default for Herd<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}

impl<A: Layer + Clone + fmt::Debug> fmt::Debug for Herd<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Herd").field("below", &self.below).finish_non_exhaustive()
    }
}

/// A bump of a [`Herd`], for whoever has this. It goes back when this is dropped; what was allocated stays for `'h`.
///
/// It is a [`Bump`], too, by reference: for collections, which then live no longer than this.
pub struct Member<'h, A: Layer + Clone> {
    home: NonNull<Home<A>>,
    herd: &'h Herd<A>,
}

// SAFETY: a member has its bump for itself (R1), which may change threads if the layer may; the herd is shared.
unsafe impl<A: Layer + Clone + Send + Sync> Send for Member<'_, A> {}

impl<A: Layer + Clone> Member<'_, A> {
    /// Runs `body` with a [frame](Frame): what is allocated by it is freed when `body` ends, as opposed to all else that
    /// is allocated in a herd.
    #[inline]
    pub fn frame<'env, R>(
        &'env mut self,
        body: impl for<'f> FnOnce(&mut Frame<'f, 'env, Bump<A>>) -> R,
    ) -> R {
        frame::run::<Bump<A>, _>(self, body)
    }
}

impl<A: Layer + Clone> Deref for Member<'_, A> {
    type Target = Bump<A>;

    #[inline(always)]
    fn deref(&self) -> &Bump<A> {
        // SAFETY: the home lives as long as the herd, and its bump is this member's alone (R1). Of the home's other fields
        // nothing is borrowed.
        unsafe { &(*self.home.as_ptr()).bump }
    }
}

impl<A: Layer + Clone> Drop for Member<'_, A> {
    fn drop(&mut self) {
        let mut lists = self.herd.lists.lock();
        // SAFETY: the home lives as long as the herd; nobody else writes to this field of one that is not idle.
        unsafe { (*self.home.as_ptr()).next_idle = lists.idle };
        lists.idle = Some(self.home);
    }
}

// SAFETY: a bump of a herd is reset or dropped only when the herd is borrowed as `&mut` (R2), which `'h` excludes; a frame
// rolls back no further than to its own beginning.
unsafe impl<'h, A: Layer + Clone> Put<'h> for Member<'h, A> {
    type Memory = Bump<A>;

    #[inline(always)]
    fn memory(&self) -> &Bump<A> {
        self
    }
}

values!(impl['h, A: Layer + Clone] Member<'h, A>, values: 'h, borrowed: 'h);

impl<A: Layer + Clone + fmt::Debug> fmt::Debug for Member<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Member").field(&**self).finish()
    }
}
