//! The mappings of an arena: a list of nodes, each in the metadata of its own mapping.
//!
//! Above: [`State`](crate::state::State). Below: the source.

use crate::below::Below;
use crate::mapping::{MappingKind, Node};
use crate::source::Source;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// The list of an arena's nodes, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Mappings {
    first: Option<NonNull<Node>>,
    count: usize,
}

// SAFETY: the nodes belong to the list alone (`push` takes them over), and hold no thread's own.
unsafe impl Send for Mappings {}

impl Mappings {
    pub const fn new() -> Self {
        Self { first: None, count: 0 }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds a node at the end, or in front of all others.
    ///
    /// # Safety
    ///
    /// The node comes from [`Node::make`], and is in no list.
    pub unsafe fn push(&mut self, mut node: NonNull<Node>, front: bool) -> &mut Node {
        // SAFETY: a live node that is in no list, so this is the only access.
        let new = unsafe { node.as_mut() };
        if front {
            new.next = self.first.replace(node);
        } else {
            let link = match self.iter_mut().last() {
                Some(last) => &mut last.next,
                None => &mut self.first,
            };
            *link = Some(node);
        }
        self.count += 1;
        new
    }

    /// Takes out a reserved mapping of which nothing is used, but not the one at `keep`.
    pub fn detach_unused(&mut self, keep: usize) -> Option<NonNull<Node>> {
        let mut link = &mut self.first;
        while let Some(place) = *link {
            // SAFETY: nodes in the list are live; `link` is the only way that is held to this one.
            let node = unsafe { &mut *place.as_ptr() };
            let unused = node.terms.kind == MappingKind::Reserved
                && node.runs.used_pages() == 0
                && !node.runs.contains(keep);
            if unused {
                *link = node.next.take();
                self.count -= 1;
                return Some(place);
            }
            link = &mut node.next;
        }
        None
    }

    /// Takes out the first one.
    pub fn pop(&mut self) -> Option<NonNull<Node>> {
        let place = self.first?;
        // SAFETY: nodes in the list are live.
        self.first = unsafe { place.as_ref() }.next;
        self.count -= 1;
        Some(place)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        let mut next = self.first;
        core::iter::from_fn(move || {
            // SAFETY: nodes in the list are live until `dispose`; `&self` keeps writers out.
            let node = unsafe { next?.as_ref() };
            next = node.next;
            Some(node)
        })
    }

    pub fn iter_mut(&mut self) -> IterMut<'_> {
        IterMut { next: self.first, list: PhantomData }
    }

    /// The node whose pages include `address`.
    #[inline]
    pub fn at(&mut self, address: usize) -> Option<&mut Node> {
        self.iter_mut().find(|node| node.runs.contains(address))
    }

    /// Gives every range and all metadata back to the source.
    pub fn dispose<S: Source>(&mut self, below: &Below<S>) {
        let mut next = self.first.take();
        while let Some(place) = next {
            // SAFETY: nodes in the list are live; the list is empty now, so this is the last access.
            next = unsafe { place.as_ref() }.next;
            // SAFETY: as above; the arena ends, and with it all use of its pages.
            unsafe { Node::dispose(place, below) };
        }
        self.count = 0;
    }
}

/// The nodes of a list, each once.
pub(crate) struct IterMut<'l> {
    next: Option<NonNull<Node>>,
    list: PhantomData<&'l mut Node>,
}

impl<'l> Iterator for IterMut<'l> {
    type Item = &'l mut Node;

    #[inline]
    fn next(&mut self) -> Option<&'l mut Node> {
        // SAFETY: nodes in the list are live; each is reached once, under the list's `&mut`.
        let node = unsafe { self.next?.as_mut() };
        self.next = node.next;
        Some(node)
    }
}
