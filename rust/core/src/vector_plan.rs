//! Compiles a vector: collects the features its inputs read, entity by entity.

use serde_json::{Map, Value};

use crate::expr::{Expr, Node};
use crate::plan::{Lookup, Vector, View, unique};
use crate::spec::VectorSpec;
use crate::stream_plan::Stream;
use crate::types::Type;
use crate::typing::{self, Scope};
use crate::view_plan::Fields;

/// Compiles one vector; streams and views come first.
pub(crate) fn compile(
    spec: VectorSpec,
    streams: &[Stream],
    views: &[View],
) -> Result<Vector, String> {
    let at = format!("vector '{}'", spec.name);
    let stream = streams
        .get(spec.on)
        .ok_or_else(|| format!("{at}: there is no stream {}", spec.on))?;
    unique(
        &format!("{at}: input"),
        spec.inputs.iter().map(|input| input.name.as_str()),
    )?;
    let mut scope = Inputs {
        stream,
        streams,
        views,
        lookups: Vec::new(),
        slots: Vec::new(),
        lists: Vec::new(),
        whole: false,
    };
    let mut inputs = Vec::with_capacity(spec.inputs.len());
    for input in spec.inputs {
        let at = format!("{at}, input '{}'", input.name);
        // A whole list is an input by itself; everything else takes its elements.
        scope.whole = input.expr.get("op").and_then(Value::as_str) == Some("feature");
        let expr =
            typing::compile(&input.expr, &mut scope).map_err(|error| format!("{at}: {error}"))?;
        let advice = match expr.ty {
            Type::Bool | Type::Int | Type::Float => {
                inputs.push((input.name, expr));
                continue;
            }
            Type::String => "compare it first, as in field == \"x\"",
            Type::Time => "subtract another time and use seconds(x)",
            Type::Duration => "use seconds(x)",
        };
        return Err(format!(
            "{at}: an input is a bool, int or float, not a {}; {advice}",
            expr.ty
        ));
    }
    let Inputs {
        lookups,
        slots,
        lists,
        ..
    } = scope;
    Ok(Vector {
        name: spec.name,
        stream: spec.on,
        inputs,
        lookups,
        slots,
        lists,
    })
}

struct Inputs<'a> {
    stream: &'a Stream,
    streams: &'a [Stream],
    views: &'a [View],
    lookups: Vec<Lookup>,
    slots: Vec<Type>,
    lists: Vec<usize>,
    whole: bool,
}

impl Scope for Inputs<'_> {
    fn field(&self, name: &str) -> Result<Expr, String> {
        Fields(self.stream).field(name)
    }

    fn feature(&mut self, object: &Map<String, Value>) -> Result<Expr, String> {
        let index = |name: &str| {
            object
                .get(name)
                .and_then(Value::as_u64)
                .map(|index| index as usize)
        };
        let view = index("view").ok_or("op 'feature' needs \"view\"")?;
        let feature = index("feature").ok_or("op 'feature' needs \"feature\"")?;
        let plan = self
            .views
            .get(view)
            .ok_or_else(|| format!("there is no view {view}"))?;
        let found = plan
            .features
            .get(feature)
            .ok_or_else(|| format!("view '{}' has no feature {feature}", plan.name))?;
        let name = format!("{}.{}", plan.name, found.name);
        let key = self
            .key(plan, object.get("key"))
            .map_err(|error| format!("{name}: {error}"))?;
        if let Some(derived) = &found.derived {
            return Ok(self.inlined(view, &key, derived));
        }
        let element = index("at");
        if found.is_list() && element.is_none() && !self.whole {
            return Err(format!(
                "{name} is a list; read one of its elements with \"at\""
            ));
        }
        if element.is_some() && !found.is_list() {
            return Err(format!("{name} is no list and has no elements"));
        }
        let slot = self.slot(view, key, feature, element, found.ty);
        if found.is_list() && element.is_none() && !self.lists.contains(&slot) {
            self.lists.push(slot);
        }
        Ok(Expr {
            ty: found.ty,
            nullable: found.is_nullable(),
            node: Node::Feature(slot, name),
        })
    }
}

impl Inputs<'_> {
    /// A derived feature as an expression over what it is made of, with the trigger's time as the time of the read.
    fn inlined(&mut self, view: usize, key: &[Expr], derived: &Expr) -> Expr {
        let plan = &self.views[view];
        let (time, stream) = (self.stream.time, self.stream);
        derived.substituted(&mut |leaf| match leaf {
            Node::Feature(own, _) => {
                let found = &plan.features[*own];
                if let Some(inner) = &found.derived {
                    return self.inlined(view, key, inner);
                }
                let slot = self.slot(view, key.to_vec(), *own, None, found.ty);
                Expr {
                    ty: found.ty,
                    nullable: found.is_nullable(),
                    node: Node::Feature(slot, format!("{}.{}", plan.name, found.name)),
                }
            }
            _ => Expr {
                ty: Type::Time,
                nullable: false,
                node: Node::Field(time, stream.fields[time].name.clone()),
            },
        })
    }

    /// The key expressions, by default the trigger's fields named as in the view's `by`.
    fn key(&self, view: &View, json: Option<&Value>) -> Result<Vec<Expr>, String> {
        let stream = &self.streams[view.stream];
        let key: Result<Vec<Expr>, String> = match json.and_then(Value::as_array) {
            Some(parts) => parts
                .iter()
                .map(|part| typing::compile(part, &mut Fields(self.stream)))
                .collect(),
            None => view
                .by
                .iter()
                .map(|&field| self.field(&stream.fields[field].name))
                .collect(),
        };
        let key = key?;
        let expected = view.key_types(stream);
        let types: Vec<Type> = key.iter().map(|part| part.ty).collect();
        if types != expected {
            let list = |types: &[Type]| {
                types
                    .iter()
                    .map(Type::to_string)
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            return Err(format!(
                "the key is ({}), got ({})",
                list(&expected),
                list(&types)
            ));
        }
        Ok(key)
    }

    fn slot(
        &mut self,
        view: usize,
        key: Vec<Expr>,
        feature: usize,
        element: Option<usize>,
        ty: Type,
    ) -> usize {
        let same = |lookup: &Lookup| lookup.view == view && lookup.key == key;
        let place = self.lookups.iter().position(same).unwrap_or_else(|| {
            self.lookups.push(Lookup {
                view,
                key,
                features: Vec::new(),
                elements: Vec::new(),
            });
            self.lookups.len() - 1
        });
        let lookup = &mut self.lookups[place];
        let known = lookup.features.iter().find(|(known, slot)| {
            let at = lookup.elements.iter().find(|(with, _)| with == slot);
            *known == feature && at.map(|&(_, at)| at) == element
        });
        if let Some(&(_, slot)) = known {
            return slot;
        }
        lookup.features.push((feature, self.slots.len()));
        if let Some(at) = element {
            lookup.elements.push((self.slots.len(), at));
        }
        self.slots.push(ty);
        self.slots.len() - 1
    }
}
