//! The aggregates a feature may use and what each needs to be computed from.

use crate::kind::Kind;
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
    /// Adjusted Fisher-Pearson skewness.
    Skew,
    /// The oldest values.
    FirstN,
    /// The newest values.
    LastN,
    /// Number of distinct values.
    Distinct,
    /// About how many distinct values.
    ApproxDistinct,
    /// The value at a rank.
    Quantile,
    /// The most frequent values.
    TopK,
    /// Number of values per bin.
    Histogram,
    /// Exponentially weighted number of values.
    EwmCount,
    /// Exponentially weighted mean.
    EwmMean,
    /// How many of the newest values are true in a row.
    Streak,
    /// Whatever a function makes of all values (see [`crate::custom`]).
    Custom,
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
            "skew" => Self::Skew,
            "first_n" => Self::FirstN,
            "last_n" => Self::LastN,
            "distinct" => Self::Distinct,
            "approx_distinct" => Self::ApproxDistinct,
            "quantile" => Self::Quantile,
            "top_k" => Self::TopK,
            "histogram" => Self::Histogram,
            "ewm_count" => Self::EwmCount,
            "ewm_mean" => Self::EwmMean,
            "streak" => Self::Streak,
            "custom" => Self::Custom,
            _ => return None,
        })
    }

    /// The type of the result over values of type `arg` (`None`: over events), or why there is none; of a list, that
    /// of its values.
    pub fn result(self, arg: Option<Type>) -> Result<Type, String> {
        let Some(ty) = arg else {
            return match self {
                Self::Count => Ok(Type::Int),
                Self::CountRate | Self::EwmCount => Ok(Type::Float),
                _ => Err("needs an argument".into()),
            };
        };
        let number = matches!(ty, Type::Bool | Type::Int | Type::Float);
        match self {
            Self::Count | Self::Distinct | Self::ApproxDistinct => Ok(Type::Int),
            Self::CountRate | Self::EwmCount => Ok(Type::Float),
            Self::First | Self::Last | Self::FirstN | Self::LastN | Self::TopK => Ok(ty),
            Self::Sum if ty == Type::Float => Ok(Type::Float),
            Self::Sum if number => Ok(Type::Int),
            Self::Mean | Self::Var | Self::Std | Self::Rate | Self::Skew if number => {
                Ok(Type::Float)
            }
            Self::EwmMean | Self::Custom if number => Ok(Type::Float),
            Self::Quantile if ty.is_number() => Ok(Type::Float),
            Self::Histogram if ty.is_number() => Ok(Type::Int),
            Self::Streak if ty == Type::Bool => Ok(Type::Int),
            Self::Streak => Err(format!("takes a condition, not a {ty}; compare it first")),
            Self::Min | Self::Max if ty != Type::String => Ok(ty),
            _ => Err(match ty {
                Type::String => {
                    "cannot aggregate a string; compare it first, as in field == \"x\"".into()
                }
                Type::Duration => "cannot aggregate a duration; use seconds(x)".into(),
                _ => format!("cannot aggregate a {ty}"),
            }),
        }
    }

    /// True when its value is a list.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Self::FirstN | Self::LastN | Self::TopK | Self::Histogram
        )
    }

    /// True when its value is never null.
    #[must_use]
    pub fn is_total(self) -> bool {
        matches!(
            self,
            Self::Count | Self::Distinct | Self::ApproxDistinct | Self::EwmCount | Self::Streak
        )
    }

    /// True when it counts events and never looks at a value.
    #[must_use]
    pub fn counts(self) -> bool {
        matches!(self, Self::Count | Self::CountRate | Self::EwmCount)
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
            kind: Kind::Plain,
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
    /// What else.
    pub kind: Kind,
}

impl Needs {
    /// True when running totals can be kept as a [`crate::light::Run`].
    #[must_use]
    pub fn light(self) -> bool {
        self.kind.light()
    }

    /// True when what is kept depends on the order of the values.
    #[must_use]
    pub fn ordered(self) -> bool {
        self.ends
            || matches!(
                self.kind,
                Kind::Oldest(_) | Kind::Newest(_) | Kind::Streak | Kind::Values
            )
    }

    /// Both together, of one kind.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            sum: self.sum || other.sum,
            moments: self.moments || other.moments,
            extrema: self.extrema || other.extrema,
            ends: self.ends || other.ends,
            kind: self.kind,
        }
    }
}
