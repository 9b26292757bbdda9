//! Rows of words in few bytes: of each word those that say something, after how many they are.

use crate::totals::take;
use crate::types::Type;

/// How many bytes a word takes at most.
const LONGEST: usize = size_of::<u64>();

/// In place of a length: a float that is no decimal, by its bits.
const BITS: u8 = 9;

/// Decimals are so many parts of one.
const PARTS: f64 = 100.0;

/// Numbers of parts are below this: a multiple that large is still exact.
const PARTS_MAX: f64 = (1u64 << 50) as f64;

/// What a word of a row is, so that most of them become small numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Bits.
    Plain,
    /// A number with a sign, that is often near zero.
    Signed,
    /// A number with a sign, that is often near that of the row before.
    Near,
    /// A float, that is often a number of hundredths.
    Float,
}

impl Shape {
    /// Of the words of a type.
    #[must_use]
    pub fn of(ty: Type) -> Self {
        match ty {
            Type::Float => Self::Float,
            Type::Int | Type::Time | Type::Duration => Self::Signed,
            Type::Bool | Type::String => Self::Plain,
        }
    }
}

/// Bytes of the lengths of a row: half a byte each.
const fn lengths(width: usize) -> usize {
    width.div_ceil(2)
}

/// Most bytes a row takes.
#[must_use]
pub fn bytes_max(width: usize) -> usize {
    lengths(width) + width * LONGEST
}

/// Appends rows; `before` is the row that the first is near to.
///
/// ```
/// use forerun_core::packing::{Shape, pack, unpack};
///
/// let (shapes, rows) = ([Shape::Near, Shape::Float], [7_000_000, 12.34f64.to_bits(), 7_000_250, 1]);
/// let mut bytes = Vec::new();
/// pack(&shapes, &rows, &[7_000_000, 0], &mut bytes);
/// assert_eq!(bytes.len(), (1 + 0 + 2) + (1 + 2 + 8));
/// let (mut read, mut left) = (Vec::new(), &*bytes);
/// unpack(&shapes, 2, &[7_000_000, 0], &mut left, &mut read).unwrap();
/// assert_eq!((&*read, left.len()), (&rows[..], 0));
/// ```
pub fn pack(shapes: &[Shape], rows: &[u64], before: &[u64], out: &mut Vec<u8>) {
    let width = shapes.len();
    let mut before = before;
    let mut at = out.len();
    // Each word is written whole, and the next one over what of it is zero.
    out.resize(at + rows.len() / width * bytes_max(width) + LONGEST, 0);
    for row in rows.chunks_exact(width) {
        let mut behind = at + lengths(width);
        for (nth, ((&word, &near), &shape)) in row.iter().zip(before).zip(shapes).enumerate() {
            let (length, bits) = short(shape, word, near);
            // The buffer is longer than all rows, so there is room for a whole word.
            out[behind..behind + LONGEST].copy_from_slice(&bits.to_le_bytes());
            behind += usize::from(length).min(LONGEST);
            if nth % 2 == 0 {
                out[at + nth / 2] = length;
            } else {
                out[at + nth / 2] |= length << 4;
            }
        }
        at = behind;
        before = row;
    }
    out.truncate(at);
}

/// Reads so many rows that [`pack`] wrote; `None` when the bytes are not that.
pub fn unpack(
    shapes: &[Shape],
    rows: usize,
    before: &[u64],
    bytes: &mut &[u8],
    out: &mut Vec<u64>,
) -> Option<()> {
    let width = shapes.len();
    // However many rows are said to follow, memory is taken only for what is there.
    if rows.checked_mul(lengths(width))? > bytes.len() {
        return None;
    }
    out.reserve(rows * width);
    for _ in 0..rows {
        let (said, rest) = bytes.split_at_checked(lengths(width))?;
        *bytes = rest;
        for (nth, &shape) in shapes.iter().enumerate() {
            let near = match out.len().checked_sub(width) {
                Some(at) => out[at],
                None => before[nth],
            };
            let length = said[nth / 2] >> (nth % 2 * 4) & 15;
            out.push(whole(shape, length, near, bytes)?);
        }
    }
    Some(())
}

/// The length of a word and the bytes it has.
#[inline]
fn short(shape: Shape, word: u64, near: u64) -> (u8, u64) {
    let bits = match shape {
        Shape::Plain => word,
        Shape::Signed => folded(word as i64),
        Shape::Near => folded(word.wrapping_sub(near) as i64),
        Shape::Float => match parts(word) {
            Some(parts) => folded(parts),
            None => return (BITS, word),
        },
    };
    ((71 - bits.leading_zeros() as u8) / 8, bits)
}

/// The word of so many bytes.
#[inline]
fn whole(shape: Shape, length: u8, near: u64, bytes: &mut &[u8]) -> Option<u64> {
    if length == BITS && shape == Shape::Float {
        return take(bytes).map(u64::from_le_bytes);
    }
    let length = usize::from(length);
    let bits = match bytes.first_chunk::<LONGEST>() {
        Some(chunk) if length == LONGEST => u64::from_le_bytes(*chunk),
        Some(chunk) if length < LONGEST => u64::from_le_bytes(*chunk) & ((1 << (8 * length)) - 1),
        Some(_) => return None,
        None => {
            let mut chunk = [0; LONGEST];
            chunk
                .get_mut(..length)?
                .copy_from_slice(bytes.get(..length)?);
            u64::from_le_bytes(chunk)
        }
    };
    *bytes = bytes.get(length..)?;
    Some(match shape {
        Shape::Plain => bits,
        Shape::Signed => unfolded(bits) as u64,
        Shape::Near => near.wrapping_add(unfolded(bits) as u64),
        Shape::Float => (unfolded(bits) as f64 / PARTS).to_bits(),
    })
}

/// The number of hundredths that a float is, when dividing it gives the same bits.
#[inline]
fn parts(word: u64) -> Option<i64> {
    let many = f64::from_bits(word) * PARTS;
    // What is no number is not below.
    if many.abs() < PARTS_MAX {
        // To the nearest whole number, by leaving no room for what is behind the point.
        const WHOLE: f64 = 1.5 * (1u64 << 52) as f64;
        let whole = (many + WHOLE) - WHOLE;
        if (whole / PARTS).to_bits() == word {
            return Some(whole as i64);
        }
    }
    None
}

/// Numbers near zero, whatever their sign, as small ones.
#[inline]
fn folded(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline]
fn unfolded(bits: u64) -> i64 {
    (bits >> 1) as i64 ^ -((bits & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows as bytes and back; how many bytes.
    fn round(shapes: &[Shape], rows: &[u64]) -> usize {
        let before = vec![5; shapes.len()];
        let mut bytes = vec![99];
        pack(shapes, rows, &before, &mut bytes);
        let (mut read, mut left) = (Vec::new(), &bytes[1..]);
        let many = rows.len() / shapes.len();
        unpack(shapes, many, &before, &mut left, &mut read).expect("what was written");
        assert_eq!((read.as_slice(), left.len()), (rows, 0));
        for end in 1..bytes.len() {
            let mut cut = &bytes[1..end];
            let read = unpack(shapes, many, &before, &mut cut, &mut Vec::new());
            assert!(read.is_none(), "{end} of {} bytes are enough", bytes.len());
        }
        bytes.len() - 1
    }

    #[test]
    fn every_word_comes_back() {
        let words = (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) - 1, !(1 << bit)]);
        let words: Vec<u64> = words.chain([0, u64::MAX, i64::MIN as u64]).collect();
        for shape in [Shape::Plain, Shape::Signed, Shape::Near, Shape::Float] {
            round(&[shape], &words);
            round(&[shape, Shape::Plain, shape], &words);
        }
    }

    #[test]
    fn floats_keep_their_bits() {
        let many = 2.0f64.powi(50);
        let floats = [
            0.0,
            -0.0,
            0.01,
            -0.07,
            19.99,
            1e15,
            1e16,
            1e300,
            5e-324,
            0.1 + 0.2,
            many / 100.0,
            f64::MAX,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            -f64::NAN,
        ];
        let words: Vec<u64> = floats.iter().map(|float| float.to_bits()).collect();
        round(&[Shape::Float], &words);
        for cents in -4_000..4_000 {
            let price = f64::from(cents) / 100.0;
            assert!(round(&[Shape::Float], &[price.to_bits()]) <= 3);
        }
    }

    #[test]
    fn what_is_near_is_short() {
        assert_eq!(round(&[Shape::Near; 2], &[5, 5, 6, 132, 6, 5]), 1 + 3 + 2);
        assert_eq!(round(&[Shape::Signed], &[u64::MAX]), 2);
    }

    #[test]
    fn lengths_that_no_word_has_are_refused() {
        for (shape, length) in [
            (Shape::Plain, 9),
            (Shape::Near, 10),
            (Shape::Float, 10),
            (Shape::Signed, 15),
        ] {
            let bytes = [length; 20];
            assert_eq!(
                unpack(&[shape], 1, &[0], &mut &bytes[..], &mut Vec::new()),
                None
            );
        }
        assert_eq!(
            unpack(
                &[Shape::Plain],
                usize::MAX,
                &[0],
                &mut &[0][..],
                &mut Vec::new()
            ),
            None
        );
    }
}
