//! The procedures that are written in Rust.
//!
//! Above: the machine, which calls them. Below: values. `numbers.rs`, `lists.rs`, `texts.rs`, `tables.rs`
//! (vectors and tables), `system.rs` (output, the collector).
//!
//! A primitive gets its arguments as a slice of the machine's stack: the root holds them while it runs. It
//! never calls back; what takes procedures is in the prelude, or is a role of the machine's own.

mod lists;
mod numbers;
mod system;
mod tables;
mod texts;

use super::Mc;
use super::fault::Fault;
use super::value::Value;
use alloc_core::gc::Trace;

/// What a primitive does, for any mutation.
pub type Function = for<'gc> fn(Mc<'gc>, &mut Host, &[Value<'gc>]) -> Result<Value<'gc>, Fault>;

pub struct Primitive {
    pub name: &'static str,
    /// How many arguments it takes, at least and at most.
    least: usize,
    most: usize,
    pub role: Role,
}

pub enum Role {
    Function(Function),
    /// What only the machine can do.
    Apply,
    CallCc,
}

/// What primitives do outside the heap. There is no pointer in it.
#[derive(Default, Trace)]
#[trace(leaf)]
pub struct Host {
    pub out: String,
    /// The mutation ends after this instruction.
    pub pause: bool,
}

/// Any number of arguments.
const ANY: usize = usize::MAX;

impl Primitive {
    const fn new(name: &'static str, least: usize, most: usize, run: Function) -> Self {
        Self { name, least, most, role: Role::Function(run) }
    }

    pub fn check(&self, given: usize) -> Result<(), Fault> {
        if (self.least..=self.most).contains(&given) {
            return Ok(());
        }
        let Self { name, least, most, .. } = self;
        let takes = match (least, most) {
            (least, most) if least == most => format!("{least}"),
            (least, &ANY) => format!("at least {least}"),
            _ => format!("{least} to {most}"),
        };
        Err(Fault::new(format!("{name}: takes {takes} arguments, got {given}")))
    }
}

static CONTROL: [Primitive; 2] = [
    Primitive { name: "apply", least: 2, most: ANY, role: Role::Apply },
    Primitive { name: "call/cc", least: 1, most: 1, role: Role::CallCc },
];

pub fn all() -> impl Iterator<Item = &'static Primitive> {
    let of_files = [numbers::ALL, lists::ALL, texts::ALL, tables::ALL, system::ALL];
    CONTROL.iter().chain(of_files.into_iter().flatten())
}

fn wrong(wanted: &str, value: Value<'_>) -> Fault {
    Fault::new(format!("{wanted} was expected, got {}", value.kind()))
}

fn index(value: Value<'_>, end: usize) -> Result<usize, Fault> {
    let Value::Int(index) = value else { return Err(wrong("an integer", value)) };
    usize::try_from(index)
        .ok()
        .filter(|index| *index < end)
        .ok_or_else(|| Fault::new(format!("{index} is not below {end}")))
}

/// A length that somebody asks for: not negative, and not beyond all memory.
fn length(value: Value<'_>) -> Result<usize, Fault> {
    index(value, 1 << 40)
}
