//! Opens the doors that the configuration names: data directory, database, objects, the process that reads documents.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crp_metrics::Metrics;
use crp_model::{Ambient, Code, Failure};
use crp_objects::{Objects, Reserve, RetrySettings, S3Settings};
use crp_ocr::{ChildCommand, ChildPool, HttpEngine, usual_memory_mebibytes};
use crp_store::{DataDirectoryLock, Database, SchemaState, Store, schema_state};
use tokio_util::sync::CancellationToken;

use crate::config::{Configuration, ReadingSettings, Secret, StorageSettings};

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
pub(crate) fn database(configuration: &Configuration) -> Database {
    configuration.database.database(&configuration.storage.data_dir)
}

/// What nobody else may use meanwhile: the data directory, and the database's folder where that is another.
#[derive(Debug)]
pub(crate) struct Locks {
    _data_dir: DataDirectoryLock,
    _database: Option<DataDirectoryLock>,
}

/// Takes data directory and database for this process, until the value is dropped or the process dies. With PostgreSQL the data
/// directory is shared with other processes that use PostgreSQL.
///
/// The folder of a file is taken with the lock of a data directory: two servers with data directories of their own must not share
/// one database, and a database may lie in the data directory of another server.
///
/// # Errors
/// `data_directory_in_use`, `file_access`
pub(crate) fn lock(configuration: &Configuration) -> Result<Locks, Failure> {
    lock_both(&configuration.storage.data_dir, &database(configuration))
}

fn lock_both(data_dir: &Path, database: &Database) -> Result<Locks, Failure> {
    make_data_dir(data_dir)?;
    Ok(match database {
        Database::Sqlite(file) => {
            let held = DataDirectoryLock::acquire(data_dir)?;
            Locks { _data_dir: held, _database: lock_folder_of(file, data_dir)? }
        }
        Database::Postgres(_) => Locks { _data_dir: DataDirectoryLock::share(data_dir)?, _database: None },
    })
}

/// Most workers on one data directory.
const MAX_WORK_FOLDERS: u32 = 1000;

/// The folder in which a worker keeps what it can make again, its alone until the value is dropped.
#[derive(Debug)]
pub(crate) struct WorkFolder {
    /// Where it is.
    pub(crate) path: PathBuf,
    _lock: Option<DataDirectoryLock>,
}

/// The data directory itself where one process has that; otherwise the first of its folders `workers/1`, `workers/2`, … that no
/// other worker has.
///
/// # Errors
/// `data_directory_in_use` when every one is taken; `file_access`, `disk_full`
pub(crate) fn work_folder(configuration: &Configuration) -> Result<WorkFolder, Failure> {
    let data_dir = &configuration.storage.data_dir;
    if let Database::Sqlite(_) = database(configuration) {
        return Ok(WorkFolder { path: data_dir.clone(), _lock: None });
    }
    for number in 1..=MAX_WORK_FOLDERS {
        let path = data_dir.join("workers").join(number.to_string());
        make_data_dir(&path)?;
        match DataDirectoryLock::acquire(&path) {
            Ok(lock) => return Ok(WorkFolder { path, _lock: Some(lock) }),
            Err(failure) if failure.code == Code::DataDirectoryInUse => {}
            Err(failure) => return Err(failure),
        }
    }
    let message = format!("All {MAX_WORK_FOLDERS} folders of workers in {} are in use", data_dir.display());
    Err(Failure::new(Code::DataDirectoryInUse, message))
}

/// `None` when the file lies in the data directory, which is locked already.
fn lock_folder_of(file: &Path, data_dir: &Path) -> Result<Option<DataDirectoryLock>, Failure> {
    let unusable = |error: io::Error| {
        Failure::new(Code::FileAccess, format!("The folder of the database {} cannot be used: {error}", file.display()))
            .with_remedy("Make the folder, let this user write to it, or name another file with DATABASE_URL.")
    };
    // A link is followed: what counts is where the file is, not what it is called.
    let file = if file.exists() { file.canonicalize().map_err(unusable)? } else { file.to_owned() };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(unusable)?;
    if folder == data_dir.canonicalize().map_err(unusable)? {
        return Ok(None);
    }
    DataDirectoryLock::acquire(&folder).map(Some)
}

/// Opens the database for a command of the operator; a server may be using it at the same time.
///
/// # Errors
/// `invalid_configuration` when there is none, and what [`open_beside_server`] answers.
pub(crate) async fn existing_store(configuration: &Configuration, metrics: &Metrics) -> Result<Store, Failure> {
    let database = database(configuration);
    if let Database::Sqlite(file) = &database
        && !file.is_file()
    {
        return Err(Failure::new(Code::InvalidConfiguration, format!("There is no database at {}", file.display()))
            .with_remedy("Name the server's data directory with --data-dir or CRPIPELINE_DATA_DIR, or start `crpipeline serve` once."));
    }
    open_beside_server(configuration, metrics).await
}

/// Opens the database while a server may be using it. The schema is changed only when none is: a server of an older version
/// must not find its tables changed.
///
/// # Errors
/// `data_directory_in_use` when the schema would be changed under a server, `invalid_configuration` for an older schema on
/// PostgreSQL, where nobody can tell whether servers run, and what [`Store::open`] answers.
pub(crate) async fn open_beside_server(configuration: &Configuration, metrics: &Metrics) -> Result<Store, Failure> {
    let database = database(configuration);
    let _locks = match (schema_state(&database).await.map_err(|error| error.failure())?, &database) {
        (SchemaState::Behind(version), Database::Postgres(_)) => {
            let message =
                format!("The database has schema version {version}; this crpipeline works on version {}", Store::schema_version());
            return Err(Failure::new(Code::InvalidConfiguration, message).with_remedy(
                "Bring it up to date first, with `crpipeline migrate` or by starting this version's server; then try again.",
            ));
        }
        (SchemaState::Absent | SchemaState::Behind(_), _) => Some(lock(configuration).map_err(of_other_version)?),
        (SchemaState::Current | SchemaState::Newer(_), _) => None,
    };
    open_store(&database, Ambient::system(), metrics).await
}

fn of_other_version(failure: Failure) -> Failure {
    if failure.code != Code::DataDirectoryInUse {
        return failure;
    }
    failure.with_remedy("The schema of the database has to be brought up to date first: stop the server, then try again.")
}

/// Opens the database and brings its schema up to date.
///
/// # Errors
/// What [`Store::open`] answers.
pub(crate) async fn open_store(database: &Database, ambient: Ambient, metrics: &Metrics) -> Result<Store, Failure> {
    Store::open_shared(database, ambient, metrics.clone()).await.map_err(|error| error.failure())
}

/// The pause before a database is tried again that does not answer yet.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// The same for a server that starts together with its PostgreSQL: for some time it is tried again. `None` when told to stop.
///
/// # Errors
/// What [`Store::open`] answers, `database_unavailable` once `start_timeout_seconds` are over.
pub(crate) async fn open_store_in_time(
    configuration: &Configuration,
    ambient: Ambient,
    metrics: &Metrics,
    stopping: &CancellationToken,
) -> Result<Option<Store>, Failure> {
    let database = database(configuration);
    let patience = Duration::from_secs(configuration.database.start_timeout_seconds.into());
    let began = Instant::now();
    loop {
        match open_store(&database, ambient.clone(), metrics).await {
            Err(failure)
                if failure.code == Code::DatabaseUnavailable && matches!(database, Database::Postgres(_)) && began.elapsed() < patience =>
            {
                tracing::warn!("The database does not answer yet; trying again: {}", failure.message);
                tokio::select! {
                    () = stopping.cancelled() => return Ok(None),
                    () = tokio::time::sleep(DATABASE_PAUSE) => {}
                }
            }
            opened => return opened.map(Some),
        }
    }
}

/// Opens the bucket, or the folder `objects` of the data directory.
///
/// # Errors
/// `invalid_configuration`, `file_access`
pub(crate) fn objects(settings: &StorageSettings, metrics: &Metrics) -> Result<Objects, Failure> {
    match s3(settings) {
        Some(s3) => Objects::open_s3(s3, metrics.clone(), Ambient::system()),
        None => Objects::open_folder(&objects_folder(settings), metrics.clone()),
    }
}

/// What stays free where documents and rows are written on this machine; each of these folders may be on a disk of its own.
pub(crate) fn reserve(configuration: &Configuration) -> Reserve {
    let mut disks = vec![configuration.storage.data_dir.clone()];
    if configuration.storage.s3_bucket.is_none() {
        disks.push(objects_folder(&configuration.storage));
    }
    if let Database::Sqlite(file) = database(configuration) {
        disks.extend(file.parent().map(Path::to_owned));
    }
    Reserve { disks, min_free_bytes: Reserve::USUAL_BYTES }
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
        session_token: settings.session_token.as_ref().map(|token| token.expose().to_owned().into()),
        addressing: settings.addressing(),
        encryption: settings.encryption(),
        retry: RetrySettings::default(),
    })
}

/// How documents are read: by this binary again, and by the engine that the configuration names.
///
/// # Errors
/// `internal`, `invalid_configuration`
pub(crate) fn document_child(configuration: &Configuration) -> Result<ChildCommand, Failure> {
    let own = ChildCommand::this_binary()
        .map_err(|error| Failure::new(Code::Internal, format!("The system does not say which program this is: {error}")))?;
    let http = configuration.http_engine.settings().map(|settings| HttpEngine::new(&settings)).transpose()?;
    Ok(ChildCommand { http, ..own })
}

/// Where the processes come from that read documents, of which there are to be `processes`, within the memory that is set.
///
/// # Errors
/// As [`document_child`].
pub(crate) fn document_children(configuration: &Configuration, processes: usize, metrics: &Metrics) -> Result<ChildPool, Failure> {
    let ReadingSettings { sandbox, max_memory_mebibytes } = configuration.reading;
    let children = ChildPool::new(document_child(configuration)?, configuration.limits.clone(), sandbox, metrics.clone());
    let memory = if max_memory_mebibytes == 0 { usual_memory_mebibytes() } else { Some(max_memory_mebibytes) };
    Ok(match memory {
        Some(mebibytes) => children.within_memory(mebibytes, processes),
        None => children,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(data_dir: &Path, file: &Path) -> Result<Locks, Code> {
        lock_both(data_dir, &Database::Sqlite(file.to_owned())).map_err(|failure| failure.code)
    }

    #[test]
    fn two_data_directories_cannot_share_one_database() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two, shared] = ["one", "two", "shared.db"].map(|name| folder.path().join(name));
        let held = lock(&one, &shared).unwrap();
        assert_eq!(lock(&two, &shared).unwrap_err(), Code::DataDirectoryInUse);
        drop(held);
        lock(&two, &shared).unwrap();
    }

    #[test]
    fn a_database_in_the_data_directory_of_a_server_is_that_servers_also_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two, link] = ["one", "two", "link.db"].map(|name| folder.path().join(name));
        let file = one.join("crpipeline.db");
        let _held = lock(&one, &file).unwrap();
        assert_eq!(lock(&two, &file).unwrap_err(), Code::DataDirectoryInUse);
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(lock(&two, &link).unwrap_err(), Code::DataDirectoryInUse);
    }

    #[test]
    fn the_data_directory_under_another_name_is_not_locked_against_itself() {
        let folder = tempfile::tempdir().unwrap();
        let [real, alias] = ["real", "alias"].map(|name| folder.path().join(name));
        make_data_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &alias).unwrap();
        lock(&real, &alias.join("crpipeline.db")).unwrap();
        assert_eq!(lock(&real, &real.join("missing/x.db")).unwrap_err(), Code::FileAccess);
    }
}
