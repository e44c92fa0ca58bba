//! The manifest: what a backup holds, with the hash of every file, sealed by a hash of its own.

use std::path::Path;

use crp_model::{Code, Failure, ObjectKey, Sha256Hash, Timestamp};
use crp_store::{Store, transfer::Owner};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The format that this version writes and reads.
const FORMAT: u32 = 1;
/// The manifest's name in the folder.
pub(super) const FILE: &str = "manifest.json";
/// Largest manifest that is read, in bytes; a real one is a few KiB, and a line for each object that is missing.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The backup's format.
    pub format: u32,
    /// The version of crPipeline that made it.
    pub crpipeline: String,
    /// The version of the database's schema.
    pub schema: i64,
    /// When the rows were read.
    pub created_at: Timestamp,
    /// When the installation was set up; tells installations apart.
    pub installed_at: Option<Timestamp>,
    /// The backup's own id; its files of rows lie in `rows/ID`.
    pub id: Uuid,
    /// The tables, each after those that it refers to.
    pub tables: Vec<RowsFile>,
    /// The objects.
    pub objects: ObjectsFile,
    /// What was deleted for good while the backup was made; a restore leaves its documents out.
    pub deleted_meanwhile: Vec<Owner>,
    /// Objects that rows name and that the storage did not have, or not as they were stored.
    pub missing: Vec<Missing>,
}

/// A file of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowsFile {
    /// The table.
    pub table: String,
    /// Its columns, in the order of the values.
    pub columns: Vec<String>,
    /// How many rows there are.
    pub rows: u64,
    /// Size of the file in bytes.
    pub size_bytes: u64,
    /// Hash of the file.
    pub sha256: Sha256Hash,
}

/// The file that lists the objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectsFile {
    /// How many objects there are.
    pub count: u64,
    /// What they have together, in bytes.
    pub total_bytes: u64,
    /// Size of the list in bytes.
    pub size_bytes: u64,
    /// Hash of the list.
    pub sha256: Sha256Hash,
}

/// An object that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// Its key.
    pub key: ObjectKey,
    /// What is wrong with it.
    pub what: String,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    manifest: Manifest,
    sha256: Sha256Hash,
}

#[derive(Deserialize)]
struct OnlyFormat {
    manifest: FormatOf,
}

#[derive(Deserialize)]
struct FormatOf {
    format: u32,
    crpipeline: String,
}

impl Manifest {
    pub(super) fn new(crpipeline: &str, created_at: Timestamp, id: Uuid) -> Self {
        let nothing = ObjectsFile { count: 0, total_bytes: 0, size_bytes: 0, sha256: Sha256Hash::of(b"") };
        Self {
            format: FORMAT,
            crpipeline: crpipeline.to_owned(),
            schema: Store::schema_version(),
            created_at,
            installed_at: None,
            id,
            tables: Vec::new(),
            objects: nothing,
            deleted_meanwhile: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// All rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// Rows of one table.
    pub fn rows_of(&self, table: &str) -> u64 {
        self.tables.iter().filter(|file| file.table == table).map(|file| file.rows).sum()
    }

    /// The manifest as it is written.
    pub(super) fn sealed(&self) -> Result<Vec<u8>, Failure> {
        let unwritable = |error: serde_json::Error| Failure::new(Code::Internal, format!("The manifest cannot be written: {error}"));
        let sealed = Sealed { manifest: self.clone(), sha256: seal(self).map_err(unwritable)? };
        let mut text = serde_json::to_vec_pretty(&sealed).map_err(unwritable)?;
        text.push(b'\n');
        Ok(text)
    }

    /// The manifest of the backup in `folder`.
    ///
    /// # Errors
    /// `backup_unusable` when there is none, or one that is damaged, or of a format or schema that this version does not know.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(FILE);
        let text = match std::fs::metadata(&path) {
            Ok(meta) if meta.len() <= MAX_BYTES => std::fs::read(&path),
            Ok(_) => return Err(unusable(format!("{} is too large to be a manifest", path.display()))),
            Err(error) => Err(error),
        };
        let text = text.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound if super::folder::is_begun(folder) => {
                unusable(format!("The backup in {} was never finished: it has no {FILE}", folder.display()))
                    .with_remedy("Run `crpipeline backup` on the folder again, or use another backup.")
            }
            std::io::ErrorKind::NotFound => unusable(format!("{} is no backup: it has no {FILE}", folder.display())),
            _ => Failure::new(Code::FileAccess, format!("{} cannot be read: {error}", path.display())),
        })?;
        let damaged = |what: &str| unusable(format!("{} is damaged: {what}", path.display()));
        let of_format: OnlyFormat = serde_json::from_slice(&text).map_err(|error| damaged(&error.to_string()))?;
        if of_format.manifest.format != FORMAT {
            let FormatOf { format, crpipeline } = of_format.manifest;
            let message = format!("The backup has format {format}, written by crpipeline {crpipeline}; this one reads format {FORMAT}");
            return Err(unusable(message).with_remedy("Restore it with the crpipeline that wrote it."));
        }
        let Sealed { manifest, sha256 } = serde_json::from_slice(&text).map_err(|error| damaged(&error.to_string()))?;
        if seal(&manifest).ok() != Some(sha256) {
            return Err(damaged("it is not what was written"));
        }
        if manifest.schema > Store::schema_version() {
            let known = Store::schema_version();
            let message = format!("The backup has schema version {}; this crpipeline knows versions up to {known}", manifest.schema);
            return Err(
                Failure::new(Code::NewerSchema, message).with_remedy("Restore it with the crpipeline that wrote it, or a newer one.")
            );
        }
        Ok(manifest)
    }
}

fn seal(manifest: &Manifest) -> serde_json::Result<Sha256Hash> {
    serde_json::to_vec(manifest).map(|bytes| Sha256Hash::of(&bytes))
}

pub(super) fn unusable(message: String) -> Failure {
    Failure::new(Code::BackupUnusable, message)
}
