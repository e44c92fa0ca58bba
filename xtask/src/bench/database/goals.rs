//! What is to be reached on two cores, and whether it was.

use serde_json::Value;

use super::results::number;

/// A figure with its bound.
#[derive(Clone)]
pub(super) struct Goal {
    pub(super) what: String,
    pub(super) value: f64,
    at_most: Option<f64>,
    at_least: Option<f64>,
    unit: &'static str,
}

impl Goal {
    pub(super) fn is_reached(&self) -> bool {
        self.at_most.is_none_or(|most| self.value <= most) && self.at_least.is_none_or(|least| self.value >= least)
    }

    /// Its bound, in words.
    pub(super) fn bound(&self) -> String {
        let bound = |word: &str, limit: f64| format!("{word} {limit} {}", self.unit);
        self.at_most.map(|most| bound("at most", most)).or(self.at_least.map(|least| bound("at least", least))).unwrap_or_default()
    }
}

/// All goals that the lines say something about.
pub(super) fn goals(measured: &[Value]) -> Vec<Goal> {
    let mut goals = Vec::new();
    for line in measured {
        let engine = engine(line);
        match line["measure"].as_str() {
            Some("claims") if line["callers"] == 8 => {
                let of =
                    |what: &str| format!("{engine}: {what}, {} tasks of {} organizations waiting", line["waiting"], line["organizations"]);
                if line["waiting"] == 1_000_000 {
                    let value = number(line, "/claim_ms/p99");
                    goals.push(Goal { what: of("claim p99"), value, at_most: Some(25.0), at_least: None, unit: "ms" });
                }
                let value = number(line, "/tasks_per_second");
                goals.push(Goal {
                    what: of("claim and complete, 8 callers"),
                    value,
                    at_most: None,
                    at_least: Some(400.0),
                    unit: "tasks/s",
                });
            }
            Some("search") => {
                let what =
                    format!("{engine}: search p95, {}, {}", line["question"].as_str().unwrap_or(""), line["order"].as_str().unwrap_or(""));
                goals.push(Goal { what, value: number(line, "/ms/p95"), at_most: Some(300.0), at_least: None, unit: "ms" });
            }
            _ => {}
        }
    }
    goals
}

/// The name of an engine for people.
pub(super) fn engine(line: &Value) -> &'static str {
    if line["engine"] == "postgres" { "PostgreSQL" } else { "SQLite" }
}

/// For a terminal.
pub(super) fn table(goals: &[Goal]) -> String {
    let line = |goal: &Goal| {
        let verdict = if goal.is_reached() { "reached" } else { "MISSED " };
        format!("{verdict}  {:>9.2}  {} ({})\n", goal.value, goal.what, goal.bound())
    };
    goals.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_slow_claim_a_slow_queue_and_a_slow_search_miss_and_others_do_not() {
        let claims = |per_second: f64, p99: f64| {
            json!({ "measure": "claims", "engine": "sqlite", "waiting": 1_000_000, "organizations": 1, "callers": 8,
                    "tasks_per_second": per_second, "claim_ms": { "p99": p99 } })
        };
        let search =
            |p95: f64| json!({ "measure": "search", "engine": "postgres", "question": "q", "order": "newest", "ms": { "p95": p95 } });
        let reached = |line| goals(&[line]).iter().map(Goal::is_reached).collect::<Vec<_>>();
        assert_eq!(reached(claims(400.0, 25.0)), [true, true]);
        assert_eq!(reached(claims(399.0, 26.0)), [false, false]);
        assert_eq!((reached(search(300.0)), reached(search(301.0))), (vec![true], vec![false]));
        // A figure that is absent is no success.
        assert_eq!(reached(json!({ "measure": "search" })), [false]);
    }
}
