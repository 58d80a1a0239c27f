//! Strings, characters, symbols. A string is a slice of characters that never changes; one that grows is a
//! builder.

use super::{ANY, Fault, Host, Primitive, Value, index, wrong};
use crate::interpreter::{Mc, printer, reader};
use alloc_core::gc::{Gc, RefLock};

pub static ALL: &[Primitive] = &[
    Primitive::new("string?", 1, 1, |_, _, of| Ok(Value::Bool(matches!(of[0], Value::Text(_))))),
    Primitive::new("char?", 1, 1, |_, _, of| Ok(Value::Bool(matches!(of[0], Value::Char(_))))),
    Primitive::new("string-length", 1, 1, |_, _, of| {
        Ok(Value::Int(i64::try_from(text(of[0])?.len()).unwrap_or(i64::MAX)))
    }),
    Primitive::new("string-ref", 2, 2, |_, _, of| {
        let text = text(of[0])?;
        Ok(Value::Char(text[index(of[1], text.len())?]))
    }),
    Primitive::new("substring", 3, 3, |mc, _, of| {
        let text = text(of[0])?;
        let end = index(of[2], text.len() + 1)?;
        let begin = index(of[1], end + 1)?;
        Value::text(mc, &text[begin..end])
    }),
    Primitive::new("string-append", 0, ANY, |mc, _, of| {
        let mut all = Vec::new();
        for part in of {
            all.extend_from_slice(text(*part)?);
        }
        Value::text(mc, &all)
    }),
    Primitive::new("string=?", 2, 2, |_, _, of| Ok(Value::Bool(text(of[0])? == text(of[1])?))),
    Primitive::new("string<?", 2, 2, |_, _, of| Ok(Value::Bool(text(of[0])? < text(of[1])?))),
    Primitive::new("symbol->string", 1, 1, |mc, _, of| match of[0] {
        Value::Symbol(symbol) => Value::text(mc, &symbol.name.chars().collect::<Vec<_>>()),
        other => Err(wrong("a symbol", other)),
    }),
    Primitive::new("string->list", 1, 1, |mc, _, of| {
        let items: Vec<_> = text(of[0])?.iter().map(|of| Value::Char(*of)).collect();
        Value::list(mc, &items, Value::Nil)
    }),
    Primitive::new("list->string", 1, 1, |mc, _, of| {
        if !of[0].is_list() {
            return Err(wrong("a list", of[0]));
        }
        let characters: Result<Vec<_>, _> = of[0].items().map(character).collect();
        Value::text(mc, &characters?)
    }),
    Primitive::new("string->number", 1, 1, |_, _, of| {
        let word: String = text(of[0])?.iter().collect();
        Ok(reader::number(&word).unwrap_or(Value::Bool(false)))
    }),
    Primitive::new("number->string", 1, 1, |mc, _, of| match of[0] {
        Value::Int(_) | Value::Real(_) => printed(mc, of[0]),
        other => Err(wrong("a number", other)),
    }),
    Primitive::new("->string", 1, 1, |mc, _, of| printed(mc, of[0])),
    Primitive::new("char->integer", 1, 1, |_, _, of| {
        Ok(Value::Int(i64::from(u32::from(character(of[0])?))))
    }),
    Primitive::new("integer->char", 1, 1, |_, _, of| {
        let code = index(of[0], 0x11_0000)?;
        let of = u32::try_from(code).ok().and_then(char::from_u32);
        of.map(Value::Char).ok_or_else(|| Fault::new(format!("{code} is no character")))
    }),
    Primitive::new("char-numeric?", 1, 1, |_, _, of| {
        Ok(Value::Bool(character(of[0])?.is_ascii_digit()))
    }),
    Primitive::new("char-whitespace?", 1, 1, |_, _, of| {
        Ok(Value::Bool(character(of[0])?.is_whitespace()))
    }),
    Primitive::new("string-builder", 0, 0, |mc, _, _| {
        Ok(Value::Buffer(Gc::try_new(mc, RefLock::new(Vec::new()))?))
    }),
    Primitive::new("builder-add!", 2, 2, add),
    Primitive::new("builder->string", 1, 1, |mc, _, of| match of[0] {
        Value::Buffer(buffer) => Value::text(mc, &buffer.borrow()),
        other => Err(wrong("a string builder", other)),
    }),
];

fn text<'gc>(of: Value<'gc>) -> Result<&'gc [char], Fault> {
    match of {
        Value::Text(text) => Ok(text.as_ref()),
        other => Err(wrong("a string", other)),
    }
}

fn character(of: Value<'_>) -> Result<char, Fault> {
    match of {
        Value::Char(of) => Ok(of),
        other => Err(wrong("a character", other)),
    }
}

fn printed<'gc>(mc: Mc<'gc>, of: Value<'gc>) -> Result<Value<'gc>, Fault> {
    let mut out = String::new();
    printer::print(&mut out, of, false);
    Value::text(mc, &out.chars().collect::<Vec<_>>())
}

/// Adds a string, or a character.
fn add<'gc>(mc: Mc<'gc>, _: &mut Host, of: &[Value<'gc>]) -> Result<Value<'gc>, Fault> {
    let Value::Buffer(buffer) = of[0] else { return Err(wrong("a string builder", of[0])) };
    match of[1] {
        Value::Char(of) => buffer.borrow_mut(mc).push(of),
        other => buffer.borrow_mut(mc).extend_from_slice(text(other)?),
    }
    Ok(Value::Nothing)
}
