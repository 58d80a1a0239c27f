//! The machine: the root of the heap, and the loop over instructions.
//!
//! Above: `mod.rs`, which runs it for some steps in each mutation. Below: the compiler, the primitives.
//!
//! Everything that the machine is in the middle of is in here, so a mutation may end between any two
//! instructions. The stacks are vectors in the root. The root is no object: the collector looks at it
//! between mutations only, and changes of it need no barrier.
//!
//! An instruction allocates first, and changes the machine afterwards. If there is no memory, it has done
//! nothing, and is tried again when the collector has had its turn.

use super::fault::Fault;
use super::primitives::{self, Host, Primitive, Role};
use super::symbols::{Symbol, Symbols, define};
use super::value::{Closure, Outer, Scope, Value, Variables};
use super::{Mc, compiler, printer, reader};
use alloc_core::field;
use alloc_core::gc::{Gc, Lock, Trace, WithTail};
use core::ops::ControlFlow;

/// What a closure does: never changed once it is made, so without locks.
#[derive(Trace)]
pub struct Code<'gc> {
    pub name: Box<str>,
    pub parameters: usize,
    /// Whether further arguments come as a list.
    pub rest: bool,
    /// Variables of a scope: parameters, the list of further ones, and definitions in the body.
    pub slots: usize,
    pub ops: Vec<Op<'gc>>,
}

/// An instruction. Values come from the stack and go there.
#[derive(Clone, Copy, Trace)]
pub enum Op<'gc> {
    Constant(Value<'gc>),
    /// The variable `slot` of the scope that is `depth` scopes further out.
    Local {
        depth: usize,
        slot: usize,
    },
    SetLocal {
        depth: usize,
        slot: usize,
    },
    Global(Gc<'gc, Symbol<'gc>>),
    SetGlobal(Gc<'gc, Symbol<'gc>>),
    Define(Gc<'gc, Symbol<'gc>>),
    Closure(Gc<'gc, Code<'gc>>),
    Pop,
    Jump(usize),
    JumpIfFalse(usize),
    /// Jumps if the value is false, or is true, and keeps it then: `and`, `or`.
    KeepIfFalse(usize),
    KeepIfTrue(usize),
    /// So many arguments lie above the procedure.
    Call(usize),
    TailCall(usize),
    Return,
}

/// Where the machine is in a closure.
#[derive(Clone, Copy, Trace)]
struct Frame<'gc> {
    code: Gc<'gc, Code<'gc>>,
    scope: Scope<'gc>,
    next: usize,
}

/// What `call/cc` gives: a copy of both stacks.
#[derive(Trace)]
pub struct Continuation<'gc> {
    stack: Box<[Value<'gc>]>,
    frames: Box<[Frame<'gc>]>,
}

#[derive(Trace)]
pub struct Machine<'gc> {
    symbols: Symbols<'gc>,
    stack: Vec<Value<'gc>>,
    /// The last one is running.
    frames: Vec<Frame<'gc>>,
    host: Host,
}

impl<'gc> Machine<'gc> {
    pub fn new(mc: Mc<'gc>) -> Result<Self, Fault> {
        let mut symbols = Symbols::default();
        for primitive in primitives::all() {
            let symbol = symbols.find(mc, primitive.name)?;
            define(mc, symbol, Value::Primitive(primitive));
        }
        Ok(Self { symbols, stack: Vec::new(), frames: Vec::new(), host: Host::default() })
    }

    /// Reads and compiles the form at `at`, and makes ready to run it. Gives where it ends.
    pub fn load(&mut self, mc: Mc<'gc>, text: &str, at: usize) -> Result<Option<usize>, Fault> {
        let Some((datum, end)) = reader::read(mc, &mut self.symbols, text, at)? else {
            return Ok(None);
        };
        let code = compiler::compile(mc, &mut self.symbols, datum)?;
        self.frames.push(Frame { code, scope: Scope(None), next: 0 });
        Ok(Some(end))
    }

    /// Forgets what is under way.
    pub fn reset(&mut self) {
        self.stack.clear();
        self.frames.clear();
    }

    /// What was printed since this was asked last.
    pub fn printed(&mut self) -> String {
        core::mem::take(&mut self.host.out)
    }

    /// Prints a value as the prompt does.
    pub fn show(&mut self, value: Value<'gc>) {
        if !matches!(value, Value::Nothing) {
            printer::print(&mut self.host.out, value, true);
            self.host.out.push('\n');
        }
    }

    /// Runs some instructions. It breaks with the value when the form is done.
    pub fn run(&mut self, mc: Mc<'gc>, steps: usize) -> ControlFlow<Result<Value<'gc>, Fault>> {
        for _ in 0..steps {
            match self.step(mc) {
                Ok(()) if self.frames.is_empty() => {
                    return ControlFlow::Break(self.pop());
                }
                // Who wants a collection ends the mutation.
                Ok(()) if core::mem::take(&mut self.host.pause) => break,
                Ok(()) => {}
                Err(fault) => return ControlFlow::Break(Err(fault)),
            }
        }
        ControlFlow::Continue(())
    }

    fn step(&mut self, mc: Mc<'gc>) -> Result<(), Fault> {
        let frame = self.frames.last_mut().ok_or_else(broken)?;
        let op = *frame.code.as_ref().ops.get(frame.next).ok_or_else(broken)?;
        let scope = frame.scope;
        let mut next = frame.next + 1;
        match op {
            Op::Constant(value) => self.stack.push(value),
            Op::Local { depth, slot } => match scope.variable(depth, slot)?.get() {
                Value::Unassigned => {
                    return Err(Fault::new("a variable is used before its definition"));
                }
                value => self.stack.push(value),
            },
            Op::Global(symbol) => self.stack.push(symbol.get()?),
            Op::SetLocal { depth, slot } => {
                let value = self.pop()?;
                scope.set(mc, depth, slot, value)?;
                self.stack.push(Value::Nothing);
            }
            Op::SetGlobal(symbol) => {
                symbol.get()?;
                let value = self.pop()?;
                define(mc, symbol, value);
                self.stack.push(Value::Nothing);
            }
            Op::Define(symbol) => {
                let value = self.pop()?;
                define(mc, symbol, value);
                self.stack.push(Value::Nothing);
            }
            Op::Closure(code) => {
                let closure = Gc::try_new(mc, Closure { code, scope })?;
                self.stack.push(Value::Closure(closure));
            }
            Op::Pop => _ = self.pop()?,
            Op::Jump(to) => next = to,
            Op::JumpIfFalse(to) => {
                if !self.pop()?.is_true() {
                    next = to;
                }
            }
            Op::KeepIfFalse(to) | Op::KeepIfTrue(to) => {
                let value = self.pop()?;
                if value.is_true() == matches!(op, Op::KeepIfTrue(_)) {
                    self.stack.push(value);
                    next = to;
                }
            }
            // These set `next` themselves, once nothing can fail any more.
            Op::Call(arguments) => return self.call(mc, arguments, false),
            Op::TailCall(arguments) => return self.call(mc, arguments, true),
            Op::Return => {
                self.frames.pop();
                return Ok(());
            }
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.next = next;
        }
        Ok(())
    }

    /// Calls the procedure below so many arguments. A tail call takes the place of its caller, so that a
    /// loop needs no room.
    fn call(&mut self, mc: Mc<'gc>, arguments: usize, tail: bool) -> Result<(), Fault> {
        let base = self.stack.len().checked_sub(arguments).ok_or_else(broken)?;
        let below = base.checked_sub(1).ok_or_else(broken)?;
        match self.stack[below] {
            Value::Closure(closure) => {
                let scope = Scope::enter(mc, closure, &self.stack[base..])?;
                self.stack.truncate(below);
                self.leave(tail);
                self.frames.push(Frame { code: closure.code, scope, next: 0 });
            }
            Value::Primitive(primitive) => self.call_primitive(mc, primitive, base, tail)?,
            Value::Continuation(continuation) => {
                let &[value] = &self.stack[base..] else {
                    return Err(Fault::new("a continuation takes one value"));
                };
                let Continuation { stack, frames } = continuation.as_ref();
                self.stack.clone_from(&stack.to_vec());
                self.frames.clone_from(&frames.to_vec());
                self.stack.push(value);
            }
            other => return Err(Fault::new(format!("{} cannot be called", other.kind()))),
        }
        Ok(())
    }

    /// The running closure goes on behind its call, or is done with.
    fn leave(&mut self, tail: bool) {
        if tail {
            self.frames.pop();
        } else if let Some(frame) = self.frames.last_mut() {
            frame.next += 1;
        }
    }

    fn call_primitive(
        &mut self,
        mc: Mc<'gc>,
        primitive: &'static Primitive,
        base: usize,
        tail: bool,
    ) -> Result<(), Fault> {
        let arguments = &self.stack[base..];
        primitive.check(arguments.len())?;
        match primitive.role {
            Role::Function(run) => {
                let value = run(mc, &mut self.host, arguments)
                    .map_err(|fault| fault.in_procedure(primitive.name))?;
                self.stack.truncate(base - 1);
                self.stack.push(value);
                self.leave(tail);
                Ok(())
            }
            // The procedure and its arguments take the place of the call, which is then made again.
            Role::Apply => {
                let list = arguments[arguments.len() - 1];
                if !list.is_list() {
                    return Err(Fault::new("apply: the last argument is not a list"));
                }
                self.stack.pop();
                self.stack.extend(list.items());
                self.stack.remove(base - 1);
                self.call(mc, self.stack.len() - base, tail)
            }
            Role::CallCc => {
                let procedure = arguments[0];
                let mut frames = self.frames.clone();
                if tail {
                    frames.pop();
                } else if let Some(frame) = frames.last_mut() {
                    frame.next += 1;
                }
                let stack = self.stack[..base - 1].into();
                let continuation = Continuation { stack, frames: frames.into() };
                let continuation = Value::Continuation(Gc::try_new(mc, continuation)?);
                self.stack.truncate(base - 1);
                self.stack.extend([procedure, continuation]);
                self.call(mc, 1, tail)
            }
        }
    }

    fn pop(&mut self) -> Result<Value<'gc>, Fault> {
        self.stack.pop().ok_or_else(broken)
    }
}

/// The compiler made code that cannot be: a fault of this program, not of the user's.
fn broken() -> Fault {
    Fault::new("the machine is out of order")
}

impl<'gc> Scope<'gc> {
    /// A new scope, inside that of a closure, with the arguments of a call.
    fn enter(
        mc: Mc<'gc>,
        closure: Gc<'gc, Closure<'gc>>,
        arguments: &[Value<'gc>],
    ) -> Result<Self, Fault> {
        let Closure { code, scope } = closure.as_ref();
        let Code { name, parameters, rest, slots, .. } = code.as_ref();
        let given = arguments.len();
        if given < *parameters || (given > *parameters && !rest) {
            let least = if *rest { "at least " } else { "" };
            let message = format!("{name}: takes {least}{parameters} arguments, got {given}");
            return Err(Fault::new(message));
        }
        let more = match rest {
            true => Value::list(mc, &arguments[*parameters..], Value::Nil)?,
            false => Value::Unassigned,
        };
        if *slots == 0 {
            return Ok(*scope);
        }
        let slot = |index: usize| {
            let in_call = if index < *parameters { arguments.get(index).copied() } else { None };
            Lock::new(in_call.unwrap_or(if index == *parameters {
                more
            } else {
                Value::Unassigned
            }))
        };
        Ok(Self(Some(Gc::try_with_tail(mc, Outer(*scope), *slots, slot)?)))
    }

    /// The scope that is so many scopes further out.
    fn outwards(self, depth: usize) -> Result<Variables<'gc>, Fault> {
        let mut scope = self.0.ok_or_else(broken)?;
        for _ in 0..depth {
            scope = scope.head.0.0.ok_or_else(broken)?;
        }
        Ok(scope)
    }

    fn variable(self, depth: usize, slot: usize) -> Result<&'gc Lock<Value<'gc>>, Fault> {
        self.outwards(depth)?.as_ref().tail.get(slot).ok_or_else(broken)
    }

    fn set(self, mc: Mc<'gc>, depth: usize, slot: usize, value: Value<'gc>) -> Result<(), Fault> {
        let scope = self.outwards(depth)?;
        let variables = field!(scope.write(mc), WithTail, tail);
        variables.get(slot).ok_or_else(broken)?.set(value);
        Ok(())
    }
}
