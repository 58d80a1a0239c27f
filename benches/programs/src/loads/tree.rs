//! Boxes and nothing else: binary trees, built, walked, dropped.

use super::{Ready, scaled};

const DEPTH: u32 = 22;
const TREES: u64 = 4;

struct Node {
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
    value: u64,
}

pub(super) fn prepare(percent: usize) -> Ready {
    let depth = scaled(1 << DEPTH, percent).ilog2();
    Box::new(move || {
        let sums = (0..TREES).map(|seed| {
            let tree = grow(depth, seed);
            tree.as_deref().map_or(0, sum)
        });
        sums.sum()
    })
}

/// 2^depth − 1 nodes.
fn grow(depth: u32, value: u64) -> Option<Box<Node>> {
    (depth > 0).then(|| {
        let (left, right) = (grow(depth - 1, 2 * value), grow(depth - 1, 2 * value + 1));
        Box::new(Node { left, right, value })
    })
}

fn sum(node: &Node) -> u64 {
    let of = |child: &Option<Box<Node>>| child.as_deref().map_or(0, sum);
    (node.value & 1) + of(&node.left) + of(&node.right)
}
