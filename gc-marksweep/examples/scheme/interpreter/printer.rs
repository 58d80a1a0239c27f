//! Values to text.
//!
//! Above: `display`, `write`, the prompt. What is still to be printed is kept on a stack here, so depth is
//! no matter of Rust's stack; and after so many values it stops, for there are lists that are circles.

use super::value::Value;
use core::fmt::Write;

const MOST: usize = 100_000;

enum Next<'gc> {
    Value(Value<'gc>),
    /// What follows the first item of a list.
    Rest(Value<'gc>),
    Is(&'static str),
}

/// Appends a value to a text: `quotes` as `write` does, else as `display`.
pub fn print(out: &mut String, value: Value<'_>, quotes: bool) {
    let mut open = vec![Next::Value(value)];
    for _ in 0..MOST {
        let Some(next) = open.pop() else { return };
        match next {
            Next::Is(text) => out.push_str(text),
            Next::Value(Value::Pair(pair)) => {
                out.push('(');
                open.push(Next::Rest(pair.tail.get()));
                open.push(Next::Value(pair.head.get()));
            }
            Next::Value(Value::Vector(vector)) => {
                out.push_str("#(");
                open.push(Next::Is(")"));
                for (index, item) in vector.iter().enumerate().rev() {
                    open.push(Next::Value(item.get()));
                    if index > 0 {
                        open.push(Next::Is(" "));
                    }
                }
            }
            Next::Value(value) => atom(out, value, quotes),
            Next::Rest(Value::Nil) => out.push(')'),
            Next::Rest(Value::Pair(pair)) => {
                out.push(' ');
                open.push(Next::Rest(pair.tail.get()));
                open.push(Next::Value(pair.head.get()));
            }
            Next::Rest(tail) => {
                out.push_str(" . ");
                open.push(Next::Is(")"));
                open.push(Next::Value(tail));
            }
        }
    }
    out.push_str("...");
}

fn atom(out: &mut String, value: Value<'_>, quotes: bool) {
    // Writing to a string does not fail.
    let _ = match value {
        Value::Nil => write!(out, "()"),
        Value::Bool(of) => write!(out, "{}", if of { "#t" } else { "#f" }),
        Value::Int(of) => write!(out, "{of}"),
        Value::Real(of) => write!(out, "{of:?}"),
        Value::Char(of) if quotes => write!(out, "#\\{of}"),
        Value::Char(of) => write!(out, "{of}"),
        Value::Symbol(of) => write!(out, "{}", of.name),
        Value::Text(of) if quotes => write!(out, "{:?}", of.iter().collect::<String>()),
        Value::Text(of) => return out.extend(of.iter()),
        Value::Table(of) => write!(out, "#<table of {}>", of.borrow().len()),
        Value::Closure(of) => write!(out, "#<procedure {}>", of.code.name),
        Value::Primitive(of) => write!(out, "#<primitive {}>", of.name),
        other => write!(out, "#<{}>", other.kind()),
    };
}
