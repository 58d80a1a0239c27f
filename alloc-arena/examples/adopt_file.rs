//! An arena whose memory is a file: what is allocated from it outlives the process.
//!
//! `cargo run -p alloc-arena --example adopt_file`

use alloc_arena::{Arena, FileMapping, Os, Sharing};
use alloc_core::{Allocator, Layer, Layout};
use std::error::Error;
use std::os::fd::AsRawFd;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("strata-{}.arena", std::process::id()));
    let file =
        std::fs::File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    file.set_len(1 << 20)?;

    let arena = Arena::new(Os::new());
    // SAFETY: the file is as long as that, stays so, and nobody else knows it.
    let mapping = unsafe { FileMapping::new(file.as_raw_fd(), 0, 1 << 20, Sharing::Shared)? };
    let adopted = arena.adopt_file(mapping)?;

    // Adopted memory comes first, so this run is the file's first page.
    let page = Layout::from_size_align(4096, 4096)?;
    let run = arena.allocate_zeroed(page)?;
    assert_eq!(run.cast(), adopted.base);
    // SAFETY: the run is live, and this is its only user.
    let bytes = unsafe { &mut *run.as_ptr() };
    bytes[..19].copy_from_slice(b"written by an arena");
    println!("{} KiB adopted, {:?}", adopted.bytes >> 10, arena.figures());

    // SAFETY: allocated above with the same layout.
    unsafe { arena.deallocate(run.cast(), page) };
    arena.reclaim(usize::MAX); // the page leaves the process, not the file
    drop(arena);
    println!("in the file: {:?}", String::from_utf8_lossy(&std::fs::read(&path)?[..19]));
    std::fs::remove_file(path)?;
    Ok(())
}
