use alloc_arena::DropBump;
use alloc_core::api2::alloc::Global;
use std::cell::Cell;

struct Looks<'a>(Cell<Option<&'a String>>);
impl Drop for Looks<'_> {
    fn drop(&mut self) {
        println!("{:?}", self.0.get());
    }
}

fn main() {
    let bump = DropBump::new(Global);
    let looks = bump.alloc(Looks(Cell::new(None)));
    let text = bump.alloc(String::from("dropped first"));
    looks.0.set(Some(text));
}
