//! Queries that people's pages ask again and again find their rows by an index on SQLite, however many jobs there are.

use sqlx::{AssertSqlSafe, Row as _};

use super::harness::{TestDb, on_sqlite};
use crate::{history, jobs, sql::Statement, transaction::Engine};

async fn plan(db: &TestDb, statement: &'static Statement) -> String {
    let mut tx = db.store.write().await.unwrap();
    let Engine::Sqlite(tx) = tx.engine() else { unreachable!("the test runs on SQLite") };
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement.sqlite))).fetch_all(&mut **tx).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n")
}

#[test]
fn lists_streams_and_history_use_their_indexes() {
    on_sqlite(|db| async move {
        let expected = [
            ("LIST", "jobs_list"),
            ("LIST_OF_DOCUMENT", "jobs_document"),
            ("LIST_ATTENTION", "jobs_status"),
            ("LIST_ACTIVE", "jobs_active"),
            ("LIST_DONE", "jobs_list"),
            ("COUNT_ATTENTION", "jobs_status"),
            ("CHANGED", "jobs_changed"),
            ("QUEUED_ABOVE", "COVERING INDEX jobs_queued"),
            ("QUEUED_BETWEEN", "COVERING INDEX jobs_queued"),
            ("COUNTED", "COVERING INDEX jobs_finished (organization=? AND status=? AND finished_at>? AND finished_at<?)"),
            ("COUNTED", "COVERING INDEX jobs_created (organization=? AND created_at>? AND created_at<?)"),
            ("COUNTED", "COVERING INDEX jobs_started (organization=? AND started_at>? AND started_at<?)"),
            ("COUNTED", "INDEX jobs_never_started (organization=? AND finished_at>? AND finished_at<?)"),
            ("WAITING_NOW", "jobs_status"),
            ("FAILURES", "jobs_finished"),
            ("STAGES_OF_SAMPLE", "COVERING INDEX jobs_finished"),
            ("PAGES_OF_SAMPLE", "COVERING INDEX jobs_finished"),
        ];
        let statements = jobs::list::STATEMENTS.iter().chain(jobs::place::STATEMENTS).chain(history::STATEMENTS);
        let mut seen = 0;
        for statement in statements {
            let plan = plan(&db, statement).await;
            let before = seen;
            for (_, index) in expected.iter().filter(|(name, _)| *name == statement.name) {
                assert!(plan.contains(index), "{} should use {index}:\n{plan}", statement.name);
                seen += 1;
            }
            assert!(seen > before, "{} is not in the list", statement.name);
            let of_jobs = ["SCAN j", "SCAN d", "SCAN s", "SCAN p", "SCAN n"];
            let walks = plan.lines().filter(|line| of_jobs.iter().any(|walk| line == walk || line.starts_with(&format!("{walk} "))));
            assert_eq!(walks.collect::<Vec<_>>(), Vec::<&str>::new(), "{}:\n{plan}", statement.name);
        }
        assert_eq!(seen, expected.len());
    });
}

#[test]
fn a_claim_asks_indexes_alone() {
    on_sqlite(|db| async move {
        let claim = crate::tasks::STATEMENTS.concat().into_iter().find(|statement| statement.name == "CLAIM").expect("there is a claim");
        let plan = plan(&db, claim).await;
        for index in ["tasks_ready", "tasks_running", "tasks_served"] {
            assert!(plan.contains(index), "it should use {index}:\n{plan}");
        }
        let walks = plan.lines().filter(|line| ["SCAN a", "SCAN n", "SCAN h", "SCAN s", "SCAN t"].contains(&line.trim()));
        assert_eq!(walks.collect::<Vec<_>>(), Vec::<&str>::new(), "{plan}");
    });
}

/// Tables that have some rows for each organization at most.
const FEW_ROWS: [&str; 3] = ["organizations", "pipelines", "pipeline_retentions"];

/// Steps of a plan that walk what an organization has, or a whole table.
fn walks(plan: &str) -> Vec<&str> {
    let wide = |line: &str| {
        let of_organization =
            line.ends_with("(organization=?)") || line.contains("(status=? AND organization=?)") && !line.contains("COVERING");
        of_organization || line.starts_with("SCAN ") && !line.contains("CONSTANT") && !line.contains("VIRTUAL")
    };
    let has_few_rows = |line: &str| FEW_ROWS.iter().any(|table| line.split(' ').nth(1) == Some(table));
    plan.lines().filter(|line| wide(line) && !has_few_rows(line)).collect()
}

/// What is about a whole organization, a whole table, or a handful of rows.
const WALK_BY_NATURE: &[&str] = &[
    "ANY_USER",
    "CLAIM",
    "CLAIM_LIMITED",
    "COUNTED",
    "COUNT_ATTENTION",
    "DEAD",
    "DOCUMENTS",
    "EVERY_RUNNING",
    "FORGET_SILENT",
    "FORGET_UNUSED_ORIGINALS",
    "FOUND_UP_TO",
    "INDEX_LATER",
    "JOBS_BY_STATUS",
    "LIMITED",
    "LIST",
    "ORIGINALS_BETWEEN",
    "ORIGINAL_WITH_KEY",
    "PAGES_OF_SAMPLE",
    "PING",
    "RUNNING",
    "STORED_BYTES",
    "USERS",
    "WORKERS_IN",
];

#[test]
fn what_is_about_one_job_or_document_never_walks_an_organization() {
    on_sqlite(|db| async move {
        let mut unexpected = Vec::new();
        for statement in super::statements::modules().concat() {
            let plan = plan(&db, statement).await;
            if !walks(&plan).is_empty() && !WALK_BY_NATURE.contains(&statement.name) {
                unexpected.push(format!("{}: {:?}", statement.name, walks(&plan)));
            }
        }
        assert_eq!(unexpected, Vec::<String>::new());
    });
}
