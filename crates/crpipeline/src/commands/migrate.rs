//! `crpipeline migrate`

use std::process::ExitCode;

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure};
use crp_store::{SchemaState, Store, schema_state};

use crate::{config::Configuration, doors, exit, version::BUILD};

/// Brings the schema up to date, or says whether that is needed.
pub(crate) async fn migrate(configuration: Configuration, check: bool) -> ExitCode {
    match try_to_migrate(&configuration, check).await {
        Ok(code) => code,
        Err(failure) => exit::with_failure(&failure),
    }
}

async fn try_to_migrate(configuration: &Configuration, check: bool) -> Result<ExitCode, Failure> {
    let database = doors::database(configuration);
    let newest = Store::schema_version();
    match schema_state(&database).await.map_err(|e| e.failure())? {
        SchemaState::Absent => println!("There is no database yet; the first start makes one with schema version {newest}."),
        SchemaState::Current => println!("The database has schema version {newest}, the newest. There is nothing to do."),
        SchemaState::Newer(version) => {
            let message = format!("The database has schema version {version}; this crpipeline knows versions up to {newest}");
            return Err(Failure::new(Code::NewerSchema, message));
        }
        SchemaState::Behind(version) if check => {
            println!("The database has schema version {version}; `crpipeline migrate` or the next start brings it to {newest}.");
            return Ok(ExitCode::from(4));
        }
        SchemaState::Behind(version) => {
            // A server of an older version must not find its tables changed.
            let _locks = doors::lock(configuration)?;
            let store = doors::open_store(&database, Ambient::system(), &Metrics::new(BUILD, &[])).await?;
            store.close().await;
            println!("The database was brought from schema version {version} to {newest}.");
        }
    }
    Ok(ExitCode::SUCCESS)
}
