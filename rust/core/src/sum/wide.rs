//! A two's-complement integer wide enough for any sum of doubles.

use super::big::Big;
use super::decompose;

/// `LIMBS * 64` bits that count multiples of 2^`BASE`.
#[derive(Clone, Debug)]
pub(super) struct Wide<const LIMBS: usize, const BASE: i32> {
    limbs: [u64; LIMBS],
}

impl<const LIMBS: usize, const BASE: i32> Default for Wide<LIMBS, BASE> {
    fn default() -> Self {
        Self { limbs: [0; LIMBS] }
    }
}

impl<const LIMBS: usize, const BASE: i32> Wide<LIMBS, BASE> {
    /// Adds a finite double.
    pub(super) fn add(&mut self, value: f64) {
        let (mantissa, exponent) = decompose(value);
        self.add_shifted(mantissa.unsigned_abs().into(), mantissa < 0, exponent);
    }

    /// Adds or takes out `value * 2^exponent`.
    pub(super) fn add_i128(&mut self, value: i128, exponent: i32, remove: bool) {
        self.add_shifted(value.unsigned_abs(), (value < 0) != remove, exponent);
    }

    /// Adds or takes out `magnitude * 2^exponent`; the exponent is not below `BASE`.
    pub(super) fn add_shifted(&mut self, magnitude: u128, negative: bool, exponent: i32) {
        let shift = (exponent - BASE) as usize;
        let (limb, bit) = (shift / 64, shift % 64);
        let low = magnitude << bit;
        let high = if bit == 0 {
            0
        } else {
            (magnitude >> (128 - bit)) as u64
        };
        let words = [low as u64, (low >> 64) as u64, high];
        let mut carry = false;
        for (offset, slot) in self.limbs[limb..].iter_mut().enumerate() {
            if offset >= words.len() && !carry {
                break;
            }
            let word = words.get(offset).copied().unwrap_or(0);
            let (once, first) = if negative {
                slot.overflowing_sub(word)
            } else {
                slot.overflowing_add(word)
            };
            let unit = u64::from(carry);
            let (twice, second) = if negative {
                once.overflowing_sub(unit)
            } else {
                once.overflowing_add(unit)
            };
            *slot = twice;
            carry = first || second;
        }
    }

    /// Adds another of the same kind.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut carry = false;
        for (slot, &word) in self.limbs.iter_mut().zip(&other.limbs) {
            let (sum, over) = slot.overflowing_add(word);
            let (sum, again) = sum.overflowing_add(u64::from(carry));
            *slot = sum;
            carry = over || again;
        }
    }

    /// Takes out another of the same kind.
    pub(super) fn unmerge(&mut self, other: &Self) {
        let mut carry = false;
        for (slot, &word) in self.limbs.iter_mut().zip(&other.limbs) {
            let (rest, under) = slot.overflowing_sub(word);
            let (rest, again) = rest.overflowing_sub(u64::from(carry));
            *slot = rest;
            carry = under || again;
        }
    }

    /// True when below zero.
    pub(super) fn is_negative(&self) -> bool {
        self.limbs[LIMBS - 1] >> 63 == 1
    }

    /// Absolute value, least limb first.
    pub(super) fn magnitude(&self) -> [u64; LIMBS] {
        let mut limbs = self.limbs;
        if self.is_negative() {
            let mut carry = true;
            for limb in &mut limbs {
                let (negated, over) = (!*limb).overflowing_add(u64::from(carry));
                *limb = negated;
                carry = over;
            }
        }
        limbs
    }

    /// The exact total.
    pub(super) fn to_big(&self) -> Big {
        Big::from_twos_complement(&self.limbs, BASE)
    }

    /// Rounded once, to nearest, ties to even.
    pub(super) fn value(&self) -> f64 {
        let value = round(&self.magnitude(), BASE);
        if self.is_negative() { -value } else { value }
    }

    /// The total as a multiple of 2^`exponent`, when it is one that 128 bits hold.
    pub(super) fn to_i128(&self, exponent: i32) -> Option<i128> {
        let magnitude = self.magnitude();
        let shift = (exponent - BASE) as usize;
        let top = top_bit(&magnitude).unwrap_or(0);
        if top >= shift + 127 || (0..shift).any(|at| bit(&magnitude, at)) {
            return None;
        }
        let value = window(&magnitude, shift) as i128;
        Some(if self.is_negative() { -value } else { value })
    }

    /// The total as a multiple of 2^`exponent`, when it is one, not negative, and 256 bits hold it.
    pub(super) fn to_u256(&self, exponent: i32) -> Option<[u64; 4]> {
        let shift = (exponent - BASE) as usize;
        let fits = top_bit(&self.limbs).is_none_or(|top| top < shift + 256);
        if self.is_negative() || !fits || (0..shift).any(|at| bit(&self.limbs, at)) {
            return None;
        }
        let (low, high) = (window(&self.limbs, shift), window(&self.limbs, shift + 128));
        Some([
            low as u64,
            (low >> 64) as u64,
            high as u64,
            (high >> 64) as u64,
        ])
    }

    /// Appends all limbs, little endian.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.limbs
            .iter()
            .for_each(|limb| out.extend_from_slice(&limb.to_le_bytes()));
    }

    /// Reads what `write` wrote.
    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut limbs = [0; LIMBS];
        for limb in &mut limbs {
            let (word, rest) = bytes.split_first_chunk::<8>()?;
            *limb = u64::from_le_bytes(*word);
            *bytes = rest;
        }
        Some(Self { limbs })
    }
}

/// Position of the highest set bit.
fn top_bit(limbs: &[u64]) -> Option<usize> {
    let limb = limbs.iter().rposition(|&limb| limb != 0)?;
    Some(limb * 64 + 63 - limbs[limb].leading_zeros() as usize)
}

fn bit(limbs: &[u64], at: usize) -> bool {
    limbs[at / 64] >> (at % 64) & 1 == 1
}

/// The 128 bits from position `from` upwards.
fn window(limbs: &[u64], from: usize) -> u128 {
    let (limb, shift) = (from / 64, from % 64);
    let word = |at: usize| u128::from(limbs.get(at).copied().unwrap_or(0));
    let low = word(limb) | word(limb + 1) << 64;
    if shift == 0 {
        low
    } else {
        low >> shift | word(limb + 2) << (128 - shift)
    }
}

/// `limbs * 2^exponent` rounded to nearest, ties to even; infinite above the largest double.
pub(super) fn round(limbs: &[u64], exponent: i32) -> f64 {
    let Some(top) = top_bit(limbs) else {
        return 0.0;
    };
    // Bits of the result stop at 53 places, or at 2^-1074 for subnormal results.
    let drop = (top as i64 - 52).max(-1074 - i64::from(exponent)).max(0) as usize;
    let mut mantissa = window(limbs, drop) as u64;
    if drop > 0 && bit(limbs, drop - 1) {
        let (limb, below) = ((drop - 1) / 64, (drop - 1) % 64);
        let sticky =
            limbs[limb] & ((1 << below) - 1) != 0 || limbs[..limb].iter().any(|&limb| limb != 0);
        if sticky || mantissa & 1 == 1 {
            mantissa += 1;
        }
    }
    scale(mantissa as f64, exponent + drop as i32)
}

/// `value * 2^exponent` where value is 0 or 1 to 2^53 and the result is exact or infinite.
fn scale(value: f64, exponent: i32) -> f64 {
    let power = |exponent: i32| f64::from_bits(((exponent + 1023) as u64) << 52);
    match exponent {
        972.. => f64::INFINITY,
        -1022..972 => value * power(exponent),
        _ => value * power(-1022) * power((exponent + 1022).max(-1022)),
    }
}
