//! The settings of an aggregate.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::aggregate::Aggregate;
use crate::coding::Coding;
use crate::expr::{Expr, Node, Scalar};
use crate::kind::Kind;
use crate::types::Type;
use crate::window::Window;

/// Settings of one feature's aggregate, checked; what it has no use for is at its default.
///
/// ```
/// use forerun_core::aggregate::Aggregate;
/// use forerun_core::params::Params;
/// use forerun_core::types::Type;
///
/// let json = serde_json::json!({"n": 3});
/// let params = Params::parse(Aggregate::LastN, json.as_object().unwrap(), Some(Type::Int)).unwrap();
/// assert_eq!(params.n, 3);
/// let json = serde_json::json!({"n": 300});
/// assert_eq!(
///     Params::parse(Aggregate::LastN, json.as_object().unwrap(), Some(Type::Int)).unwrap_err(),
///     "n is 300; it must be a whole number from 1 to 100"
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// Values of a list.
    pub n: usize,
    /// Distinct values at most.
    pub max: Option<usize>,
    /// Which quantile.
    pub q: f64,
    /// Half-life of weights.
    pub half_life_us: i64,
    /// Unit of a rate.
    pub per_us: i64,
    /// The values that count, ascending; empty for all.
    pub among: Vec<Scalar>,
    /// Where bins begin, ascending.
    pub edges: Vec<f64>,
    /// The function that is called.
    pub function: String,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            n: 0,
            max: None,
            q: 0.0,
            half_life_us: 0,
            per_us: 1_000_000,
            among: Vec::new(),
            edges: Vec::new(),
            function: String::new(),
        }
    }
}

/// Most values of a list.
pub const LIST_MAX: i64 = 100;

/// Most distinct values that are told apart over a lifetime.
const DISTINCT_MAX: i64 = 10_000;

/// Longest half-life: a thousand years.
const HALF_LIFE_MAX_US: i64 = 31_557_600_000_000_000;

/// Most constants and edges.
const CONSTANTS_MAX: usize = 1000;

impl Params {
    /// Checks the settings of an aggregate of values of type `arg`.
    pub fn parse(
        aggregate: Aggregate,
        json: &Map<String, Value>,
        arg: Option<Type>,
    ) -> Result<Self, String> {
        let known: &[&str] = match aggregate {
            Aggregate::Rate | Aggregate::CountRate => &["per_us"],
            Aggregate::FirstN | Aggregate::LastN => &["n"],
            Aggregate::TopK => &["n", "among"],
            Aggregate::Distinct => &["max"],
            Aggregate::Quantile => &["q"],
            Aggregate::Histogram => &["edges"],
            Aggregate::EwmCount | Aggregate::EwmMean => &["half_life_us"],
            // The source tells versions of a function apart.
            Aggregate::Custom => &["function", "source"],
            _ => &[],
        };
        let given = |name: &str| json.get(name).filter(|value| !value.is_null());
        if let Some((name, _)) = json
            .iter()
            .find(|(name, value)| !known.contains(&name.as_str()) && !value.is_null())
        {
            return Err(format!("unknown setting '{name}'"));
        }
        let whole = |name: &str, most: i64| {
            let value = given(name).and_then(Value::as_i64).unwrap_or(0);
            if (1..=most).contains(&value) {
                return Ok(value);
            }
            let found = json.get(name).map_or("missing".into(), Value::to_string);
            Err(format!(
                "{name} is {found}; it must be a whole number from 1 to {most}"
            ))
        };
        let mut params = Self::default();
        match aggregate {
            Aggregate::Rate | Aggregate::CountRate => {
                if let Some(per) = given("per_us") {
                    let per_us = per.as_i64().unwrap_or(0);
                    if per_us <= 0 {
                        return Err(format!("per_us is {per}; it must be positive"));
                    }
                    params.per_us = per_us;
                }
            }
            Aggregate::FirstN | Aggregate::LastN => params.n = whole("n", LIST_MAX)? as usize,
            Aggregate::TopK => {
                params.n = whole("n", LIST_MAX)? as usize;
                if let (Some(among), Some(ty)) = (given("among"), arg) {
                    params.among = constants(among, ty)?;
                }
            }
            Aggregate::Distinct if given("max").is_some() => {
                params.max = Some(whole("max", DISTINCT_MAX)? as usize);
            }
            Aggregate::Quantile => {
                let q = given("q").and_then(Value::as_f64);
                params.q = q.filter(|q| (0.0..=1.0).contains(q)).ok_or_else(|| {
                    format!(
                        "q is {}; it must be from 0 to 1",
                        json.get("q").unwrap_or(&Value::Null)
                    )
                })?;
            }
            Aggregate::Histogram => params.edges = edges(given("edges"))?,
            Aggregate::Custom => {
                let name = given("function").and_then(Value::as_str);
                params.function = name.ok_or("function is missing; it must be a name")?.into();
            }
            Aggregate::EwmCount | Aggregate::EwmMean => {
                params.half_life_us = whole("half_life_us", HALF_LIFE_MAX_US)?;
            }
            _ => {}
        }
        Ok(params)
    }

    /// How many distinct values the settings leave; 0 when they do not say.
    #[must_use]
    pub fn values(&self) -> usize {
        if self.edges.is_empty() {
            self.among.len()
        } else {
            self.edges.len() + 1
        }
    }

    /// What is kept of an aggregate's values in a window, or why nothing bounded can be.
    pub fn kind(&self, aggregate: Aggregate, window: &Window) -> Result<Kind, String> {
        let settles = window.settles();
        Ok(match aggregate {
            Aggregate::Skew => Kind::Cubes,
            Aggregate::Distinct if settles => Kind::Distinct(self.max.ok_or(
                "the distinct values of a lifetime have no bound; set max, up to which they are told apart, \
                 use approx_distinct, or give a window",
            )?),
            Aggregate::ApproxDistinct if settles => Kind::Registers,
            Aggregate::TopK if settles && self.among.is_empty() => {
                return Err(
                    "the most frequent values of a lifetime have no bound; list the values among which \
                     they are looked for (among), or give a window"
                        .into(),
                );
            }
            Aggregate::Distinct
            | Aggregate::ApproxDistinct
            | Aggregate::Histogram
            | Aggregate::TopK => Kind::Counts,
            Aggregate::Quantile => Kind::Buckets,
            Aggregate::FirstN => Kind::Oldest(self.n),
            Aggregate::LastN => Kind::Newest(self.n),
            Aggregate::Streak => Kind::Streak,
            Aggregate::EwmCount | Aggregate::EwmMean if *window != Window::Lifetime => {
                return Err("weights that fade need no window; leave it out".into());
            }
            Aggregate::EwmCount | Aggregate::EwmMean => Kind::Decay(self.half_life_us),
            Aggregate::Custom if settles => {
                return Err("all values of a lifetime, or of tiles, have no bound; give a window".into());
            }
            Aggregate::Custom => Kind::Values,
            _ => Kind::Plain,
        })
    }

    /// The same for a window that is looked at once, when it closes: nothing but this is kept of its values.
    pub fn kind_closing(&self, aggregate: Aggregate, window: &Window) -> Result<Kind, String> {
        match aggregate {
            Aggregate::ApproxDistinct => Ok(Kind::Registers),
            aggregate => self.kind(aggregate, window),
        }
    }

    /// The argument in the form in which it is kept.
    #[must_use]
    pub fn code(&self, aggregate: Aggregate, arg: Expr) -> Expr {
        let coding = match (aggregate, arg.ty) {
            (Aggregate::TopK, _) if !self.among.is_empty() => Coding::Index(self.among.clone()),
            (Aggregate::Histogram, _) => Coding::Bin(self.edges.clone()),
            (Aggregate::Distinct | Aggregate::ApproxDistinct, Type::String) => Coding::Hash,
            (Aggregate::Distinct | Aggregate::ApproxDistinct | Aggregate::TopK, Type::Float) => {
                Coding::Bits
            }
            _ => return arg,
        };
        Expr {
            ty: Type::Int,
            nullable: arg.nullable || coding.drops(),
            node: Node::Code(coding, Box::new(arg)),
        }
    }
}

fn constants(json: &Value, ty: Type) -> Result<Vec<Scalar>, String> {
    let scalar = |value: &Value| match ty {
        Type::Bool => value.as_bool().map(Scalar::Bool),
        Type::Float => value.as_f64().map(|value| Scalar::Float(value + 0.0)),
        Type::String => value.as_str().map(|text| Scalar::Text(text.into())),
        _ => value.as_i64().map(Scalar::Whole),
    };
    let refuse = || {
        format!("among is {json}; it must be a list of 1 to {CONSTANTS_MAX} values of type {ty}")
    };
    let list = json
        .as_array()
        .filter(|list| (1..=CONSTANTS_MAX).contains(&list.len()));
    let mut constants = list
        .ok_or_else(refuse)?
        .iter()
        .map(|value| scalar(value).ok_or_else(refuse))
        .collect::<Result<Vec<_>, _>>()?;
    constants.sort_by(order);
    constants.dedup();
    Ok(constants)
}

/// Constants of one type in the order of their values, text by its bytes.
fn order(left: &Scalar, right: &Scalar) -> Ordering {
    match (left, right) {
        (Scalar::Bool(a), Scalar::Bool(b)) => a.cmp(b),
        (Scalar::Whole(a), Scalar::Whole(b)) => a.cmp(b),
        (Scalar::Float(a), Scalar::Float(b)) => a.total_cmp(b),
        (Scalar::Text(a), Scalar::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        _ => Ordering::Equal,
    }
}

fn edges(json: Option<&Value>) -> Result<Vec<f64>, String> {
    let list = json.and_then(Value::as_array);
    let edges: Option<Vec<f64>> = list.and_then(|list| list.iter().map(Value::as_f64).collect());
    edges
        .filter(|edges| {
            (1..=CONSTANTS_MAX).contains(&edges.len()) && edges.is_sorted_by(|a, b| a < b)
        })
        .ok_or_else(|| {
            let found = json.map_or("missing".into(), Value::to_string);
            format!(
                "edges is {found}; it must be a list of 1 to {CONSTANTS_MAX} numbers, ascending"
            )
        })
}
