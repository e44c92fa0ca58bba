//! The bytes of objects into the folder of a backup.

use std::{
    fs::{self, File},
    io::Write as _,
    iter::Peekable,
    path::{Path, PathBuf},
};

use crp_model::{Code, Failure, Sha256Hash};
use crp_objects::Objects;
use crp_store::{
    Store, inventory,
    transfer::{NamedObject, Owner},
};

use super::{
    folder::{object_file, of_io},
    manifest::Missing,
    rows::ObjectLine,
};

/// Largest object, in bytes, whose size no row tells: the layout or the picture of one page.
const MAX_PAGE_BYTES: u64 = 64 * 1024 * 1024;

/// What came of one object.
pub(super) enum Outcome {
    /// It is in the folder, copied now or before.
    Kept(ObjectLine),
    /// It went with what was deleted for good meanwhile.
    Deleted(Owner),
    /// The storage does not have it as it was stored.
    Missing(Missing),
}

/// Copies objects.
pub(super) struct Copier<'a> {
    pub(super) store: &'a Store,
    pub(super) objects: &'a Objects,
    pub(super) root: &'a Path,
    /// Where files grow, on the same file system.
    pub(super) growing: &'a Path,
}

impl Copier<'_> {
    /// Copies one object, unless its bytes are in the folder; `before` is what an earlier backup found at its place.
    pub(super) async fn copy(&self, at: String, named: NamedObject, before: Option<(u64, Sha256Hash)>) -> Result<Outcome, Failure> {
        if let Some((size_bytes, sha256)) = named.expected.or(before)
            && has(&object_file(self.root, sha256), size_bytes)
        {
            return Ok(Outcome::Kept(ObjectLine { at, key: named.key, size_bytes, sha256 }));
        }
        match self.fetch(&named).await {
            Ok((size_bytes, sha256)) => Ok(Outcome::Kept(ObjectLine { at, key: named.key, size_bytes, sha256 })),
            Err(failure) if failure.code == Code::ObjectDamaged => {
                // Rows are deleted before their objects, so whatever was deleted is seen here.
                if inventory::still_has(self.store, named.owner, &named.key).await.map_err(|e| e.failure())? {
                    Ok(Outcome::Missing(Missing { key: named.key, what: failure.message }))
                } else {
                    Ok(Outcome::Deleted(named.owner))
                }
            }
            Err(failure) => Err(failure),
        }
    }

    async fn fetch(&self, named: &NamedObject) -> Result<(u64, Sha256Hash), Failure> {
        if let Some((size_bytes, sha256)) = named.expected {
            let partial = self.growing.join(sha256.to_string());
            self.objects.fetch_to(&named.key, &partial, named.expected).await?;
            publish(&partial, &object_file(self.root, sha256))?;
            return Ok((size_bytes, sha256));
        }
        let gone = || Failure::new(Code::ObjectDamaged, "A stored object is gone");
        let bytes = self.objects.get_bytes(&named.key, MAX_PAGE_BYTES).await?.ok_or_else(gone)?;
        let sha256 = Sha256Hash::of(&bytes);
        if !has(&object_file(self.root, sha256), bytes.len() as u64) {
            let mut partial = tempfile::NamedTempFile::new_in(self.growing).map_err(|e| of_io("The folder", self.growing, &e))?;
            partial.write_all(&bytes).map_err(|e| of_io("The file", partial.path(), &e))?;
            let partial = partial.into_temp_path();
            publish(&partial, &object_file(self.root, sha256))?;
        }
        Ok((bytes.len() as u64, sha256))
    }
}

fn has(file: &Path, size_bytes: u64) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.len() == size_bytes)
}

/// Gives a finished file its name once its bytes are on the disk.
fn publish(partial: &Path, file: &Path) -> Result<(), Failure> {
    let published = File::open(partial).and_then(|opened| opened.sync_all()).and_then(|()| fs::rename(partial, file));
    match published {
        // Another object with the same bytes was quicker.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_file() => Ok(()),
        published => published.map_err(|e| of_io("The file", file, &e)),
    }
}

/// The objects of the backup that was in the folder before, walked beside those of the new one.
pub(super) struct Before<I: Iterator<Item = Result<ObjectLine, Failure>>>(pub(super) Option<Peekable<I>>);

impl<I: Iterator<Item = Result<ObjectLine, Failure>>> Before<I> {
    /// What was found at this place; places are asked for in their order.
    pub(super) fn find(&mut self, at: &str, named: &NamedObject) -> Option<(u64, Sha256Hash)> {
        let lines = self.0.as_mut()?;
        while let Some(line) = lines.peek() {
            match line {
                Ok(line) if line.at.as_str() < at => drop(lines.next()),
                Ok(line) if line.at == at && line.key == named.key => return Some((line.size_bytes, line.sha256)),
                Ok(_) => return None,
                // The earlier backup is damaged: nothing is taken from its list.
                Err(_) => {
                    self.0 = None;
                    return None;
                }
            }
        }
        None
    }
}

/// Removes the files of objects and rows that the manifest does not name: what an earlier backup alone had.
pub(super) fn prune(root: &Path, id: uuid::Uuid, named: &std::collections::HashSet<Sha256Hash>) -> std::io::Result<u64> {
    let mut removed = 0;
    for entry in fs::read_dir(root.join("rows"))? {
        let path = entry?.path();
        if path.file_name().is_none_or(|name| name != id.to_string().as_str()) {
            fs::remove_dir_all(&path)?;
        }
    }
    let folders: Vec<PathBuf> = (0..=255u8).map(|byte| root.join("objects").join(format!("{byte:02x}"))).collect();
    for folder in folders {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let hash = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<Sha256Hash>().ok());
            if hash.is_some_and(|hash| !named.contains(&hash)) {
                fs::remove_file(&path)?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}
