//! When the entities of a view were last asked for, more or less.

/// The step in which a key was last seen, by some bits of its hash: keys that share a place are taken for one, which
/// can only keep an entity in memory for longer.
///
/// ```
/// use forerun_core::recency::Recency;
///
/// let mut recency = Recency::default();
/// recency.fit(100);
/// recency.see(7_000, 3);
/// recency.fit(10_000); // what was seen stays seen
/// assert_eq!((recency.last(7_000), recency.last(8)), (3, 0));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recency {
    /// A power of two of them, or none.
    steps: Vec<u32>,
}

/// Fewest places.
const PLACES_MIN: usize = 1024;

impl Recency {
    /// Makes room for so many entities.
    pub fn fit(&mut self, entities: usize) {
        let places = (2 * entities).next_power_of_two().max(PLACES_MIN);
        if self.steps.is_empty() {
            self.steps = vec![0; places];
        }
        while self.steps.len() < places {
            self.steps.extend_from_within(..);
        }
    }

    /// Notes a key's hash.
    #[inline]
    pub fn see(&mut self, hash: u64, step: u32) {
        let mask = self.steps.len().wrapping_sub(1);
        if let Some(place) = self.steps.get_mut(hash as usize & mask) {
            *place = step;
        }
    }

    /// The step in which a hash was last noted; 0 for never.
    #[inline]
    #[must_use]
    pub fn last(&self, hash: u64) -> u32 {
        let mask = self.steps.len().wrapping_sub(1);
        self.steps.get(hash as usize & mask).copied().unwrap_or(0)
    }
}
