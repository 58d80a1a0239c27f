//! Binary trees: many that die young beside one that lives, under the mode that is asked for.
//!
//! `cargo run --release -p gc-marksweep --example trees -- 18 background`

use alloc_arena::{Arena, Os};
use alloc_core::Rootable;
use alloc_core::gc::{Gc, Heap, Mutation, Trace};
use gc_marksweep::{Config, MarkSweep, Mode};

#[derive(Trace)]
struct Tree<'gc> {
    left: Option<Gc<'gc, Tree<'gc>>>,
    right: Option<Gc<'gc, Tree<'gc>>>,
}

Rootable!(type Root<'gc> = Option<Gc<'gc, Tree<'gc>>>);
type Collector = MarkSweep<Arena<Os>>;

fn grow<'gc>(mc: &Mutation<'gc, Collector>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let child = (depth > 0).then(|| grow(mc, depth - 1));
    let other = (depth > 0).then(|| grow(mc, depth - 1));
    Gc::new(mc, Tree { left: child, right: other })
}

fn count(tree: Gc<'_, Tree<'_>>) -> usize {
    1 + tree.left.map_or(0, count) + tree.right.map_or(0, count)
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let depth = arguments.next().and_then(|depth| depth.parse().ok()).unwrap_or(14);
    let below = Arena::new(Os::new());
    let collector = match arguments.next().as_deref() {
        Some("background") => MarkSweep::background(Config::default(), below)?,
        Some("incremental") => MarkSweep::with_config(Config::new(Mode::Incremental), below),
        _ => MarkSweep::new(below),
    };
    let mut heap = Heap::<_, Root>::new(collector, |mc| Some(grow(mc, depth)));
    for small in (4..=depth).step_by(2) {
        let trees = 1_usize << (depth - small + 4);
        let nodes: usize = (0..trees).map(|_| heap.mutate(|mc, _| count(grow(mc, small)))).sum();
        println!("{trees} trees of depth {small}: {nodes} nodes");
    }
    let lived = heap.mutate(|_, root| root.map_or(0, count));
    println!("the one that lived: {lived} nodes");
    println!("{:?}", heap.collector().figures());
    Ok(())
}
