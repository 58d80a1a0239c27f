// A pointer to it could be made of one to anything.

#[expect(dead_code)]
struct Fake([usize; 3]);

rc_cycle::target!(Fake);

fn main() {}
