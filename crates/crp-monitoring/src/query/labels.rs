//! Which labels the result of an expression can have.

use std::collections::BTreeSet;

use promql_parser::parser::{BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, value::ValueType};

use super::{metric_of, series};

/// The labels that the result of an expression can have.
pub(super) fn of(expr: &Expr) -> BTreeSet<String> {
    match expr {
        // These two choose among series and leave them as they are.
        Expr::Aggregate(aggregate) if matches!(aggregate.op.to_string().as_str(), "topk" | "bottomk") => of(&aggregate.expr),
        Expr::Aggregate(aggregate) => modified(of(&aggregate.expr), aggregate.modifier.as_ref()),
        Expr::Binary(binary) => labels_of_binary(binary),
        Expr::Call(call) => labels_of_call(call),
        Expr::Paren(paren) => of(&paren.expr),
        Expr::Unary(unary) => of(&unary.expr),
        Expr::Subquery(subquery) => of(&subquery.expr),
        Expr::VectorSelector(selection) => metric_of(selection).map(|metric| series::labels_of(&metric)).unwrap_or_default(),
        Expr::MatrixSelector(range) => metric_of(&range.vs).map(|metric| series::labels_of(&metric)).unwrap_or_default(),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => BTreeSet::new(),
    }
}

fn modified(mut labels: BTreeSet<String>, modifier: Option<&LabelModifier>) -> BTreeSet<String> {
    match modifier {
        Some(LabelModifier::Include(kept)) => labels.retain(|label| kept.labels.contains(label)),
        Some(LabelModifier::Exclude(dropped)) => labels.retain(|label| !dropped.labels.contains(label)),
        None => labels.clear(),
    }
    labels
}

fn labels_of_binary(binary: &BinaryExpr) -> BTreeSet<String> {
    let (left, right) = (of(&binary.lhs), of(&binary.rhs));
    let operator = binary.op.to_string();
    let is_scalar = |side: &Expr| side.value_type() == ValueType::Scalar;
    if is_scalar(&binary.lhs) {
        return right;
    }
    if is_scalar(&binary.rhs) || matches!(operator.as_str(), "and" | "unless") {
        return left;
    }
    if operator == "or" {
        return left.union(&right).cloned().collect();
    }
    let modifier = binary.modifier.as_ref();
    match modifier.map(|modifier| &modifier.card) {
        Some(VectorMatchCardinality::ManyToOne(taken)) => with(left, &right, &taken.labels),
        Some(VectorMatchCardinality::OneToMany(taken)) => with(right, &left, &taken.labels),
        // One-to-one matching keeps what was matched, in comparisons too.
        _ => match modifier.and_then(|modifier| modifier.matching.as_ref()) {
            Some(matching) => modified(left, Some(matching)),
            None => left,
        },
    }
}

fn with(mut many: BTreeSet<String>, one: &BTreeSet<String>, taken: &[String]) -> BTreeSet<String> {
    many.extend(one.iter().filter(|label| taken.contains(label)).cloned());
    many
}

fn labels_of_call(call: &Call) -> BTreeSet<String> {
    let mut labels: BTreeSet<String> = call.args.args.iter().flat_map(|argument| of(argument)).collect();
    match call.func.name {
        "histogram_quantile" => {
            labels.remove("le");
        }
        "absent" | "absent_over_time" | "vector" | "scalar" | "time" => labels.clear(),
        "label_replace" | "label_join" => {
            if let Some(Expr::StringLiteral(new)) = call.args.args.get(1).map(|argument| &**argument) {
                labels.insert(new.val.clone());
            }
        }
        _ => {}
    }
    labels
}
