//! What is wrong with a query against the catalogue of metrics.

use crp_metrics::{Entry, Kind, Scope};
use promql_parser::{
    label::{MatchOp, Matcher},
    parser::{AggregateExpr, BinaryExpr, Expr, LabelModifier, VectorSelector},
};

use super::{labels, matchers_of, metric_of, parse, selections, series};

/// What is wrong with a query against the catalogue, in sentences; none if it is fine.
///
/// A variable of Grafana (`$instance`) is taken for right wherever a value stands.
pub fn faults(promql: &str) -> Vec<String> {
    let expr = match parse(promql) {
        Ok(expr) => expr,
        Err(error) => return vec![error],
    };
    let mut faults = Vec::new();
    look(&expr, Around::default(), &mut faults);
    let metrics: Vec<String> = selections(&expr).into_iter().filter_map(|one| metric_of(one).ok()).collect();
    if !metrics.iter().any(|metric| series::is_ours_alone(metric)) {
        let of_others = metrics.iter().filter(|metric| series::entry_of(metric).is_some() || *metric == "up");
        faults.extend(of_others.map(|metric| format!("{metric} comes from other programs too: join it with crpipeline_build_info.")));
    }
    faults
}

/// What stands around an expression.
#[derive(Clone, Copy, Default)]
struct Around<'a> {
    /// The nearest aggregation.
    aggregation: Option<&'a str>,
    /// Whether the values do not matter, only which series there are.
    presence_only: bool,
}

fn look(expr: &Expr, around: Around<'_>, faults: &mut Vec<String>) {
    match expr {
        Expr::Aggregate(aggregate) => look_at_aggregate(aggregate, around, faults),
        Expr::Binary(binary) => look_at_binary(binary, around, faults),
        Expr::Call(call) => {
            let presence_only = around.presence_only || matches!(call.func.name, "absent" | "timestamp" | "present_over_time");
            call.args.args.iter().for_each(|argument| look(argument, Around { presence_only, ..around }, faults));
        }
        Expr::Paren(paren) => look(&paren.expr, around, faults),
        Expr::Unary(unary) => look(&unary.expr, around, faults),
        Expr::Subquery(subquery) => look(&subquery.expr, around, faults),
        Expr::VectorSelector(selection) => {
            look_at_selection(selection, around, faults);
            look_at_growth(selection, around, faults);
        }
        Expr::MatrixSelector(range) => look_at_selection(&range.vs, around, faults),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn look_at_aggregate(aggregate: &AggregateExpr, around: Around<'_>, faults: &mut Vec<String>) {
    let name = aggregate.op.to_string();
    if let Some(modifier) = &aggregate.modifier {
        let has = labels::of(&aggregate.expr);
        for label in modifier.labels().labels.iter().filter(|label| !has.contains(*label)) {
            faults.push(format!("{name} groups by {label}, which is no label of {}.", aggregate.expr));
        }
    }
    let presence_only = around.presence_only || matches!(name.as_str(), "count" | "group");
    look(&aggregate.expr, Around { aggregation: Some(&name), presence_only }, faults);
}

fn look_at_binary(binary: &BinaryExpr, around: Around<'_>, faults: &mut Vec<String>) {
    for label in on_labels(binary).into_iter().flatten() {
        for side in [&binary.lhs, &binary.rhs].into_iter().filter(|side| !labels::of(side).contains(label)) {
            faults.push(format!("It matches on {label}, which is no label of {side}."));
        }
    }
    look(&binary.lhs, around, faults);
    let is_plain = matches!(&*binary.rhs, Expr::VectorSelector(_));
    let presence_only = around.presence_only || is_plain && matches!(binary.op.to_string().as_str(), "and" | "unless");
    look(&binary.rhs, Around { presence_only, ..around }, faults);
}

fn look_at_selection(selection: &VectorSelector, around: Around<'_>, faults: &mut Vec<String>) {
    let metric = match metric_of(selection) {
        Ok(metric) => metric,
        Err(error) => return faults.push(error),
    };
    let entry = series::entry_of(&metric);
    if entry.is_none() && !series::is_of_prometheus(&metric) {
        return faults.push(series::none_of(&metric));
    }
    let service = entry.is_some_and(|entry| entry.scope == Scope::Service);
    if service && around.aggregation != Some("max") && !around.presence_only {
        faults.push(format!(
            "{metric} is the same in every process: it is read with max, not with {}.",
            around.aggregation.unwrap_or("nothing")
        ));
    }
    for matcher in matchers_of(selection) {
        faults.extend(fault_of_matcher(&metric, entry, matcher));
    }
}

/// A counter starts again at zero with its process: its bare value says nothing.
fn look_at_growth(selection: &VectorSelector, around: Around<'_>, faults: &mut Vec<String>) {
    let Ok(metric) = metric_of(selection) else { return };
    if !around.presence_only && series::entry_of(&metric).is_some_and(|entry| entry.kind != Kind::Gauge) {
        faults.push(format!("{metric} only grows and starts again at zero: it is read with rate() or increase()."));
    }
}

fn fault_of_matcher(metric: &str, entry: Option<&Entry>, matcher: &Matcher) -> Option<String> {
    let (label, value) = (matcher.name.as_str(), matcher.value.as_str());
    if series::OF_THE_TARGET.contains(&label) {
        let chosen_by_the_reader = value.starts_with('$');
        return (!chosen_by_the_reader)
            .then(|| format!("It asks for {label}{}\"{value}\" of {metric}, which is another in every installation.", matcher.op));
    }
    if !series::labels_of(metric).contains(label) {
        return Some(format!("{metric} has no label {label}."));
    }
    let (_, values) = entry?.labels.iter().find(|(name, _)| *name == label)?;
    let values = values();
    let closed = !values.is_empty() && !value.starts_with('$');
    let meets = match &matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => values.contains(&value),
        MatchOp::Re(pattern) | MatchOp::NotRe(pattern) => values.iter().any(|one| pattern.is_match(one)),
    };
    (closed && !meets).then(|| format!("{metric} never has {label}=\"{value}\"; there are {}.", values.join(", ")))
}

/// The labels of `on (…)`.
fn on_labels(binary: &BinaryExpr) -> Option<&Vec<String>> {
    match binary.modifier.as_ref()?.matching.as_ref()? {
        LabelModifier::Include(labels) => Some(&labels.labels),
        LabelModifier::Exclude(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(promql: &str) -> String {
        let mut faults = faults(promql);
        assert_eq!(faults.len(), 1, "{promql}: {faults:?}");
        faults.remove(0)
    }

    #[test]
    fn right_queries_have_no_faults() {
        for promql in [
            "increase(login_failures_total[5m]) > 5",
            "sum by (job, reason) (increase(login_failures_total[$__rate_interval]))",
            "histogram_quantile(0.95, sum by (le, stage) (rate(stage_duration_seconds_bucket[5m])))",
            "max by (job) (crpipeline_queue_jobs{state=\"queued\"}) > 0 unless on (job) sum by (job) (rate(crpipeline_pages_total[10m])) > 0",
            "rate(process_cpu_seconds_total[5m]) * on (job, instance) group_left (version) crpipeline_build_info",
            "up == 0 and on (job, instance) present_over_time(crpipeline_build_info[7d])",
            "absent(jobs_total)",
            "count by (job) (jobs_total{status=\"failed\"})",
            "crpipeline_storage_up{instance=~\"$instance\", job=\"$job\"}",
            "sum(rate(crpipeline_http_requests_total{code_class=\"5xx\", route!=\"other\"}[5m]))",
        ] {
            assert_eq!(faults(promql), Vec::<String>::new(), "{promql}");
        }
    }

    #[test]
    fn a_query_that_is_no_promql_is_one_fault() {
        assert!(fault("sum by (job").starts_with("It is not PromQL"));
    }

    #[test]
    fn unknown_metrics_and_bare_histograms_are_faults() {
        assert_eq!(fault("increase(job_total[5m])"), "job_total is no metric of crPipeline.");
        assert!(fault("stage_duration_seconds").starts_with("stage_duration_seconds is a histogram"));
        assert!(fault("{job=~\".+\"}").ends_with("names no metric."));
    }

    #[test]
    fn unknown_labels_and_values_are_faults() {
        assert_eq!(fault("rate(jobs_total{state=\"failed\"}[5m])"), "jobs_total has no label state.");
        assert!(fault("rate(jobs_total{status=\"success\"}[5m])").starts_with("jobs_total never has status=\"success\""));
        assert!(fault("rate(jobs_total{status=~\"success|done\"}[5m])").starts_with("jobs_total never has"));
        assert!(fault("sum by (stage) (rate(jobs_total[5m]))").starts_with("sum groups by stage"));
        assert!(fault("sum by (job) (rate(jobs_total[5m])) / on (status) rate(jobs_total[5m])").starts_with("It matches on status"));
    }

    #[test]
    fn a_rule_for_one_installation_only_is_a_fault() {
        assert!(fault("crpipeline_storage_up{job=\"crpipeline\"}").starts_with("It asks for job=\"crpipeline\""));
        assert!(fault("crpipeline_storage_up{instance!~\"local.*\"}").starts_with("It asks for instance"));
    }

    #[test]
    fn figures_of_the_whole_service_are_read_with_max() {
        assert!(fault("sum(crpipeline_queue_jobs)").contains("with max, not with sum"));
        assert!(fault("sum by (state) (crpipeline_queue_jobs > 0)").contains("with max, not with sum"));
        assert!(fault("crpipeline_queue_jobs").contains("with max, not with nothing"));
        assert_eq!(faults("sum(max by (job, state) (crpipeline_queue_jobs))"), Vec::<String>::new());
    }

    #[test]
    fn a_bare_counter_is_a_fault() {
        assert!(fault("jobs_total > 5").contains("rate() or increase()"));
        assert!(fault("sum(stage_duration_seconds_bucket)").contains("rate() or increase()"));
    }

    #[test]
    fn what_other_programs_export_too_needs_our_own_beside_it() {
        assert!(fault("changes(process_start_time_seconds[30m]) > 3").contains("other programs"));
        assert!(fault("up == 0").contains("other programs"));
    }
}
