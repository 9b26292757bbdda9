//! Checks the JSON of an expression and gives every part its type.

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::Value;

use crate::calendar::Part;
use crate::expr::{Expr, Node, Op, Scalar};
use crate::types::Type;
use crate::zone::Zone;

/// Deepest nesting of an expression: evaluation recurses, and JSON itself is read to a depth of 128 only.
pub const DEPTH_MAX: usize = 48;

/// What names in an expression can stand for.
pub trait Scope {
    /// The field expression of that name.
    fn field(&self, name: &str) -> Result<Expr, String>;

    /// The feature reference in a vector; elsewhere an error that says so.
    fn feature(&mut self, object: &serde_json::Map<String, Value>) -> Result<Expr, String>;

    /// The feature of the same view at a place, in a feature made of others.
    fn own(&self, _: usize) -> Result<Expr, String> {
        Err("features of the same view can only be read by a feature made of them".into())
    }

    /// The time of the read, in a feature made of others.
    fn now(&self) -> Result<Expr, String> {
        Err("the time of the read is known only to a feature made of others".into())
    }
}

/// Compiles the JSON of one expression.
pub fn compile(json: &Value, scope: &mut dyn Scope) -> Result<Expr, String> {
    expression(json, scope, 0)
}

fn expression(json: &Value, scope: &mut dyn Scope, depth: usize) -> Result<Expr, String> {
    if depth > DEPTH_MAX {
        return Err(format!(
            "expression nested deeper than {DEPTH_MAX}; split it"
        ));
    }
    let object = json
        .as_object()
        .ok_or_else(|| format!("an expression is an object, got {json}"))?;
    let name = object
        .get("op")
        .and_then(Value::as_str)
        .ok_or("an expression needs \"op\"")?;
    match name {
        "field" => {
            let name = object
                .get("name")
                .and_then(Value::as_str)
                .ok_or("op 'field' needs \"name\"")?;
            scope.field(name)
        }
        "lit" => literal(
            object.get("type").unwrap_or(&Value::Null),
            object.get("value"),
        ),
        "feature" => scope.feature(object),
        "own" => {
            let feature = object.get("feature").and_then(Value::as_u64);
            scope.own(feature.ok_or("op 'own' needs \"feature\"")? as usize)
        }
        "now" => scope.now(),
        _ => {
            let operands = object
                .get("args")
                .and_then(Value::as_array)
                .ok_or_else(|| format!("operation '{name}' needs \"args\""))?
                .iter()
                .map(|operand| expression(operand, scope, depth + 1))
                .collect::<Result<Vec<_>, _>>()?;
            if let Some(part) = Part::parse(name) {
                return calendar(part, operands);
            }
            let op = Op::parse(name).ok_or_else(|| format!("unknown operation '{name}'"))?;
            call(op, operands)
        }
    }
}

fn literal(ty: &Value, value: Option<&Value>) -> Result<Expr, String> {
    let ty = ty
        .as_str()
        .and_then(Type::parse)
        .ok_or_else(|| format!("literal of unknown type {ty}"))?;
    let value = value.unwrap_or(&Value::Null);
    let scalar = match ty {
        _ if value.is_null() => Some(Scalar::Null),
        Type::Bool => value.as_bool().map(Scalar::Bool),
        Type::Float => value
            .as_f64()
            .filter(|value| value.is_finite())
            .map(Scalar::Float),
        Type::String => value.as_str().map(|text| Scalar::Text(text.into())),
        Type::Int | Type::Time | Type::Duration => value.as_i64().map(Scalar::Whole),
    };
    let scalar = scalar.ok_or_else(|| format!("literal {value} is not of type {ty}"))?;
    Ok(Expr {
        ty,
        nullable: scalar == Scalar::Null,
        node: Node::Literal(scalar),
    })
}

/// A part of a time in a zone, which is a literal.
fn calendar(part: Part, operands: Vec<Expr>) -> Result<Expr, String> {
    let [time, zone] = <[Expr; 2]>::try_from(operands)
        .map_err(|_| format!("operation '{}' takes a time and a zone", part.name()))?;
    let (Type::Time, Node::Literal(Scalar::Text(zone))) = (time.ty, zone.node) else {
        return Err(format!(
            "operation '{}' takes a time and the name of a zone as a literal",
            part.name()
        ));
    };
    Ok(Expr {
        ty: part.ty(),
        nullable: true,
        node: Node::Calendar(part, Arc::new(Zone::parse(&zone)?), Box::new(time)),
    })
}

/// Applies an operation to checked operands.
pub fn call(op: Op, mut operands: Vec<Expr>) -> Result<Expr, String> {
    if !arity(op).contains(&operands.len()) {
        return Err(format!(
            "operation '{}' does not take {} operands",
            op.name(),
            operands.len()
        ));
    }
    let ty = result(op, &mut operands)?;
    let nullable = nullable(op, &operands, ty);
    Ok(Expr {
        ty,
        nullable,
        node: Node::Call(op, operands),
    })
}

#[allow(clippy::match_same_arms, reason = "a table")]
fn arity(op: Op) -> RangeInclusive<usize> {
    match op {
        Op::Neg | Op::Not | Op::IsNull | Op::Abs | Op::Log | Op::Exp | Op::Sqrt => 1..=1,
        Op::Floor | Op::Ceil | Op::Round | Op::Seconds | Op::Length | Op::Lower => 1..=1,
        Op::ToInt | Op::ToString | Op::ToFloat => 1..=1,
        Op::If | Op::Clip => 3..=3,
        Op::DistanceKm => 4..=4,
        Op::Coalesce => 1..=usize::MAX,
        Op::In | Op::And | Op::Or => 2..=usize::MAX,
        _ => 2..=2,
    }
}

/// The result's type; ints beside floats, and where only floats are taken, are made floats.
fn result(op: Op, operands: &mut Vec<Expr>) -> Result<Type, String> {
    let ty = match op {
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod => arithmetic(op, operands)?,
        Op::Eq | Op::Ne => {
            unify(op, operands)?;
            Type::Bool
        }
        Op::Lt | Op::Le | Op::Gt | Op::Ge => match unify(op, operands)? {
            Type::Bool => return Err(mismatch(op, operands)),
            _ => Type::Bool,
        },
        Op::IsNull => Type::Bool,
        Op::Coalesce => unify(op, operands)?,
        Op::If => {
            let mut branches = operands.split_off(1);
            if operands[0].ty != Type::Bool {
                return Err(mismatch(op, operands));
            }
            let ty = unify(op, &mut branches)?;
            operands.append(&mut branches);
            ty
        }
        Op::Min2 | Op::Max2 | Op::Clip => match unify(op, operands)? {
            Type::Bool | Type::String => return Err(mismatch(op, operands)),
            ty => ty,
        },
        Op::Log | Op::Exp | Op::Sqrt | Op::Pow | Op::DistanceKm => {
            if !operands.iter().all(|operand| operand.ty.is_number()) {
                return Err(mismatch(op, operands));
            }
            operands.iter_mut().for_each(to_float);
            Type::Float
        }
        Op::In => {
            unify(op, operands)?;
            let constant = |operand: &Expr| match &operand.node {
                Node::Literal(scalar) => *scalar != Scalar::Null,
                Node::Call(Op::ToFloat, inner) => {
                    matches!(&inner[0].node, Node::Literal(scalar) if *scalar != Scalar::Null)
                }
                _ => false,
            };
            if !operands[1..].iter().all(constant) {
                return Err(
                    "operation 'in' takes literals that are not null after the first operand"
                        .into(),
                );
            }
            Type::Bool
        }
        _ => {
            let of = operands[0].ty;
            let same = operands.iter().all(|operand| operand.ty == of);
            let found = of_one_type(op, of).filter(|_| same);
            found.ok_or_else(|| mismatch(op, operands))?
        }
    };
    Ok(ty)
}

/// Operations that take one type and nothing made alike to it.
fn of_one_type(op: Op, ty: Type) -> Option<Type> {
    use Type::{Bool, Duration, Float, Int, String};
    Some(match (op, ty) {
        (Op::Neg | Op::Abs, Int | Float | Duration) => ty,
        (Op::And | Op::Or | Op::Not, Bool)
        | (Op::StartsWith | Op::EndsWith | Op::Contains, String) => Bool,
        (Op::Floor | Op::Ceil | Op::Round, Float)
        | (Op::Length, String)
        | (Op::ToInt, Int | Float | Bool | String) => Int,
        (Op::Seconds, Duration) | (Op::ToFloat, Int | Float | Bool | String) => Float,
        (Op::Lower, String) | (Op::ToString, Int | Bool | String) => String,
        _ => return None,
    })
}

/// Null comes from null operands, or from the operation itself.
#[allow(clippy::match_same_arms, reason = "a table")]
fn nullable(op: Op, operands: &[Expr], ty: Type) -> bool {
    match op {
        Op::IsNull => false,
        Op::Coalesce => operands.iter().all(|operand| operand.nullable),
        Op::If => operands[1].nullable || operands[2].nullable,
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow => true,
        Op::Log | Op::Exp | Op::Sqrt | Op::DistanceKm | Op::Floor | Op::Ceil | Op::Round => true,
        Op::ToInt | Op::ToFloat if matches!(operands[0].ty, Type::Float | Type::String) => true,
        Op::Neg | Op::Abs => ty != Type::Float || operands[0].nullable,
        _ => operands.iter().any(|operand| operand.nullable),
    }
}

#[allow(
    clippy::match_same_arms,
    reason = "a table: one line per family of types"
)]
fn arithmetic(op: Op, operands: &mut [Expr]) -> Result<Type, String> {
    use Type::{Duration, Float, Int, Time};
    let ty = match (op, operands[0].ty, operands[1].ty) {
        (Op::Add | Op::Sub | Op::Mul | Op::Mod, Int, Int) => Int,
        (Op::Add | Op::Sub | Op::Mod, Duration, Duration) | (Op::Sub, Time, Time) => Duration,
        (Op::Add | Op::Sub, Time, Duration) | (Op::Add, Duration, Time) => Time,
        (Op::Mul, Duration, Int) | (Op::Mul, Int, Duration) => Duration,
        (Op::Div, Duration, Duration) => Float,
        (_, Int | Float, Int | Float) => {
            operands.iter_mut().for_each(to_float);
            Float
        }
        _ => return Err(mismatch(op, operands)),
    };
    Ok(ty)
}

/// One type for all operands; ints become floats beside floats.
fn unify(op: Op, operands: &mut [Expr]) -> Result<Type, String> {
    if operands.iter().all(|operand| operand.ty.is_number())
        && operands.iter().any(|operand| operand.ty == Type::Float)
    {
        operands.iter_mut().for_each(to_float);
    }
    let ty = operands[0].ty;
    if operands.iter().any(|operand| operand.ty != ty) {
        return Err(mismatch(op, operands));
    }
    Ok(ty)
}

fn to_float(operand: &mut Expr) {
    if operand.ty != Type::Float {
        let inner = operand.clone();
        *operand = Expr {
            ty: Type::Float,
            nullable: inner.nullable,
            node: Node::Call(Op::ToFloat, vec![inner]),
        };
    }
}

fn mismatch(op: Op, operands: &[Expr]) -> String {
    let types: Vec<String> = operands
        .iter()
        .map(|operand| operand.ty.to_string())
        .collect();
    let advice = match op {
        Op::ToFloat | Op::Log | Op::Exp | Op::Add | Op::Sub | Op::Mul | Op::Div
            if operands.iter().any(|operand| operand.ty == Type::Duration) =>
        {
            "; seconds(x) makes a float of a duration"
        }
        Op::Add | Op::Sub | Op::Mul | Op::Div
            if operands.iter().any(|operand| operand.ty == Type::Bool) =>
        {
            "; to_float(x) makes a float of a bool"
        }
        _ => "",
    };
    format!(
        "operation '{}' cannot take ({}){advice}",
        op.name(),
        types.join(", ")
    )
}
