//! Mistakes on purpose, for AddressSanitizer: a program of one file, which `.ci/sanitizers` compiles.
//!
//! Above: `planted` there. Below: std. Not here: a race (`bin/planted.rs`), mistakes on a stack of ours (`.ci/valgrind`).

use std::hint::black_box;

#[inline(never)]
fn leak() {
    std::mem::forget(black_box(Box::new([1_u8; 1234])));
}

/// Leaves nothing of earlier calls on the stack.
#[inline(never)]
fn overwrite() {
    black_box([0_usize; 4096]);
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("leak") => {
            leak();
            overwrite();
        }
        Some("after-free") => {
            let object = Box::new([1_u8; 100]);
            let address = &raw const object[50];
            drop(object);
            // SAFETY: none: the mistake is what this program is for.
            black_box(unsafe { black_box(address).read_volatile() });
        }
        _ => std::process::exit(2),
    }
}
