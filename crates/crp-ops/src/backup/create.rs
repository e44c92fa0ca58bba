//! Makes a backup: the rows of one moment, then their objects, then the manifest.

use std::{collections::HashSet, path::Path};

use crp_model::{Code, Failure};
use crp_objects::Objects;
use crp_store::Store;
use futures_util::{StreamExt as _, stream};

use super::{
    folder::{Folder, Lines},
    manifest::{Manifest, ObjectsFile},
    objects::{Before, Copier, Outcome, prune},
    rows,
};
use crate::{Step, Watch};

/// Objects that are copied at the same time.
const AT_A_TIME: usize = 8;

/// What is backed up.
#[derive(Debug)]
pub struct Installation<'a> {
    /// Its database.
    pub store: &'a Store,
    /// Its objects.
    pub objects: &'a Objects,
    /// This version of crPipeline.
    pub crpipeline: &'a str,
}

/// Makes a backup into `target`, a new or empty folder or one that holds a backup of the same installation; that one stays whole
/// until the new one is. The server may run. Gives the manifest, which tells what was missing.
///
/// # Errors
/// `target_not_empty`, `file_access`, `disk_full`, and what database and storage fail with. The folder then holds what it held, and
/// objects that the next try takes.
pub async fn create(installation: &Installation<'_>, target: &Path, watch: Watch<'_>) -> Result<Manifest, Failure> {
    let folder = Folder::take(target)?;
    let before = Manifest::read(target).ok();
    let ambient = installation.store.ambient();
    let mut manifest = Manifest::new(installation.crpipeline, ambient.now(), ambient.new_uuid());
    let rows_folder = folder.begin_rows(manifest.id)?;
    let named = rows::write(installation.store, &rows_folder, &mut manifest, watch).await?;
    if let Some(before) = before.as_ref().filter(|before| before.installed_at != manifest.installed_at) {
        let _ = std::fs::remove_dir_all(&rows_folder);
        return Err(of_another(target, before));
    }
    let kept = copy_objects(installation, &folder, &mut manifest, before.as_ref(), named, watch).await?;
    folder.sync_objects()?;
    folder.publish(&manifest)?;
    if let Err(error) = prune(&folder.root, manifest.id, &kept) {
        tracing::warn!(%error, "What an earlier backup alone had could not be removed from the folder");
    }
    Ok(manifest)
}

fn of_another(target: &Path, before: &Manifest) -> Failure {
    let when = before.installed_at.map_or_else(|| "has never been set up".to_owned(), |at| format!("was set up at {at}"));
    let message = format!("The folder {} holds a backup of another installation, which {when}", target.display());
    Failure::new(Code::TargetNotEmpty, message).with_remedy("Name another folder; each installation has its own.")
}

/// Copies what the rows name and lists it; the hashes of everything that the new backup names.
async fn copy_objects(
    installation: &Installation<'_>,
    folder: &Folder,
    manifest: &mut Manifest,
    before: Option<&Manifest>,
    total: u64,
    watch: Watch<'_>,
) -> Result<HashSet<crp_model::Sha256Hash>, Failure> {
    let growing = folder.begin_objects()?;
    let copier = Copier { store: installation.store, objects: installation.objects, root: &folder.root, growing: &growing };
    // A list of another schema may have other places; then every object is looked at anew.
    let before = before.filter(|before| before.schema == manifest.schema).and_then(|before| rows::objects(&folder.root, before).ok());
    let mut before = Before(before.map(Iterator::peekable));
    let mut list = Lines::create(rows::objects_file(&folder.root, manifest))?;
    let (mut hashes, mut deleted, mut done) = (HashSet::new(), HashSet::new(), 0);
    let named = rows::named(&folder.root, manifest)?.map(|named| {
        let (at, object) = named?;
        let found = before.find(&at, &object);
        Ok((at, object, found))
    });
    let copied = stream::iter(named).map(async |named: Result<_, Failure>| {
        let (at, object, found) = named?;
        copier.copy(at, object, found).await
    });
    let mut copied = std::pin::pin!(copied.buffered(AT_A_TIME));
    while let Some(outcome) = copied.next().await {
        match outcome? {
            Outcome::Kept(line) => {
                let text = serde_json::to_string(&line).map_err(|e| Failure::new(Code::Internal, e.to_string()))?;
                list.add(&text)?;
                manifest.objects.total_bytes += line.size_bytes;
                hashes.insert(line.sha256);
            }
            Outcome::Deleted(owner) => {
                if deleted.insert(owner) {
                    manifest.deleted_meanwhile.push(owner);
                }
            }
            Outcome::Missing(missing) => manifest.missing.push(missing),
        }
        done += 1;
        watch(Step { what: "objects", done, total: Some(total) });
    }
    let (count, size_bytes) = (list.count, list.size_bytes);
    manifest.objects = ObjectsFile { count, size_bytes, sha256: list.finish()?, ..manifest.objects };
    Ok(hashes)
}
