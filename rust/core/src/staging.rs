//! What is computed of every row of a stream before its state is touched, each thing once.

use crate::emitter_plan::Emitter;
use crate::expr::{Expr, Node};
use crate::plan::{Vector, View};
use crate::stream_plan::Stream;

/// The distinct keys of a stream's rows, and who takes which: views and vectors mostly share a few.
///
/// ```
/// use forerun_core::plan::{EXAMPLE, Plan};
///
/// let staging = &Plan::compile(EXAMPLE).unwrap().staging[0];
/// assert_eq!((staging.keys.len(), &staging.views[..], &staging.lookups[..]), (1, &[0][..], &[vec![0]][..]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Staging {
    /// Each key there is, by its parts.
    pub keys: Vec<Vec<Expr>>,
    /// The key of each view of the stream, in order.
    pub views: Vec<usize>,
    /// The key of each emitter of the stream, in order.
    pub emitters: Vec<usize>,
    /// The key that duplicates are told by.
    pub id: Option<usize>,
    /// The key of each lookup of each vector of the stream.
    pub lookups: Vec<Vec<usize>>,
}

impl Staging {
    /// What one stream needs.
    pub(crate) fn new(
        stream: &Stream,
        views: &[View],
        vectors: &[Vector],
        emitters: &[Emitter],
    ) -> Self {
        let mut keys: Vec<Vec<Expr>> = Vec::new();
        let mut place = |key: Vec<Expr>| {
            keys.iter()
                .position(|known| *known == key)
                .unwrap_or_else(|| {
                    keys.push(key);
                    keys.len() - 1
                })
        };
        let of_views = stream.views.iter();
        let of_views = of_views.map(|&view| place(fields(stream, &views[view].by)));
        let of_views = of_views.collect();
        let of_emitters = stream.emitters.iter();
        let of_emitters =
            of_emitters.map(|&emitter| place(fields(stream, &emitters[emitter].view.by)));
        let of_emitters = of_emitters.collect();
        let id = stream.dedup_us.map(|_| place(fields(stream, &stream.id)));
        let of_vectors = stream.vectors.iter().map(|&vector| {
            let lookups = vectors[vector].lookups.iter();
            lookups.map(|lookup| place(lookup.key.clone())).collect()
        });
        let lookups = of_vectors.collect();
        Self {
            keys,
            views: of_views,
            emitters: of_emitters,
            id,
            lookups,
        }
    }
}

/// Fields as expressions.
fn fields(stream: &Stream, fields: &[usize]) -> Vec<Expr> {
    let leaf = |&index: &usize| {
        let field = &stream.fields[index];
        Expr {
            ty: field.ty,
            nullable: field.nullable,
            node: Node::Field(index, field.name.clone()),
        }
    };
    fields.iter().map(leaf).collect()
}
