//! Reads of one entity at a time, prepared once and without Arrow.

use crate::column::Column;
use crate::error::{Error, Result};
use crate::eval::Inputs;
use crate::kernel::Kernel;
use crate::key::Keys;
use crate::list::List;
use crate::one::{One, Value};
use crate::plan::Plan;
use crate::reading::Reading;
use crate::row::Row;
use crate::types::Type;

/// Some features of a view, ready to be read for one key after the other.
///
/// ```
/// use forerun_core::Kernel;
/// use forerun_core::one::{One, Value};
/// use forerun_core::plan::EXAMPLE;
///
/// let mut kernel = Kernel::new(EXAMPLE).unwrap();
/// kernel.event(0, 0, 0, 100, [One::text(b"a"), One::Whole(100), One::Float(1.5)]).unwrap();
/// let mut reader = kernel.reader(0, Some(&["total", "events"])).unwrap();
/// kernel.read(&mut reader, [One::text(b"a")], 110).unwrap();
/// assert_eq!(reader.value(kernel.plan(), 0), Value::One(One::Float(1.5)));
/// ```
#[derive(Clone, Debug)]
pub struct Reader {
    view: usize,
    /// What is read, in order: the features, which have the slots of their indices.
    features: Vec<usize>,
    /// The type of each that is but a word.
    words: Vec<Option<Type>>,
    /// Slots of texts and lists.
    wide: Vec<usize>,
    /// True when some of them is computed from others.
    derived: bool,
    reading: Reading,
    row: Row,
    key: Vec<(Type, Column)>,
    keys: Keys,
    /// All features as columns, when some is derived.
    columns: Vec<Column>,
}

impl Reader {
    /// The value of the feature at a place: what [`Kernel::read`] found last.
    #[inline]
    #[must_use]
    pub fn value(&self, plan: &Plan, at: usize) -> Value {
        let index = self.features[at];
        let feature = &plan.views[self.view].features[index];
        let list = self.row.list(index);
        if feature.is_list() {
            return list.map_or(Value::One(One::Null), |list| {
                Value::List(list.values(feature.ty))
            });
        }
        Value::One(match self.columns.get(index) {
            Some(column) => column.one(0),
            None if feature.is_text() => text(list),
            None => One::of_word(feature.ty, self.row.get(index)),
        })
    }

    /// The same where it is no text, no list and not computed from others: its type, and its word or null.
    #[inline]
    #[must_use]
    pub fn word(&self, at: usize) -> Option<(Type, Option<u64>)> {
        let (index, ty) = (self.features[at], self.words[at]?);
        Some((ty, self.row.get(index)))
    }

    /// How many features it reads.
    #[must_use]
    pub fn width(&self) -> usize {
        self.features.len()
    }

    /// Types of the key's parts.
    pub fn key_types(&self) -> impl ExactSizeIterator<Item = Type> {
        self.key.iter().map(|(ty, _)| *ty)
    }

    /// Computes what is computed from others, as of a time.
    fn derive(&mut self, plan: &Plan, t_us: i64) {
        let now = [Column::same(One::Whole(t_us), 1)];
        self.columns.clear();
        for (index, feature) in plan.views[self.view].features.iter().enumerate() {
            let column = match &feature.derived {
                Some(expr) => Inputs {
                    rows: 1,
                    fields: &now,
                    features: &self.columns,
                }
                .eval(expr),
                None if feature.is_text() => Column::same(text(self.row.list(index)), 1),
                None => Column::same(One::of_word(feature.ty, self.row.get(index)), 1),
            };
            self.columns.push(column);
        }
    }
}

fn text(list: Option<&List>) -> One {
    let text = list.and_then(|list| list.texts.first());
    text.map_or(One::Null, |text| One::text(text))
}

impl Kernel {
    /// Prepares reads of some features of a view, by default of all that are not hidden.
    pub fn reader(&self, view: usize, names: Option<&[&str]>) -> Result<Reader> {
        let Some(plan) = self.plan.views.get(view) else {
            return Err(Error::Batch(format!("there is no view {view}")));
        };
        let all = || plan.features.iter().enumerate();
        let features: Vec<usize> = match names {
            None => all()
                .filter(|(_, feature)| !feature.is_hidden())
                .map(|(at, _)| at)
                .collect(),
            Some(names) => names
                .iter()
                .map(|name| {
                    let found = all().find(|(_, feature)| feature.name == *name);
                    found.map(|(at, _)| at).ok_or_else(|| {
                        Error::Batch(format!("view '{}' has no feature '{name}'", plan.name))
                    })
                })
                .collect::<Result<_>>()?,
        };
        let derived = features
            .iter()
            .any(|&at| plan.features[at].derived.is_some());
        let read: Vec<(usize, usize)> = if derived {
            (0..plan.features.len()).map(|at| (at, at)).collect()
        } else {
            features.iter().map(|&at| (at, at)).collect()
        };
        let words = features.iter().map(|&at| {
            let feature = &plan.features[at];
            let one_word = !feature.is_list() && !feature.is_text() && feature.derived.is_none();
            one_word.then_some(feature.ty)
        });
        let words = words.collect();
        let types = plan.key_types(&self.plan.streams[plan.stream]);
        let key = types.into_iter().map(|ty| (ty, Column::same(One::Null, 1)));
        Ok(Reader {
            view,
            features,
            words,
            wide: all()
                .filter(|(_, feature)| feature.is_list() || feature.is_text())
                .map(|(at, _)| at)
                .collect(),
            derived,
            reading: Reading::new(plan, &read),
            row: Row::new(plan.features.len()),
            key: key.collect(),
            keys: Keys::default(),
            columns: Vec::new(),
        })
    }

    /// Reads what a reader was made for, of one key at a time: the values are the reader's then.
    ///
    /// A key has the types of the view's (see [`Reader::key_types`]); a null part, or an entity that is not
    /// known, reads as empty.
    pub fn read(
        &mut self,
        reader: &mut Reader,
        key: impl IntoIterator<Item = One>,
        t_us: i64,
    ) -> Result<()> {
        self.usable()?;
        self.fresh(reader.view, t_us)?;
        let mut parts = key.into_iter();
        for (_, part) in &mut reader.key {
            let Some(one) = parts.next() else {
                return Err(self.other_key(reader));
            };
            *part = Column::same(one, 1);
        }
        if parts.next().is_some() {
            return Err(self.other_key(reader));
        }
        reader.keys.refill(&reader.key, 1);
        self.wake_keys(reader.view, &reader.keys, 1)?;
        // A list stays in a row until it is taken.
        for &slot in &reader.wide {
            reader.row.take_list(slot);
        }
        let view = &self.plan.views[reader.view];
        let key = reader.keys.get(0);
        let entity = key.and_then(|(key, hash)| self.views[reader.view].find_mut(key, hash));
        reader.reading.read(view, entity, t_us, &mut reader.row);
        if !reader.row.overflown().is_empty() {
            reader.row.take_overflown();
        }
        if reader.derived {
            reader.derive(&self.plan, t_us);
        }
        Ok(())
    }

    #[cold]
    fn other_key(&self, reader: &Reader) -> Error {
        Error::Batch(format!(
            "view '{}': its key has {} parts",
            self.plan.views[reader.view].name,
            reader.key.len()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::EXAMPLE;

    #[test]
    fn a_key_has_as_many_parts_as_the_views() {
        let mut kernel = Kernel::new(EXAMPLE).expect("the example");
        let mut reader = kernel.reader(0, None).expect("its view");
        let a = || One::text(b"a");
        for key in [vec![], vec![a(), a()]] {
            let error = kernel.read(&mut reader, key, 1).expect_err("no key");
            assert_eq!(error.to_string(), "view 'Now': its key has 1 parts");
        }
        kernel.read(&mut reader, [a()], 1).expect("a key");
    }
}
