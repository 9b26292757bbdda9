//! Aggregates that are not the kernel's own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// An aggregate of your own, over the values of a window: for hosts that build on this crate.
///
/// It must be pure: the same values and times give the same answer, whenever and on whichever thread it is asked.
/// A plan names it, `{"agg": "custom", "params": {"function": "spread"}, ...}`, and it has the windows that keep
/// their events. The kernel calls it whenever the feature is read, with all values inside the window: that costs
/// time in proportion to them, where the aggregates of the kernel's own do not.
///
/// ```
/// use std::sync::Arc;
///
/// use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, cast::AsArray, types::Float64Type};
/// use forerun_core::Kernel;
/// use forerun_core::custom::{CustomAggregate, Functions};
/// use forerun_core::stage::Batch;
///
/// /// The largest value less the smallest.
/// struct Spread;
///
/// impl CustomAggregate for Spread {
///     fn value(&self, values: &[f64], _times_us: &[i64], _t_us: i64) -> Result<Option<f64>, String> {
///         let most = values.iter().copied().fold(f64::MIN, f64::max);
///         let least = values.iter().copied().fold(f64::MAX, f64::min);
///         Ok(Some(most - least))
///     }
/// }
///
/// let plan = r#"{
///     "format": 2,
///     "streams": [{"name": "Sale", "time": "at", "key": ["shop"], "id": null, "lateness_us": 0, "max_skew_us": 0,
///                  "idle_us": null, "dedup_us": null, "fields": [
///                      {"name": "shop", "type": "string", "nullable": false},
///                      {"name": "at", "type": "time", "nullable": false},
///                      {"name": "amount", "type": "float", "nullable": false}]}],
///     "views": [{"name": "Shop", "stream": 0, "by": ["shop"], "where": null, "features": [
///         {"name": "spread", "agg": "custom", "arg": {"op": "field", "name": "amount"}, "where": null,
///          "params": {"function": "spread"}, "window": {"kind": "sliding", "over_us": 10, "ago_us": 0}}]}],
///     "vectors": []
/// }"#;
/// let functions = Functions::default().with("spread", Spread);
/// let mut kernel = Kernel::with_functions(plan, &functions).unwrap();
///
/// let batch = |columns: Vec<(&str, ArrayRef)>| {
///     let made = RecordBatch::try_from_iter(columns).unwrap();
///     let fields = made.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
///     Batch {
///         stream: 0, partition: 0, base_offset: 0, fields, rows: made.num_rows(), columns: made.columns().to_vec(),
///     }
/// };
/// kernel.apply(&[batch(vec![
///     ("shop", Arc::new(StringArray::from(vec!["a"; 3]))),
///     ("at", Arc::new(Int64Array::from(vec![1, 5, 12]))),
///     ("amount", Arc::new(Float64Array::from(vec![90.0, 7.5, 2.5]))),
///     ("_arrival", Arc::new(Int64Array::from(vec![1, 5, 12]))),
/// ])]).unwrap();
/// let read = kernel.values(0, &batch(vec![("shop", Arc::new(StringArray::from(vec!["a"])))]), 12).unwrap();
/// assert_eq!(read["spread"].as_primitive::<Float64Type>().value(0), 5.0); // the one at 1 is out of the window
/// ```
pub trait CustomAggregate: Send + Sync {
    /// Its value; `None` where there is none.
    ///
    /// It is not called without values: the feature is null then. An error, an infinity or NaN makes it null, and is
    /// listed with the step's overflows.
    ///
    /// # Arguments
    ///
    /// * `values` - The values inside the window, without nulls, in the order of event time, partition and offset.
    /// * `times_us` - The event time of each, in microseconds UTC.
    /// * `t_us` - The time of the reading; of a closed window, its end.
    ///
    /// # Errors
    ///
    /// Why there is no value, in words.
    fn value(&self, values: &[f64], times_us: &[i64], t_us: i64) -> Result<Option<f64>, String>;
}

/// Custom aggregates by the names that plans call them by.
///
/// ```
/// use forerun_core::custom::{CustomAggregate, Functions};
///
/// struct Newest;
///
/// impl CustomAggregate for Newest {
///     fn value(&self, values: &[f64], _times_us: &[i64], _t_us: i64) -> Result<Option<f64>, String> {
///         Ok(values.last().copied())
///     }
/// }
///
/// let functions = Functions::default().with("newest", Newest);
/// assert!(functions.find("newest").is_some() && functions.find("oldest").is_none());
/// ```
#[derive(Clone, Default)]
pub struct Functions(BTreeMap<String, Function>);

/// One of them.
pub type Function = Arc<dyn CustomAggregate>;

impl Functions {
    /// With one more.
    #[must_use]
    pub fn with(mut self, name: &str, function: impl CustomAggregate + 'static) -> Self {
        self.0.insert(name.into(), Arc::new(function));
        self
    }

    /// The one of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Function> {
        self.0.get(name)
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a feature calls.
///
/// ```
/// use forerun_core::custom::Call;
///
/// let call = Call::to("spread");
/// assert_eq!(call.value(&[1.0], &[10], 10), Err("no function 'spread' is registered".into()));
/// assert_eq!(call.value(&[], &[], 10), Ok(None));
/// ```
#[derive(Clone)]
pub struct Call {
    /// The function's name.
    pub name: String,
    function: Option<Function>,
}

impl Call {
    /// To a function that is not known yet.
    #[must_use]
    pub fn to(name: &str) -> Self {
        Self {
            name: name.into(),
            function: None,
        }
    }

    /// Finds the function.
    pub fn bind(&mut self, functions: &Functions) -> Result<(), String> {
        self.function = functions.find(&self.name).cloned();
        self.function().map(|_| ())
    }

    fn function(&self) -> Result<&Function, String> {
        self.function
            .as_ref()
            .ok_or_else(|| format!("no function '{}' is registered", self.name))
    }

    /// What it makes of the values of a window.
    pub fn value(
        &self,
        values: &[f64],
        times_us: &[i64],
        t_us: i64,
    ) -> Result<Option<f64>, String> {
        if values.is_empty() {
            return Ok(None);
        }
        match self.function()?.value(values, times_us, t_us)? {
            Some(value) if !value.is_finite() => Err(format!(
                "it gave {value}, which is no number; give nothing where there is no value"
            )),
            value => Ok(value.map(|value| value + 0.0)),
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Call").field(&self.name).finish()
    }
}
