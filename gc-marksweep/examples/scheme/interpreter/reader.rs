//! Text to data.
//!
//! Above: the machine, form by form. Below: symbols, values. Lists that are not closed yet are kept on a
//! stack here, so depth is no matter of Rust's stack. Their items are values of this mutation, and no
//! mutation ends while a form is read.

use super::Mc;
use super::fault::Fault;
use super::symbols::Symbols;
use super::value::Value;
use alloc_core::gc::{Gc, Lock};

/// What stands in the text.
enum Token<'t> {
    Open {
        is_vector: bool,
    },
    Close,
    /// `'`, `` ` `` and `,`: a list of two is meant.
    Prefix(&'static str),
    Dot,
    Text(Vec<char>),
    Char(char),
    Word(&'t str),
}

/// A list that is not closed yet.
struct Open<'gc> {
    begin: usize,
    kind: Kind,
    items: Vec<Value<'gc>>,
    tail: Option<Value<'gc>>,
    dotted: bool,
}

#[derive(PartialEq)]
enum Kind {
    List,
    Vector,
    /// Closes by itself behind its second item.
    Prefix,
}

/// Reads the form at or behind `at`. Gives it, and where it ends; `None` at the end of the text.
pub fn read<'gc>(
    mc: Mc<'gc>,
    symbols: &mut Symbols<'gc>,
    text: &str,
    at: usize,
) -> Result<Option<(Value<'gc>, usize)>, Fault> {
    let mut at = at;
    let mut open: Vec<Open<'gc>> = Vec::new();
    loop {
        let Some((token, begin, end)) = token(text, at)? else {
            return match open.last() {
                Some(open) => Err(Fault::unfinished(place(text, open.begin, "is not closed"))),
                None => Ok(None),
            };
        };
        at = end;
        let mut value = match token {
            Token::Open { is_vector } => {
                let kind = if is_vector { Kind::Vector } else { Kind::List };
                open.push(Open { begin, kind, items: Vec::new(), tail: None, dotted: false });
                continue;
            }
            Token::Prefix(name) => {
                let items = vec![Value::Symbol(symbols.find(mc, name)?)];
                open.push(Open { begin, kind: Kind::Prefix, items, tail: None, dotted: false });
                continue;
            }
            Token::Dot => {
                let dotted = open.last_mut().filter(|open| {
                    open.kind == Kind::List && !open.items.is_empty() && !open.dotted
                });
                dotted.ok_or_else(|| misplaced(text, begin))?.dotted = true;
                continue;
            }
            Token::Close => close(mc, open.pop(), text, begin)?,
            Token::Text(of) => Value::text(mc, &of)?,
            Token::Char(of) => Value::Char(of),
            Token::Word(word) => self::word(mc, symbols, word)?,
        };
        // The value goes into the list around it, which it may close, and so on.
        loop {
            let Some(around) = open.last_mut() else { return Ok(Some((value, at))) };
            if !around.dotted {
                around.items.push(value);
            } else if around.tail.replace(value).is_some() {
                return Err(misplaced(text, begin));
            }
            if around.kind != Kind::Prefix {
                break;
            }
            value = Value::list(mc, &around.items, Value::Nil)?;
            open.pop();
        }
    }
}

fn close<'gc>(
    mc: Mc<'gc>,
    open: Option<Open<'gc>>,
    text: &str,
    at: usize,
) -> Result<Value<'gc>, Fault> {
    match open {
        Some(Open { kind: Kind::List, items, tail, dotted, .. }) if dotted == tail.is_some() => {
            Value::list(mc, &items, tail.unwrap_or(Value::Nil))
        }
        Some(Open { kind: Kind::Vector, items, .. }) => {
            let vector = Gc::try_slice(mc, items.len(), |index| Lock::new(items[index]))?;
            Ok(Value::Vector(vector))
        }
        _ => Err(misplaced(text, at)),
    }
}

/// Whether the text ends within a form, or has a fault: without a heap.
pub fn check(text: &str) -> Result<(), Fault> {
    let (mut at, mut open) = (0, Vec::new());
    while let Some((token, begin, end)) = token(text, at)? {
        at = end;
        match token {
            Token::Open { .. } => open.push(begin),
            Token::Close if open.pop().is_none() => return Err(misplaced(text, begin)),
            _ => {}
        }
    }
    match open.last() {
        Some(&begin) => Err(Fault::unfinished(place(text, begin, "is not closed"))),
        None => Ok(()),
    }
}

/// The next token, where it begins and where it ends.
fn token(text: &str, at: usize) -> Result<Option<(Token<'_>, usize, usize)>, Fault> {
    let mut rest = text[at..].trim_start();
    while rest.starts_with(';') {
        rest = rest.split_once('\n').map_or("", |(_, behind)| behind).trim_start();
    }
    let begin = text.len() - rest.len();
    let Some(first) = rest.chars().next() else { return Ok(None) };
    let one = |token, bytes| Ok(Some((token, begin, begin + bytes)));
    match first {
        '(' | '[' => one(Token::Open { is_vector: false }, 1),
        ')' | ']' => one(Token::Close, 1),
        '\'' => one(Token::Prefix("quote"), 1),
        '`' => one(Token::Prefix("quasiquote"), 1),
        ',' if rest.starts_with(",@") => one(Token::Prefix("unquote-splicing"), 2),
        ',' => one(Token::Prefix("unquote"), 1),
        '"' => string(text, begin).map(|(of, end)| Some((Token::Text(of), begin, end))),
        '#' if rest.starts_with("#(") => one(Token::Open { is_vector: true }, 2),
        '#' if rest.starts_with("#\\") => {
            let (character, bytes) = character(&rest[2..]).ok_or_else(|| misplaced(text, begin))?;
            one(Token::Char(character), 2 + bytes)
        }
        _ => {
            let word = &rest[..rest.find(is_delimiter).unwrap_or(rest.len())];
            one(if word == "." { Token::Dot } else { Token::Word(word) }, word.len())
        }
    }
}

fn is_delimiter(character: char) -> bool {
    character.is_whitespace() || matches!(character, '(' | ')' | '[' | ']' | '"' | ';' | '\'')
}

fn string(text: &str, begin: usize) -> Result<(Vec<char>, usize), Fault> {
    let mut of = Vec::new();
    let mut characters = text[begin..].char_indices().skip(1);
    while let Some((offset, character)) = characters.next() {
        match character {
            '"' => return Ok((of, begin + offset + 1)),
            '\\' => match characters.next() {
                Some((_, 'n')) => of.push('\n'),
                Some((_, 't')) => of.push('\t'),
                Some((_, 'r')) => of.push('\r'),
                Some((_, other)) => of.push(other),
                None => break,
            },
            _ => of.push(character),
        }
    }
    Err(Fault::unfinished(place(text, begin, "is a string without an end")))
}

fn character(rest: &str) -> Option<(char, usize)> {
    let first = rest.chars().next()?;
    let behind = first.len_utf8();
    let word = behind + rest[behind..].find(is_delimiter).unwrap_or(rest.len() - behind);
    if word == behind {
        return Some((first, behind));
    }
    let named = match &rest[..word] {
        "space" => ' ',
        "newline" => '\n',
        "tab" => '\t',
        "return" => '\r',
        "nul" => '\0',
        _ => return None,
    };
    Some((named, word))
}

fn word<'gc>(mc: Mc<'gc>, symbols: &mut Symbols<'gc>, word: &str) -> Result<Value<'gc>, Fault> {
    match word {
        "#t" | "#true" => return Ok(Value::Bool(true)),
        "#f" | "#false" => return Ok(Value::Bool(false)),
        _ => {}
    }
    match number(word) {
        Some(number) => Ok(number),
        None => Ok(Value::Symbol(symbols.find(mc, word)?)),
    }
}

/// The number that a word is, if it is one.
pub fn number<'gc>(word: &str) -> Option<Value<'gc>> {
    if !word.contains(|c: char| c.is_ascii_digit()) || word.contains('_') {
        return None;
    }
    word.parse().map(Value::Int).or_else(|_| word.parse().map(Value::Real)).ok()
}

fn misplaced(text: &str, at: usize) -> Fault {
    Fault::new(place(text, at, "is not expected here"))
}

/// A message that says where in the text something is.
fn place(text: &str, at: usize, what: &str) -> String {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    let found: String = text[at..].chars().take(1).collect();
    format!("line {line}, column {column}: {found} {what}")
}
