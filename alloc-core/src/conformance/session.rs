//! One allocator, one sequence: plays each operation and compares the outcome with the model.
//!
//! Above: `runner`, `exhaust`. Below: a `Subject`, a `model`, and the `checks` of each answer.

use super::Rules;
use super::failure::{Found, Promise};
use super::model::{Allocation, Name, Shown, Taken, check_grown_zeroes, check_zeroes};
use super::ops::{Op, absurd};
use super::steps::Steps;
use super::subject::Subject;
use crate::{AllocError, Allocator, Layout};
use core::ops::Range;
use core::ptr::NonNull;

pub(super) struct Session<'s> {
    pub subject: Box<dyn Subject + 's>,
    pub rules: &'s Rules,
    pub live: Vec<Allocation>,
    pub taken: Taken,
    /// What the live allocations count towards the limit, in bytes; never less if frees give
    /// nothing back.
    pub spent_bytes: usize,
    pub next_id: u32,
    pub turn: usize,
    pub steps: Steps,
    /// How many allocations of at least one byte were served.
    pub served: usize,
    pub range: Option<Range<usize>>,
    pub balance: Option<usize>,
}

/// An answer on its way from another thread.
struct Carried<T>(T);
// SAFETY: what is carried is an answer of the allocator under test, an address that is not used
// before the other thread has ended.
unsafe impl<T> Send for Carried<T> {}

type Answer = Result<NonNull<[u8]>, AllocError>;

fn cost(layout: Layout) -> usize {
    layout.pad_to_align().size()
}

fn layout_of(size: usize, align_log2: u32) -> Layout {
    Layout::from_size_align(size, 1 << align_log2).expect("sizes are far below isize::MAX")
}

impl<'s> Session<'s> {
    pub fn new(subject: Box<dyn Subject + 's>, rules: &'s Rules, during: &str) -> Self {
        let balance = subject.balance();
        Self {
            subject,
            rules,
            live: Vec::new(),
            taken: Taken::default(),
            spent_bytes: 0,
            next_id: 0,
            turn: 0,
            steps: Steps::new(rules.is_told, during),
            served: 0,
            range: None,
            balance,
        }
    }

    /// Plays a whole sequence, then frees everything.
    pub fn play_all(&mut self, ops: &[Op]) -> Result<(), Found> {
        for op in ops {
            self.play(op)?;
            self.after_step()?;
        }
        self.finish()
    }

    fn play(&mut self, op: &Op) -> Result<(), Found> {
        self.turn += 1;
        match *op {
            Op::Allocate { size, align_log2, zeroed, elsewhere } => {
                let layout = layout_of(size, align_log2);
                if self.affords(layout) {
                    self.allocate(layout, zeroed, elsewhere)?;
                }
                Ok(())
            }
            Op::Deallocate { which, fit, elsewhere } => match self.pick(which) {
                Some(at) => self.deallocate(at, fit, elsewhere),
                None => Ok(()),
            },
            Op::Grow { which, fit, more, align_log2, zeroed, elsewhere } => {
                let Some(at) = self.pick(which) else { return Ok(()) };
                let old = self.live[at].fitting(fit);
                let new = layout_of(old.size() + more, align_log2);
                if self.affords(new) && new.size() <= self.rules.max_bytes / 4 {
                    self.grow(at, old, new, zeroed, elsewhere)?;
                }
                Ok(())
            }
            Op::Shrink { which, fit, keep, align_log2, elsewhere } => {
                let Some(at) = self.pick(which) else { return Ok(()) };
                let old = self.live[at].fitting(fit);
                let new = layout_of(old.size() * usize::from(keep) / 1000, align_log2);
                if self.affords(new) { self.shrink(at, old, new, elsewhere) } else { Ok(()) }
            }
            Op::Absurd { kind, grow, zeroed } => self.absurd(absurd(kind), grow, zeroed),
            Op::Exhaust { size, align_log2 } => self.exhaust(layout_of(size.max(1), align_log2)),
            Op::Reclaim { goal_bytes } => {
                self.reclaim(goal_bytes);
                Ok(())
            }
            Op::Freeze => {
                self.freeze();
                Ok(())
            }
            Op::Report => self.report(),
            Op::Relocate => {
                self.steps.push("the allocator is moved".into());
                self.subject.relocate();
                Ok(())
            }
        }
    }

    /// Whether the limit leaves room for `layout`.
    pub fn affords(&self, layout: Layout) -> bool {
        self.spent_bytes.saturating_add(cost(layout)) <= self.rules.max_bytes
    }

    /// The index of the live allocation that `which` chooses.
    pub fn pick(&self, which: u16) -> Option<usize> {
        let count = self.live.len();
        if count == 0 {
            return None;
        }
        Some(if self.rules.lifo { count - 1 } else { usize::from(which) % count })
    }

    /// Calls the allocator (or its clone, by turns), here or on another thread.
    fn ask<T>(&self, elsewhere: bool, call: impl FnOnce(&dyn Allocator) -> T + Send) -> T {
        match self.subject.sync() {
            Some(shared) if elsewhere => std::thread::scope(|scope| {
                let other = scope.spawn(|| Carried(call(shared)));
                other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).0
            }),
            _ => call(self.subject.allocator(self.turn)),
        }
    }

    fn note(&mut self, elsewhere: bool, text: String) {
        let elsewhere = elsewhere && self.subject.sync().is_some();
        self.steps.push(if elsewhere { format!("{text}, on another thread") } else { text });
    }

    /// Allocates; whether it was served.
    pub fn allocate(
        &mut self,
        layout: Layout,
        zeroed: bool,
        elsewhere: bool,
    ) -> Result<bool, Found> {
        let verb = if zeroed { "allocate_zeroed" } else { "allocate" };
        let text = format!("{} = {verb}({})", Name(self.next_id), Shown(layout));
        self.note(elsewhere, text);
        let answer = self.ask(elsewhere, move |it| {
            if zeroed { it.allocate_zeroed(layout) } else { it.allocate(layout) }
        });
        let Ok(slice) = answer else {
            self.refused(layout)?;
            return Ok(false);
        };
        let new = self.admit(slice, layout)?;
        if zeroed {
            check_zeroes(&new, 0, new.len)?;
        }
        self.keep(new);
        Ok(true)
    }

    pub fn deallocate(&mut self, at: usize, fit: u16, elsewhere: bool) -> Result<(), Found> {
        let old = self.live[at];
        let layout = old.fitting(fit);
        self.note(elsewhere, format!("deallocate({}, {})", Name(old.id), Shown(layout)));
        old.check(old.len, Promise::Contents)?;
        self.forget(at);
        self.ask(elsewhere, move |it| {
            let old = old;
            // SAFETY: `old` is live (the model), and `layout` fits it (`fitting`).
            unsafe { it.deallocate(old.ptr, layout) }
        });
        Ok(())
    }

    /// Grows; whether it was served.
    pub fn grow(
        &mut self,
        at: usize,
        old_layout: Layout,
        layout: Layout,
        zeroed: bool,
        elsewhere: bool,
    ) -> Result<bool, Found> {
        let old = self.live[at];
        let verb = if zeroed { "grow_zeroed" } else { "grow" };
        let names = (Name(self.next_id), Name(old.id));
        let (from, to) = (Shown(old_layout), Shown(layout));
        self.note(elsewhere, format!("{} = {verb}({}, {from} to {to})", names.0, names.1));
        old.check(old.len, Promise::Contents)?;
        let answer = self.ask(elsewhere, move |it| {
            let old = old;
            // SAFETY: `old` is live and `old_layout` fits it; the new size is not smaller (`play`).
            unsafe {
                if zeroed {
                    it.grow_zeroed(old.ptr, old_layout, layout)
                } else {
                    it.grow(old.ptr, old_layout, layout)
                }
            }
        });
        let Ok(new) = self.exchange(at, answer, layout)? else { return Ok(false) };
        let kept = Allocation { id: old.id, ..new };
        kept.check(old_layout.size(), Promise::GrowKeeps)?;
        if zeroed {
            check_grown_zeroes(&kept, old_layout.size(), old.len)?;
        }
        self.keep(new);
        Ok(true)
    }

    fn shrink(
        &mut self,
        at: usize,
        old_layout: Layout,
        layout: Layout,
        elsewhere: bool,
    ) -> Result<(), Found> {
        let old = self.live[at];
        let names = (Name(self.next_id), Name(old.id));
        let (from, to) = (Shown(old_layout), Shown(layout));
        self.note(elsewhere, format!("{} = shrink({}, {from} to {to})", names.0, names.1));
        old.check(old.len, Promise::Contents)?;
        let answer = self.ask(elsewhere, move |it| {
            let old = old;
            // SAFETY: `old` is live and `old_layout` fits it; the new size is not larger (`play`).
            unsafe { it.shrink(old.ptr, old_layout, layout) }
        });
        let Ok(new) = self.exchange(at, answer, layout)? else { return Ok(()) };
        Allocation { id: old.id, ..new }.check(layout.size(), Promise::ShrinkKeeps)?;
        self.keep(new);
        Ok(())
    }

    /// After a grow or shrink: the old allocation is gone and the new one is right, or, if it was
    /// refused, the old one is as it was.
    fn exchange(
        &mut self,
        at: usize,
        answer: Answer,
        layout: Layout,
    ) -> Result<Result<Allocation, AllocError>, Found> {
        let old = self.live[at];
        match answer {
            Err(error) => {
                self.refused(layout)?;
                old.check(old.len, Promise::RefusalKeeps)?;
                Ok(Err(error))
            }
            Ok(slice) => {
                self.forget(at);
                Ok(Ok(self.admit(slice, layout)?))
            }
        }
    }

    fn keep(&mut self, new: Allocation) {
        new.fill();
        self.spent_bytes += cost(new.layout);
        self.live.push(new);
    }

    pub fn forget(&mut self, at: usize) {
        let old = self.live.remove(at);
        self.taken.remove(&old);
        if self.rules.gives_back {
            self.spent_bytes -= cost(old.layout);
        }
    }

    pub fn reclaim(&mut self, goal_bytes: usize) {
        if let Some(layer) = self.subject.layer() {
            self.steps.push(format!("reclaim({goal_bytes})"));
            layer.reclaim(goal_bytes);
        }
    }
}
