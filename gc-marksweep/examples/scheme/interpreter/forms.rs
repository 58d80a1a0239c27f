//! Forms that are made of others: they are rewritten as data, and compiled then.
//!
//! Above: the compiler. Below: values. The new data live in the heap like all others, and are garbage as
//! soon as the code is made.

use super::compiler::{Compiler, malformed};
use super::fault::Fault;
use super::symbols::Symbol;
use super::value::Value;
use alloc_core::gc::Gc;

type Made<'gc> = Result<Value<'gc>, Fault>;

/// The form in other words. `None`: there is no form of that name.
pub fn rewrite<'gc>(
    of: &mut Compiler<'_, 'gc>,
    name: &str,
    items: &[Value<'gc>],
) -> Result<Option<Value<'gc>>, Fault> {
    Ok(Some(match (name, items) {
        ("let", &[Value::Symbol(name), bindings, ref body @ ..]) => {
            of.loops(name, bindings, body)?
        }
        ("let", &[bindings, ref body @ ..]) => of.let_all(bindings, body)?,
        ("let*", &[bindings, ref body @ ..]) => of.let_each(bindings, body)?,
        ("letrec" | "letrec*", &[bindings, ref body @ ..]) => of.let_rec(bindings, body)?,
        ("cond", clauses) => of.cond(clauses)?,
        ("case", &[key, ref clauses @ ..]) => of.case(key, clauses)?,
        ("when", &[test, ref body @ ..]) => {
            let body = of.begin(body)?;
            of.make("if", &[test, body])?
        }
        ("unless", &[test, ref body @ ..]) => {
            let body = of.begin(body)?;
            of.make("if", &[test, Value::Nothing, body])?
        }
        ("do", &[bindings, end, ref body @ ..]) => of.do_loop(bindings, end, body)?,
        ("quasiquote", &[datum]) => of.quasiquote(datum)?,
        ("let" | "let*" | "letrec" | "case" | "when" | "unless" | "do" | "quasiquote", _) => {
            return Err(malformed(name));
        }
        _ => return Ok(None),
    }))
}

/// The names that a body defines.
pub fn definitions<'gc>(body: &[Value<'gc>]) -> Vec<Gc<'gc, Symbol<'gc>>> {
    let mut names = Vec::new();
    for item in body.iter().filter(|item| item.is_list()) {
        let items: Vec<_> = item.items().collect();
        let [Value::Symbol(form), ref rest @ ..] = items[..] else { continue };
        match (&*form.name, rest) {
            ("define", &[Value::Symbol(name), ..]) => names.push(name),
            ("define", &[Value::Pair(of), ..]) => {
                if let Value::Symbol(name) = of.head.get() {
                    names.push(name);
                }
            }
            ("begin", body) => names.extend(definitions(body)),
            _ => {}
        }
    }
    names
}

pub fn symbol<'gc>(of: Value<'gc>, form: &str) -> Result<Gc<'gc, Symbol<'gc>>, Fault> {
    match of {
        Value::Symbol(symbol) => Ok(symbol),
        _ => Err(malformed(form)),
    }
}

fn items<'gc>(of: Value<'gc>, form: &str) -> Result<Vec<Value<'gc>>, Fault> {
    if of.is_list() { Ok(of.items().collect()) } else { Err(malformed(form)) }
}

/// `((name value) …)` as names and values.
fn bindings<'gc>(of: Value<'gc>, form: &str) -> Result<(Vec<Value<'gc>>, Vec<Value<'gc>>), Fault> {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for binding in items(of, form)? {
        match items(binding, form)?[..] {
            [name @ Value::Symbol(_), value] => {
                names.push(name);
                values.push(value);
            }
            _ => return Err(malformed(form)),
        }
    }
    Ok((names, values))
}

impl<'gc> Compiler<'_, 'gc> {
    fn name(&mut self, name: &str) -> Made<'gc> {
        Ok(Value::Symbol(self.symbols.find(self.mc, name)?))
    }

    fn listed(&mut self, items: &[Value<'gc>]) -> Made<'gc> {
        Value::list(self.mc, items, Value::Nil)
    }

    /// `(name . items)`
    fn make(&mut self, name: &str, items: &[Value<'gc>]) -> Made<'gc> {
        let (name, items) = (self.name(name)?, self.listed(items)?);
        Value::pair(self.mc, name, items)
    }

    fn begin(&mut self, body: &[Value<'gc>]) -> Made<'gc> {
        self.make("begin", body)
    }

    fn lambda(&mut self, parameters: &[Value<'gc>], body: &[Value<'gc>]) -> Made<'gc> {
        let parameters = self.listed(parameters)?;
        self.make("lambda", &[&[parameters], body].concat())
    }

    /// `((lambda names . body) . values)`
    fn let_all(&mut self, of: Value<'gc>, body: &[Value<'gc>]) -> Made<'gc> {
        let (names, values) = bindings(of, "let")?;
        let lambda = self.lambda(&names, body)?;
        self.listed(&[&[lambda], &values[..]].concat())
    }

    /// A `let` in a `let`.
    fn let_each(&mut self, of: Value<'gc>, body: &[Value<'gc>]) -> Made<'gc> {
        match items(of, "let*")?[..] {
            [] | [_] => self.let_all(of, body),
            [first, ref rest @ ..] => {
                let rest = self.listed(rest)?;
                let inner = self.make("let*", &[&[rest], body].concat())?;
                let first = self.listed(&[first])?;
                self.let_all(first, &[inner])
            }
        }
    }

    /// Definitions in a body.
    fn let_rec(&mut self, of: Value<'gc>, body: &[Value<'gc>]) -> Made<'gc> {
        let (names, values) = bindings(of, "letrec")?;
        let mut all = Vec::new();
        for (name, value) in names.into_iter().zip(values) {
            all.push(self.make("define", &[name, value])?);
        }
        // A body of its own, for what it may define.
        let inner = self.lambda(&[], body)?;
        all.push(self.listed(&[inner])?);
        let outer = self.lambda(&[], &all)?;
        self.listed(&[outer])
    }

    /// `(let name bindings . body)`: the values are made where the name is not known.
    fn loops(
        &mut self,
        name: Gc<'gc, Symbol<'gc>>,
        of: Value<'gc>,
        body: &[Value<'gc>],
    ) -> Made<'gc> {
        let (names, values) = bindings(of, "let")?;
        let name = Value::Symbol(name);
        let lambda = self.lambda(&names, body)?;
        let define = self.make("define", &[name, lambda])?;
        let outer = self.lambda(&[], &[define, name])?;
        let procedure = self.listed(&[outer])?;
        self.listed(&[&[procedure], &values[..]].concat())
    }

    fn cond(&mut self, clauses: &[Value<'gc>]) -> Made<'gc> {
        let [first, rest @ ..] = clauses else { return Ok(Value::Nothing) };
        let clause = items(*first, "cond")?;
        let [test, ref body @ ..] = clause[..] else { return Err(malformed("cond")) };
        if is_named(test, "else") {
            return self.begin(body);
        }
        let rest = self.make("cond", rest)?;
        match *body {
            [] => self.make("or", &[test, rest]),
            [arrow, receiver] if is_named(arrow, "=>") => {
                // The name cannot be written, so that it hides no other.
                let value = self.name(" value")?;
                let call = self.listed(&[receiver, value])?;
                let branch = self.make("if", &[value, call, rest])?;
                let binding = self.listed(&[value, test])?;
                let bindings = self.listed(&[binding])?;
                self.make("let", &[bindings, branch])
            }
            _ => {
                let body = self.begin(body)?;
                self.make("if", &[test, body, rest])
            }
        }
    }

    fn case(&mut self, key: Value<'gc>, clauses: &[Value<'gc>]) -> Made<'gc> {
        let value = self.name(" key")?;
        let mut tests = Vec::new();
        for clause in clauses {
            let clause = items(*clause, "case")?;
            let [data, ref body @ ..] = clause[..] else { return Err(malformed("case")) };
            let test = if is_named(data, "else") {
                data
            } else {
                let data = self.make("quote", &[data])?;
                self.make("memv", &[value, data])?
            };
            tests.push(self.listed(&[&[test], body].concat())?);
        }
        let cond = self.make("cond", &tests)?;
        let binding = self.listed(&[value, key])?;
        let bindings = self.listed(&[binding])?;
        self.make("let", &[bindings, cond])
    }

    /// `(do ((name value step) …) (test . result) . body)`
    fn do_loop(&mut self, of: Value<'gc>, end: Value<'gc>, body: &[Value<'gc>]) -> Made<'gc> {
        let name = self.name(" loop")?;
        let (mut pairs, mut steps) = (Vec::new(), vec![name]);
        for binding in items(of, "do")? {
            let (pair, step) = match items(binding, "do")?[..] {
                [name, value] => ([name, value], name),
                [name, value, step] => ([name, value], step),
                _ => return Err(malformed("do")),
            };
            pairs.push(self.listed(&pair)?);
            steps.push(step);
        }
        let end = items(end, "do")?;
        let [test, ref result @ ..] = end[..] else { return Err(malformed("do")) };
        let result = self.begin(result)?;
        let again = self.listed(&steps)?;
        let body = self.begin(&[body, &[again]].concat())?;
        let branch = self.make("if", &[test, result, body])?;
        let pairs = self.listed(&pairs)?;
        self.make("let", &[name, pairs, branch])
    }

    fn quasiquote(&mut self, datum: Value<'gc>) -> Made<'gc> {
        let Value::Pair(pair) = datum else { return self.make("quote", &[datum]) };
        let (head, tail) = (pair.head.get(), pair.tail.get());
        if is_named(head, "unquote") {
            return items(tail, "unquote")?.first().copied().ok_or_else(|| malformed("unquote"));
        }
        let rest = self.make("quasiquote", &[tail])?;
        if let Value::Pair(inner) = head
            && is_named(inner.head.get(), "unquote-splicing")
        {
            let spliced = items(inner.tail.get(), "unquote-splicing")?;
            let [spliced] = spliced[..] else { return Err(malformed("unquote-splicing")) };
            return self.make("append", &[spliced, rest]);
        }
        let head = self.make("quasiquote", &[head])?;
        self.make("cons", &[head, rest])
    }
}

fn is_named(of: Value<'_>, name: &str) -> bool {
    matches!(of, Value::Symbol(symbol) if &*symbol.name == name)
}
