//! What a program may ask valgrind for: sequences of instructions that do nothing on a processor, and that valgrind knows.
//!
//! Above: `Memcheck`. Below: valgrind, if the program runs under it. The numbers and the sequences are valgrind's published
//! interface (`valgrind.h` and `memcheck.h`), which it keeps. They are for Linux on x86-64 and AArch64; elsewhere, and
//! under Miri, nothing is asked, and the answers are as if valgrind were not there.
//! Not here: when to ask for what.

use core::ptr::NonNull;

const IS_RUNNING: usize = 0x1001;
const MALLOC_LIKE: usize = 0x1301;
const FREE_LIKE: usize = 0x1302;
/// The first of memcheck's own requests: its letters, and a number.
const OF_MEMCHECK: usize = (b'M' as usize) << 24 | (b'C' as usize) << 16;
const NO_ACCESS: usize = OF_MEMCHECK;
const UNDEFINED: usize = OF_MEMCHECK + 1;
const DEFINED: usize = OF_MEMCHECK + 2;
const IS_ACCESSIBLE: usize = OF_MEMCHECK + 4;

/// Asks valgrind; `otherwise` is the answer where it is not there.
#[inline(always)]
fn ask(otherwise: usize, request: [usize; 6]) -> usize {
    #[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
    {
        let mut answer = otherwise;
        // SAFETY: four rotations by 128 bits together, and an exchange of a register with itself: nothing but flags
        // changes. Valgrind takes it for a request, reads the six words, and writes the answer.
        unsafe {
            core::arch::asm!(
                "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") request.as_ptr(),
                inout("rdx") answer,
                options(nostack),
            );
        }
        return answer;
    }
    #[cfg(all(target_os = "linux", target_arch = "aarch64", not(miri)))]
    {
        let mut answer = otherwise;
        // SAFETY: as above, with other registers.
        unsafe {
            core::arch::asm!(
                "ror x12, x12, #3", "ror x12, x12, #13", "ror x12, x12, #51", "ror x12, x12, #61",
                "orr x10, x10, x10",
                in("x4") request.as_ptr(),
                inout("x3") answer,
                options(nostack),
            );
        }
        return answer;
    }
    #[allow(unreachable_code, reason = "where there are instructions for it")]
    {
        let _ = request;
        otherwise
    }
}

fn tell(request: usize, ptr: NonNull<u8>, bytes: usize) -> usize {
    ask(0, [request, ptr.as_ptr().addr(), bytes, 0, 0, 0])
}

/// Whether the program runs under valgrind.
#[inline]
pub(super) fn is_running() -> bool {
    ask(0, [IS_RUNNING, 0, 0, 0, 0, 0]) != 0
}

/// An object begins: accessible, and defined if it is zeroed. It is looked for when leaks are.
pub(super) fn malloc_like(ptr: NonNull<u8>, bytes: usize, is_zeroed: bool) {
    ask(0, [MALLOC_LIKE, ptr.as_ptr().addr(), bytes, 0, is_zeroed.into(), 0]);
}

/// An object ends, and is not accessible any more. If there is none, valgrind says so.
pub(super) fn free_like(ptr: NonNull<u8>) {
    ask(0, [FREE_LIKE, ptr.as_ptr().addr(), 0, 0, 0, 0]);
}

/// Nobody may access these bytes.
pub(super) fn make_no_access(ptr: NonNull<u8>, bytes: usize) {
    tell(NO_ACCESS, ptr, bytes);
}

/// These bytes may be written.
pub(super) fn make_undefined(ptr: NonNull<u8>, bytes: usize) {
    tell(UNDEFINED, ptr, bytes);
}

/// These bytes may be read and written.
pub(super) fn make_defined(ptr: NonNull<u8>, bytes: usize) {
    tell(DEFINED, ptr, bytes);
}

/// Whether these bytes may be accessed. If not, valgrind says so.
pub(super) fn is_accessible(ptr: NonNull<u8>, bytes: usize) -> bool {
    tell(IS_ACCESSIBLE, ptr, bytes) == 0
}
