//! Reads PromQL: which series a query names, which labels its result has, and what is wrong with it against the catalogue.

mod faults;
mod labels;
mod series;

use std::collections::BTreeSet;

use promql_parser::{
    label::{MatchOp, Matcher},
    parser::{self, Expr, VectorSelector},
};

pub use faults::faults;

/// What Grafana puts in for its variables of time, longest first, and what stands for it while we read.
const TIME_VARIABLES: [(&str, &str); 8] = [
    ("${__rate_interval}", "5m"),
    ("$__rate_interval", "5m"),
    ("$__interval_ms", "300000"),
    ("${__interval}", "5m"),
    ("$__interval", "5m"),
    ("$__range_s", "3600"),
    ("${__range}", "1h"),
    ("$__range", "1h"),
];

/// One selection of series in a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The name of the series, with `_bucket`, `_sum` or `_count` where the query reads a part of a histogram.
    pub metric: String,
    /// Label, operator (`=`, `!=`, `=~`, `!~`) and value.
    pub matchers: Vec<(String, String, String)>,
    /// The selection as PromQL, without range and offset: a query of its own.
    pub text: String,
}

/// Every selection of series in a query, in their order and without repetitions. Grafana's variables of time are read as five minutes.
///
/// # Errors
/// What the parser says, or that a selection names no metric.
pub fn selectors(promql: &str) -> Result<Vec<Selector>, String> {
    let mut found = Vec::new();
    for selection in selections(&parse(promql)?) {
        let selector = Selector {
            metric: metric_of(selection)?,
            matchers: matchers_of(selection).map(|one| (one.name.clone(), one.op.to_string(), one.value.clone())).collect(),
            text: VectorSelector { at: None, offset: None, ..selection.clone() }.to_string(),
        };
        if !found.contains(&selector) {
            found.push(selector);
        }
    }
    Ok(found)
}

/// The labels that a result of the query can have. Only these can be printed by a template or a legend.
///
/// # Errors
/// What the parser says.
pub fn result_labels(promql: &str) -> Result<BTreeSet<String>, String> {
    Ok(labels::of(&parse(promql)?))
}

fn parse(promql: &str) -> Result<Expr, String> {
    let readable = TIME_VARIABLES.iter().fold(promql.to_owned(), |text, (variable, value)| text.replace(variable, value));
    parser::parse(&readable).map_err(|error| format!("It is not PromQL: {error}."))
}

fn selections(expr: &Expr) -> Vec<&VectorSelector> {
    match expr {
        Expr::Aggregate(aggregate) => aggregate.param.iter().chain([&aggregate.expr]).flat_map(|part| selections(part)).collect(),
        Expr::Binary(binary) => [&binary.lhs, &binary.rhs].into_iter().flat_map(|side| selections(side)).collect(),
        Expr::Call(call) => call.args.args.iter().flat_map(|argument| selections(argument)).collect(),
        Expr::Paren(paren) => selections(&paren.expr),
        Expr::Unary(unary) => selections(&unary.expr),
        Expr::Subquery(subquery) => selections(&subquery.expr),
        Expr::VectorSelector(selection) => vec![selection],
        Expr::MatrixSelector(range) => vec![&range.vs],
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Vec::new(),
    }
}

fn metric_of(selection: &VectorSelector) -> Result<String, String> {
    let named = selection.matchers.find_matchers("__name__").into_iter().find(|one| one.op == MatchOp::Equal).map(|one| one.value);
    selection.name.clone().or(named).ok_or_else(|| format!("{selection} names no metric."))
}

fn matchers_of(selection: &VectorSelector) -> impl Iterator<Item = &Matcher> {
    selection.matchers.matchers.iter().chain(selection.matchers.or_matchers.iter().flatten()).filter(|one| one.name != "__name__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_a_query_of_its_own() {
        let found = selectors("rate(jobs_total{status=\"failed\"}[$__rate_interval] offset 1h) > 0 or on () up").unwrap();
        let texts: Vec<&str> = found.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(texts, ["jobs_total{status=\"failed\"}", "up"]);
        assert_eq!(found[0].metric, "jobs_total");
        assert_eq!(found[0].matchers, [("status".to_owned(), "=".to_owned(), "failed".to_owned())]);
    }

    #[test]
    fn selections_are_found_everywhere_and_told_once() {
        let found = selectors("sum(max_over_time(up[1h:1m])) / -(up) + histogram_quantile(0.5, rate(stage_duration_seconds_bucket[5m]))");
        let metrics: Vec<String> = found.unwrap().into_iter().map(|one| one.metric).collect();
        assert_eq!(metrics, ["up", "stage_duration_seconds_bucket"]);
    }

    #[test]
    fn labels_of_a_result_follow_grouping_and_matching() {
        let labels = |promql: &str| result_labels(promql).unwrap().into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(labels("increase(login_failures_total[5m]) > 5"), "instance job reason");
        assert_eq!(labels("sum by (job) (increase(login_failures_total[5m])) > 5"), "job");
        assert_eq!(labels("sum without (reason) (increase(login_failures_total[5m]))"), "instance job");
        assert_eq!(labels("max(crpipeline_queue_jobs)"), "");
        assert_eq!(labels("topk(3, sum by (stage) (rate(stage_duration_seconds_count[5m])))"), "stage");
        assert_eq!(labels("up == 0 and on (job, instance) present_over_time(crpipeline_build_info[7d])"), "instance job");
        assert_eq!(labels("up * on (job, instance) group_left (version) crpipeline_build_info"), "instance job version");
        assert_eq!(
            labels("crpipeline_data_dir_free_bytes / on (job, volume) max by (job, volume) (crpipeline_data_dir_size_bytes)"),
            "job volume"
        );
        assert_eq!(labels("up == 0 or absent(crpipeline_build_info)"), "instance job");
        assert_eq!(labels("time() - crpipeline_storage_up"), "instance job");
        assert_eq!(labels("histogram_quantile(0.9, sum by (le, stage) (rate(stage_duration_seconds_bucket[5m])))"), "stage");
    }
}
