//! What a track keeps of its values beyond count, sums, extremes and ends.

/// The kind of a track: one per family of aggregates that needs more than a plain track has.
///
/// ```
/// use forerun_core::kind::Kind;
///
/// assert!(Kind::Plain.light());
/// assert!(!Kind::Counts.light()); // a map has no prefix
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Nothing more.
    #[default]
    Plain,
    /// Sums of the first three powers.
    Cubes,
    /// How often each value occurs; of settled events, too, so the plan says how many values there are.
    Counts,
    /// Distinct values; of settled events the so many smallest hashes.
    Distinct(usize),
    /// Distinct values; of settled events about how many.
    Registers,
    /// Quantiles: up to 64 values as they are, more in buckets.
    Buckets,
    /// The so many oldest values.
    Oldest(usize),
    /// The so many newest values.
    Newest(usize),
    /// How many of the newest values are true in a row.
    Streak,
    /// Exponentially weighted sums with so long a half-life, in microseconds.
    Decay(i64),
    /// All values.
    Values,
}

impl Kind {
    /// True when its running totals are those of a plain track.
    #[inline]
    #[must_use]
    pub fn light(self) -> bool {
        !matches!(
            self,
            Self::Cubes | Self::Counts | Self::Distinct(_) | Self::Registers | Self::Buckets
        )
    }

    /// True when events that do not count must be skipped quickly.
    #[must_use]
    pub fn skips(self) -> bool {
        matches!(
            self,
            Self::Buckets | Self::Oldest(_) | Self::Newest(_) | Self::Streak | Self::Values
        )
    }
}
