//! The plan of W1: twenty features of a card over four windows, read by every payment.

const SECOND_US: i64 = 1_000_000;

/// As JSON.
pub(crate) fn plan() -> String {
    let field = |name: &str| format!(r#"{{"op":"field","name":"{name}"}}"#);
    let mut features = Vec::new();
    for (name, seconds) in [("1m", 60), ("5m", 300), ("1h", 3600), ("24h", 86400)] {
        for agg in ["count", "sum", "mean", "max", "std"] {
            let arg = if agg == "count" {
                "null".into()
            } else {
                field("amount")
            };
            features.push(format!(
                r#"{{"name":"{agg}_{name}","agg":"{agg}","arg":{arg},"where":null,"window":{{"kind":"sliding","over_us":{},"ago_us":0}}}}"#,
                seconds * SECOND_US
            ));
        }
    }
    let input = |at: usize| {
        format!(
            r#"{{"name":"f{at}","expr":{{"op":"feature","view":0,"feature":{at},"key":[{}]}}}}"#,
            field("card")
        )
    };
    let inputs: Vec<String> = (0..features.len()).map(input).collect();
    format!(
        r#"{{"format":2,"hold_back_us":0,"streams":[{{"name":"Pay","fields":[
        {{"name":"at","type":"time","nullable":false}},{{"name":"card","type":"string","nullable":false}},
        {{"name":"amount","type":"float","nullable":false}}],"time":"at","key":["card"],"id":null,
        "lateness_us":{},"max_skew_us":null,"idle_us":null,"dedup_us":null}}],
        "views":[{{"name":"Card","stream":0,"by":["card"],"where":null,"features":[{}]}}],
        "vectors":[{{"name":"Fraud","on":0,"inputs":[{}]}}]}}"#,
        10 * SECOND_US,
        features.join(","),
        inputs.join(",")
    )
}
