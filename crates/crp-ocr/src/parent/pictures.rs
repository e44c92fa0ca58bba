//! The pictures that a child wants to have read by the engine outside: checked, passed on, and their words brought back.

use std::time::Duration;

use crp_model::{Code, Failure, Limits, PageNo, labels::EngineKind};
use tokio::time::Instant;

use super::{HttpEngine, http::Picture};
use crate::{
    ReadSettings,
    engine::Recognised,
    protocol::{Answer, Request},
};

/// Readings of one page: as it lies, turned, once more at another resolution. More is no reading but an attack on the engine.
const MAX_PICTURES_PER_PAGE: u32 = 8;
/// This share of the page's time is for the engine; the rest is for what comes before and after.
const SHARE_OF_TIME: f64 = 0.9;

/// Answers a child's questions while it reads one page.
pub(super) struct PictureReader<'a> {
    page: PageNo,
    max_pixels: u64,
    deadline: Instant,
    left: u32,
    settings: &'a ReadSettings,
    http: Option<&'a HttpEngine>,
}

impl<'a> PictureReader<'a> {
    /// For `page`, from now on; `http` is the engine that the operator has set up.
    pub(super) fn new(page: PageNo, limits: &Limits, settings: &'a ReadSettings, http: Option<&'a HttpEngine>) -> Self {
        let time = Duration::from_secs(limits.page_timeout_seconds.into()).mul_f64(SHARE_OF_TIME);
        let (max_pixels, deadline) = (limits.max_page_pixels(), Instant::now() + time);
        Self { page, max_pixels, deadline, left: MAX_PICTURES_PER_PAGE, settings, http }
    }

    /// Time in which the page waited for us does not count.
    pub(super) fn postpone(&mut self, waited: Duration) {
        self.deadline += waited;
    }

    /// Largest frame that a picture needs, beyond what a page needs.
    pub(super) fn extra_bytes(&self) -> usize {
        match self.settings.engine {
            EngineKind::Http => usize::try_from(self.max_pixels).unwrap_or(usize::MAX / 2),
            EngineKind::Tesseract => 0,
        }
    }

    /// Has a picture read.
    ///
    /// # Errors
    /// What about the question cannot be true; then the child is not to be trusted any more.
    pub(super) async fn answer(&mut self, question: Answer, gray: Vec<u8>) -> Result<Request, String> {
        let Answer::Picture { page, width, height, dots_per_inch, segmentation } = question else {
            return Err("it is no question".to_owned());
        };
        if self.settings.engine != EngineKind::Http || page != self.page {
            return Err(format!("a picture of page {page} was to be read that nobody asked for"));
        }
        let pixels = u64::from(width) * u64::from(height);
        // Rounding both sides up may pass the limit by a row and a column.
        let most = self.max_pixels.saturating_add(u64::from(width)).saturating_add(u64::from(height));
        if pixels == 0 || pixels > most || gray.len() as u64 != pixels || dots_per_inch == 0 {
            return Err(format!("a picture of {width} × {height} pixels in {} bytes was to be read", gray.len()));
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| format!("more than {MAX_PICTURES_PER_PAGE} pictures of one page"))?;
        let picture = Picture { page, width, height, dots_per_inch, segmentation, gray };
        Ok(Request::Recognised(self.read(picture).await))
    }

    async fn read(&self, picture: Picture) -> Result<Recognised, Failure> {
        match self.http {
            Some(engine) => engine.read(picture, &self.settings.languages, self.deadline).await,
            None => Err(Failure::new(Code::EngineNotConfigured, "The pipeline asks for the engine http, which is not set up here")),
        }
    }
}
