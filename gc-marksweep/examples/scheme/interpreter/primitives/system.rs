//! Output, errors, and the collector as a program sees it.

use super::{ANY, Fault, Primitive, Value};
use crate::collector;
use crate::interpreter::{Mc, printer};

pub static ALL: &[Primitive] = &[
    Primitive::new("display", 1, 1, |_, host, of| {
        printer::print(&mut host.out, of[0], false);
        Ok(Value::Nothing)
    }),
    Primitive::new("write", 1, 1, |_, host, of| {
        printer::print(&mut host.out, of[0], true);
        Ok(Value::Nothing)
    }),
    Primitive::new("newline", 0, 0, |_, host, _| {
        host.out.push('\n');
        Ok(Value::Nothing)
    }),
    Primitive::new("error", 1, ANY, |_, _, of| {
        let mut message = String::new();
        for (index, part) in of.iter().enumerate() {
            let between = if index > 0 { " " } else { "" };
            message.push_str(between);
            printer::print(&mut message, *part, index > 0);
        }
        Err(Fault::new(message))
    }),
    // A collection cannot come while this mutation lasts: it is asked for, and the mutation ends.
    Primitive::new("collect", 0, 0, |mc, host, _| {
        mc.collector().collect_soon();
        host.pause = true;
        Ok(Value::Nothing)
    }),
    Primitive::new("heap-stats", 0, 0, |mc, _, _| stats(mc)),
];

/// `((cycles . n) …)`, with strings for names.
fn stats<'gc>(mc: Mc<'gc>) -> Result<Value<'gc>, Fault> {
    let figures = collector::told(mc.collector());
    let numbers = [
        ("cycles", figures.cycles),
        ("live bytes", figures.live_bytes),
        ("longest pause in microseconds", (figures.pauses.longest_nanos() / 1000) as usize),
    ];
    numbers.into_iter().rev().try_fold(Value::Nil, |tail, (name, number)| {
        let name = Value::text(mc, &name.chars().collect::<Vec<_>>())?;
        let number = Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        Value::pair(mc, Value::pair(mc, name, number)?, tail)
    })
}
