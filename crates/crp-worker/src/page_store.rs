//! Pages as objects: written before their row, read back one at a time for assembling and for later stages.

use bytes::Bytes;
use crp_model::{Code, Failure, ObjectKey, PageLayout, PageNo, Sha256Hash, StageType, labels::WarningKind};
use crp_pipeline::{Inspection, PageReading, StageInput, stages::ocr::empty_page};
use crp_store::tasks::{self, ClaimedTask, SavedPage};

use crate::{
    Worker,
    steps::{Step, reached},
    task::TaskError,
};

/// Largest layout of one page, in bytes, that is read back.
const MAX_PAGE_BYTES: u64 = 64 * 1024 * 1024;
/// Largest thumbnail, in bytes, that is read back.
const MAX_THUMBNAIL_BYTES: u64 = 1024 * 1024;

impl Worker {
    /// Writes a page's objects, then its row. `identity` is what read it.
    pub(crate) async fn save_page(
        &self,
        claimed: &ClaimedTask,
        page: PageNo,
        reading: &PageReading,
        identity: Option<Sha256Hash>,
    ) -> Result<bool, TaskError> {
        reached(Step::PageRead);
        let thumbnail = reading.thumbnail_jpeg.as_deref().map(Bytes::copy_from_slice);
        let (object_key, thumbnail_key) = self.write_page(claimed, page, page_json(&reading.layout)?, thumbnail).await?;
        reached(Step::PageObjectWritten);
        let saved = SavedPage {
            page,
            object_key: Some(object_key),
            thumbnail_key,
            source: reading.layout.source,
            mean_confidence: reading.layout.mean_confidence(),
            seconds: reading.render_seconds + reading.recognise_seconds,
            warnings: reading.warnings.clone(),
            failure: None,
            // A picture that had to be made smaller may be read larger under other limits.
            identity: identity.filter(|_| reading.warnings.iter().all(|warning| warning.code.0 != WarningKind::PageScaled)),
            reused_from: None,
        };
        let is_new = tasks::save_page(&self.parts.store, claimed, &saved, &reading.layout.text()).await?;
        reached(Step::PageRowWritten);
        Ok(is_new)
    }

    /// Takes over a page that an earlier job has read: its objects are copied, so that each job has its own and can be deleted by
    /// itself. `None` if the earlier ones are gone; whether the page is new to this job otherwise.
    pub(crate) async fn take_over(&self, claimed: &ClaimedTask, before: &SavedPage) -> Result<Option<bool>, TaskError> {
        let Some(layout) = self.read_if_there(before.object_key.as_ref(), MAX_PAGE_BYTES).await? else { return Ok(None) };
        let Ok(read) = serde_json::from_slice::<PageLayout>(&layout) else { return Ok(None) };
        let thumbnail = self.read_if_there(before.thumbnail_key.as_ref(), MAX_THUMBNAIL_BYTES).await?;
        if read.page != before.page || thumbnail.is_some() != before.thumbnail_key.is_some() {
            return Ok(None);
        }
        let (object_key, thumbnail_key) = self.write_page(claimed, before.page, layout, thumbnail).await?;
        let saved = SavedPage { object_key: Some(object_key), thumbnail_key, ..before.clone() };
        Ok(Some(tasks::save_page(&self.parts.store, claimed, &saved, &read.text()).await?))
    }

    async fn read_if_there(&self, key: Option<&ObjectKey>, limit_bytes: u64) -> Result<Option<Bytes>, TaskError> {
        let Some(key) = key else { return Ok(None) };
        match self.parts.objects.get_bytes(key, limit_bytes).await {
            Err(failure) if failure.code == Code::ObjectDamaged => Ok(None),
            read => Ok(read?),
        }
    }

    async fn write_page(
        &self,
        claimed: &ClaimedTask,
        page: PageNo,
        layout: Bytes,
        thumbnail: Option<Bytes>,
    ) -> Result<(ObjectKey, Option<ObjectKey>), TaskError> {
        let organization = claimed.scope.organization;
        let object_key = ObjectKey::page(organization, claimed.job, StageType::Ocr, page);
        self.parts.objects.put_bytes(&object_key, layout).await?;
        let Some(jpeg) = thumbnail else { return Ok((object_key, None)) };
        let thumbnail_key = ObjectKey::thumbnail(organization, claimed.job, page);
        self.parts.objects.put_bytes(&thumbnail_key, jpeg).await?;
        Ok((object_key, Some(thumbnail_key)))
    }
}

fn page_json(layout: &PageLayout) -> Result<Bytes, Failure> {
    serde_json::to_vec(layout)
        .map(Bytes::from)
        .map_err(|error| Failure::new(Code::Internal, format!("A page's layout cannot be written: {error}")))
}

/// The saved pages of a job's OCR stage, in order, one in memory at a time.
pub(crate) struct StoredPages<'a> {
    worker: &'a Worker,
    inspection: Option<&'a Inspection>,
    pages: std::collections::VecDeque<SavedPage>,
    thumbnail: Option<Bytes>,
    with_thumbnails: bool,
}

impl<'a> StoredPages<'a> {
    /// The pages that `claimed`'s job has saved.
    pub(crate) async fn of(worker: &'a Worker, claimed: &ClaimedTask, with_thumbnails: bool) -> Result<Self, TaskError> {
        let pages = tasks::saved_pages(&worker.parts.store, &claimed.scope, claimed.job, 0).await?;
        Ok(Self { worker, inspection: None, pages: pages.into(), thumbnail: None, with_thumbnails })
    }

    /// Sizes for pages that could not be read.
    pub(crate) fn with_sizes(mut self, inspection: &'a Inspection) -> Self {
        self.inspection = Some(inspection);
        self
    }

    /// The rows that are still to come.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &SavedPage> {
        self.pages.iter()
    }

    /// The small picture of the page that came last.
    pub(crate) fn thumbnail(&self) -> Option<&[u8]> {
        self.thumbnail.as_deref()
    }

    async fn read(&self, key: &ObjectKey, limit_bytes: u64) -> Result<Bytes, Failure> {
        let gone = || Failure::new(Code::ObjectDamaged, "A page that was saved is no longer in storage");
        self.worker.parts.objects.get_bytes(key, limit_bytes).await?.ok_or_else(gone)
    }
}

impl StageInput for StoredPages<'_> {
    async fn next_page(&mut self) -> Result<Option<PageLayout>, Failure> {
        let Some(saved) = self.pages.pop_front() else { return Ok(None) };
        self.thumbnail = match &saved.thumbnail_key {
            Some(key) if self.with_thumbnails => Some(self.read(key, MAX_THUMBNAIL_BYTES).await?),
            _ => None,
        };
        let Some(key) = &saved.object_key else {
            return Ok(Some(empty_page(saved.page, self.inspection.and_then(|i| i.pages.get(saved.page.index())))));
        };
        let json = self.read(key, MAX_PAGE_BYTES).await?;
        let damaged = |error: serde_json::Error| {
            Failure::new(Code::ObjectDamaged, format!("The saved page {} cannot be read back: {error}", saved.page))
        };
        serde_json::from_slice(&json).map(Some).map_err(damaged)
    }
}
