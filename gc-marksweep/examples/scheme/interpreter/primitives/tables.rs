//! Vectors and tables.

use super::{ANY, Fault, Primitive, Value, index, length, wrong};
use crate::interpreter::Mc;
use crate::interpreter::value::{Key, Table};
use alloc_core::gc::{Gc, Lock, RefLock};

pub static ALL: &[Primitive] = &[
    Primitive::new("vector", 0, ANY, |mc, _, of| vector_of(mc, of.len(), |index| of[index])),
    Primitive::new("make-vector", 1, 2, |mc, _, of| {
        let fill = of.get(1).copied().unwrap_or(Value::Int(0));
        vector_of(mc, length(of[0])?, |_| fill)
    }),
    Primitive::new("vector?", 1, 1, |_, _, of| Ok(Value::Bool(matches!(of[0], Value::Vector(_))))),
    Primitive::new("vector-length", 1, 1, |_, _, of| {
        Ok(Value::Int(i64::try_from(vector(of[0])?.len()).unwrap_or(i64::MAX)))
    }),
    Primitive::new("vector-ref", 2, 2, |_, _, of| {
        let vector = vector(of[0])?;
        Ok(vector[index(of[1], vector.len())?].get())
    }),
    // `write_at`, not `write`: a vector may be huge, and the collector visits what is opened.
    Primitive::new("vector-set!", 3, 3, |mc, _, of| {
        let vector = vector(of[0])?;
        vector.write_at(mc, index(of[1], vector.len())?).set(of[2]);
        Ok(Value::Nothing)
    }),
    Primitive::new("vector->list", 1, 1, |mc, _, of| {
        let items: Vec<_> = vector(of[0])?.iter().map(Lock::get).collect();
        Value::list(mc, &items, Value::Nil)
    }),
    Primitive::new("list->vector", 1, 1, |mc, _, of| {
        if !of[0].is_list() {
            return Err(wrong("a list", of[0]));
        }
        let items: Vec<_> = of[0].items().collect();
        vector_of(mc, items.len(), |index| items[index])
    }),
    Primitive::new("make-table", 0, 0, |mc, _, _| {
        Ok(Value::Table(Gc::try_new(mc, RefLock::new(Table::new()))?))
    }),
    Primitive::new("table?", 1, 1, |_, _, of| Ok(Value::Bool(matches!(of[0], Value::Table(_))))),
    Primitive::new("table-set!", 3, 3, |mc, _, of| {
        let key = key(of[1])?;
        table(of[0])?.borrow_mut(mc).insert(key, of[2]);
        Ok(Value::Nothing)
    }),
    Primitive::new("table-ref", 2, 3, |_, _, of| {
        let found = table(of[0])?.borrow().get(&key(of[1])?).copied();
        Ok(found.or(of.get(2).copied()).unwrap_or(Value::Bool(false)))
    }),
    Primitive::new("table-delete!", 2, 2, |mc, _, of| {
        let key = key(of[1])?;
        Ok(Value::Bool(table(of[0])?.borrow_mut(mc).remove(&key).is_some()))
    }),
    Primitive::new("table-count", 1, 1, |_, _, of| {
        Ok(Value::Int(i64::try_from(table(of[0])?.borrow().len()).unwrap_or(i64::MAX)))
    }),
    // Sorted by key, so that what a program prints does not change from run to run.
    Primitive::new("table->list", 1, 1, |mc, _, of| {
        let table = table(of[0])?;
        let mut entries: Vec<_> =
            table.borrow().iter().map(|(key, value)| (key.clone(), *value)).collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries.into_iter().rev().try_fold(Value::Nil, |tail, (key, value)| {
            let key = shown(mc, &key)?;
            Value::pair(mc, Value::pair(mc, key, value)?, tail)
        })
    }),
];

type Elements<'gc> = Gc<'gc, [Lock<Value<'gc>>]>;

fn vector<'gc>(of: Value<'gc>) -> Result<Elements<'gc>, Fault> {
    match of {
        Value::Vector(vector) => Ok(vector),
        other => Err(wrong("a vector", other)),
    }
}

fn vector_of<'gc>(
    mc: Mc<'gc>,
    length: usize,
    mut item: impl FnMut(usize) -> Value<'gc>,
) -> Result<Value<'gc>, Fault> {
    Ok(Value::Vector(Gc::try_slice(mc, length, |index| Lock::new(item(index)))?))
}

fn table<'gc>(of: Value<'gc>) -> Result<Gc<'gc, RefLock<Table<'gc>>>, Fault> {
    match of {
        Value::Table(table) => Ok(table),
        other => Err(wrong("a table", other)),
    }
}

fn key(of: Value<'_>) -> Result<Key, Fault> {
    Ok(match of {
        Value::Bool(of) => Key::Bool(of),
        Value::Int(of) => Key::Int(of),
        Value::Char(of) => Key::Char(of),
        Value::Symbol(of) => Key::Symbol(of.name.clone()),
        Value::Text(of) => Key::Text(of.as_ref().into()),
        other => {
            return Err(wrong("a key (a number, symbol, string, character or boolean)", other));
        }
    })
}

/// A key as a value; a symbol's name as a string.
fn shown<'gc>(mc: Mc<'gc>, key: &Key) -> Result<Value<'gc>, Fault> {
    Ok(match key {
        Key::Bool(of) => Value::Bool(*of),
        Key::Int(of) => Value::Int(*of),
        Key::Char(of) => Value::Char(*of),
        Key::Symbol(of) => Value::text(mc, &of.chars().collect::<Vec<_>>())?,
        Key::Text(of) => Value::text(mc, of)?,
    })
}
