//! A race on purpose, in memory of a stack: what shows that a run without a report means something.
//!
//! Two threads that meet nowhere write to one object that the heap handed out.

use alloc_core::{Allocator, Layout, api2::alloc::System};
use alloc_sizeclass::SizeClassHeap;
use std::ffi::c_void;
use std::ptr::{null, null_mut};

extern "C" fn write(number: *mut c_void) -> *mut c_void {
    for _ in 0..1000 {
        // SAFETY: none: the other thread writes too. That is what this program is for.
        unsafe { *number.cast::<u64>() += 1 };
    }
    null_mut()
}

fn main() {
    let heap: SizeClassHeap<System> = SizeClassHeap::new(System);
    let number = heap.allocate(Layout::new::<u64>()).expect("memory").cast::<u64>();
    // SAFETY: just allocated for a `u64`; the threads are joined before it is read; the routine
    // fits its argument.
    unsafe {
        number.write(0);
        let mut threads = [0; 2];
        for thread in &mut threads {
            libc::pthread_create(thread, null(), write, number.as_ptr().cast());
        }
        for thread in threads {
            libc::pthread_join(thread, null_mut());
        }
        println!("planted: {}", number.read());
    }
}
