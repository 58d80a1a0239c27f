//! serde_json: a text becomes a tree of values.
//!
//! The records have numbers, strings, lists and objects of a few fields, as an export of a shop might.

use super::{Random, Ready, scaled};
use serde_json::Value;
use std::fmt::Write;

const FULL_BYTES: usize = 100_000_000;

pub(super) fn prepare(percent: usize, threads: usize) -> Ready {
    let bytes = scaled(FULL_BYTES, percent) / threads;
    let texts: Vec<_> = (0..threads).map(|n| text(bytes, n as u64)).collect();
    Box::new(move || {
        std::thread::scope(|scope| {
            let others = texts[1..].iter().map(|text| scope.spawn(|| leaves(&parsed(text))));
            let others: Vec<_> = others.collect();
            let own = leaves(&parsed(&texts[0]));
            own + others.into_iter().map(|other| other.join().expect("it ends well")).sum::<u64>()
        })
    })
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("it was written as JSON")
}

/// How many values are no lists and no objects.
fn leaves(value: &Value) -> u64 {
    match value {
        Value::Array(values) => values.iter().map(leaves).sum(),
        Value::Object(fields) => fields.values().map(leaves).sum(),
        _ => 1,
    }
}

/// A list of records, of about so many bytes.
fn text(bytes: usize, seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut text = String::with_capacity(bytes + 1024);
    text.push('[');
    while text.len() < bytes {
        record(&mut text, &mut random).expect("strings take all that is written");
        text.push(',');
    }
    text.push_str("null]");
    text
}

fn record(text: &mut String, random: &mut Random) -> std::fmt::Result {
    let (id, price) = (random.below(1 << 40), random.below(1_000_000) as f64 / 100.0);
    write!(
        text,
        r#"{{"id":{id},"price":{price},"name":"article {}","tags":["#,
        random.below(99_999)
    )?;
    for _ in 0..random.below(6) {
        write!(text, r#""tag-{}","#, random.below(500))?;
    }
    write!(
        text,
        r#""last"],"stock":{{"here":{},"there":{}}},"#,
        random.below(99),
        random.below(9)
    )?;
    write!(text, r#""text":"{:w$}","parent":null,"on":true}}"#, "", w = random.below(120) as usize)
}
