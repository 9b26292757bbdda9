//! Typed expressions over the fields of an event and the features a vector reads.

use std::fmt;
use std::sync::Arc;

use crate::calendar::Part;
use crate::coding::Coding;
use crate::types::Type;
use crate::zone::Zone;

/// An expression whose operands have been checked: evaluation cannot fail.
///
/// ```
/// use forerun_core::expr::{Expr, Node, Op, Scalar};
/// use forerun_core::types::Type;
///
/// let delay = Expr { ty: Type::Float, nullable: true, node: Node::Field(3, "dep_delay".into()) };
/// let limit = Expr { ty: Type::Float, nullable: false, node: Node::Literal(Scalar::Float(15.0)) };
/// let late = Expr { ty: Type::Bool, nullable: true, node: Node::Call(Op::Gt, vec![delay, limit]) };
/// assert_eq!(late.to_string(), "dep_delay > 15");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Type of the result.
    pub ty: Type,
    /// False when no valid row can give null.
    pub nullable: bool,
    /// What it computes.
    pub node: Node,
}

/// The shapes of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A field of the stream: its index and name.
    Field(usize, String),
    /// A feature read by a vector: its slot among the vector's reads, and "View.feature".
    Feature(usize, String),
    /// A constant.
    Literal(Scalar),
    /// A part of a time as the clock of a zone shows it.
    Calendar(Part, Arc<Zone>, Box<Expr>),
    /// An operation on operands.
    Call(Op, Vec<Expr>),
    /// A value as a whole number.
    Code(Coding, Box<Expr>),
}

/// A constant; times and durations are whole.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Null of any type.
    Null,
    /// A bool.
    Bool(bool),
    /// An int, time or duration.
    Whole(i64),
    /// A finite float.
    Float(f64),
    /// Text.
    Text(String),
}

/// Operations, named as in a plan. Null in, null out, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Sum; int overflow is null.
    Add,
    /// Difference; int overflow is null.
    Sub,
    /// Product; int overflow is null.
    Mul,
    /// Quotient as a float; null when dividing by zero.
    Div,
    /// Negation.
    Neg,
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Three-valued and: false wins over null.
    And,
    /// Three-valued or: true wins over null.
    Or,
    /// Negation of a bool.
    Not,
    /// True for null, never null itself.
    IsNull,
    /// The first operand that is not null.
    Coalesce,
    /// The second operand where the first is true, else the third; null counts as not true, as in SQL.
    If,
    /// Absolute value.
    Abs,
    /// Natural logarithm; null where there is none.
    Log,
    /// Exponential; null when beyond the largest float.
    Exp,
    /// The smaller of two.
    Min2,
    /// The larger of two.
    Max2,
    /// The first operand, not below the second and not above the third.
    Clip,
    /// A duration in seconds, as a float.
    Seconds,
    /// A number, bool or text as a float; null for text that is no number.
    ToFloat,
    /// A number, bool or text as an int, without its fraction; null beyond 64 bits and for text that is no int.
    ToInt,
    /// An int, bool or text as text.
    ToString,
    /// True when the first operand equals one of the literals after it.
    In,
    /// The remainder, with the sign of the divisor; null when dividing by zero.
    Mod,
    /// The first to the power of the second; null where that is no finite number.
    Pow,
    /// The square root; null below zero.
    Sqrt,
    /// The largest int that is not above a float.
    Floor,
    /// The smallest int that is not below a float.
    Ceil,
    /// The nearest int to a float, of two the even one.
    Round,
    /// Kilometres between two places given by latitude and longitude; null where a coordinate is none.
    DistanceKm,
    /// True when a text begins with another.
    StartsWith,
    /// True when a text ends with another.
    EndsWith,
    /// True when a text has another in it.
    Contains,
    /// Number of characters (code points) of a text.
    Length,
    /// A text in lower case.
    Lower,
}

/// Names in plans, signs in messages.
const OPS: [(Op, &str, &str); 40] = [
    (Op::Add, "add", "+"),
    (Op::Sub, "sub", "-"),
    (Op::Mul, "mul", "*"),
    (Op::Div, "div", "/"),
    (Op::Neg, "neg", ""),
    (Op::Eq, "eq", "=="),
    (Op::Ne, "ne", "!="),
    (Op::Lt, "lt", "<"),
    (Op::Le, "le", "<="),
    (Op::Gt, "gt", ">"),
    (Op::Ge, "ge", ">="),
    (Op::And, "and", "and"),
    (Op::Or, "or", "or"),
    (Op::Not, "not", ""),
    (Op::IsNull, "is_null", ""),
    (Op::Coalesce, "coalesce", ""),
    (Op::If, "if", ""),
    (Op::Abs, "abs", ""),
    (Op::Log, "log", ""),
    (Op::Exp, "exp", ""),
    (Op::Min2, "min2", ""),
    (Op::Max2, "max2", ""),
    (Op::Clip, "clip", ""),
    (Op::Seconds, "seconds", ""),
    (Op::ToFloat, "to_float", ""),
    (Op::ToInt, "to_int", ""),
    (Op::ToString, "to_string", ""),
    (Op::In, "in", ""),
    (Op::Mod, "mod", "%"),
    (Op::Pow, "pow", "**"),
    (Op::Sqrt, "sqrt", ""),
    (Op::Floor, "floor", ""),
    (Op::Ceil, "ceil", ""),
    (Op::Round, "round", ""),
    (Op::DistanceKm, "distance_km", ""),
    (Op::StartsWith, "starts_with", ""),
    (Op::EndsWith, "ends_with", ""),
    (Op::Contains, "contains", ""),
    (Op::Length, "length", ""),
    (Op::Lower, "lower", ""),
];

impl Op {
    /// The operation a plan calls by this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        OPS.iter()
            .find(|(_, known, _)| *known == name)
            .map(|(op, _, _)| *op)
    }

    /// Its name in a plan.
    #[must_use]
    pub fn name(self) -> &'static str {
        OPS.iter()
            .find(|(op, _, _)| *op == self)
            .map_or("", |(_, name, _)| name)
    }

    fn sign(self) -> &'static str {
        OPS.iter()
            .find(|(op, _, _)| *op == self)
            .map_or("", |(_, _, sign)| sign)
    }
}

impl Expr {
    /// The same with every feature and field replaced by what `leaf` gives for it.
    #[must_use]
    pub fn substituted(&self, leaf: &mut impl FnMut(&Node) -> Self) -> Self {
        let node = match &self.node {
            Node::Field(..) | Node::Feature(..) => return leaf(&self.node),
            Node::Literal(_) => self.node.clone(),
            Node::Calendar(part, zone, time) => {
                Node::Calendar(*part, Arc::clone(zone), Box::new(time.substituted(leaf)))
            }
            Node::Call(op, operands) => {
                let operands = operands.iter().map(|operand| operand.substituted(leaf));
                Node::Call(*op, operands.collect())
            }
            Node::Code(coding, operand) => {
                Node::Code(coding.clone(), Box::new(operand.substituted(leaf)))
            }
        };
        Self {
            ty: self.ty,
            nullable: self.nullable,
            node,
        }
    }

    /// Calls `visit` on this expression and all operands, outermost first.
    pub fn walk(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        match &self.node {
            Node::Call(_, operands) => operands.iter().for_each(|operand| operand.walk(visit)),
            Node::Calendar(_, _, time) => time.walk(visit),
            Node::Code(_, operand) => operand.walk(visit),
            _ => {}
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Field(_, name) | Node::Feature(_, name) => out.write_str(name),
            Node::Literal(Scalar::Null) => out.write_str("null"),
            Node::Literal(Scalar::Bool(value)) => write!(out, "{value}"),
            Node::Literal(Scalar::Whole(value)) => write!(out, "{value}"),
            Node::Literal(Scalar::Float(value)) => write!(out, "{value}"),
            Node::Literal(Scalar::Text(value)) => write!(out, "{value:?}"),
            Node::Calendar(part, zone, time) => {
                write!(out, "{}({time}, {:?})", part.name(), zone.name())
            }
            Node::Code(coding, operand) => write!(out, "{}({operand})", coding.name()),
            Node::Call(op, operands) => match (op.sign(), operands.as_slice()) {
                ("", _) => {
                    write!(out, "{}(", op.name())?;
                    for (at, operand) in operands.iter().enumerate() {
                        write!(out, "{}{operand}", if at > 0 { ", " } else { "" })?;
                    }
                    out.write_str(")")
                }
                (sign, operands) => {
                    for (at, operand) in operands.iter().enumerate() {
                        if at > 0 {
                            write!(out, " {sign} ")?;
                        }
                        let infix =
                            matches!(&operand.node, Node::Call(op, _) if !op.sign().is_empty());
                        if infix {
                            write!(out, "({operand})")?;
                        } else {
                            write!(out, "{operand}")?;
                        }
                    }
                    Ok(())
                }
            },
        }
    }
}
