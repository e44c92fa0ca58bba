//! `crpipeline db copy`: every row into another database, while no server runs.

use std::{path::PathBuf, process::ExitCode};

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure, labels::WorkerState};
use crp_ops::Step;
use crp_store::{Database, DatabaseKind, PostgresServer, SchemaState, Store, overview, schema_state, transfer};
use serde_json::json;

use super::progress::Progress;
use crate::{cli::DbCopyArguments, config::Configuration, doors, exit, telemetry::say, version::BUILD};

/// Copies the configured database into an empty one.
pub(crate) async fn copy(arguments: DbCopyArguments, configuration: Configuration) -> ExitCode {
    let progress = Progress::new(arguments.json);
    let copied = try_to_copy(&arguments, &configuration, &progress).await;
    progress.end();
    match copied {
        Ok(copied) => {
            tell(&copied, &arguments);
            ExitCode::SUCCESS
        }
        Err(failure) => exit::with_failure(&failure),
    }
}

async fn try_to_copy(
    arguments: &DbCopyArguments,
    configuration: &Configuration,
    progress: &Progress,
) -> Result<Vec<(&'static str, u64)>, Failure> {
    let (from, to) = (doors::database(configuration), target(arguments)?);
    if schema_state(&from).await.map_err(|e| e.failure())? == SchemaState::Absent {
        return Err(Failure::new(Code::InvalidConfiguration, "There is no database to copy")
            .with_remedy("Name the server's data directory with --data-dir or CRPIPELINE_DATA_DIR, and its database with DATABASE_URL."));
    }
    // What a server writes meanwhile would be missing in the copy.
    let _locks = doors::lock(configuration)?;
    let metrics = Metrics::new(BUILD, &[]);
    let from = doors::open_store(&from, Ambient::system(), &metrics).await?;
    let copied = into_target(&from, &to, &metrics, progress).await;
    from.close().await;
    copied
}

async fn into_target(from: &Store, to: &Database, metrics: &Metrics, progress: &Progress) -> Result<Vec<(&'static str, u64)>, Failure> {
    if from.kind() == DatabaseKind::Postgres {
        refuse_running_workers(from).await?;
    }
    let to = doors::open_store(to, Ambient::system(), metrics).await?;
    let copied = transfer::copy(from, &to, &|what, done| progress.tell(Step { what, done, total: None })).await;
    to.close().await;
    copied
}

/// The lock of the data directory does not tell of workers on other machines; their beats in the database do.
async fn refuse_running_workers(from: &Store) -> Result<(), Failure> {
    let figures = overview::figures(from).await.map_err(|e| e.failure())?;
    match figures.workers.get(&WorkerState::Alive).copied().unwrap_or(0) {
        0 => Ok(()),
        alive => Err(Failure::new(Code::DataDirectoryInUse, format!("{alive} workers use the database"))
            .with_remedy("Stop every server and worker of this database, wait a minute, then try again.")),
    }
}

fn target(arguments: &DbCopyArguments) -> Result<Database, Failure> {
    let url = match (&arguments.to, &arguments.to_file) {
        (Some(url), _) => url.clone(),
        (None, Some(file)) => std::fs::read_to_string(file)
            .map_err(|error| Failure::new(Code::FileAccess, format!("The file {} cannot be read: {error}", file.display())))?,
        (None, None) => String::new(),
    };
    let url = url.trim();
    let sqlite = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
    match sqlite {
        Some(path) if !path.is_empty() => Ok(Database::Sqlite(PathBuf::from(path))),
        None if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            Ok(Database::Postgres(PostgresServer { url: url.to_owned(), max_connections: PostgresServer::USUAL_CONNECTIONS }))
        }
        _ => Err(Failure::new(Code::InvalidConfiguration, "The database to copy into begins with neither postgres:// nor sqlite:")
            .with_remedy("Name it like postgres://crpipeline@localhost/crpipeline or sqlite:/var/lib/crpipeline/crpipeline.db.")),
    }
}

/// The URL may hold a password and is not repeated.
fn tell(copied: &[(&'static str, u64)], arguments: &DbCopyArguments) {
    let rows: u64 = copied.iter().map(|(_, rows)| rows).sum();
    if arguments.json {
        let tables: serde_json::Map<_, _> = copied.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect();
        return say(&json!({ "rows": rows, "tables": tables }).to_string());
    }
    for (table, rows) in copied.iter().filter(|(_, rows)| *rows > 0) {
        say(&format!("{table:<18} {rows:>10} rows"));
    }
    say(&format!("{rows} rows were copied and counted. Set DATABASE_URL to the new database before you start the server again."));
    say("Objects stay where they are. The old database was not changed; keep it until you have seen the new one work.");
}
