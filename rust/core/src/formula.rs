//! One expression by itself, over the columns of a table: what runs beside a plan means what it means inside.

use arrow_array::ArrayRef;
use serde_json::{Map, Value};

use crate::column::Column;
use crate::error::{Error, Result};
use crate::eval::Inputs;
use crate::expr::{Expr, Node};
use crate::types::Type;
use crate::typing::{self, Scope};

/// A compiled expression and the columns it may name.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array};
/// use forerun_core::{formula::Formula, types::Type};
///
/// let doubled = r#"{"op": "add", "args": [{"op": "field", "name": "n"}, {"op": "field", "name": "n"}]}"#;
/// let formula = Formula::compile(doubled, vec![("n".into(), Type::Int)]).unwrap();
/// let n: ArrayRef = Arc::new(Int64Array::from(vec![Some(21), None]));
/// let sum = formula.evaluate(&[n], 2).unwrap();
/// assert_eq!(sum.as_ref(), &Int64Array::from(vec![Some(42), None]));
/// ```
#[derive(Debug)]
pub struct Formula {
    columns: Vec<(String, Type)>,
    expr: Expr,
}

struct Names<'a>(&'a [(String, Type)]);

impl Scope for Names<'_> {
    fn field(&self, name: &str) -> std::result::Result<Expr, String> {
        let known = |(known, _): &(String, Type)| known == name;
        let index = self.0.iter().position(known);
        let index = index.ok_or_else(|| format!("there is no column '{name}'"))?;
        Ok(Expr {
            ty: self.0[index].1,
            nullable: true,
            node: Node::Field(index, name.into()),
        })
    }

    fn feature(&mut self, _: &Map<String, Value>) -> std::result::Result<Expr, String> {
        Err("a feature can only be read by a vector's input".into())
    }
}

impl Formula {
    /// Compiles the JSON of an expression over columns of these names and types.
    pub fn compile(json: &str, columns: Vec<(String, Type)>) -> Result<Self> {
        let json = serde_json::from_str(json).map_err(|error| Error::Plan(error.to_string()))?;
        let expr = typing::compile(&json, &mut Names(&columns)).map_err(Error::Plan)?;
        Ok(Self { columns, expr })
    }

    /// The value at every row; `arrays` are the columns, in their order.
    pub fn evaluate(&self, arrays: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let expected = self.columns.len();
        if arrays.len() != expected {
            let got = arrays.len();
            return Err(Error::Batch(format!(
                "expected {expected} columns, got {got}"
            )));
        }
        let fields: Vec<Column> = self
            .columns
            .iter()
            .zip(arrays)
            .map(|((name, ty), array)| {
                Column::from_array(array, *ty)
                    .map_err(|error| Error::Batch(format!("column '{name}': {error}")))
            })
            .collect::<Result<_>>()?;
        let inputs = Inputs {
            rows,
            fields: &fields,
            features: &[],
        };
        Ok(inputs.eval(&self.expr).to_array(self.expr.ty))
    }
}
