use alloc_core::gc::Trace;

// It needs `#[trace(leaf)]`: what is said names it.
#[derive(Trace)]
struct Handle(u32);

impl Drop for Handle {
    fn drop(&mut self) {}
}

fn main() {}
