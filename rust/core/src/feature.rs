//! One feature of a view, compiled.

use crate::aggregate::Aggregate;
use crate::custom::Call;
use crate::expr::Expr;
use crate::params::Params;
use crate::types::Type;

/// One feature of a view: an aggregate, or made of features before it.
///
/// ```
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// let feature = &Plan::compile(EXAMPLE).unwrap().views[0].features[0];
/// assert!(!feature.is_list() && !feature.is_nullable()); // a count
/// ```
#[derive(Clone, Debug)]
pub struct Feature {
    /// Name in the view.
    pub name: String,
    /// How it aggregates.
    pub aggregate: Aggregate,
    /// Type of its value.
    pub ty: Type,
    /// What it aggregates.
    pub span: usize,
    /// Length of its window, for a rate.
    pub over_us: Option<i64>,
    /// Unit of a rate.
    pub per_us: i64,
    /// Settings of the aggregate.
    pub params: Params,
    /// The function that makes it of the values of its window, when that is no aggregate of the kernel's.
    pub call: Option<Call>,
    /// What it is made of when it is no aggregate: features of the view before it, and the time of the read (as a field).
    pub derived: Option<Expr>,
}

impl Feature {
    /// True when it is read for other features only.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.name.contains('#')
    }

    /// True when what is read of it are words for texts of an entity.
    #[must_use]
    pub fn holds_words_of_texts(&self) -> bool {
        self.derived.is_none() && self.is_text() && self.params.among.is_empty()
    }

    /// True when its value is a list.
    #[inline]
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.derived.is_none() && self.aggregate.is_list()
    }

    /// True when its value can be null.
    #[must_use]
    pub fn is_nullable(&self) -> bool {
        match &self.derived {
            Some(expr) => expr.nullable,
            None => !self.aggregate.is_total(),
        }
    }

    /// True when its values are text.
    #[inline]
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.ty == Type::String
    }
}
