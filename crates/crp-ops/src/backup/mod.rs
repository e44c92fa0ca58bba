//! Backups: one folder that holds everything that is needed to restore, made while the server runs.
//!
//! ```text
//! FOLDER/manifest.json              what the backup holds, written last; without it the backup is unfinished
//! FOLDER/rows/ID/TABLE.jsonl        the rows of each table, one JSON array per line
//! FOLDER/rows/ID/objects.jsonl      which object is which file
//! FOLDER/objects/ab/abcd…           the bytes of objects, named by their SHA-256
//! ```
//!
//! The rows are one state of the database. Their objects are copied after that; a later backup into the same folder takes what is
//! there already. A document that is deleted for good between the two has rows and perhaps no bytes: it is noted in the manifest,
//! and the restore leaves it out, as it is left out of the installation by then. Whatever else has no bytes was damaged before, and
//! is told as missing.

mod create;
mod folder;
mod manifest;
mod objects;
mod restore;
mod rows;
#[cfg(test)]
mod tests;
mod verify;

pub use create::{Installation, create};
pub use manifest::{Manifest, Missing, ObjectsFile, RowsFile};
pub use restore::{Restored, Target, restore};
pub use verify::{Verified, verify};
