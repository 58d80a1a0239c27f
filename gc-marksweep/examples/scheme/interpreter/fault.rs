//! What can go wrong in a program: an error that the user reads, never a panic.

use alloc_core::AllocError;
use core::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    message: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Program,
    Unfinished,
    Memory,
}

impl Fault {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Kind::Program }
    }

    /// The text ends within a form.
    pub fn unfinished(message: impl Into<String>) -> Self {
        Self { kind: Kind::Unfinished, ..Self::new(message) }
    }

    pub fn is_unfinished(&self) -> bool {
        self.kind == Kind::Unfinished
    }

    pub fn is_memory(&self) -> bool {
        self.kind == Kind::Memory
    }
}

/// So that `?` behind `Gc::try_new` says it all.
impl From<AllocError> for Fault {
    fn from(_: AllocError) -> Self {
        Self { kind: Kind::Memory, ..Self::new("the heap is full") }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// The same, said of a procedure.
    pub fn in_procedure(self, name: &str) -> Self {
        match self.kind {
            Kind::Program => Self { message: format!("{name}: {}", self.message), ..self },
            Kind::Unfinished | Kind::Memory => self,
        }
    }
}
