use pool_prealloc::{Plan, Share};

const PLAN: Plan<2> = Plan::new([Share::of::<u64>(1), Share::of::<u8>(1).may_borrow_from(3)]);

fn main() {
    println!("{}", PLAN.bytes());
}
