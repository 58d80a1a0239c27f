//! What a value is.
//!
//! Above: everybody. Below: the handles of `alloc_core::gc`.
//!
//! A value is copied freely: numbers and the like lie in it, all else is behind a `Gc`. `#[derive(Trace)]`
//! is all that the collector has to be told. What may change is in a `Lock` or a `RefLock`: they open for
//! writing through `Gc::write` only, which tells the collector first.

use super::Mc;
use super::fault::Fault;
use super::machine::{Code, Continuation};
use super::primitives::Primitive;
use super::symbols::Symbol;
use alloc_core::gc::{Gc, Lock, RefLock, Trace, WithTail};
use std::collections::HashMap;

#[derive(Clone, Copy, Trace)]
pub enum Value<'gc> {
    Nil,
    /// What `(if #f #f)` gives.
    Nothing,
    /// What a variable holds before its definition.
    Unassigned,
    Bool(bool),
    Int(i64),
    Real(f64),
    Char(char),
    Symbol(Gc<'gc, Symbol<'gc>>),
    Text(Gc<'gc, [char]>),
    Pair(Gc<'gc, Pair<'gc>>),
    Vector(Gc<'gc, [Lock<Value<'gc>>]>),
    Table(Gc<'gc, RefLock<Table<'gc>>>),
    /// A text that grows.
    Buffer(Gc<'gc, RefLock<Vec<char>>>),
    Closure(Gc<'gc, Closure<'gc>>),
    Continuation(Gc<'gc, Continuation<'gc>>),
    Primitive(&'static Primitive),
}

#[derive(Trace)]
pub struct Pair<'gc> {
    pub head: Lock<Value<'gc>>,
    pub tail: Lock<Value<'gc>>,
}

#[derive(Trace)]
pub struct Closure<'gc> {
    pub code: Gc<'gc, Code<'gc>>,
    pub scope: Scope<'gc>,
}

/// The variables of a call, and those around it: one object, with the variables as its tail.
#[derive(Clone, Copy, Trace)]
pub struct Scope<'gc>(pub Option<Variables<'gc>>);

pub type Variables<'gc> = Gc<'gc, WithTail<Outer<'gc>, [Lock<Value<'gc>>]>>;

/// The scope around a scope.
#[derive(Trace)]
pub struct Outer<'gc>(pub Scope<'gc>);

/// A table's keys hold no pointers, as maps' keys must not: where objects move, so would they.
pub type Table<'gc> = HashMap<Key, Value<'gc>>;

#[derive(Trace, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    Bool(bool),
    Int(i64),
    Char(char),
    Symbol(Box<str>),
    Text(Box<[char]>),
}

impl<'gc> Value<'gc> {
    pub fn pair(mc: Mc<'gc>, head: Self, tail: Self) -> Result<Self, Fault> {
        let pair = Pair { head: Lock::new(head), tail: Lock::new(tail) };
        Ok(Self::Pair(Gc::try_new(mc, pair)?))
    }

    pub fn text(mc: Mc<'gc>, of: &[char]) -> Result<Self, Fault> {
        Ok(Self::Text(Gc::try_slice(mc, of.len(), |index| of[index])?))
    }

    /// A list of values, from a slice.
    pub fn list(mc: Mc<'gc>, of: &[Self], tail: Self) -> Result<Self, Fault> {
        of.iter().rev().try_fold(tail, |tail, head| Self::pair(mc, *head, tail))
    }

    /// Everything but `#f` counts as true.
    pub fn is_true(self) -> bool {
        !matches!(self, Self::Bool(false))
    }

    /// The items of a list. The iterator stops at what is not a pair; ask [`is_list`](Self::is_list) first.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let mut rest = self;
        core::iter::from_fn(move || {
            let Self::Pair(pair) = rest else { return None };
            rest = pair.tail.get();
            Some(pair.head.get())
        })
    }

    /// Whether it is a list that ends. Two walk along, one twice as fast: in a circle they meet.
    pub fn is_list(self) -> bool {
        let (mut slow, mut fast, mut both) = (self, self, false);
        while let Self::Pair(pair) = fast {
            fast = pair.tail.get();
            if both && let Self::Pair(behind) = slow {
                slow = behind.tail.get();
                if slow.is_same(fast) && matches!(fast, Self::Pair(_)) {
                    return false;
                }
            }
            both = !both;
        }
        matches!(fast, Self::Nil)
    }

    /// `eqv?`: the same number, or the same object.
    pub fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Nil, Self::Nil)
            | (Self::Nothing, Self::Nothing)
            | (Self::Unassigned, Self::Unassigned) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Real(a), Self::Real(b)) => a.to_bits() == b.to_bits(),
            (Self::Char(a), Self::Char(b)) => a == b,
            (Self::Symbol(a), Self::Symbol(b)) => a.ptr_eq(b),
            (Self::Text(a), Self::Text(b)) => a.ptr_eq(b),
            (Self::Pair(a), Self::Pair(b)) => a.ptr_eq(b),
            (Self::Vector(a), Self::Vector(b)) => a.ptr_eq(b),
            (Self::Table(a), Self::Table(b)) => a.ptr_eq(b),
            (Self::Buffer(a), Self::Buffer(b)) => a.ptr_eq(b),
            (Self::Closure(a), Self::Closure(b)) => a.ptr_eq(b),
            (Self::Continuation(a), Self::Continuation(b)) => a.ptr_eq(b),
            (Self::Primitive(a), Self::Primitive(b)) => core::ptr::eq(a, b),
            _ => false,
        }
    }

    /// `equal?`: the same contents. Without recursion, so that deep values do not overflow the stack.
    pub fn is_equal(self, other: Self) -> bool {
        let mut open = vec![(self, other)];
        while let Some((a, b)) = open.pop() {
            match (a, b) {
                (Self::Pair(a), Self::Pair(b)) => {
                    open.push((a.tail.get(), b.tail.get()));
                    open.push((a.head.get(), b.head.get()));
                }
                (Self::Vector(a), Self::Vector(b)) if a.len() == b.len() => {
                    open.extend(a.iter().zip(b.iter()).map(|(a, b)| (a.get(), b.get())));
                }
                (Self::Text(a), Self::Text(b)) if a == b => {}
                (a, b) if a.is_same(b) => {}
                _ => return false,
            }
        }
        true
    }

    /// What a user calls values of this kind.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Nil => "the empty list",
            Self::Nothing | Self::Unassigned => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Real(_) => "a real number",
            Self::Char(_) => "a character",
            Self::Symbol(_) => "a symbol",
            Self::Text(_) => "a string",
            Self::Pair(_) => "a pair",
            Self::Vector(_) => "a vector",
            Self::Table(_) => "a table",
            Self::Buffer(_) => "a string builder",
            Self::Closure(_) | Self::Continuation(_) | Self::Primitive(_) => "a procedure",
        }
    }
}
