//! The aggregates a feature may use and what each needs to be computed from.

use crate::types::Type;

/// An aggregate over the events of an entity.
///
/// ```
/// use forerun_core::aggregate::Aggregate;
/// use forerun_core::types::Type;
///
/// let sum = Aggregate::parse("sum").unwrap();
/// assert_eq!(sum.result(Some(Type::Bool)), Ok(Type::Int));
/// assert!(sum.result(Some(Type::String)).is_err());
/// assert!(sum.result(None).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// Number of events, or of values that are not null.
    Count,
    /// Sum of values.
    Sum,
    /// Arithmetic mean.
    Mean,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
    /// Sample variance.
    Var,
    /// Sample standard deviation.
    Std,
    /// Sum per unit of time.
    Rate,
    /// Number of events per unit of time: a rate without an argument.
    CountRate,
    /// Value of the oldest event.
    First,
    /// Value of the newest event.
    Last,
}

impl Aggregate {
    /// The aggregate a plan calls by this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "count" => Self::Count,
            "sum" => Self::Sum,
            "mean" => Self::Mean,
            "min" => Self::Min,
            "max" => Self::Max,
            "var" => Self::Var,
            "std" => Self::Std,
            "rate" => Self::Rate,
            "first" => Self::First,
            "last" => Self::Last,
            _ => return None,
        })
    }

    /// The type of the result over values of type `arg` (`None`: over events), or why there is none.
    pub fn result(self, arg: Option<Type>) -> Result<Type, String> {
        let number = matches!(arg, Some(Type::Bool | Type::Int | Type::Float));
        match self {
            Self::Count => Ok(Type::Int),
            Self::CountRate => Ok(Type::Float),
            Self::Sum if arg == Some(Type::Float) => Ok(Type::Float),
            Self::Sum if number => Ok(Type::Int),
            Self::Mean | Self::Var | Self::Std | Self::Rate if number => Ok(Type::Float),
            Self::Min | Self::Max | Self::First | Self::Last => match arg {
                Some(ty) if ty != Type::String => Ok(ty),
                Some(_) => {
                    Err("cannot aggregate a string; compare it first, as in field == \"x\"".into())
                }
                None => Err("needs an argument".into()),
            },
            _ => Err(match arg {
                None => "needs an argument".into(),
                Some(Type::Duration) => "cannot aggregate a duration; use seconds(x)".into(),
                Some(ty) => format!("cannot aggregate a {ty}"),
            }),
        }
    }

    /// True when it counts events and never looks at a value.
    #[must_use]
    pub fn counts(self) -> bool {
        matches!(self, Self::Count | Self::CountRate)
    }

    /// True when the error of its value in a tiled window is known.
    #[must_use]
    pub fn has_bound(self) -> bool {
        matches!(
            self,
            Self::Count
                | Self::CountRate
                | Self::Sum
                | Self::Rate
                | Self::Mean
                | Self::Min
                | Self::Max
        )
    }

    /// What must be accumulated for it.
    #[must_use]
    pub fn needs(self) -> Needs {
        Needs {
            sum: matches!(self, Self::Sum | Self::Mean | Self::Rate),
            moments: matches!(self, Self::Var | Self::Std),
            extrema: matches!(self, Self::Min | Self::Max),
            ends: matches!(self, Self::First | Self::Last),
        }
    }
}

/// Which parts of an accumulator are kept; the count always is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "four independent parts, not a state"
)]
pub struct Needs {
    /// The sum.
    pub sum: bool,
    /// Sum and sum of squares.
    pub moments: bool,
    /// Smallest and largest.
    pub extrema: bool,
    /// Oldest and newest.
    pub ends: bool,
}

impl Needs {
    /// True when running totals can be kept as a [`crate::light::Run`].
    #[must_use]
    pub fn light(self) -> bool {
        true
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            sum: self.sum || other.sum,
            moments: self.moments || other.moments,
            extrema: self.extrema || other.extrema,
            ends: self.ends || other.ends,
        }
    }
}
