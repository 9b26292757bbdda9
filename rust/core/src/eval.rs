//! Evaluates typed expressions column by column.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write;

use crate::calendar::Part;
use crate::cast;
use crate::civil::DAY_US;
use crate::column::Column;
use crate::expr::{Expr, Node, Op};
use crate::geo;
use crate::one::One;
use crate::types::Type;
use crate::zone::Zone;

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
    /// The same as [`Inputs::eval`], borrowed where it is there already.
    #[inline]
    #[must_use]
    pub fn look(&self, expr: &Expr) -> Cow<'_, Column> {
        match &expr.node {
            Node::Field(index, _) => Cow::Borrowed(&self.fields[*index]),
            Node::Feature(slot, _) => Cow::Borrowed(&self.features[*slot]),
            _ => Cow::Owned(self.eval(expr)),
        }
    }

    /// The value of an expression at every row.
    #[must_use]
    pub fn eval(&self, expr: &Expr) -> Column {
        match &expr.node {
            Node::Field(index, _) => self.fields[*index].clone(),
            Node::Feature(slot, _) => self.features[*slot].clone(),
            Node::Literal(scalar) => Column::same(One::of(scalar), self.rows),
            Node::Calendar(part, zone, time) => calendar(*part, zone, &self.eval(time)),
            Node::Code(coding, operand) => {
                let column = self.eval(operand);
                Column::whole(self.rows, |row| coding.code(operand.ty, &column, row))
            }
            Node::Call(op, operands) => {
                let columns: Vec<Column> =
                    operands.iter().map(|operand| self.eval(operand)).collect();
                self.call(*op, expr.ty, operands[0].ty, &columns)
            }
        }
    }

    /// `ty` is the result's type, `of` that of the first operand.
    fn call(&self, op: Op, ty: Type, of: Type, columns: &[Column]) -> Column {
        let rows = self.rows;
        let a = &columns[0];
        let b = columns.get(1).unwrap_or(a);
        match op {
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod => arithmetic(op, ty, of, a, b, rows),
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
            Op::Pow => Column::floats(rows, |row| {
                Some(libm::pow(a.as_float(row)?, b.as_float(row)?))
            }),
            Op::Sqrt => Column::floats(rows, |row| a.as_float(row).map(f64::sqrt)),
            Op::Floor => rounded(a, f64::floor),
            Op::Ceil => rounded(a, f64::ceil),
            Op::Round => rounded(a, f64::round_ties_even),
            Op::DistanceKm => Column::floats(rows, |row| {
                let degrees = |at: usize| columns[at].as_float(row);
                Some(geo::distance_km(
                    degrees(0)?,
                    degrees(1)?,
                    degrees(2)?,
                    degrees(3)?,
                ))
            }),
            Op::Seconds => Column::floats(rows, |row| a.as_whole(row).map(|us| us as f64 / 1e6)),
            Op::ToFloat => match of {
                Type::Float => a.clone(),
                Type::Bool => {
                    Column::floats(rows, |row| a.as_bool(row).map(|x| u8::from(x).into()))
                }
                Type::String => Column::floats(rows, |row| cast::float_of_text(a.text(row)?)),
                _ => Column::floats(rows, |row| a.as_whole(row).map(|x| x as f64)),
            },
            Op::ToInt => match of {
                Type::Float => rounded(a, f64::trunc),
                Type::Bool => Column::whole(rows, |row| a.as_bool(row).map(i64::from)),
                Type::String => Column::whole(rows, |row| cast::whole_of_text(a.text(row)?)),
                _ => a.clone(),
            },
            Op::ToString => match of {
                Type::Bool => rewritten(rows, |row, out| write!(out, "{}", a.as_bool(row)?).ok()),
                Type::String => a.clone(),
                _ => rewritten(rows, |row, out| write!(out, "{}", a.as_whole(row)?).ok()),
            },
            Op::Lower => rewritten(rows, |row, out| {
                let text = String::from_utf8_lossy(a.text(row)?);
                let from = out.len();
                if text.is_ascii() {
                    out.push_str(&text);
                    out[from..].make_ascii_lowercase();
                } else {
                    out.push_str(&text.to_lowercase());
                }
                Some(())
            }),
            Op::Length => Column::whole(rows, |row| Some(characters(a.text(row)?))),
            Op::StartsWith => {
                Column::bools(rows, |row| Some(a.text(row)?.starts_with(b.text(row)?)))
            }
            Op::EndsWith => Column::bools(rows, |row| Some(a.text(row)?.ends_with(b.text(row)?))),
            Op::Contains => Column::bools(rows, |row| Some(holds_text(a.text(row)?, b.text(row)?))),
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
                Op::Mod => floor_mod(x, y),
                _ => x / y,
            })
        });
    }
    Column::whole(rows, |row| {
        let (x, y) = (a.as_whole(row)?, b.as_whole(row)?);
        match op {
            Op::Add => x.checked_add(y),
            Op::Sub => x.checked_sub(y),
            Op::Mod => whole_mod(x, y),
            _ => x.checked_mul(y),
        }
    })
}

/// The remainder of a division rounded down, as in Python; NaN for a divisor of zero.
fn floor_mod(x: f64, y: f64) -> f64 {
    let rest = x % y;
    if rest == 0.0 {
        rest.abs().copysign(y)
    } else if (rest < 0.0) == (y < 0.0) {
        rest
    } else {
        rest + y
    }
}

/// The same for whole numbers.
fn whole_mod(x: i64, y: i64) -> Option<i64> {
    if y == 0 {
        return None;
    }
    let rest = x.wrapping_rem(y); // 0 for the smallest by -1, which is right
    Some(if rest != 0 && (rest < 0) != (y < 0) {
        rest + y
    } else {
        rest
    })
}

fn rounded(a: &Column, round: impl Fn(f64) -> f64) -> Column {
    Column::whole(a.len(), |row| cast::whole_of_float(round(a.as_float(row)?)))
}

fn calendar(part: Part, zone: &Zone, time: &Column) -> Column {
    // Neighbouring rows mostly have one date, and finding it out is most of the work.
    let mut known = (i64::MIN, None);
    let mut of = |row: usize| {
        let local_us = zone.local(time.as_whole(row)?);
        if !part.is_of_date() {
            return part.of(local_us);
        }
        let day = local_us.div_euclid(DAY_US);
        if known.0 != day {
            known = (day, part.of(local_us));
        }
        known.1
    };
    if part.ty() == Type::Float {
        return Column::floats(time.len(), |row| of(row).map(|us| us as f64 / 1e6));
    }
    Column::whole(time.len(), of)
}

/// A text column whose texts `write` appends; None is null.
fn rewritten(rows: usize, write: impl Fn(usize, &mut String) -> Option<()>) -> Column {
    let (mut all, mut parts) = (String::new(), Vec::with_capacity(rows));
    for row in 0..rows {
        let from = all.len();
        parts.push(write(row, &mut all).map(|()| from..all.len()));
    }
    Column::texts(rows, |row| {
        parts[row].clone().map(|part| &all.as_bytes()[part])
    })
}

/// Code points: the bytes that continue none.
fn characters(text: &[u8]) -> i64 {
    text.iter().filter(|&&byte| byte & 0xC0 != 0x80).count() as i64
}

fn holds_text(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
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
