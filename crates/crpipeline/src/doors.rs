//! Opens the doors that the configuration names: data directory, database, objects, the process that reads documents.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure};
use crp_objects::{Objects, RetrySettings, S3Settings};
use crp_ocr::ChildCommand;
use crp_store::{Database, Store};

use crate::config::{Configuration, Secret, StorageSettings};

/// Makes the data directory, for its owner alone.
///
/// # Errors
/// `file_access`, `disk_full`
pub(crate) fn make_data_dir(path: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        let code = if error.kind() == std::io::ErrorKind::StorageFull { Code::DiskFull } else { Code::FileAccess };
        Failure::new(code, format!("The data directory {} cannot be made: {error}", path.display()))
            .with_remedy("Make it writable for this user, or choose another with CRPIPELINE_DATA_DIR or --data-dir.")
    })
}

/// The database that the configuration names.
///
/// # Errors
/// `invalid_configuration` for PostgreSQL.
pub(crate) fn database(configuration: &Configuration) -> Result<Database, Failure> {
    configuration.database.sqlite_file(&configuration.storage.data_dir).map(Database::Sqlite)
}

/// Opens the database for a command of the operator; a server may be using it at the same time.
///
/// # Errors
/// `invalid_configuration` when there is none, and what [`Store::open`] answers.
pub(crate) async fn existing_store(configuration: &Configuration, metrics: &Metrics) -> Result<Store, Failure> {
    let database = database(configuration)?;
    if let Database::Sqlite(file) = &database
        && !file.is_file()
    {
        return Err(Failure::new(Code::InvalidConfiguration, format!("There is no database at {}", file.display()))
            .with_remedy("Name the server's data directory with --data-dir or CRPIPELINE_DATA_DIR, or start `crpipeline serve` once."));
    }
    open_store(&database, Ambient::system(), metrics).await
}

/// Opens the database and brings its schema up to date.
///
/// # Errors
/// What [`Store::open`] answers.
pub(crate) async fn open_store(database: &Database, ambient: Ambient, metrics: &Metrics) -> Result<Store, Failure> {
    Store::open(database, ambient, metrics.clone()).await.map_err(|error| error.failure())
}

/// Opens the bucket, or the folder `objects` of the data directory.
///
/// # Errors
/// `invalid_configuration`, `file_access`
pub(crate) fn objects(settings: &StorageSettings, metrics: &Metrics) -> Result<Objects, Failure> {
    match s3(settings) {
        Some(s3) => Objects::open_s3(s3, metrics.clone()),
        None => Objects::open_folder(&objects_folder(settings), metrics.clone()),
    }
}

/// Where objects lie without a bucket.
fn objects_folder(settings: &StorageSettings) -> PathBuf {
    settings.data_dir.join("objects")
}

/// The bucket that the configuration names.
pub(crate) fn s3(settings: &StorageSettings) -> Option<S3Settings> {
    let text = |secret: &Option<Secret>| secret.as_ref().map_or_else(String::new, |s| s.expose().to_owned());
    Some(S3Settings {
        bucket: settings.s3_bucket.clone()?,
        endpoint: settings.endpoint_url.clone(),
        // Amazon's own default; services elsewhere mostly take any.
        region: settings.region.clone().unwrap_or_else(|| "us-east-1".to_owned()),
        access_key_id: text(&settings.access_key_id),
        secret_access_key: text(&settings.secret_access_key).into(),
        retry: RetrySettings::default(),
    })
}

/// How the process that reads documents is started: this binary again.
///
/// # Errors
/// `internal`
pub(crate) fn document_child() -> Result<ChildCommand, Failure> {
    ChildCommand::this_binary()
        .map_err(|error| Failure::new(Code::Internal, format!("The system does not say which program this is: {error}")))
}
