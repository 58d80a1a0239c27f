//! Symbols: one object for each name, which holds the global variable of that name, too.
//!
//! Above: the reader, which finds symbols by name; the compiler, which puts them into code. So a global
//! variable is found when its code is compiled, and is one pointer away when it runs.

use super::Mc;
use super::fault::Fault;
use super::value::Value;
use alloc_core::field;
use alloc_core::gc::{Gc, Lock, Trace};
use std::collections::HashMap;

#[derive(Trace)]
pub struct Symbol<'gc> {
    pub name: Box<str>,
    /// The global variable.
    value: Lock<Value<'gc>>,
}

impl<'gc> Symbol<'gc> {
    pub fn get(&self) -> Result<Value<'gc>, Fault> {
        match self.value.get() {
            Value::Unassigned => Err(Fault::new(format!("{}: unbound variable", self.name))),
            value => Ok(value),
        }
    }
}

/// Sets a global variable. A symbol is an object, so the collector is told first.
pub fn define<'gc>(mc: Mc<'gc>, symbol: Gc<'gc, Symbol<'gc>>, value: Value<'gc>) {
    field!(symbol.write(mc), Symbol, value).set(value);
}

/// All symbols, by name. It is part of the root, and no object: changing it needs no barrier.
#[derive(Default, Trace)]
pub struct Symbols<'gc>(HashMap<Box<str>, Gc<'gc, Symbol<'gc>>>);

impl<'gc> Symbols<'gc> {
    pub fn find(&mut self, mc: Mc<'gc>, name: &str) -> Result<Gc<'gc, Symbol<'gc>>, Fault> {
        if let Some(symbol) = self.0.get(name) {
            return Ok(*symbol);
        }
        let symbol = Symbol { name: name.into(), value: Lock::new(Value::Unassigned) };
        let symbol = Gc::try_new(mc, symbol)?;
        self.0.insert(name.into(), symbol);
        Ok(symbol)
    }
}
