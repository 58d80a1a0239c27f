use rc_cycle::{Cc, unsize};

trait Shape {}
impl Shape for u8 {}

fn main() {
    let _: Cc<dyn Shape> = unsize!(Cc::new(1_u8));
}
