//! What the kernel refuses, one variant per kind of caller mistake or broken promise.

use std::fmt;

/// Why a call failed. The message says what was wrong, which value, and where it helps, what to do.
///
/// ```
/// use forerun_core::Error;
///
/// let error = Error::Plan("view 'Now': unknown field 'amuont'".into());
/// assert_eq!(error.to_string(), "view 'Now': unknown field 'amuont'");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The plan cannot be compiled.
    Plan(String),
    /// A batch does not fit its stream or its place in the log; nothing was applied.
    Batch(String),
    /// State bytes of another format or plan, or damaged ones.
    State(String),
    /// A read at a time whose events may have been dropped.
    Stale(String),
    /// The store of entities that are not in memory has failed.
    Store(String),
}

/// Result of a kernel call.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Plan(text)
        | Self::Batch(text)
        | Self::State(text)
        | Self::Stale(text)
        | Self::Store(text)) = self;
        out.write_str(text)
    }
}

impl std::error::Error for Error {}
