//! Values as whole numbers, for aggregates that only tell them apart.

use crate::column::Column;
use crate::expr::Scalar;
use crate::hash::hash;
use crate::types::Type;

/// How a value becomes a whole number.
///
/// ```
/// use forerun_core::coding::Coding;
/// use forerun_core::column::Column;
/// use forerun_core::types::Type;
///
/// let minutes = Column::floats(4, |row| Some(row as f64));
/// let bins = Coding::Bin(vec![1.0, 2.5]);
/// assert_eq!([0, 1, 2, 3].map(|row| bins.code(Type::Float, &minutes, row)), [0, 1, 1, 2].map(Some));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Coding {
    /// A text by its hash: two of them are mistaken for one once in 2^64 pairs.
    Hash,
    /// A value by its place among constants; null when it is none of them.
    Index(Vec<Scalar>),
    /// A number by how many edges, ascending, it reaches.
    Bin(Vec<f64>),
    /// A float by its bits, where both zeros are one.
    Bits,
}

impl Coding {
    /// Its name, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Index(_) => "index",
            Self::Bin(_) => "bin",
            Self::Bits => "bits",
        }
    }

    /// True when a value that is not null can become null.
    #[must_use]
    pub fn drops(&self) -> bool {
        matches!(self, Self::Index(_))
    }

    /// The whole number of a value of type `of`.
    #[must_use]
    pub fn code(&self, of: Type, column: &Column, row: usize) -> Option<i64> {
        match self {
            Self::Hash => Some(hash(column.text(row)?) as i64),
            Self::Bits => Some((column.as_float(row)? + 0.0).to_bits() as i64),
            Self::Bin(edges) => {
                let value = match of {
                    Type::Float => column.as_float(row)?,
                    _ => column.as_whole(row)? as f64,
                };
                Some(edges.partition_point(|&edge| edge <= value) as i64)
            }
            Self::Index(constants) => {
                let same = |constant: &Scalar| match (constant, of) {
                    (Scalar::Bool(value), _) => column.as_bool(row) == Some(*value),
                    (Scalar::Whole(value), _) => column.as_whole(row) == Some(*value),
                    (Scalar::Float(value), _) => column.as_float(row) == Some(*value),
                    (Scalar::Text(value), _) => column.text(row) == Some(value.as_bytes()),
                    (Scalar::Null, _) => false,
                };
                constants.iter().position(same).map(|at| at as i64)
            }
        }
    }
}
