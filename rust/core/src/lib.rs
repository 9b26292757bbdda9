//! The forerun kernel: exact event-time features. No I/O, no clock, no Python.
//!
//! A [`Kernel`] runs one [`plan::Plan`]. A step ([`Kernel::apply`]) takes columnar batches, computes what
//! does not depend on state column by column ([`stage`]), then processes row by row in log order:
//! [`guard`] it, put it into the entities of its views ([`view`], [`entity`], [`buffer`]), and read the
//! vectors it triggers ([`reading`]). What a value means is written in the semantics page; that it does
//! not depend on batching, order within lateness or host rests on exact sums ([`sum`]).

pub mod accumulator;
pub mod aggregate;
pub mod bound;
pub mod breaks;
pub mod buffer;
pub mod calendar;
pub mod cast;
pub mod cells;
mod checkpoint;
pub mod civil;
pub mod coding;
pub mod column;
pub mod counts;
pub mod cursors;
pub mod custom;
pub mod decay;
pub mod dedup;
pub mod emitted;
pub mod emitter;
pub mod emitter_plan;
pub mod entity;
pub mod error;
pub mod eval;
pub mod expr;
pub mod extent;
pub mod feature;
pub mod formula;
pub mod geo;
pub mod grid;
pub mod groups;
pub mod guard;
pub mod hash;
pub mod index;
mod judging;
pub mod kept;
pub mod kernel;
pub mod key;
pub mod kind;
pub mod light;
pub mod list;
pub mod memory;
pub mod one;
mod order;
pub mod overflow;
pub mod panes;
pub mod params;
mod pass;
pub mod peaks;
pub mod pending;
pub mod plan;
mod prefetch;
pub mod prefix;
mod query;
pub mod ranks;
pub mod ratio;
mod read_settled;
mod read_valued;
mod read_windows;
pub mod reader;
pub mod reading;
pub mod recency;
pub mod row;
pub mod sessions;
mod shard;
pub mod single;
pub mod sketch;
pub mod sleepers;
mod slots;
pub mod spec;
pub mod spill;
pub mod stage;
pub mod staging;
pub mod state;
pub mod step;
pub mod stream_plan;
pub mod sum;
pub mod summary;
pub mod text;
mod threads;
pub mod tiles;
pub mod totals;
pub mod types;
pub mod typing;
mod vector_plan;
pub mod view;
mod view_plan;
pub mod window;
pub mod zone;

pub use error::{Error, Result};
pub use kernel::Kernel;
