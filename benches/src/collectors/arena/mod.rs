//! gc-arena: the programs on that crate, whose objects are boxes of the process's allocator.
//!
//! Above: `contestants`. Below: gc-arena, as its documentation uses it: a mutation, then
//! `collect_debt`, with the pacing that it comes with.

mod cache;
mod graph;
mod trees;

pub(super) use cache::cache;
pub(super) use graph::graph;
pub(super) use trees::forest;

use super::cache::PIECE;
use super::text::weight;
use super::{TextStep, Texts};
use gc_arena::lock::RefLock;
use gc_arena::{Arena, Gc, Rootable};

type Text<'gc> = Gc<'gc, Box<str>>;
type Piece<'gc> = Gc<'gc, RefLock<Vec<Text<'gc>>>>;

type Pieces = Rootable![Vec<Piece<'_>>];

struct Table(Arena<Pieces>);

pub(super) fn texts(count: usize) -> Box<dyn Texts> {
    Box::new(Table(Arena::new(|mc| {
        let empty = Gc::new(mc, Box::from(""));
        let piece = || Gc::new(mc, RefLock::new(vec![empty; PIECE]));
        (0..count.div_ceil(PIECE)).map(|_| piece()).collect()
    })))
}

impl Texts for Table {
    fn serve(&mut self, steps: &[TextStep], scratch: &mut String) {
        self.0.mutate(|mc, table| {
            for step in steps {
                step.build(|n| table[n / PIECE].borrow()[n % PIECE].as_ref(), scratch);
                let text = Gc::new(mc, Box::from(scratch.as_str()));
                table[step.to() / PIECE].borrow_mut(mc)[step.to() % PIECE] = text;
            }
        });
        self.0.collect_debt();
    }

    fn sum(&mut self) -> u64 {
        self.0.mutate(|_, table| {
            let texts = table.iter().flat_map(|piece| piece.borrow().clone());
            texts.map(|text| weight(&text)).fold(0, u64::wrapping_add)
        })
    }
}
