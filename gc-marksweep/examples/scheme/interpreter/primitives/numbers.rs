//! Numbers: integers of 64 bits, which become real numbers when they overflow.

use super::{ANY, Fault, Primitive, Value, wrong};

pub static ALL: &[Primitive] = &[
    Primitive::new("+", 0, ANY, |_, _, of| fold(of, Value::Int(0), i64::checked_add, |a, b| a + b)),
    Primitive::new("*", 0, ANY, |_, _, of| fold(of, Value::Int(1), i64::checked_mul, |a, b| a * b)),
    Primitive::new("-", 1, ANY, |_, _, of| match of {
        [one] => fold(&[*one], Value::Int(0), i64::checked_sub, |a, b| a - b),
        [first, rest @ ..] => fold(rest, *first, i64::checked_sub, |a, b| a - b),
        [] => Ok(Value::Int(0)),
    }),
    Primitive::new("/", 2, 2, |_, _, of| match (of[0], of[1]) {
        (_, Value::Int(0)) => Err(Fault::new("division by zero")),
        (Value::Int(a), Value::Int(b)) if a.checked_rem(b) == Some(0) => Ok(Value::Int(a / b)),
        (a, b) => Ok(Value::Real(real(a)? / real(b)?)),
    }),
    Primitive::new("quotient", 2, 2, |_, _, of| whole(of, i64::checked_div)),
    Primitive::new("remainder", 2, 2, |_, _, of| whole(of, i64::checked_rem)),
    Primitive::new("modulo", 2, 2, |_, _, of| {
        whole(of, |a, b| {
            let rest = a.checked_rem(b)?;
            Some(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
        })
    }),
    Primitive::new("=", 1, ANY, |_, _, of| compare(of, |a, b| a == b)),
    Primitive::new("<", 1, ANY, |_, _, of| compare(of, |a, b| a < b)),
    Primitive::new(">", 1, ANY, |_, _, of| compare(of, |a, b| a > b)),
    Primitive::new("<=", 1, ANY, |_, _, of| compare(of, |a, b| a <= b)),
    Primitive::new(">=", 1, ANY, |_, _, of| compare(of, |a, b| a >= b)),
    Primitive::new("number?", 1, 1, |_, _, of| {
        Ok(Value::Bool(matches!(of[0], Value::Int(_) | Value::Real(_))))
    }),
    Primitive::new("integer?", 1, 1, |_, _, of| Ok(Value::Bool(matches!(of[0], Value::Int(_))))),
    Primitive::new("sqrt", 1, 1, |_, _, of| Ok(Value::Real(real(of[0])?.sqrt()))),
    Primitive::new("expt", 2, 2, |_, _, of| match (of[0], of[1]) {
        (Value::Int(a), Value::Int(b)) if b >= 0 => {
            let power = u32::try_from(b).ok().and_then(|b| a.checked_pow(b));
            Ok(power.map_or_else(|| Value::Real((a as f64).powf(b as f64)), Value::Int))
        }
        (a, b) => Ok(Value::Real(real(a)?.powf(real(b)?))),
    }),
    Primitive::new("round", 1, 1, |_, _, of| match of[0] {
        Value::Int(of) => Ok(Value::Int(of)),
        of => Ok(Value::Real(real(of)?.round_ties_even())),
    }),
    Primitive::new("exact", 1, 1, |_, _, of| match of[0] {
        Value::Real(of) if of.fract() == 0.0 && of.abs() < 9e18 => Ok(Value::Int(of as i64)),
        Value::Int(of) => Ok(Value::Int(of)),
        of => Err(wrong("a whole number", of)),
    }),
    Primitive::new("exact->inexact", 1, 1, |_, _, of| Ok(Value::Real(real(of[0])?))),
];

fn real(of: Value<'_>) -> Result<f64, Fault> {
    match of {
        Value::Int(of) => Ok(of as f64),
        Value::Real(of) => Ok(of),
        other => Err(wrong("a number", other)),
    }
}

fn fold<'gc>(
    of: &[Value<'gc>],
    first: Value<'gc>,
    whole: fn(i64, i64) -> Option<i64>,
    part: fn(f64, f64) -> f64,
) -> Result<Value<'gc>, Fault> {
    let mut sum = first;
    real(first)?;
    for next in of {
        let exact = match (sum, *next) {
            (Value::Int(a), Value::Int(b)) => whole(a, b),
            _ => None,
        };
        sum = match exact {
            Some(exact) => Value::Int(exact),
            None => Value::Real(part(real(sum)?, real(*next)?)),
        };
    }
    Ok(sum)
}

fn whole<'gc>(
    of: &[Value<'gc>],
    of_both: fn(i64, i64) -> Option<i64>,
) -> Result<Value<'gc>, Fault> {
    match (of[0], of[1]) {
        (Value::Int(a), Value::Int(b)) => {
            of_both(a, b).map(Value::Int).ok_or_else(|| Fault::new("division by zero"))
        }
        (Value::Int(_), other) | (other, _) => Err(wrong("an integer", other)),
    }
}

fn compare<'gc>(of: &[Value<'gc>], holds: fn(f64, f64) -> bool) -> Result<Value<'gc>, Fault> {
    real(of[0])?;
    for two in of.windows(2) {
        if !holds(real(two[0])?, real(two[1])?) {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}
