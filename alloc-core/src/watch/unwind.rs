//! The calling thread's stack, frame by frame, by rules that were found once.
//!
//! Above: `calls.rs`. Below: the dynamic linker, which knows the object file of an address; `gimli`, which reads the call
//! frame information in it.
//!
//! The unwinder of the C compiler's library plays the tables' program of a function anew for each frame: one to two thousand
//! instructions. For nearly all frames that comes to a few numbers ([`Rule`]): where the caller's frame ends, and where its
//! frame pointer is kept. They depend on the return address alone. (So does `framehop`, whose idea this is, keep them; but it has
//! to be told of object files, and one thread at a time may use it.) Here they stand in a table without a lock (`rules.rs`):
//! threads share it, a forked child goes on with it, and a handler of signals may use it.
//!
//! An object file may go, and another one come to its place. So an entry is of an address *and* of what the linker says is
//! there. What no rule can say (an expression, a frame of a signal, code that a program wrote for itself) is left to that
//! other unwinder: [`walk`] says that it did not come to the end.
//!
//! Not here: what is done with the addresses, and their names (`calls.rs`).

use super::rules::{Pair, Rule, Site};
use crate::sync::language::{AtomicPtr, Ordering};
use core::arch::asm;
use core::ffi::c_void;
use core::ptr::{NonNull, null_mut, with_exposed_provenance};
use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameOffset, NativeEndian, Register, RegisterRule,
    UnwindContext, UnwindContextStorage, UnwindSection, UnwindTableRow, X86_64,
};

/// Visits the frames of the calling thread, innermost first: where each goes on (a return address), and where its stack ended
/// when it called. `visit` says whether there should be more. `false`: not all were seen that there are.
#[inline(never)]
pub(super) fn walk(mut visit: impl FnMut(usize, usize) -> bool) -> bool {
    let Some(find) = finder() else { return false };
    let mut frame = Frame::this();
    while visit(frame.ip, frame.sp) {
        if frame.ip == 0 {
            // Where a stack begins that somebody made.
            return true;
        }
        let Some(object) = Object::of(find, frame.ip - 1) else { return false };
        let Some(rule) = rule_of(pairs(), frame.ip, &object) else { return false };
        // SAFETY: the rule is that of the frame, and of the code that is there.
        match unsafe { frame.caller(rule) } {
            Some(caller) => frame = caller,
            None => return rule.kind() == Rule::LAST,
        }
    }
    true
}

/// A function that has not returned yet.
#[derive(Clone, Copy)]
struct Frame {
    ip: usize,
    sp: usize,
    bp: usize,
}

impl Frame {
    /// The function that calls this, or that which it is inlined in.
    #[inline(always)]
    fn this() -> Self {
        let (ip, sp, bp);
        // SAFETY: reads registers.
        unsafe {
            asm!("lea {ip}, [rip]", "mov {sp}, rsp", "mov {bp}, rbp", ip = out(reg) ip, sp = out(reg) sp,
                bp = out(reg) bp, options(nomem, nostack, preserves_flags));
        }
        Self { ip, sp, bp }
    }

    /// The caller's; `None` if there is none, or it cannot be told.
    ///
    /// # Safety
    ///
    /// The rule is that of the frame's address.
    #[inline(always)]
    unsafe fn caller(self, rule: Rule) -> Option<Self> {
        let from = match rule.kind() {
            Rule::BY_SP => self.sp,
            Rule::BY_BP => self.bp,
            _ => return None,
        };
        let end = from.wrapping_add(rule.end_words() * 8);
        // Stacks grow downwards.
        if end <= self.sp || end % 8 != 0 {
            return None;
        }
        // SAFETY: the compiler's tables say that the words are there: this thread's stack, below the frame's end.
        let word =
            |words: usize| unsafe { with_exposed_provenance::<usize>(end - words * 8).read() };
        let bp = match rule.bp_words() {
            0 => self.bp,
            words => word(words),
        };
        Some(Self { ip: word(1), sp: end, bp })
    }
}

/// The rules that were found so far.
fn pairs() -> &'static [Pair] {
    alloc_core::static_array! {
        fn pairs() -> [Pair; PAIRS];
    }
    pairs()
}

const PAIRS: usize = 1 << 9;

/// The rule of a site. `None`: there is none.
#[inline(always)]
fn rule_of(pairs: &[Pair], ip: usize, object: &Object) -> Option<Rule> {
    let site = Site { address: ip, object: object.hash };
    let hash = ((ip as u64) ^ object.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let pair = pairs.get((hash >> (64 - PAIRS.ilog2())) as usize);
    let rule = pair.and_then(|pair| pair.get(site)).unwrap_or_else(|| {
        let rule = find_rule(ip - 1, object);
        if let Some(pair) = pair {
            pair.set(site, rule);
        }
        rule
    });
    (rule.kind() != Rule::OTHER).then_some(rule)
}

/// What the linker says of an object file.
struct Object {
    /// `.eh_frame_hdr`, in memory.
    tables: NonNull<u8>,
    /// Of this and where it lies.
    hash: u64,
}

/// `struct dl_find_object` of glibc.
#[repr(C)]
struct Found {
    flags: usize,
    start: *mut c_void,
    end: *mut c_void,
    link: *mut c_void,
    tables: *mut c_void,
    reserved: [usize; 7],
}

type Find = unsafe extern "C" fn(*mut c_void, *mut Found) -> i32;

/// Does what takes a lock of the linker's: else the first walk does it.
pub(super) fn prepare() {
    finder();
}

/// glibc's `_dl_find_object`, which takes no lock; it is there since 2.35.
#[inline(always)]
fn finder() -> Option<Find> {
    static FINDER: AtomicPtr<c_void> = AtomicPtr::new(UNASKED);
    const UNASKED: *mut c_void = core::ptr::without_provenance_mut(1);
    // ORDERING: Relaxed: whoever asks is told the same.
    let mut finder = FINDER.load(Ordering::Relaxed);
    if finder == UNASKED {
        // SAFETY: a C string, and a handle that is always open.
        finder = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) };
        FINDER.store(finder, Ordering::Relaxed);
    }
    // SAFETY: the function of this name has this type; a null pointer is `None`.
    unsafe { core::mem::transmute::<*mut c_void, Option<Find>>(finder) }
}

impl Object {
    /// The one that an address lies in.
    #[inline(always)]
    fn of(find: Find, address: usize) -> Option<Self> {
        let mut found = Found {
            flags: 0,
            start: null_mut(),
            end: null_mut(),
            link: null_mut(),
            tables: null_mut(),
            reserved: [0; 7],
        };
        // SAFETY: it may be asked about any address; the memory is as it wants it.
        if unsafe { find(core::ptr::without_provenance_mut(address), &raw mut found) } != 0 {
            return None;
        }
        let tables = NonNull::new(found.tables.cast::<u8>())?;
        // SAFETY: a header has twelve bytes.
        let head = unsafe { tables.cast::<[u32; 3]>().read_unaligned() };
        let words = [
            tables.addr().get() as u64,
            found.start.addr() as u64,
            found.link.addr() as u64,
            u64::from(head[1]) << 32 | u64::from(head[2]),
        ];
        let hash = words.iter().fold(0, |hash: u64, word| {
            (hash ^ word).wrapping_mul(0xd134_2543_de82_ef95).rotate_left(29)
        });
        Some(Self { tables, hash })
    }

    /// The entry of the function that an address lies in, or behind which it lies: where its information begins, in memory.
    fn entry(&self, address: usize) -> Result<Option<NonNull<u8>>, Unknown> {
        /// Version 1; offsets from here and from the header's start, of 32 bits each: as all linkers write it.
        const KIND: [u8; 4] = [1, 0x1b, 0x03, 0x3b];
        // SAFETY: a header is there.
        if unsafe { self.tables.cast::<[u8; 4]>().read() } != KIND {
            return Err(Unknown);
        }
        // SAFETY: behind a header of this kind lies a table of as many entries as it says, sorted by address.
        let entries = unsafe {
            let count = self.tables.add(8).cast::<u32>().read_unaligned() as usize;
            core::slice::from_raw_parts(self.tables.add(12).cast::<[[u8; 4]; 2]>().as_ptr(), count)
        };
        let offset = |bytes: [u8; 4]| i32::from_ne_bytes(bytes) as isize;
        let start = |of: &[[u8; 4]; 2]| self.tables.addr().get().wrapping_add_signed(offset(of[0]));
        let at = entries.partition_point(|entry| start(entry) <= address).checked_sub(1);
        // SAFETY: the entry's information lies in the same object.
        Ok(at.map(|at| unsafe { self.tables.offset(offset(entries[at][1])) }))
    }
}

/// Tables of another kind.
struct Unknown;

/// Room for what the tables' programs do: on the stack.
struct Room;

impl UnwindContextStorage<usize> for Room {
    type Rules = [(Register, RegisterRule<usize>); 20];
    type Stack = [UnwindTableRow<usize, Self>; 3];
}

/// Reads the tables.
#[cold]
#[inline(never)]
fn find_rule(address: usize, object: &Object) -> Rule {
    // What lies before the first function, or between two, has no caller that anyone knows of.
    match object.entry(address) {
        Ok(Some(entry)) => read_rule(address, entry).unwrap_or(Rule::NONE),
        Ok(None) => Rule::END,
        Err(Unknown) => Rule::NONE,
    }
}

fn read_rule(address: usize, entry: NonNull<u8>) -> Option<Rule> {
    // SAFETY: an entry begins with its length and the distance to what it shares with others, which begins with its length.
    let (first, bytes) = unsafe {
        let [length, back] = entry.cast::<[u32; 2]>().read_unaligned();
        // Longer ones have another form.
        if length == 0 || length >= 0xffff_fff0 || back < 4 {
            return None;
        }
        let before = back as usize - 4;
        (entry.sub(before), before + 4 + length as usize)
    };
    // SAFETY: both lie in one section, the common one before.
    let section = unsafe { core::slice::from_raw_parts(first.as_ptr(), bytes) };
    let mut frames = EhFrame::new(section, NativeEndian);
    frames.set_address_size(8);
    let bases = BaseAddresses::default().set_eh_frame(first.addr().get() as u64);
    let at = EhFrameOffset(entry.addr().get() - first.addr().get());
    let function = frames.fde_from_offset(&bases, at, EhFrame::cie_from_offset).ok()?;
    if function.is_signal_trampoline() {
        return None;
    }
    let mut room = UnwindContext::<usize, Room>::new_in();
    let found = function.unwind_info_for_address(&frames, &bases, &mut room, address as u64);
    if let Err(gimli::Error::NoUnwindInfoForAddress) = found {
        return Some(Rule::END);
    }
    let row = found.ok()?;
    let words = |bytes: i64| (bytes % 8 == 0 && bytes >= 0).then_some(bytes.cast_unsigned() / 8);
    match row.register(X86_64::RA) {
        Some(RegisterRule::Undefined) => return Some(Rule::END),
        Some(RegisterRule::Offset(-8)) => {}
        _ => return None,
    }
    let bp_words = match row.register(X86_64::RBP) {
        None | Some(RegisterRule::Undefined | RegisterRule::SameValue) => 0,
        Some(RegisterRule::Offset(offset)) => words(-offset).filter(|words| *words > 0)?,
        _ => return None,
    };
    match row.cfa() {
        CfaRule::RegisterAndOffset { register: X86_64::RSP, offset } => {
            Rule::new(Rule::BY_SP, words(*offset)?, bp_words)
        }
        CfaRule::RegisterAndOffset { register: X86_64::RBP, offset } => {
            Rule::new(Rule::BY_BP, words(*offset)?, bp_words)
        }
        _ => None,
    }
}

#[cfg(all(test, not(all(loom, feature = "loom"))))]
mod tests {
    use super::{Object, PAIRS, Pair, Rule, Site, find_rule, finder, rule_of, walk};
    use crate::sync::language::{AtomicU64, Ordering};
    use crate::watch::calls::{Above, Calls};
    use core::ffi::c_void;
    use core::hint::black_box;

    /// A return address, and where the stack ended.
    type Seen = (usize, usize);

    /// What both unwinders see above the function that calls this, innermost first; and whether ours came to an end.
    #[inline(never)]
    fn both() -> (Vec<Seen>, Vec<Seen>, bool) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let ends = walk(|ip, sp| {
            ours.push((ip, sp));
            true
        });
        // SAFETY: it may be called on any number of threads, where unwinding is not Windows'.
        unsafe {
            backtrace::trace_unsynchronized(|frame| {
                // Behind the outermost function, it finds a call from nowhere.
                if !frame.ip().is_null() {
                    theirs.push((frame.ip().addr(), frame.sp().addr()));
                }
                true
            });
        }
        // Of this function and below, each has its own.
        let end = theirs.iter().rev().zip(ours.iter().rev()).take_while(|(a, b)| a == b).count();
        let own = ours.len() - end;
        assert!(own <= 4, "{} of {} frames differ", own, ours.len());
        ours.drain(..own);
        theirs.drain(..theirs.len() - end);
        (ours, theirs, ends)
    }

    fn check(least: usize) {
        let (ours, theirs, ends) = both();
        assert!(ends, "it was left to the other unwinder");
        assert_eq!(ours, theirs);
        assert!(ours.len() >= least, "{ours:?}");
    }

    #[inline(never)]
    fn deep<const WORDS: usize>(depth: usize) -> usize {
        // Frames of several sizes.
        let words = black_box([depth; WORDS]);
        if depth == 0 {
            check(5);
            return words[WORDS - 1];
        }
        deep::<WORDS>(depth - 1) + words[0]
    }

    #[test]
    fn it_sees_what_the_other_one_sees() {
        check(3);
        for depth in 8..40 {
            deep::<1>(depth);
            deep::<8>(depth);
        }
        deep::<3000>(20);
        std::thread::spawn(|| check(3)).join().unwrap();
    }

    #[test]
    fn it_sees_through_functions_of_the_c_library() {
        extern "C" fn compare(_: *const c_void, _: *const c_void) -> i32 {
            check(5);
            0
        }
        let mut numbers = [1_u32, 2, 3];
        // SAFETY: three numbers of four bytes; all are equal.
        unsafe { libc::qsort(numbers.as_mut_ptr().cast(), 3, 4, Some(compare)) };
    }

    #[test]
    fn the_frame_of_a_signal_is_left_to_the_other_one() {
        static SEEN: AtomicU64 = AtomicU64::new(0);
        extern "C" fn handle(_: i32) {
            let mut ours = 0;
            let ends = walk(|_, _| {
                ours += 1;
                true
            });
            let all = Calls::here(Above::this_frame()).frames().len();
            let is_as_told = !ends && ours >= 2 && all > ours;
            SEEN.store(if is_as_told { 1 } else { 2 }, Ordering::Relaxed);
        }
        // SAFETY: the handler is called by the thread that raises the signal.
        unsafe {
            let handler = handle as extern "C" fn(i32) as *const () as usize;
            assert_ne!(libc::signal(libc::SIGUSR2, handler), libc::SIG_ERR);
            assert_eq!(libc::raise(libc::SIGUSR2), 0);
        }
        assert_eq!(SEEN.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn it_ends_where_nobody_wants_more() {
        let mut seen = 0;
        assert!(walk(|_, _| {
            seen += 1;
            seen < 2
        }));
        assert_eq!(seen, 2);
    }

    #[test]
    fn threads_that_share_the_table_see_what_is_there() {
        let threads = [(); 4].map(|()| {
            std::thread::spawn(|| {
                for depth in 0..300 {
                    deep::<1>(depth % 50);
                    deep::<5>(depth % 50 + 5);
                }
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn a_rule_is_of_an_address_and_of_what_is_there() {
        let find = finder().expect("glibc has it since 2.35");
        let ip = it_ends_where_nobody_wants_more as fn() as usize + 1;
        let object = Object::of(find, ip - 1).unwrap();
        let rule = find_rule(ip - 1, &object);
        assert_ne!(rule.kind(), Rule::OTHER);
        let pairs: Vec<_> = (0..PAIRS).map(|_| Pair::new()).collect();
        assert_eq!(rule_of(&pairs, ip, &object), Some(rule));
        assert_eq!(rule_of(&pairs, ip, &object), Some(rule));
        // Another rule in both places: who finds it has not looked at the tables.
        let other = Rule::new(Rule::BY_SP, 77, 7).unwrap();
        let filled = |address, object| -> Vec<_> {
            let pair = || {
                let pair = Pair::new();
                pair.set(Site { address: 1, object }, other);
                pair.set(Site { address, object }, other);
                pair
            };
            (0..PAIRS).map(|_| pair()).collect()
        };
        for (address, hash, found) in [
            (ip, object.hash, other),
            (ip + 1, object.hash, rule),
            (ip, object.hash + 1, rule),
            (ip, object.hash ^ 1 << 63, rule),
        ] {
            assert_eq!(rule_of(&filled(address, hash), ip, &object), Some(found));
        }
    }
}
