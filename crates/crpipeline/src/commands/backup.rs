//! `crpipeline backup` and `crpipeline restore`: wire `crp_ops::backup` and print what came out.

use std::{path::Path, process::ExitCode};

use crp_metrics::Metrics;
use crp_model::{Ambient, Failure};
use crp_ops::backup::{self, Installation, Manifest, Restored, Target};
use serde_json::json;

use super::progress::{Progress, size};
use crate::{
    cli::{BackupArguments, RestoreArguments},
    config::Configuration,
    doors, exit,
    telemetry::{OneLine, say},
    version::BUILD,
};

/// Objects that are named one by one; more are only counted.
const NAMED: usize = 20;

/// Makes a backup; exit code 4 when the storage did not have every object.
pub(crate) async fn backup(arguments: BackupArguments, configuration: Configuration) -> ExitCode {
    let progress = Progress::new(arguments.json);
    let made = create(&arguments, &configuration, &progress).await;
    progress.end();
    match made {
        Ok(manifest) => {
            tell_backup(&manifest, &arguments);
            if manifest.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::MISSING) }
        }
        Err(failure) => exit::with_failure(&failure),
    }
}

async fn create(arguments: &BackupArguments, configuration: &Configuration, progress: &Progress) -> Result<Manifest, Failure> {
    let metrics = Metrics::new(BUILD, &[]);
    let store = doors::existing_store(configuration, &metrics).await?;
    let objects = doors::objects(&configuration.storage, &metrics)?;
    let installation = Installation { store: &store, objects: &objects, crpipeline: BUILD.version };
    let made = backup::create(&installation, &arguments.target, &|step| progress.tell(step)).await;
    store.close().await;
    made
}

fn tell_backup(manifest: &Manifest, arguments: &BackupArguments) {
    if arguments.json {
        return say(&summary(manifest, &arguments.target).to_string());
    }
    let (documents, rows, objects) = (manifest.rows_of("documents"), manifest.rows(), &manifest.objects);
    say(&format!(
        "{documents} documents ({rows} rows, {} objects, {}) are in {}",
        objects.count,
        size(objects.total_bytes),
        OneLine(arguments.target.to_string_lossy())
    ));
    if !manifest.missing.is_empty() {
        eprintln!("warning: {} objects are missing in the storage or damaged, and therefore in the backup:", manifest.missing.len());
        manifest.missing.iter().take(NAMED).for_each(|one| eprintln!("  {}: {}", OneLine(one.key.as_str()), OneLine(&one.what)));
        eprintln!("  `crpipeline check --hashes` tells which documents they belong to.");
    }
}

fn summary(manifest: &Manifest, folder: &Path) -> serde_json::Value {
    let rows: serde_json::Map<_, _> = manifest.tables.iter().map(|table| (table.table.clone(), json!(table.rows))).collect();
    json!({
        "folder": folder.to_string_lossy(),
        "crpipeline": manifest.crpipeline,
        "schema": manifest.schema,
        "created_at": manifest.created_at,
        "documents": manifest.rows_of("documents"),
        "rows": rows,
        "objects": manifest.objects.count,
        "bytes": manifest.objects.total_bytes,
        "missing": manifest.missing,
        "deleted_meanwhile": manifest.deleted_meanwhile.len(),
    })
}

/// Restores a backup, or says whether it is whole.
pub(crate) async fn restore(arguments: RestoreArguments, configuration: Configuration) -> ExitCode {
    let progress = Progress::new(arguments.json);
    let done = if arguments.check { check(&arguments, &progress) } else { bring_back(&arguments, &configuration, &progress).await };
    progress.end();
    match done {
        Ok(told) => {
            say(&told);
            ExitCode::SUCCESS
        }
        Err(failure) => exit::with_failure(&failure),
    }
}

fn check(arguments: &RestoreArguments, progress: &Progress) -> Result<String, Failure> {
    let verified = backup::verify(&arguments.source, true, &|step| progress.tell(step))?;
    let manifest = &verified.manifest;
    if arguments.json {
        return Ok(summary(manifest, &arguments.source).to_string());
    }
    let missing = match manifest.missing.len() {
        0 => String::new(),
        n => format!("; {n} objects were missing already when it was made"),
    };
    Ok(format!(
        "The backup of {} is whole: {} documents, {} rows, {} objects, {}{missing}",
        manifest.created_at,
        manifest.rows_of("documents"),
        manifest.rows(),
        manifest.objects.count,
        size(manifest.objects.total_bytes)
    ))
}

async fn bring_back(arguments: &RestoreArguments, configuration: &Configuration, progress: &Progress) -> Result<String, Failure> {
    let watch = |step: crp_ops::Step<'_>| progress.tell(step);
    // Before anything is made: a damaged backup changes nothing.
    let verified = backup::verify(&arguments.source, false, &watch)?;
    let _locks = doors::lock(configuration)?;
    let metrics = Metrics::new(BUILD, &[]);
    let database = doors::database(configuration);
    let objects = doors::objects(&configuration.storage, &metrics)?;
    let target = Target { database: &database, objects: &objects, ambient: Ambient::system(), metrics };
    let restored = backup::restore(&verified, &target, &watch).await.map_err(|failure| with_place(failure, configuration))?;
    let Restored { rows, objects, bytes, tasks_released } = restored;
    let manifest = &verified.manifest;
    if arguments.json {
        let told = json!({
            "created_at": manifest.created_at, "documents": manifest.rows_of("documents"), "rows": rows, "objects": objects, "bytes": bytes,
            "tasks_released": tasks_released, "missing": manifest.missing, "deleted_meanwhile": manifest.deleted_meanwhile.len(),
        });
        return Ok(told.to_string());
    }
    let size = size(bytes);
    Ok(format!("The state of {} is back: {rows} rows, {objects} objects, {size}. People have to sign in again.", manifest.created_at))
}

/// What to do where something is in the way.
fn with_place(failure: Failure, configuration: &Configuration) -> Failure {
    if failure.code != crp_model::Code::TargetNotEmpty {
        return failure;
    }
    let data_dir = configuration.storage.data_dir.display();
    failure.with_remedy(format!(
        "Restore with a new --data-dir (now {data_dir}), or move database and objects away first. On PostgreSQL name a new database, \
         on S3 an empty bucket. Nothing was changed."
    ))
}
