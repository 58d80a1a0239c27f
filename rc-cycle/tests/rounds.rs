//! Rounds of several steps, between which the program changes the graph: nothing is overlooked, nothing is put aside
//! for good.
#![cfg(not(loom))]

mod common;

use alloc_core::gc::Trace;
use common::{Census, One};
use rc_cycle::{Cc, Pace, collect, collect_some, figures, set_pace};
use std::cell::RefCell;

#[derive(Trace)]
struct Node {
    #[trace(skip)]
    _one: One,
    to: RefCell<Vec<Cc<Node>>>,
}

fn node(census: &Census) -> Cc<Node> {
    Cc::new(Node { _one: census.one(), to: RefCell::default() })
}

fn link(from: &Cc<Node>, to: &Cc<Node>) {
    from.to.borrow_mut().push(to.clone());
}

/// Makes it a candidate, if it is none.
fn touch(node: &Cc<Node>) {
    drop(node.clone());
}

fn steps_are_mine() {
    set_pace(Pace { automatic: false, ..Pace::default() });
}

/// Steps until so many candidates have been tried.
fn step_until_tried(count: usize, budget: usize) {
    let before = figures().tried;
    while figures().tried < before + count {
        assert!(collect_some(budget).more);
    }
}

fn finish(budget: usize) {
    while collect_some(budget).more {}
}

/// What was proven alive, and is ripe too, dies before its turn.
#[test]
fn a_ripe_candidate_that_is_dropped_from_waits_for_the_next_round() {
    steps_are_mine();
    let census = Census::default();
    let (first, hub, leaf) = (node(&census), node(&census), node(&census));
    let others: Vec<_> = (0..50).map(|_| node(&census)).collect();
    link(&first, &hub);
    link(&leaf, &hub);
    hub.to.borrow_mut().push(leaf);
    touch(&first);
    others.iter().for_each(touch);
    touch(&hub);
    step_until_tried(1, 3); // the first, which leads to the hub and the leaf
    first.to.borrow_mut().clear();
    drop(hub);
    finish(3);
    assert_eq!(census.count(), 51);
    assert_eq!(figures().candidates, 0);
}

/// The same with one that is taken off the list as somebody's neighbour.
#[test]
fn a_member_that_is_dropped_from_waits_for_the_next_round() {
    steps_are_mine();
    let census = Census::default();
    let (leaf, other, hub) = (node(&census), node(&census), node(&census));
    link(&hub, &other);
    link(&other, &hub);
    touch(&leaf);
    drop(other);
    touch(&hub);
    step_until_tried(1, 1); // the leaf, which leads nowhere yet
    link(&leaf, &hub);
    hub.to.borrow_mut().push(leaf);
    drop(hub);
    // So that `other` is tried, and `hub` is a member then.
    finish(2);
    collect_some(3);
    finish(3);
    assert_eq!(census.count(), 0);
    assert_eq!(figures().candidates, 0);
}

fn ring(census: &Census, length: usize) -> Vec<Cc<Node>> {
    let nodes: Vec<_> = (0..length).map(|_| node(census)).collect();
    (0..length).for_each(|at| link(&nodes[at], &nodes[(at + 1) % length]));
    nodes
}

#[test]
fn what_is_put_aside_is_taken_up_by_a_larger_step() {
    steps_are_mine();
    let census = Census::default();
    drop(ring(&census, 30));
    while collect_some(10).more {}
    assert_eq!((census.count(), collect_some(10).set_aside > 0), (30, true));
    while collect_some(29).more {}
    assert_eq!(census.count(), 30);
    while collect_some(30).more {}
    assert_eq!((census.count(), collect_some(30).set_aside), (0, 0));
    drop(ring(&census, 30));
    while collect_some(10).more {}
    assert_eq!((collect(), census.count()), (30, 0));
}

/// Put aside, and then dead of its last pointer: its memory does not wait for `collect`.
#[test]
fn what_is_put_aside_and_dies_keeps_no_memory() {
    steps_are_mine();
    let census = Census::default();
    for _ in 0..20_000 {
        let nodes = ring(&census, 3);
        touch(&nodes[0]);
        while collect_some(1).more {}
        nodes[0].to.borrow_mut().clear();
        drop(nodes);
    }
    assert_eq!(census.count(), 0);
    assert!(figures().candidates < 200, "{}", figures().candidates);
}
