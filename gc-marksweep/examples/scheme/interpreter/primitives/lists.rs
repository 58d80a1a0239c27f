//! Pairs, lists, and what all values have.

use super::{ANY, Fault, Primitive, Value, index, wrong};
use crate::interpreter::Mc;
use crate::interpreter::value::Pair;
use alloc_core::field;
use alloc_core::gc::Gc;

pub static ALL: &[Primitive] = &[
    Primitive::new("cons", 2, 2, |mc, _, of| Value::pair(mc, of[0], of[1])),
    Primitive::new("car", 1, 1, |_, _, of| Ok(pair(of[0])?.head.get())),
    Primitive::new("cdr", 1, 1, |_, _, of| Ok(pair(of[0])?.tail.get())),
    // To change an object, the collector is told first: `write`; then its locks open.
    Primitive::new("set-car!", 2, 2, |mc, _, of| {
        field!(pair(of[0])?.write(mc), Pair, head).set(of[1]);
        Ok(Value::Nothing)
    }),
    Primitive::new("set-cdr!", 2, 2, |mc, _, of| {
        field!(pair(of[0])?.write(mc), Pair, tail).set(of[1]);
        Ok(Value::Nothing)
    }),
    Primitive::new("list", 0, ANY, |mc, _, of| Value::list(mc, of, Value::Nil)),
    Primitive::new("length", 1, 1, |_, _, of| {
        Ok(Value::Int(i64::try_from(list(of[0])?.count()).unwrap_or(i64::MAX)))
    }),
    Primitive::new("reverse", 1, 1, |mc, _, of| {
        list(of[0])?.try_fold(Value::Nil, |tail, head| Value::pair(mc, head, tail))
    }),
    Primitive::new("append", 0, ANY, append),
    Primitive::new("list-tail", 2, 2, |_, _, of| {
        let mut rest = of[0];
        for _ in 0..index(of[1], usize::MAX)? {
            rest = pair(rest)?.tail.get();
        }
        Ok(rest)
    }),
    Primitive::new("eq?", 2, 2, |_, _, of| Ok(Value::Bool(of[0].is_same(of[1])))),
    Primitive::new("eqv?", 2, 2, |_, _, of| Ok(Value::Bool(of[0].is_same(of[1])))),
    Primitive::new("equal?", 2, 2, |_, _, of| Ok(Value::Bool(of[0].is_equal(of[1])))),
    Primitive::new("not", 1, 1, |_, _, of| Ok(Value::Bool(!of[0].is_true()))),
    Primitive::new("null?", 1, 1, |_, _, of| Ok(Value::Bool(matches!(of[0], Value::Nil)))),
    Primitive::new("pair?", 1, 1, |_, _, of| Ok(Value::Bool(matches!(of[0], Value::Pair(_))))),
    Primitive::new("list?", 1, 1, |_, _, of| Ok(Value::Bool(of[0].is_list()))),
    Primitive::new("symbol?", 1, 1, |_, _, of| Ok(Value::Bool(matches!(of[0], Value::Symbol(_))))),
    Primitive::new("boolean?", 1, 1, |_, _, of| Ok(Value::Bool(matches!(of[0], Value::Bool(_))))),
    Primitive::new("procedure?", 1, 1, |_, _, of| Ok(Value::Bool(of[0].kind() == "a procedure"))),
];

fn pair<'gc>(of: Value<'gc>) -> Result<Gc<'gc, Pair<'gc>>, Fault> {
    match of {
        Value::Pair(pair) => Ok(pair),
        other => Err(wrong("a pair", other)),
    }
}

fn list<'gc>(of: Value<'gc>) -> Result<impl Iterator<Item = Value<'gc>>, Fault> {
    if of.is_list() { Ok(of.items()) } else { Err(wrong("a list", of)) }
}

/// The last list is shared, the others are copied.
fn append<'gc>(mc: Mc<'gc>, _: &mut super::Host, of: &[Value<'gc>]) -> Result<Value<'gc>, Fault> {
    let [first @ .., last] = of else { return Ok(Value::Nil) };
    first.iter().rev().try_fold(*last, |tail, of| {
        let items: Vec<_> = list(*of)?.collect();
        Value::list(mc, &items, tail)
    })
}
