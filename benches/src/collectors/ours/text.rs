//! Strings in a heap of one of our collectors.
//!
//! Above: `collectors::text`, through [`Texts`]. Below: the handles of alloc-core.

use super::super::outcome::Own;
use super::super::text::weight;
use super::super::{TextStep, Texts};
use super::Ours;
use alloc_core::Rootable;
use alloc_core::gc::{Gc, Heap, Lock};

type Strings<'gc> = Gc<'gc, [Lock<Gc<'gc, str>>]>;

struct Table<C: Ours>(Heap<C, Root>);

Rootable!(type Root<'gc> = Strings<'gc>);

pub fn texts(collector: impl Ours, count: usize) -> Box<dyn Texts> {
    let heap = Heap::new(collector, |mc| {
        let empty = Gc::str(mc, "");
        Gc::slice(mc, count, |_| Lock::new(empty))
    });
    Box::new(Table(heap))
}

impl<C: Ours> Texts for Table<C> {
    fn serve(&mut self, steps: &[TextStep], scratch: &mut String) {
        self.0.mutate(|mc, table| {
            for step in steps {
                step.build(|n| table[n].get().as_ref(), scratch);
                let text = Gc::str(mc, scratch);
                table.write_at(mc, step.to()).set(text);
            }
        });
    }

    fn sum(&mut self) -> u64 {
        self.0.mutate(|_, table| {
            let texts = table.iter().map(|text| weight(&text.get()));
            texts.fold(0, u64::wrapping_add)
        })
    }

    fn own(&self) -> Option<Own> {
        self.0.collector().own()
    }
}
