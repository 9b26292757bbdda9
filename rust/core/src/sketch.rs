//! Summaries of bounded size that depend on the multiset of values and on nothing else.

mod buckets;
mod registers;

pub use buckets::Buckets;
pub use registers::Registers;
