//! What a database carries: claims by depth and callers, the cost of a page beside recognition, search in a large archive.
//!
//! One argument, a JSON [`Plan`]; the results as JSON lines on standard output, progress on standard error.
//! `cargo xtask bench queue` and `cargo xtask bench search` make the plans, bring databases and draw the results.

mod archive;
mod claims;
mod cost;
mod fill;
mod raw;
mod spread;
mod text;

use std::{env, error::Error, path::PathBuf, process::ExitCode};

use crp_metrics::Metrics;
use crp_model::Ambient;
use crp_store::{Database, PostgresServer, Store};
use serde::Deserialize;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What is measured, in one new database.
#[derive(Deserialize)]
struct Plan {
    /// A URL of PostgreSQL, or the path of a file of SQLite that does not exist yet.
    database: String,
    /// Callers claim and complete while so many tasks wait.
    claims: Option<claims::Plan>,
    /// Whole jobs with nothing to recognise.
    cost: Option<cost::Plan>,
    /// Questions to a large archive.
    archive: Option<archive::Plan>,
}

fn main() -> ExitCode {
    // Cargo itself adds `--bench`.
    let Some(plan) = env::args().skip(1).find(|argument| !argument.starts_with('-')) else {
        eprintln!("This needs a plan; `cargo xtask bench queue` and `cargo xtask bench search` make one.");
        return ExitCode::SUCCESS;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match runtime.block_on(run(&plan)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(plan: &str) -> Outcome<()> {
    let plan: Plan = serde_json::from_str(plan)?;
    let database = Target::of(&plan.database);
    if let Some(claims) = &plan.claims {
        claims::measure(&database, claims).await?;
    }
    if let Some(cost) = &plan.cost {
        cost::measure(&database, cost).await?;
    }
    if let Some(archive) = &plan.archive {
        archive::measure(&database, archive).await?;
    }
    Ok(())
}

/// The database of a run.
enum Target {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Target {
    fn of(text: &str) -> Self {
        if text.starts_with("postgres") { Self::Postgres(text.to_owned()) } else { Self::Sqlite(text.into()) }
    }

    /// The name in results.
    fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Opens it as a server does, with connections for so many callers and what listens besides.
    async fn open(&self, callers: u32) -> Outcome<Store> {
        let database = match self {
            Self::Sqlite(file) => Database::Sqlite(file.clone()),
            Self::Postgres(url) => Database::Postgres(PostgresServer { url: url.clone(), max_connections: callers + 2 }),
        };
        let store = Store::open_shared(&database, Ambient::system(), Metrics::for_tests()).await;
        store.map_err(|error| error.failure().to_string().into())
    }
}

/// Prints one result.
fn tell(result: &serde_json::Value) {
    println!("{result}");
}
