//! About how many distinct values there were, in 4 KiB at most.

use std::collections::BTreeSet;

use crate::totals::take;

/// Distinct values up to which they are told apart exactly.
const EXACT_MAX: usize = 64;

/// Bits of a hash that choose a register: the standard error is 1.04 / sqrt(2^12) = 1.6 %.
const INDEX_BITS: u32 = 12;
const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits left of a hash, and so the largest rank but one.
const RANK_BITS: usize = 64 - INDEX_BITS as usize;

/// Distinct hashes: themselves up to 64, beyond that the registers of `HyperLogLog`.
///
/// A register holds the largest rank (leading zeros and one) among the hashes that choose it (Flajolet et al.,
/// "`HyperLogLog`", 2007); the estimate is that of Ertl ("New cardinality estimation algorithms for `HyperLogLog`
/// sketches", 2017, algorithm 6), which needs no correction for small or large numbers.
///
/// ```
/// use forerun_core::counts::mix;
/// use forerun_core::sketch::Registers;
///
/// let mut seen = Registers::default();
/// (0..50).chain(20..60).for_each(|visitor| seen.add(mix(visitor)));
/// assert_eq!(seen.estimate(), 60);
/// (0..10_000).for_each(|visitor| seen.add(mix(visitor)));
/// assert!(seen.estimate().abs_diff(10_000) < 500);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers(Form);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Exact(BTreeSet<u64>),
    Ranks(Box<Ranks>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Ranks {
    registers: [u8; REGISTERS],
    /// Number of registers that hold each rank.
    holding: [u16; RANK_BITS + 2],
}

impl Default for Registers {
    fn default() -> Self {
        Self(Form::Exact(BTreeSet::new()))
    }
}

impl Registers {
    /// The most that [`Registers::bytes`] can be.
    pub const BYTES_MAX: usize = size_of::<Ranks>();

    /// Adds a hash, whose bits must be well mixed.
    pub fn add(&mut self, hash: u64) {
        match &mut self.0 {
            Form::Ranks(ranks) => ranks.add(hash),
            Form::Exact(hashes) => {
                hashes.insert(hash);
                if hashes.len() > EXACT_MAX {
                    let ranks = Ranks::of(hashes);
                    self.0 = Form::Ranks(ranks);
                }
            }
        }
    }

    /// Adds all hashes of another.
    pub fn merge(&mut self, other: &Self) {
        match &other.0 {
            Form::Exact(hashes) => hashes.iter().for_each(|&hash| self.add(hash)),
            Form::Ranks(more) => {
                if let Form::Exact(hashes) = &self.0 {
                    self.0 = Form::Ranks(Ranks::of(hashes));
                }
                if let Form::Ranks(ranks) = &mut self.0 {
                    for (at, &rank) in more.registers.iter().enumerate() {
                        ranks.raise(at, rank);
                    }
                }
            }
        }
    }

    /// The number of distinct hashes: exact up to 64, estimated above.
    #[must_use]
    pub fn estimate(&self) -> u64 {
        match &self.0 {
            Form::Exact(hashes) => hashes.len() as u64,
            Form::Ranks(ranks) => ranks.estimate(),
        }
    }

    /// True when a hash would change nothing.
    #[must_use]
    pub fn holds(&self, hash: u64) -> bool {
        match &self.0 {
            Form::Exact(hashes) => hashes.contains(&hash),
            Form::Ranks(ranks) => {
                let (at, rank) = place(hash);
                ranks.registers[at] >= rank
            }
        }
    }

    /// Bytes on the heap, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.0 {
            Form::Exact(hashes) => hashes.len() * 12,
            Form::Ranks(_) => size_of::<Ranks>(),
        }
    }

    /// Appends the canonical bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Form::Exact(hashes) => {
                out.extend_from_slice(&[0, hashes.len() as u8]);
                hashes
                    .iter()
                    .for_each(|hash| out.extend_from_slice(&hash.to_le_bytes()));
            }
            Form::Ranks(ranks) => {
                out.push(1);
                out.extend_from_slice(&ranks.registers);
            }
        }
    }

    /// Reads what [`Registers::write`] wrote; `None` when the bytes are not that.
    #[must_use]
    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        if take::<1>(bytes)? == [1] {
            let registers = take::<REGISTERS>(bytes)?;
            let mut holding = [0; RANK_BITS + 2];
            for &rank in &registers {
                *holding.get_mut(usize::from(rank))? += 1;
            }
            return Some(Self(Form::Ranks(Box::new(Ranks { registers, holding }))));
        }
        let [length] = take(bytes)?;
        let mut hashes = BTreeSet::new();
        for _ in 0..length {
            hashes.insert(u64::from_le_bytes(take(bytes)?));
        }
        let complete = hashes.len() == usize::from(length) && hashes.len() <= EXACT_MAX;
        complete.then_some(Self(Form::Exact(hashes)))
    }
}

/// The register a hash chooses, and its rank.
fn place(hash: u64) -> (usize, u8) {
    let rest = hash << INDEX_BITS;
    let rank = rest.leading_zeros().min(RANK_BITS as u32) + 1;
    ((hash >> RANK_BITS) as usize, rank as u8)
}

impl Ranks {
    fn of(hashes: &BTreeSet<u64>) -> Box<Self> {
        let mut holding = [0; RANK_BITS + 2];
        holding[0] = REGISTERS as u16;
        let mut ranks = Box::new(Self {
            registers: [0; REGISTERS],
            holding,
        });
        hashes.iter().for_each(|&hash| ranks.add(hash));
        ranks
    }

    fn add(&mut self, hash: u64) {
        let (at, rank) = place(hash);
        self.raise(at, rank);
    }

    fn raise(&mut self, at: usize, rank: u8) {
        let held = &mut self.registers[at];
        if rank > *held {
            self.holding[usize::from(*held)] -= 1;
            self.holding[usize::from(rank)] += 1;
            *held = rank;
        }
    }

    fn estimate(&self) -> u64 {
        let all = REGISTERS as f64;
        let share = |rank: usize| f64::from(self.holding[rank]) / all;
        let mut z = all * tau(1.0 - share(RANK_BITS + 1));
        for rank in (1..=RANK_BITS).rev() {
            z = 0.5 * (z + f64::from(self.holding[rank]));
        }
        z += all * sigma(share(0));
        (all * all / (2.0 * std::f64::consts::LN_2 * z)).round() as u64
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::mix;

    fn of(values: std::ops::Range<u64>) -> Registers {
        let mut registers = Registers::default();
        values.for_each(|value| registers.add(mix(value)));
        registers
    }

    #[test]
    fn the_error_is_as_documented() {
        let (mut squares, mut cases) = (0.0, 0.0);
        for size in [65u64, 300, 2000, 5000, 12_000, 50_000, 300_000] {
            for seed in 0..8u64 {
                let from = seed << 40;
                let error = of(from..from + size).estimate() as f64 / size as f64 - 1.0;
                assert!(error.abs() < 0.065, "{size}: {error}");
                squares += error * error;
                cases += 1.0;
            }
        }
        let deviation = f64::sqrt(squares / cases);
        assert!(deviation < 0.018, "{deviation}");
    }

    #[test]
    fn merging_is_adding_in_whatever_order() {
        for (left, right) in [
            (0..40, 20..60),
            (0..50, 40..90),
            (0..1000, 5..10),
            (3..9, 0..70),
        ] {
            let mut merged = of(left.clone());
            merged.merge(&of(right.clone()));
            let mut expected = of(right);
            left.rev().for_each(|value| expected.add(mix(value)));
            assert_eq!(merged, expected);
        }
    }

    #[test]
    fn bytes_read_back_as_the_same_registers() {
        for registers in [of(0..0), of(0..64), of(0..65), of(0..9999)] {
            let mut bytes = Vec::new();
            registers.write(&mut bytes);
            let mut rest = bytes.as_slice();
            assert_eq!(Registers::read(&mut rest), Some(registers));
            assert!(rest.is_empty());
        }
        assert_eq!(Registers::read(&mut &[0u8, 3, 1][..]), None);
    }
}
