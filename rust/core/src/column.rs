//! Typed columns: what batches are cut into and expressions compute.

use arrow_array::types::{
    DurationMicrosecondType, Float64Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, LargeStringArray, PrimitiveArray, StringArray, cast::AsArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, NullBufferBuilder, ScalarBuffer};
use arrow_schema::{DataType, TimeUnit};
use std::sync::Arc;

use crate::one::One;
use crate::types::Type;

/// Values of one type with their nulls. Cloning shares the memory.
///
/// ```
/// use forerun_core::column::Column;
///
/// let column = Column::whole(3, |row| (row != 1).then_some(row as i64 * 10));
/// assert_eq!(column.as_whole(2), Some(20));
/// assert_eq!(column.as_whole(1), None);
/// ```
#[derive(Clone, Debug)]
pub struct Column {
    values: Values,
    /// Null rows; none for [`Values::Same`], whose value says it.
    nulls: Option<NullBuffer>,
}

/// The memory of a column; nulls have any value underneath.
#[derive(Clone, Debug)]
enum Values {
    Bool(BooleanBuffer),
    /// Int, time and duration.
    Whole(ScalarBuffer<i64>),
    Float(ScalarBuffer<f64>),
    Text(ScalarBuffer<i32>, Buffer),
    LargeText(ScalarBuffer<i64>, Buffer),
    /// So many rows of one value: literals, and columns of a single row, which so need no memory.
    Same(One, usize),
}

impl Column {
    /// So many rows of one value.
    #[must_use]
    pub fn same(value: One, rows: usize) -> Self {
        Self {
            values: Values::Same(value, rows),
            nulls: None,
        }
    }

    /// A bool column from a function of the row.
    pub fn bools(rows: usize, mut value: impl FnMut(usize) -> Option<bool>) -> Self {
        if rows == 1 {
            return Self::same(value(0).map_or(One::Null, One::Bool), 1);
        }
        let mut nulls = NullBufferBuilder::new(rows);
        let values = BooleanBuffer::collect_bool(rows, |row| {
            let value = value(row);
            nulls.append(value.is_some());
            value.unwrap_or(false)
        });
        Self {
            values: Values::Bool(values),
            nulls: nulls.finish(),
        }
    }

    /// A column of int64, times or durations from a function of the row.
    pub fn whole(rows: usize, mut value: impl FnMut(usize) -> Option<i64>) -> Self {
        if rows == 1 {
            return Self::same(value(0).map_or(One::Null, One::Whole), 1);
        }
        let mut nulls = NullBufferBuilder::new(rows);
        let values = (0..rows).map(|row| {
            let value = value(row);
            nulls.append(value.is_some());
            value.unwrap_or(0)
        });
        Self {
            values: Values::Whole(values.collect()),
            nulls: nulls.finish(),
        }
    }

    /// A float column from a function of the row; what is not finite becomes null.
    pub fn floats(rows: usize, mut value: impl FnMut(usize) -> Option<f64>) -> Self {
        if rows == 1 {
            let finite = value(0).filter(|value| value.is_finite());
            return Self::same(finite.map_or(One::Null, One::Float), 1);
        }
        let mut nulls = NullBufferBuilder::new(rows);
        let values = (0..rows).map(|row| {
            let value = value(row).filter(|value| value.is_finite());
            nulls.append(value.is_some());
            value.unwrap_or(0.0)
        });
        Self {
            values: Values::Float(values.collect()),
            nulls: nulls.finish(),
        }
    }

    /// A text column from a function of the row.
    pub fn texts<'a>(rows: usize, mut value: impl FnMut(usize) -> Option<&'a [u8]>) -> Self {
        if rows == 1 {
            return Self::same(value(0).map_or(One::Null, One::text), 1);
        }
        let mut nulls = NullBufferBuilder::new(rows);
        let (mut ends, mut bytes) = (vec![0i64], Vec::new());
        for row in 0..rows {
            let value = value(row);
            nulls.append(value.is_some());
            bytes.extend_from_slice(value.unwrap_or_default());
            ends.push(bytes.len() as i64);
        }
        Self {
            values: Values::LargeText(ends.into(), bytes.into()),
            nulls: nulls.finish(),
        }
    }

    /// A column of `ty` from raw words (see [`Column::word`]); not for text.
    #[must_use]
    pub fn from_words(ty: Type, words: Vec<u64>, valid: &[bool]) -> Self {
        if words.len() == 1 {
            return Self::same(One::of_word(ty, valid[0].then_some(words[0])), 1);
        }
        let nulls = (!valid.iter().all(|&valid| valid)).then(|| NullBuffer::from(valid));
        Self::from_parts(ty, words.into(), nulls)
    }

    /// The same from the bits of what is null.
    pub(crate) fn from_parts(
        ty: Type,
        words: ScalarBuffer<u64>,
        nulls: Option<NullBuffer>,
    ) -> Self {
        let rows = words.len();
        let values = match ty {
            Type::Bool => Values::Bool(BooleanBuffer::collect_bool(rows, |row| words[row] != 0)),
            Type::Float => Values::Float(ScalarBuffer::new(words.into_inner(), 0, rows)),
            _ => Values::Whole(ScalarBuffer::new(words.into_inner(), 0, rows)),
        };
        Self { values, nulls }
    }

    /// The column of an Arrow array that was declared as `ty`.
    pub fn from_array(array: &dyn Array, ty: Type) -> Result<Self, String> {
        let nulls = array
            .nulls()
            .filter(|nulls| nulls.null_count() > 0)
            .cloned();
        let values = match (ty, array.data_type()) {
            (Type::Bool, DataType::Boolean) => Values::Bool(array.as_boolean().values().clone()),
            (Type::Float, DataType::Float64) => {
                Values::Float(array.as_primitive::<Float64Type>().values().clone())
            }
            (_, DataType::Int64) if ty.is_whole() => {
                Values::Whole(array.as_primitive::<Int64Type>().values().clone())
            }
            (Type::Time, DataType::Timestamp(TimeUnit::Microsecond, _)) => Values::Whole(
                array
                    .as_primitive::<TimestampMicrosecondType>()
                    .values()
                    .clone(),
            ),
            (Type::Duration, DataType::Duration(TimeUnit::Microsecond)) => Values::Whole(
                array
                    .as_primitive::<DurationMicrosecondType>()
                    .values()
                    .clone(),
            ),
            (Type::String, DataType::Utf8) => {
                let text: &StringArray = array.as_string();
                Values::Text(text.offsets().inner().clone(), text.values().clone())
            }
            (Type::String, DataType::LargeUtf8) => {
                let text: &LargeStringArray = array.as_string();
                Values::LargeText(text.offsets().inner().clone(), text.values().clone())
            }
            (_, found) => {
                return Err(format!(
                    "expected {}, got Arrow type {found}",
                    ty.arrow_name()
                ));
            }
        };
        Ok(Self { values, nulls })
    }

    /// The Arrow array of a column of `ty`; text is never asked for.
    #[must_use]
    pub fn to_array(&self, ty: Type) -> ArrayRef {
        let nulls = self.nulls.clone();
        match &self.values {
            Values::Same(value, rows) => value.to_array(ty, *rows),
            Values::Bool(values) => Arc::new(BooleanArray::new(values.clone(), nulls)),
            Values::Float(values) => {
                Arc::new(PrimitiveArray::<Float64Type>::new(values.clone(), nulls))
            }
            Values::Whole(values) => match ty {
                Type::Time => Arc::new(
                    PrimitiveArray::<TimestampMicrosecondType>::new(values.clone(), nulls)
                        .with_data_type(data_type(ty)),
                ),
                Type::Duration => Arc::new(PrimitiveArray::<DurationMicrosecondType>::new(
                    values.clone(),
                    nulls,
                )),
                _ => Arc::new(PrimitiveArray::<Int64Type>::new(values.clone(), nulls)),
            },
            Values::Text(..) | Values::LargeText(..) => Arc::new(
                (0..self.len())
                    .map(|row| self.text(row))
                    .map(text_of)
                    .collect::<StringArray>(),
            ),
        }
    }

    /// The values of a float64 output column: bool as 0 and 1.
    #[must_use]
    pub fn to_floats(&self) -> ArrayRef {
        let rows = self.len();
        let values: ScalarBuffer<f64> = match &self.values {
            Values::Float(values) => values.clone(),
            Values::Bool(values) => values
                .iter()
                .map(|value| f64::from(u8::from(value)))
                .collect(),
            Values::Whole(values) => values.iter().map(|&value| value as f64).collect(),
            Values::Text(..) | Values::LargeText(..) => vec![0.0; rows].into(),
            Values::Same(value, _) => return value.to_floats(rows),
        };
        Arc::new(PrimitiveArray::<Float64Type>::new(
            values,
            self.nulls.clone(),
        ))
    }

    /// The value at a row as a float64 output has it.
    #[must_use]
    pub fn to_float(&self, row: usize) -> Option<f64> {
        self.one(row).to_float()
    }

    /// The value at a row.
    #[must_use]
    pub fn one(&self, row: usize) -> One {
        match &self.values {
            Values::Same(value, _) => value.clone(),
            Values::Bool(_) => self.as_bool(row).map_or(One::Null, One::Bool),
            Values::Whole(_) => self.as_whole(row).map_or(One::Null, One::Whole),
            Values::Float(_) => self.as_float(row).map_or(One::Null, One::Float),
            Values::Text(..) | Values::LargeText(..) => self.text(row).map_or(One::Null, One::text),
        }
    }

    /// True when its values, if it is one value, can be of a type.
    #[must_use]
    pub fn holds(&self, ty: Type) -> bool {
        match (&self.values, ty) {
            (Values::Same(One::Null, _), _)
            | (Values::Same(One::Bool(_), _), Type::Bool)
            | (Values::Same(One::Float(_), _), Type::Float)
            | (Values::Same(One::Text(_), _), Type::String) => true,
            (Values::Same(One::Whole(_), _), ty) => ty.is_whole(),
            _ => false,
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Bool(values) => values.len(),
            Values::Whole(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Text(ends, _) => ends.len().saturating_sub(1),
            Values::LargeText(ends, _) => ends.len().saturating_sub(1),
            Values::Same(_, rows) => *rows,
        }
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True when some row is null.
    #[must_use]
    pub fn has_nulls(&self) -> bool {
        self.nulls.is_some() || matches!(self.values, Values::Same(One::Null, 1..))
    }

    /// True when the row holds a value.
    #[inline]
    #[must_use]
    pub fn is_valid(&self, row: usize) -> bool {
        match &self.nulls {
            Some(nulls) => nulls.is_valid(row),
            None => !matches!(self.values, Values::Same(One::Null, _)),
        }
    }

    /// The bool at a row.
    #[inline]
    #[must_use]
    pub fn as_bool(&self, row: usize) -> Option<bool> {
        match &self.values {
            Values::Bool(values) if self.is_valid(row) => Some(values.value(row)),
            Values::Same(One::Bool(value), _) => Some(*value),
            _ => None,
        }
    }

    /// The int, time or duration at a row.
    #[inline]
    #[must_use]
    pub fn as_whole(&self, row: usize) -> Option<i64> {
        match &self.values {
            Values::Whole(values) if self.is_valid(row) => Some(values[row]),
            Values::Same(One::Whole(value), _) => Some(*value),
            _ => None,
        }
    }

    /// The float at a row.
    #[inline]
    #[must_use]
    pub fn as_float(&self, row: usize) -> Option<f64> {
        match &self.values {
            Values::Float(values) if self.is_valid(row) => Some(values[row]),
            Values::Same(One::Float(value), _) => Some(*value),
            _ => None,
        }
    }

    /// The text at a row, as bytes.
    #[inline]
    #[must_use]
    pub fn text(&self, row: usize) -> Option<&[u8]> {
        if !self.is_valid(row) {
            return None;
        }
        match &self.values {
            Values::Text(ends, bytes) => bytes.get(ends[row] as usize..ends[row + 1] as usize),
            Values::LargeText(ends, bytes) => bytes.get(ends[row] as usize..ends[row + 1] as usize),
            Values::Same(One::Text(text), _) => Some(text.bytes()),
            _ => None,
        }
    }

    /// The value at a row as 64 bits: two's complement, float bits, or 0 and 1; 0 for null and text.
    #[inline]
    #[must_use]
    pub fn word(&self, row: usize) -> u64 {
        if !self.is_valid(row) {
            return 0;
        }
        match &self.values {
            Values::Bool(values) => values.value(row).into(),
            Values::Whole(values) => values[row] as u64,
            Values::Float(values) => values[row].to_bits(),
            Values::Text(..) | Values::LargeText(..) => 0,
            Values::Same(value, _) => value.word(),
        }
    }

    /// Puts the word of every row into the first of each `width` words.
    pub fn copy_words(&self, out: &mut [u64], width: usize) {
        let places = out.iter_mut().step_by(width);
        match &self.values {
            Values::Float(values) if self.nulls.is_none() => places
                .zip(values.iter())
                .for_each(|(place, value)| *place = value.to_bits()),
            Values::Whole(values) if self.nulls.is_none() => places
                .zip(values.iter())
                .for_each(|(place, value)| *place = *value as u64),
            _ => places
                .enumerate()
                .for_each(|(row, place)| *place = self.word(row)),
        }
    }

    /// The values of a column of int64 as it came, or of its only row, whatever is null.
    #[inline]
    #[must_use]
    pub fn wholes(&self) -> &[i64] {
        match &self.values {
            Values::Whole(values) => values,
            Values::Same(One::Whole(value), 1) => std::slice::from_ref(value),
            _ => &[],
        }
    }

    /// The first row from `from` whose float is NaN or infinite.
    #[must_use]
    pub fn not_finite(&self, from: usize) -> Option<usize> {
        match &self.values {
            Values::Float(values) => {
                (from..values.len()).find(|&row| !values[row].is_finite() && self.is_valid(row))
            }
            Values::Same(One::Float(value), rows) if from < *rows => {
                (!value.is_finite()).then_some(from)
            }
            _ => None,
        }
    }

    /// The rows at `at` (column index, row index), in that order; columns of one type.
    #[must_use]
    pub fn gather(ty: Type, columns: &[&Self], at: &[(u32, u32)]) -> Self {
        let pick = |index: usize| (columns[at[index].0 as usize], at[index].1 as usize);
        let rows = at.len();
        match ty {
            Type::Bool => Self::bools(rows, |index| pick(index).0.as_bool(pick(index).1)),
            Type::Float => Self::floats(rows, |index| pick(index).0.as_float(pick(index).1)),
            Type::String => Self::texts(rows, |index| {
                columns[at[index].0 as usize].text(at[index].1 as usize)
            }),
            _ => Self::whole(rows, |index| pick(index).0.as_whole(pick(index).1)),
        }
    }
}

/// The Arrow type a column of `ty` is exported as.
#[must_use]
pub fn data_type(ty: Type) -> DataType {
    match ty {
        Type::Bool => DataType::Boolean,
        Type::Int => DataType::Int64,
        Type::Float => DataType::Float64,
        Type::String => DataType::Utf8,
        Type::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Duration => DataType::Duration(TimeUnit::Microsecond),
    }
}

pub(crate) fn text_of(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
