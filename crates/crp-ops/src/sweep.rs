//! Removes objects that no row names: what an upload or a job left that died between bytes and rows.
//!
//! Rows come after their objects, so an object without a row may be one whose row is about to come. Three rules keep those:
//! nothing younger than the given age is touched; nothing of a job that is not final, whose next attempt writes the same keys; and
//! nothing of an organization that the database does not know, since a server that was started on a wrong database must not empty the
//! storage of the right one. Any number of processes may sweep at the same time.

use crp_model::{Failure, OrganizationId, Timestamp};
use crp_objects::{Listed, Objects};
use crp_store::{Store, inventory};

use crate::listing::{self, given_up, scope};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Removes what was written before `older_than` and is named by no row. A few thousand objects are in memory at a time.
///
/// # Errors
/// The first failure of database or storage; what was removed until then is gone, the rest waits for the next time.
pub async fn orphans(store: &Store, objects: &Objects, older_than: Timestamp) -> Result<Swept, Failure> {
    let mut swept = Swept::default();
    for organization in listing::organizations(store).await? {
        of_jobs(store, objects, organization, older_than, &mut swept).await?;
        of_originals(store, objects, organization, older_than, &mut swept).await?;
    }
    Ok(swept)
}

async fn of_jobs(
    store: &Store,
    objects: &Objects,
    organization: OrganizationId,
    older_than: Timestamp,
    swept: &mut Swept,
) -> Result<(), Failure> {
    let mut pieces = listing::jobs(objects, organization);
    while let Some(piece) = pieces.next().await? {
        if piece.objects.iter().all(|object| object.last_modified >= older_than) {
            continue;
        }
        let job = inventory::of_job(store, &scope(organization), piece.of).await.map_err(|e| e.failure())?;
        let old = piece.objects.iter().filter(|object| object.last_modified < older_than);
        for object in given_up(job.as_ref(), old) {
            remove(objects, object, swept).await?;
        }
    }
    Ok(())
}

async fn of_originals(
    store: &Store,
    objects: &Objects,
    organization: OrganizationId,
    older_than: Timestamp,
    swept: &mut Swept,
) -> Result<(), Failure> {
    let mut pieces = listing::originals(objects, organization);
    while let Some(piece) = pieces.next().await? {
        for object in unnamed_originals(store, organization, &piece.objects).await? {
            // The key was drawn for one upload, so a row that is not there a day later never comes; asked once more all the same.
            let is_old = object.last_modified < older_than;
            if is_old && !inventory::is_original(store, &scope(organization), &object.key).await.map_err(|e| e.failure())? {
                remove(objects, object, swept).await?;
            }
        }
    }
    Ok(())
}

/// Those of these originals that no row names.
pub(crate) async fn unnamed_originals<'a>(
    store: &Store,
    organization: OrganizationId,
    listed: &'a [Listed],
) -> Result<Vec<&'a Listed>, Failure> {
    let keys = listed.iter().map(|object| object.key.as_str());
    let (Some(first), Some(last)) = (keys.clone().min(), keys.max()) else { return Ok(Vec::new()) };
    // The bound below is open: the prefix without its last sign comes before every key.
    let before_first = &first[..first.len() - 1];
    let named = inventory::originals_between(store, &scope(organization), before_first, last).await.map_err(|e| e.failure())?;
    let named: std::collections::HashSet<&str> = named.iter().map(|original| original.key.as_str()).collect();
    Ok(listed.iter().filter(|object| !named.contains(object.key.as_str())).collect())
}

async fn remove(objects: &Objects, object: &Listed, swept: &mut Swept) -> Result<(), Failure> {
    tracing::info!(object.key = %object.key, size_bytes = object.size_bytes, "Removing an object that no row names");
    objects.delete(&object.key).await?;
    swept.objects += 1;
    swept.bytes += object.size_bytes;
    Ok(())
}
