//! Data to code.
//!
//! Above: the machine. Below: `forms.rs`, which rewrites what is made of other forms. Here: the forms that
//! are compiled directly, variables, calls.
//!
//! A whole form is compiled in one mutation, so what is half done may be kept in plain Rust: vectors of
//! instructions that hold pointers, on Rust's stack.

use super::Mc;
use super::fault::Fault;
use super::forms;
use super::machine::{Code, Op};
use super::symbols::{Symbol, Symbols};
use super::value::Value;
use alloc_core::gc::Gc;

/// Forms may be nested so deep: the compiler is recursive.
const DEEPEST: usize = 500;

/// Compiles a form as the code of a closure without parameters.
pub fn compile<'gc>(
    mc: Mc<'gc>,
    symbols: &mut Symbols<'gc>,
    datum: Value<'gc>,
) -> Result<Gc<'gc, Code<'gc>>, Fault> {
    let mut compiler = Compiler { mc, symbols, closures: Vec::new(), depth: 0 };
    let mut ops = Vec::new();
    compiler.expression(datum, &mut ops, true)?;
    let code = Code { name: "form".into(), parameters: 0, rest: false, slots: 0, ops };
    Ok(Gc::try_new(mc, code)?)
}

pub struct Compiler<'c, 'gc> {
    pub mc: Mc<'gc>,
    pub symbols: &'c mut Symbols<'gc>,
    /// The variables of each closure around, the innermost last. One without variables has no scope.
    closures: Vec<Vec<Gc<'gc, Symbol<'gc>>>>,
    depth: usize,
}

type Ops<'gc> = Vec<Op<'gc>>;

impl<'gc> Compiler<'_, 'gc> {
    /// Compiles an expression, whose value ends on the stack; with `tail`, the closure returns it.
    pub fn expression(
        &mut self,
        datum: Value<'gc>,
        ops: &mut Ops<'gc>,
        tail: bool,
    ) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Fault::new("forms are nested too deep"));
        }
        let done = match datum {
            Value::Symbol(symbol) => {
                ops.push(match self.place(symbol) {
                    Some((depth, slot)) => Op::Local { depth, slot },
                    None => Op::Global(symbol),
                });
                false
            }
            Value::Pair(pair) => self.list(datum, pair.head.get(), ops, tail)?,
            Value::Nil => return Err(Fault::new("(): a call without a procedure")),
            constant => {
                ops.push(Op::Constant(constant));
                false
            }
        };
        if tail && !done {
            ops.push(Op::Return);
        }
        self.depth -= 1;
        Ok(())
    }

    /// A list: a form, or a call. `true`: what it is has returned already.
    fn list(
        &mut self,
        datum: Value<'gc>,
        head: Value<'gc>,
        ops: &mut Ops<'gc>,
        tail: bool,
    ) -> Result<bool, Fault> {
        if !datum.is_list() {
            return Err(Fault::new("a form is a list that ends"));
        }
        let items: Vec<_> = datum.items().skip(1).collect();
        if let Value::Symbol(name) = head
            && self.place(name).is_none()
        {
            if let Some(done) = self.form(&name.name, &items, ops, tail)? {
                return Ok(done);
            }
            if let Some(other) = forms::rewrite(self, &name.name, &items)? {
                self.expression(other, ops, tail)?;
                return Ok(tail);
            }
        }
        self.expression(head, ops, false)?;
        for item in &items {
            self.expression(*item, ops, false)?;
        }
        ops.push(if tail { Op::TailCall(items.len()) } else { Op::Call(items.len()) });
        Ok(tail)
    }

    /// A form that is compiled directly. `None`: there is none of that name.
    fn form(
        &mut self,
        name: &str,
        items: &[Value<'gc>],
        ops: &mut Ops<'gc>,
        tail: bool,
    ) -> Result<Option<bool>, Fault> {
        match (name, items) {
            ("quote", &[datum]) => ops.push(Op::Constant(datum)),
            ("if", &[test, yes]) => return self.branch(test, yes, Value::Nothing, ops, tail),
            ("if", &[test, yes, no]) => return self.branch(test, yes, no, ops, tail),
            ("define", &[Value::Symbol(name), value]) => {
                self.value_of(name, value, ops)?;
                self.assign(name, ops, Op::Define(name));
            }
            ("define", &[Value::Pair(of), ref body @ ..]) => {
                // (define (name . parameters) . body)
                let Value::Symbol(name) = of.head.get() else { return Err(malformed("define")) };
                self.closure(&name.name, of.tail.get(), body, ops)?;
                self.assign(name, ops, Op::Define(name));
            }
            ("set!", &[Value::Symbol(name), value]) => {
                self.value_of(name, value, ops)?;
                self.assign(name, ops, Op::SetGlobal(name));
            }
            ("lambda", &[parameters, ref body @ ..]) => {
                self.closure("lambda", parameters, body, ops)?;
            }
            ("begin", []) => ops.push(Op::Constant(Value::Nothing)),
            ("begin", body) => {
                self.sequence(body, ops, tail)?;
                return Ok(Some(tail));
            }
            ("and", []) => ops.push(Op::Constant(Value::Bool(true))),
            ("or", []) => ops.push(Op::Constant(Value::Bool(false))),
            ("and", items) => return self.chain(items, Op::KeepIfFalse, ops, tail),
            ("or", items) => return self.chain(items, Op::KeepIfTrue, ops, tail),
            ("quote" | "if" | "define" | "set!" | "lambda", _) => return Err(malformed(name)),
            _ => return Ok(None),
        }
        Ok(Some(false))
    }

    /// A value that is given a name: a closure bears it.
    fn value_of(
        &mut self,
        name: Gc<'gc, Symbol<'gc>>,
        value: Value<'gc>,
        ops: &mut Ops<'gc>,
    ) -> Result<(), Fault> {
        if let Value::Pair(pair) = value
            && let Value::Symbol(head) = pair.head.get()
            && &*head.name == "lambda"
            && value.is_list()
            && let [_, parameters, ref body @ ..] = value.items().collect::<Vec<_>>()[..]
        {
            return self.closure(&name.name, parameters, body, ops);
        }
        self.expression(value, ops, false)
    }

    fn branch(
        &mut self,
        test: Value<'gc>,
        yes: Value<'gc>,
        no: Value<'gc>,
        ops: &mut Ops<'gc>,
        tail: bool,
    ) -> Result<Option<bool>, Fault> {
        self.expression(test, ops, false)?;
        let to_no = ops.len();
        ops.push(Op::JumpIfFalse(0));
        self.expression(yes, ops, tail)?;
        let to_end = ops.len();
        if !tail {
            ops.push(Op::Jump(0));
        }
        ops[to_no] = Op::JumpIfFalse(ops.len());
        self.expression(no, ops, tail)?;
        if !tail {
            ops[to_end] = Op::Jump(ops.len());
        }
        Ok(Some(tail))
    }

    /// `and`, `or`: each but the last may be the value.
    fn chain(
        &mut self,
        items: &[Value<'gc>],
        keep: fn(usize) -> Op<'gc>,
        ops: &mut Ops<'gc>,
        tail: bool,
    ) -> Result<Option<bool>, Fault> {
        let mut jumps = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let is_last = index + 1 == items.len();
            self.expression(*item, ops, tail && is_last)?;
            if !is_last {
                jumps.push(ops.len());
                ops.push(keep(0));
            }
        }
        let end = ops.len();
        jumps.iter().for_each(|&jump| ops[jump] = keep(end));
        if tail && !jumps.is_empty() {
            ops.push(Op::Return);
        }
        Ok(Some(tail))
    }

    fn sequence(
        &mut self,
        body: &[Value<'gc>],
        ops: &mut Ops<'gc>,
        tail: bool,
    ) -> Result<(), Fault> {
        for (index, item) in body.iter().enumerate() {
            let is_last = index + 1 == body.len();
            self.expression(*item, ops, tail && is_last)?;
            if !is_last {
                ops.push(Op::Pop);
            }
        }
        Ok(())
    }

    fn closure(
        &mut self,
        name: &str,
        parameters: Value<'gc>,
        body: &[Value<'gc>],
        ops: &mut Ops<'gc>,
    ) -> Result<(), Fault> {
        if body.is_empty() {
            return Err(malformed(name));
        }
        let mut variables = Vec::new();
        let mut rest = parameters;
        while let Value::Pair(pair) = rest {
            variables.push(forms::symbol(pair.head.get(), name)?);
            rest = pair.tail.get();
        }
        let count = variables.len();
        let has_rest = !matches!(rest, Value::Nil);
        if has_rest {
            variables.push(forms::symbol(rest, name)?);
        }
        variables.extend(forms::definitions(body));
        let slots = variables.len();
        self.closures.push(variables);
        let mut code = Vec::new();
        self.sequence(body, &mut code, true)?;
        self.closures.pop();
        let code = Code { name: name.into(), parameters: count, rest: has_rest, slots, ops: code };
        ops.push(Op::Closure(Gc::try_new(self.mc, code)?));
        Ok(())
    }

    fn assign(&self, name: Gc<'gc, Symbol<'gc>>, ops: &mut Ops<'gc>, global: Op<'gc>) {
        ops.push(match self.place(name) {
            Some((depth, slot)) => Op::SetLocal { depth, slot },
            None => global,
        });
    }

    /// How many scopes further out a variable is, and which of the scope's it is. `None`: it is global.
    fn place(&self, name: Gc<'gc, Symbol<'gc>>) -> Option<(usize, usize)> {
        let scopes = self.closures.iter().rev().filter(|variables| !variables.is_empty());
        scopes.enumerate().find_map(|(depth, variables)| {
            let slot = variables.iter().rposition(|variable| variable.ptr_eq(name))?;
            Some((depth, slot))
        })
    }
}

pub fn malformed(name: &str) -> Fault {
    Fault::new(format!("{name}: malformed"))
}
