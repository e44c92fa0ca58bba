//! The objects that rows name.

use crp_model::{JobId, ObjectKey, OrganizationId, Sha256Hash};
use serde::{Deserialize, Serialize};

use super::{Cell, tables::Table};

/// Columns that name an object; a test compares them with the schema.
pub(crate) const OBJECT_COLUMNS: [(&str, &str); 4] =
    [("originals", "object_key"), ("pages", "object_key"), ("pages", "thumbnail_key"), ("artifacts", "object_key")];

/// An object that a row names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedObject {
    /// Its key.
    pub key: ObjectKey,
    /// Its size in bytes and SHA-256, where the row tells them: of originals and artifacts, not of single pages.
    pub expected: Option<(u64, Sha256Hash)>,
    /// What it goes with.
    pub owner: Owner,
}

/// What an object goes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The documents of these bytes.
    Original {
        /// Whose they are.
        organization: OrganizationId,
        /// Their hash.
        sha256: Sha256Hash,
    },
    /// A job, and with it its document.
    Job {
        /// Whose it is.
        organization: OrganizationId,
        /// The job.
        job: JobId,
    },
}

/// The objects that a row of `table` names.
pub fn named_objects(table: &Table, row: &[Cell]) -> Vec<NamedObject> {
    let cell = |name: &str| table.index_of(name).and_then(|at| row.get(at));
    let uuid = |name: &str| match cell(name) {
        Some(Cell::Uuid(id)) => Some(*id),
        _ => None,
    };
    let sha256 = cell("sha256").and_then(Cell::hash);
    let expected = match (cell("size_bytes"), sha256) {
        (Some(Cell::Int(size)), Some(sha256)) => u64::try_from(*size).ok().map(|size| (size, sha256)),
        _ => None,
    };
    let owner = match (uuid("organization").map(OrganizationId), uuid("job").map(JobId), sha256) {
        (Some(organization), Some(job), _) => Owner::Job { organization, job },
        (Some(organization), None, Some(sha256)) => Owner::Original { organization, sha256 },
        _ => return Vec::new(),
    };
    let columns = OBJECT_COLUMNS.iter().filter(|(name, _)| *name == table.name);
    let keys = columns.filter_map(|(_, column)| match cell(column) {
        Some(Cell::Text(key)) => Some(ObjectKey::from_store(key.clone())),
        _ => None,
    });
    keys.map(|key| NamedObject { key, expected, owner }).collect()
}
