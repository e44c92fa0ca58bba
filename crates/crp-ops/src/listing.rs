//! The objects of an organization as the storage lists them, in pieces that fit into memory.

use crp_model::{Failure, JobId, ObjectKey, OrganizationId, Scope};
use crp_objects::{Listed, Objects};
use crp_store::{Store, inventory, setup};
use futures_util::{StreamExt as _, stream::BoxStream};

/// Most objects of one piece.
const PIECE: usize = 5000;

/// Objects that lie next to each other.
pub(crate) struct Piece<O> {
    /// What they belong to.
    pub(crate) of: O,
    /// The objects, in the order of the storage.
    pub(crate) objects: Vec<Listed>,
}

/// What an object belongs to, told by its key.
type Owner<O> = Box<dyn Fn(&ObjectKey) -> Option<O> + Send + Sync>;

/// Pieces of a listing: objects in a row for which `of` says the same; `None` from `of` leaves an object out.
pub(crate) struct Pieces<O> {
    listed: BoxStream<'static, Result<Listed, Failure>>,
    of: Owner<O>,
    next: Option<(O, Listed)>,
}

impl<O: PartialEq> Pieces<O> {
    fn new(listed: BoxStream<'static, Result<Listed, Failure>>, of: impl Fn(&ObjectKey) -> Option<O> + Send + Sync + 'static) -> Self {
        Self { listed: listed.fuse().boxed(), of: Box::new(of), next: None }
    }

    /// The next piece.
    pub(crate) async fn next(&mut self) -> Result<Option<Piece<O>>, Failure> {
        let Some((of, first)) = (match self.next.take() {
            Some(next) => Some(next),
            None => self.one().await?,
        }) else {
            return Ok(None);
        };
        let mut objects = vec![first];
        while objects.len() < PIECE {
            match self.one().await? {
                Some((other, object)) if other == of => objects.push(object),
                other => {
                    self.next = other;
                    break;
                }
            }
        }
        Ok(Some(Piece { of, objects }))
    }

    async fn one(&mut self) -> Result<Option<(O, Listed)>, Failure> {
        while let Some(listed) = self.listed.next().await {
            let listed = listed?;
            if let Some(of) = (self.of)(&listed.key) {
                return Ok(Some((of, listed)));
            }
        }
        Ok(None)
    }
}

/// The objects of the organization's jobs, job by job.
pub(crate) fn jobs(objects: &Objects, organization: OrganizationId) -> Pieces<JobId> {
    let prefix = ObjectKey::jobs_prefix(organization);
    let listed = objects.list(&prefix);
    Pieces::new(listed, move |key| key.as_str().strip_prefix(&prefix)?.split_once('/')?.0.parse().ok())
}

/// The originals of the organization.
pub(crate) fn originals(objects: &Objects, organization: OrganizationId) -> Pieces<()> {
    let prefix = ObjectKey::originals_prefix(organization);
    let listed = objects.list(&prefix);
    Pieces::new(listed, move |key| key.as_str().strip_prefix(&prefix)?.parse::<uuid::Uuid>().ok().map(drop))
}

/// Everything in the storage that has the form of ours or lies beside it, one by one.
pub(crate) fn everything(objects: &Objects) -> BoxStream<'static, Result<Listed, Failure>> {
    objects.list("")
}

/// Every organization that the database knows.
pub(crate) async fn organizations(store: &Store) -> Result<Vec<OrganizationId>, Failure> {
    let known = setup::organizations(store).await.map_err(|e| e.failure())?;
    Ok(known.into_iter().map(|(id, _)| id).collect())
}

/// Those of a job's objects that no row will ever name. While the job is not final its next attempt writes the same keys again and
/// then their rows, so nothing of it is given up; once it is, no row of it can come any more.
pub(crate) fn given_up<'a>(job: Option<&inventory::JobObjects>, objects: impl Iterator<Item = &'a Listed>) -> Vec<&'a Listed> {
    match job {
        Some(job) if !job.status.is_final() => Vec::new(),
        Some(job) => {
            let named: std::collections::HashSet<&ObjectKey> = job.objects.iter().map(|object| &object.key).collect();
            objects.filter(|object| !named.contains(&object.key)).collect()
        }
        None => objects.collect(),
    }
}

/// The scope of the whole organization.
pub(crate) fn scope(organization: OrganizationId) -> Scope {
    Scope::system(organization)
}
