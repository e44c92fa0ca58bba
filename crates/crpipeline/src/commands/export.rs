//! `crpipeline export`: wires `crp_ops::export` and prints what came out.

use std::process::ExitCode;

use crp_metrics::Metrics;
use crp_model::Failure;
use crp_ops::export::{self, Export, Manifest};
use serde_json::json;

use super::{
    organization,
    progress::{Progress, size},
};
use crate::{
    cli::ExportArguments,
    config::Configuration,
    doors, exit,
    telemetry::{OneLine, say},
    version::BUILD,
};

/// Missing files that are named one by one; the manifest has all of them.
const NAMED: usize = 20;

/// Writes everything of an organization into a file; exit code 4 when something is missing.
pub(crate) async fn export(arguments: ExportArguments, configuration: Configuration) -> ExitCode {
    let progress = Progress::new(arguments.json);
    let written = write(&arguments, &configuration, &progress).await;
    progress.end();
    match written {
        Ok(manifest) => {
            tell(&manifest, &arguments);
            if manifest.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::MISSING) }
        }
        Err(failure) => exit::with_failure(&failure),
    }
}

async fn write(arguments: &ExportArguments, configuration: &Configuration, progress: &Progress) -> Result<Manifest, Failure> {
    let metrics = Metrics::new(BUILD, &[]);
    let store = doors::existing_store(configuration, &metrics).await?;
    let objects = doors::objects(&configuration.storage, &metrics)?;
    let written = async {
        let scope = organization::only_or_named(&store, arguments.organization.as_deref()).await?;
        let export = Export { store: &store, objects: &objects, scope, crpipeline: BUILD.version };
        export::run(&export, &arguments.to, &|step| progress.tell(step)).await
    };
    let written = written.await;
    store.close().await;
    written
}

fn tell(manifest: &Manifest, arguments: &ExportArguments) {
    if arguments.json {
        let told = json!({
            "file": arguments.to.to_string_lossy(), "documents": manifest.documents.lines, "jobs": manifest.jobs, "files": manifest.files,
            "bytes": manifest.bytes, "missing": manifest.missing, "deleted_meanwhile": manifest.deleted_meanwhile.len(),
        });
        return say(&told.to_string());
    }
    let (documents, files, size) = (manifest.documents.lines, manifest.files, size(manifest.bytes));
    say(&format!("{documents} documents ({files} files, {size}) are in {}", OneLine(arguments.to.to_string_lossy())));
    if !manifest.missing.is_empty() {
        eprintln!("warning: {} files are missing in the storage or damaged, and therefore in the export:", manifest.missing.len());
        for one in manifest.missing.iter().take(NAMED) {
            eprintln!("  document {}, {}: {}", one.document, one.kind, OneLine(&one.failure.message));
        }
        eprintln!("  manifest.json in the export has all of them; `crpipeline check --hashes --repair` mends what can be mended.");
    }
}
