//! One value of any type, as a column of a single row or of equal rows holds it.

use std::sync::Arc;

use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    ArrayRef, BooleanArray, DurationMicrosecondArray, PrimitiveArray, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow_schema::DataType;

use crate::column::{data_type, text_of};
use crate::expr::Scalar;
use crate::key::Key;
use crate::types::Type;

/// A value, or null. Short texts need no memory of their own.
///
/// ```
/// use forerun_core::one::One;
/// use forerun_core::types::Type;
///
/// assert_eq!(One::Float(0.5).word(), 0.5f64.to_bits());
/// assert_eq!(One::of_word(Type::Bool, Some(1)).to_float(), Some(1.0));
/// assert_eq!(One::Null.to_float(), None);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum One {
    /// Null of any type.
    Null,
    /// A bool.
    Bool(bool),
    /// An int, time or duration.
    Whole(i64),
    /// A float, finite or not: fields come as they are.
    Float(f64),
    /// Text.
    Text(Key),
}

/// What is read: one value, or those of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A value or null.
    One(One),
    /// The values of a list.
    List(Vec<One>),
}

impl One {
    /// A text.
    #[must_use]
    pub fn text(bytes: &[u8]) -> Self {
        Self::Text(Key::new(bytes))
    }

    /// A literal.
    #[must_use]
    pub fn of(scalar: &Scalar) -> Self {
        match scalar {
            Scalar::Bool(value) => Self::Bool(*value),
            Scalar::Whole(value) => Self::Whole(*value),
            // As in every column of floats: what is not finite is null.
            Scalar::Float(value) if value.is_finite() => Self::Float(*value),
            Scalar::Null | Scalar::Float(_) => Self::Null,
            Scalar::Text(text) => Self::text(text.as_bytes()),
        }
    }

    /// A value of `ty` from its word (see [`crate::column::Column::word`]); not for text.
    #[inline]
    #[must_use]
    pub fn of_word(ty: Type, word: Option<u64>) -> Self {
        match (word, ty) {
            (None, _) => Self::Null,
            (Some(word), Type::Bool) => Self::Bool(word != 0),
            (Some(word), Type::Float) => Self::Float(f64::from_bits(word)),
            (Some(word), _) => Self::Whole(word as i64),
        }
    }

    /// The value as 64 bits; 0 for null and text.
    #[inline]
    #[must_use]
    pub fn word(&self) -> u64 {
        match self {
            Self::Null | Self::Text(_) => 0,
            Self::Bool(value) => (*value).into(),
            Self::Whole(value) => *value as u64,
            Self::Float(value) => value.to_bits(),
        }
    }

    /// The value in a float64 output: bool as 0 and 1; text, which never is one, as 0.
    #[inline]
    #[must_use]
    pub fn to_float(&self) -> Option<f64> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(u8::from(*value).into()),
            Self::Whole(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Text(_) => Some(0.0),
        }
    }

    /// An Arrow array of it.
    #[must_use]
    pub fn to_array(&self, ty: Type, rows: usize) -> ArrayRef {
        match self {
            Self::Null => new_null_array(&data_type(ty), rows),
            Self::Bool(value) => Arc::new(BooleanArray::from(vec![*value; rows])),
            Self::Float(value) => Arc::new(PrimitiveArray::<Float64Type>::from_value(*value, rows)),
            Self::Whole(value) => match ty {
                Type::Time => Arc::new(
                    TimestampMicrosecondArray::from_value(*value, rows).with_timezone("UTC"),
                ),
                Type::Duration => Arc::new(DurationMicrosecondArray::from_value(*value, rows)),
                _ => Arc::new(PrimitiveArray::<Int64Type>::from_value(*value, rows)),
            },
            Self::Text(text) => {
                let text = text_of(Some(text.bytes()));
                Arc::new((0..rows).map(|_| text.clone()).collect::<StringArray>())
            }
        }
    }

    /// A float64 array of it.
    #[must_use]
    pub fn to_floats(&self, rows: usize) -> ArrayRef {
        match self.to_float() {
            None => new_null_array(&DataType::Float64, rows),
            Some(value) => Arc::new(PrimitiveArray::<Float64Type>::from_value(value, rows)),
        }
    }
}
