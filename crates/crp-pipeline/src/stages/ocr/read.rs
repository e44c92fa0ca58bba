//! Inspecting a document and reading its pages. A child that failed once is never asked again.

use crp_model::{PageLayout, PageNo, TextSource, pipeline::OcrStage};
use crp_ocr::{DocumentChild, Inspection, PageInfo, PageReading, ReadSettings};

use crate::Workspace;
use crp_model::Failure;

/// Opens the document in a child and tells its pages, sizes and encryption.
///
/// # Errors
/// The failure that the user sees: encrypted, damaged, no pages, too many pages, and so on.
pub async fn inspect(workspace: &Workspace) -> Result<Inspection, Failure> {
    let mut child = DocumentChild::start(&workspace.children, &workspace.document, workspace.media, None).await?;
    child.inspect().await
}

/// What the engine is told for this stage.
pub fn read_settings(stage: &OcrStage, thumbnails: bool) -> ReadSettings {
    ReadSettings { languages: stage.languages.clone(), mode: stage.mode, engine: stage.engine, thumbnails }
}

/// Reads pages of one document with one warm engine, which is started at the first page and again after a failure.
pub struct PageReader<'a> {
    workspace: &'a Workspace,
    settings: ReadSettings,
    child: Option<DocumentChild>,
}

impl<'a> PageReader<'a> {
    /// A reader that starts its child when the first page is asked for.
    pub fn new(workspace: &'a Workspace, settings: ReadSettings) -> Self {
        Self { workspace, settings, child: None }
    }

    /// Reads one page. Dropping the future ends the child.
    ///
    /// # Errors
    /// Why this page could not be read, or why no child could be started.
    pub async fn read(&mut self, page: PageNo) -> Result<PageReading, Failure> {
        let mut child = match self.child.take() {
            Some(child) => child,
            None => self.start().await?,
        };
        let reading = child.read_page(page).await?;
        self.child = Some(child);
        Ok(reading)
    }

    async fn start(&self) -> Result<DocumentChild, Failure> {
        let w = self.workspace;
        DocumentChild::start(&w.children, &w.document, w.media, Some(&self.settings)).await
    }
}

/// The page as it stands in the results when it could not be read: its size, no words.
pub fn empty_page(page: PageNo, info: Option<&PageInfo>) -> PageLayout {
    let (width, height, rotation) = info.map_or((595.0, 842.0, 0), |i| (i.width_points, i.height_points, i.rotation));
    PageLayout { page, width, height, rotation, pixels: None, source: TextSource::None, words: Vec::new(), lines: Vec::new() }
}
