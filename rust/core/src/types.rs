//! The types of fields, expressions and features.

use std::fmt;

/// What kind of value a field, expression or feature has.
///
/// Times and durations are int64 microseconds, times since 1970 UTC.
///
/// ```
/// use forerun_core::types::Type;
///
/// assert_eq!(Type::parse("duration"), Some(Type::Duration));
/// assert_eq!(Type::Float.to_string(), "float");
/// assert!(Type::Time.is_whole());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// Signed 64-bit integer.
    Int,
    /// A finite float64.
    Float,
    /// UTF-8 text.
    String,
    /// Microseconds since 1970 UTC.
    Time,
    /// Microseconds.
    Duration,
}

impl Type {
    /// The Arrow types it is read from, in words.
    #[must_use]
    pub(crate) fn arrow_name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int64",
            Self::Float => "float64",
            Self::String => "string or large_string",
            Self::Time => "timestamp[us] or int64",
            Self::Duration => "duration[us] or int64",
        }
    }

    /// The type a plan calls by this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "bool" => Self::Bool,
            "int" => Self::Int,
            "float" => Self::Float,
            "string" => Self::String,
            "time" => Self::Time,
            "duration" => Self::Duration,
            _ => return None,
        })
    }

    /// True when values are 64-bit integers underneath.
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Int | Self::Time | Self::Duration)
    }

    /// True for int and float.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::String => "string",
            Self::Time => "time",
            Self::Duration => "duration",
        })
    }
}
