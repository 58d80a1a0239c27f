//! The sink that keeps the report: for programs that look at figures, and for serde.

use super::{Report, Reports, Sink, Text, Unit};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A layer's report: its figures, and the layers below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Tree {
    /// The layer's name.
    pub name: String,
    /// Its figures, in the order in which it gave them.
    pub figures: Vec<Figure>,
    /// The layers below it, and its groups of figures.
    pub below: Vec<Tree>,
}

/// One named figure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Figure {
    /// What it counts.
    pub name: String,
    /// How much of it.
    pub value: u64,
    /// Of what.
    pub unit: Unit,
}

impl Tree {
    /// The report of a whole stack, a heap or a pool.
    ///
    /// ```
    /// use alloc_core::{api2::alloc::Global, report::Tree};
    /// assert_eq!(Tree::of(&Global).name, "Global");
    /// ```
    #[must_use]
    pub fn of(stack: &impl Reports) -> Self {
        Self::from_fn(|report| stack.report(report))
    }

    /// What `write` reports: of several stacks, or of what is no value, as counted pointers are.
    ///
    /// ```
    /// use alloc_core::{Layer, Null, api2::alloc::Global, report::Tree};
    ///
    /// let both = Tree::from_fn(|report| {
    ///     Global.report(report);
    ///     Null.report(report);
    /// });
    /// assert_eq!(both.below.len(), 2);
    /// ```
    #[must_use]
    pub fn from_fn(write: impl FnOnce(&mut Report<'_>)) -> Self {
        let mut open = Open { path: alloc::vec![Self::default()] };
        write(&mut Report::new(&mut open));
        let mut root = open.path.swap_remove(0);
        if root.below.len() == 1 { root.below.swap_remove(0) } else { root }
    }

    /// The value of a figure, found by the layer's name and its own, anywhere in the tree.
    #[must_use]
    pub fn figure(&self, layer: &str, figure: &str) -> Option<u64> {
        let here = (self.name == layer)
            .then(|| self.figures.iter().find(|f| f.name == figure).map(|f| f.value))
            .flatten();
        here.or_else(|| self.below.iter().find_map(|tree| tree.figure(layer, figure)))
    }

    /// Writes this tree to any sink.
    pub fn replay(&self, sink: &mut dyn Sink) {
        sink.enter(&self.name);
        for figure in &self.figures {
            sink.figure(&figure.name, figure.value, figure.unit);
        }
        for tree in &self.below {
            tree.replay(sink);
        }
        sink.leave();
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::new(f);
        self.replay(&mut text);
        text.finish()
    }
}

/// The tree while it grows: the path from the root to the layer that is open.
struct Open {
    path: Vec<Tree>,
}

impl Open {
    fn innermost(&mut self) -> &mut Tree {
        self.path.last_mut().expect("the root is closed by `Tree::from_fn` alone")
    }
}

impl Sink for Open {
    fn enter(&mut self, name: &str) {
        self.path.push(Tree { name: name.into(), ..Tree::default() });
    }

    fn figure(&mut self, name: &str, value: u64, unit: Unit) {
        self.innermost().figures.push(Figure { name: name.into(), value, unit });
    }

    fn leave(&mut self) {
        if self.path.len() > 1
            && let Some(done) = self.path.pop()
        {
            self.innermost().below.push(done);
        }
    }
}
