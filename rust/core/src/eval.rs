//! Evaluates typed expressions column by column.

use std::cmp::Ordering;

use crate::column::Column;
use crate::expr::{Expr, Node, Op, Scalar};
use crate::types::Type;

/// The columns an expression may name; all have `rows` rows.
///
/// ```
/// use forerun_core::column::Column;
/// use forerun_core::eval::Inputs;
/// use forerun_core::expr::{Expr, Node, Op, Scalar};
/// use forerun_core::types::Type;
///
/// let fields = [Column::whole(3, |row| (row > 0).then_some(row as i64))];
/// let x = Expr { ty: Type::Int, nullable: true, node: Node::Field(0, "x".into()) };
/// let missing = Expr { ty: Type::Bool, nullable: false, node: Node::Call(Op::IsNull, vec![x]) };
/// let column = Inputs { rows: 3, fields: &fields, features: &[] }.eval(&missing);
/// assert_eq!([0, 1, 2].map(|row| column.as_bool(row)), [Some(true), Some(false), Some(false)]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Number of rows.
    pub rows: usize,
    /// Columns of the stream's fields.
    pub fields: &'a [Column],
    /// Columns of the features read, by slot.
    pub features: &'a [Column],
}

impl Inputs<'_> {
    /// The value of an expression at every row.
    #[must_use]
    pub fn eval(&self, expr: &Expr) -> Column {
        match &expr.node {
            Node::Field(index, _) => self.fields[*index].clone(),
            Node::Feature(slot, _) => self.features[*slot].clone(),
            Node::Literal(scalar) => self.constant(expr.ty, scalar),
            Node::Call(op, operands) => {
                let columns: Vec<Column> =
                    operands.iter().map(|operand| self.eval(operand)).collect();
                self.call(*op, expr.ty, operands[0].ty, &columns)
            }
        }
    }

    fn constant(&self, ty: Type, scalar: &Scalar) -> Column {
        match (ty, scalar) {
            (Type::Bool, &Scalar::Bool(value)) => Column::bools(self.rows, |_| Some(value)),
            (Type::Float, &Scalar::Float(value)) => Column::floats(self.rows, |_| Some(value)),
            (Type::String, Scalar::Text(text)) => {
                Column::texts(self.rows, |_| Some(text.as_bytes()))
            }
            (_, &Scalar::Whole(value)) => Column::whole(self.rows, |_| Some(value)),
            (Type::Bool, _) => Column::bools(self.rows, |_| None),
            (Type::Float, _) => Column::floats(self.rows, |_| None),
            (Type::String, _) => Column::texts(self.rows, |_| None),
            (Type::Int | Type::Time | Type::Duration, _) => Column::whole(self.rows, |_| None),
        }
    }

    /// `ty` is the result's type, `of` that of the first operand.
    fn call(&self, op: Op, ty: Type, of: Type, columns: &[Column]) -> Column {
        let rows = self.rows;
        let a = &columns[0];
        let b = columns.get(1).unwrap_or(a);
        match op {
            Op::Add | Op::Sub | Op::Mul | Op::Div => arithmetic(op, ty, of, a, b, rows),
            Op::Min2 | Op::Max2 => pick(op, ty, a, b, rows),
            Op::Clip => pick(
                Op::Min2,
                ty,
                &pick(Op::Max2, ty, a, b, rows),
                &columns[2],
                rows,
            ),
            Op::Neg if ty == Type::Float => Column::floats(rows, |row| a.as_float(row).map(|x| -x)),
            Op::Neg => Column::whole(rows, |row| a.as_whole(row)?.checked_neg()),
            Op::Abs if ty == Type::Float => {
                Column::floats(rows, |row| a.as_float(row).map(f64::abs))
            }
            Op::Abs => Column::whole(rows, |row| a.as_whole(row)?.checked_abs()),
            // libm and not the platform's: the same bits on every host.
            Op::Log => Column::floats(rows, |row| a.as_float(row).map(libm::log)),
            Op::Exp => Column::floats(rows, |row| a.as_float(row).map(libm::exp)),
            Op::Seconds => Column::floats(rows, |row| a.as_whole(row).map(|us| us as f64 / 1e6)),
            Op::ToFloat => match of {
                Type::Float => a.clone(),
                Type::Bool => {
                    Column::floats(rows, |row| a.as_bool(row).map(|x| u8::from(x).into()))
                }
                _ => Column::floats(rows, |row| a.as_whole(row).map(|x| x as f64)),
            },
            Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => Column::bools(rows, |row| {
                compare(of, a, b, row).map(|ordering| holds(op, ordering))
            }),
            Op::In => Column::bools(rows, |row| {
                let equal =
                    |item| compare(of, a, item, row).map(|ordering| ordering == Ordering::Equal);
                a.is_valid(row)
                    .then(|| columns[1..].iter().any(|item| equal(item) == Some(true)))
            }),
            Op::And => Column::bools(rows, |row| kleene(columns, row, false)),
            Op::Or => Column::bools(rows, |row| kleene(columns, row, true)),
            Op::Not => Column::bools(rows, |row| a.as_bool(row).map(|x| !x)),
            Op::IsNull => Column::bools(rows, |row| Some(!a.is_valid(row))),
            Op::Coalesce => choose(ty, rows, |row| {
                columns
                    .iter()
                    .find(|column| column.is_valid(row))
                    .unwrap_or(a)
            }),
            Op::If => choose(ty, rows, |row| {
                &columns[if a.as_bool(row) == Some(true) { 1 } else { 2 }]
            }),
        }
    }
}

fn arithmetic(op: Op, ty: Type, of: Type, a: &Column, b: &Column, rows: usize) -> Column {
    if ty == Type::Float {
        let whole = of.is_whole(); // a duration by a duration
        return Column::floats(rows, |row| {
            let (x, y) = if whole {
                (a.as_whole(row)? as f64, b.as_whole(row)? as f64)
            } else {
                (a.as_float(row)?, b.as_float(row)?)
            };
            Some(match op {
                Op::Add => x + y,
                Op::Sub => x - y,
                Op::Mul => x * y,
                _ => x / y,
            })
        });
    }
    Column::whole(rows, |row| {
        let (x, y) = (a.as_whole(row)?, b.as_whole(row)?);
        match op {
            Op::Add => x.checked_add(y),
            Op::Sub => x.checked_sub(y),
            _ => x.checked_mul(y),
        }
    })
}

fn pick(op: Op, ty: Type, a: &Column, b: &Column, rows: usize) -> Column {
    let first = |ordering: Ordering| {
        ordering == Ordering::Equal || (ordering == Ordering::Less) == (op == Op::Min2)
    };
    if ty == Type::Float {
        return Column::floats(rows, |row| {
            let (x, y) = (a.as_float(row)?, b.as_float(row)?);
            Some(if first(x.total_cmp(&y)) { x } else { y })
        });
    }
    Column::whole(rows, |row| {
        let (x, y) = (a.as_whole(row)?, b.as_whole(row)?);
        Some(if first(x.cmp(&y)) { x } else { y })
    })
}

fn compare(of: Type, a: &Column, b: &Column, row: usize) -> Option<Ordering> {
    match of {
        Type::Bool => Some(a.as_bool(row)?.cmp(&b.as_bool(row)?)),
        Type::Float => a.as_float(row)?.partial_cmp(&b.as_float(row)?),
        Type::String => Some(a.text(row)?.cmp(b.text(row)?)),
        Type::Int | Type::Time | Type::Duration => Some(a.as_whole(row)?.cmp(&b.as_whole(row)?)),
    }
}

fn holds(op: Op, ordering: Ordering) -> bool {
    match op {
        Op::Eq => ordering.is_eq(),
        Op::Ne => ordering.is_ne(),
        Op::Lt => ordering.is_lt(),
        Op::Le => ordering.is_le(),
        Op::Gt => ordering.is_gt(),
        _ => ordering.is_ge(),
    }
}

/// `winner` when some operand is it, else null when some operand is null, else the other.
fn kleene(columns: &[Column], row: usize, winner: bool) -> Option<bool> {
    let mut unknown = false;
    for column in columns {
        match column.as_bool(row) {
            Some(value) if value == winner => return Some(winner),
            Some(_) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(!winner)
}

fn choose<'a>(ty: Type, rows: usize, from: impl Fn(usize) -> &'a Column) -> Column {
    match ty {
        Type::Bool => Column::bools(rows, |row| from(row).as_bool(row)),
        Type::Float => Column::floats(rows, |row| from(row).as_float(row)),
        Type::String => Column::texts(rows, |row| from(row).text(row)),
        Type::Int | Type::Time | Type::Duration => {
            Column::whole(rows, |row| from(row).as_whole(row))
        }
    }
}
