//! Whether a backup is whole: every file there, every hash right, every object that rows name accounted for.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use crp_model::{Failure, ObjectKey};
use crp_store::transfer::{NamedObject, Owner};

use super::{
    folder::object_file,
    manifest::{Manifest, unusable},
    rows::{self, ObjectLine},
};
use crate::{Step, Watch};

/// A backup whose parts were looked at.
#[derive(Debug)]
pub struct Verified {
    /// Where it lies.
    pub root: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
}

/// Looks at every part of the backup in `root`; with `hashes` every byte of the objects is read, too.
///
/// # Errors
/// `backup_unusable` with the first thing that is wrong, `newer_schema`, `file_access`.
pub fn verify(root: &Path, hashes: bool, watch: Watch<'_>) -> Result<Verified, Failure> {
    let manifest = Manifest::read(root)?;
    let mut done = 0;
    for (table, file) in rows::tables_of(&manifest)? {
        let path = rows::file_of(root, &manifest, table.name);
        if rows::measure(&path)? != (file.size_bytes, file.sha256) {
            return Err(unusable(format!("The file {} is not what was written", path.display())));
        }
        done += file.rows;
        watch(Step { what: "rows", done, total: Some(manifest.rows()) });
    }
    let path = rows::objects_file(root, &manifest);
    if rows::measure(&path)? != (manifest.objects.size_bytes, manifest.objects.sha256) {
        return Err(unusable(format!("The file {} is not what was written", path.display())));
    }
    every_object_is_there(root, &manifest, hashes, watch)?;
    every_name_is_listed(root, &manifest)?;
    Ok(Verified { root: root.to_owned(), manifest })
}

fn every_object_is_there(root: &Path, manifest: &Manifest, hashes: bool, watch: Watch<'_>) -> Result<(), Failure> {
    for (line, done) in rows::objects(root, manifest)?.zip(1u64..) {
        let line = line?;
        let path = object_file(root, line.sha256);
        let there = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
        match there {
            None => return Err(unusable(format!("The file {} is missing; it is the object {}", path.display(), line.key))),
            Some(size) if size != line.size_bytes => {
                let message =
                    format!("The file {} has {size} bytes instead of {}; it is the object {}", path.display(), line.size_bytes, line.key);
                return Err(unusable(message));
            }
            Some(_) if hashes && rows::measure(&path)?.1 != line.sha256 => {
                return Err(unusable(format!(
                    "The file {} is damaged: its SHA-256 is another; it is the object {}",
                    path.display(),
                    line.key
                )));
            }
            Some(_) => {}
        }
        watch(Step { what: "objects", done, total: Some(manifest.objects.count) });
    }
    Ok(())
}

/// Rows and list come in the same order, so they are walked side by side.
fn every_name_is_listed(root: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let missing: HashSet<&ObjectKey> = manifest.missing.iter().map(|missing| &missing.key).collect();
    let deleted: HashSet<Owner> = manifest.deleted_meanwhile.iter().copied().collect();
    let mut lines = rows::objects(root, manifest)?.peekable();
    for named in rows::named(root, manifest)? {
        let (at, object) = named?;
        let is_next = matches!(lines.peek(), Some(Ok(line)) if is_of(line, &at, &object));
        if is_next {
            lines.next();
        } else if !missing.contains(&object.key) && !deleted.contains(&object.owner) {
            return Err(unusable(format!("A row names the object {}, which the backup does not have", object.key)));
        }
    }
    match lines.next() {
        None => Ok(()),
        Some(line) => Err(unusable(format!("No row names the object {} of the backup", line?.key))),
    }
}

fn is_of(line: &ObjectLine, at: &str, object: &NamedObject) -> bool {
    line.at == at && line.key == object.key && object.expected.is_none_or(|expected| expected == (line.size_bytes, line.sha256))
}
