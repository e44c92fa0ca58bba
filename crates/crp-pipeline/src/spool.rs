//! Layouts of pages that were read and not yet put together: packed into one file, each in memory alone.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::unix::fs::FileExt as _,
};

use crp_model::{Code, Failure, PageLayout, PageNo};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

use crate::StageInput;

/// Takes pages in any order and gives them back in theirs.
///
/// A page of a scan takes about 10 kB here, a seventh of its JSON: the spool of a book stays small beside the book.
pub(crate) struct PageSpool {
    file: File,
    end: u64,
    places: Vec<Option<Place>>,
}

/// Where a page lies in the file.
#[derive(Clone, Copy)]
struct Place {
    start: u64,
    bytes: usize,
}

impl PageSpool {
    /// A spool for so many pages in an empty `file` that nobody else uses.
    pub(crate) fn new(file: File, pages_total: usize) -> Self {
        Self { file, end: 0, places: vec![None; pages_total] }
    }

    /// Keeps a page.
    ///
    /// # Errors
    /// `disk_full`, `file_access`.
    pub(crate) fn keep(&mut self, page: &PageLayout) -> Result<(), Failure> {
        let packed = pack(page).map_err(|error| Failure::new(Code::Internal, format!("A page's layout cannot be written: {error}")))?;
        self.file.write_all_at(&packed, self.end).map_err(|error| not_kept(&error))?;
        if let Some(place) = self.places.get_mut(page.page.index()) {
            *place = Some(Place { start: self.end, bytes: packed.len() });
        }
        self.end += packed.len() as u64;
        Ok(())
    }

    /// All pages, from the first.
    pub(crate) fn pages(&self) -> SpooledPages<'_> {
        SpooledPages { spool: self, next: 0 }
    }

    fn page(&self, page: PageNo) -> Result<PageLayout, Failure> {
        let lost = |what: String| Failure::new(Code::Internal, format!("The layout of page {page} cannot be read back: {what}"));
        let place = self.places.get(page.index()).copied().flatten().ok_or_else(|| lost("it was never read".to_owned()))?;
        let mut packed = vec![0; place.bytes];
        self.file.read_exact_at(&mut packed, place.start).map_err(|error| lost(error.to_string()))?;
        unpack(&packed).map_err(|error| lost(error.to_string()))
    }
}

/// The pages of a spool, one in memory at a time.
pub(crate) struct SpooledPages<'a> {
    spool: &'a PageSpool,
    next: usize,
}

impl StageInput for SpooledPages<'_> {
    async fn next_page(&mut self) -> Result<Option<PageLayout>, Failure> {
        if self.next >= self.spool.places.len() {
            return Ok(None);
        }
        self.next += 1;
        self.spool.page(PageNo::from_index(self.next - 1)).map(Some)
    }
}

fn pack(page: &PageLayout) -> io::Result<Vec<u8>> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&serde_json::to_vec(page)?)?;
    packer.finish()
}

fn unpack(packed: &[u8]) -> io::Result<PageLayout> {
    let mut json = Vec::new();
    DeflateDecoder::new(packed).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

fn not_kept(error: &io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::FileAccess,
    };
    Failure::new(code, format!("A page that was read cannot be kept beside the outputs: {error}"))
}

#[cfg(test)]
mod tests {
    use crp_model::{BoundingBox, TextSource, Word};

    use super::*;

    fn page(number: u32, words: usize) -> PageLayout {
        let word = |at: usize| Word {
            text: format!("word{at}"),
            confidence: 0.93,
            bounds: BoundingBox { x0: 72.25 + at as f32, y0: 100.5, x1: 80.25 + at as f32, y1: 110.75 },
        };
        PageLayout {
            page: PageNo::new(number).unwrap(),
            width: 595.0,
            height: 842.0,
            rotation: 0,
            pixels: Some([2480, 3508]),
            source: TextSource::Ocr,
            words: (0..words).map(word).collect(),
            lines: Vec::new(),
        }
    }

    #[tokio::test]
    async fn pages_kept_in_any_order_come_back_in_theirs_as_they_were() {
        let mut spool = PageSpool::new(tempfile::tempfile().unwrap(), 3);
        for (number, words) in [(3, 10), (1, 400), (2, 0)] {
            spool.keep(&page(number, words)).unwrap();
        }
        for _twice in 0..2 {
            let mut pages = spool.pages();
            for (number, words) in [(1, 400), (2, 0), (3, 10)] {
                assert_eq!(pages.next_page().await.unwrap().unwrap(), page(number, words));
            }
            assert!(pages.next_page().await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn a_spool_is_a_fraction_of_its_pages() {
        let mut spool = PageSpool::new(tempfile::tempfile().unwrap(), 100);
        let json = serde_json::to_vec(&page(1, 500)).unwrap().len() as u64;
        (1..=100).for_each(|number| spool.keep(&page(number, 500)).unwrap());
        let bytes = spool.file.metadata().unwrap().len();
        assert!(bytes * 4 < json * 100, "{bytes} bytes for {} of JSON", json * 100);
    }

    #[tokio::test]
    async fn a_page_that_was_never_kept_is_missed() {
        let failure = PageSpool::new(tempfile::tempfile().unwrap(), 1).pages().next_page().await.unwrap_err();
        assert_eq!(failure.code, Code::Internal);
    }
}
