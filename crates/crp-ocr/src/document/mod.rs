//! One opened document: its pages, their text, their pixels, and the searchable PDF made from them. Runs in the sandboxed child.

use std::{fs::File, io::Write};

use crp_model::{
    Code, Failure, Limits, MediaType, PageLayout, PageNo, TextSource, Warning, labels::WarningKind, pipeline::SignedDocuments,
};
use serde::{Deserialize, Serialize};

use self::{failures::guarded, mapped::MappedFile, pdf::PdfDocument, raster::ImageDocument};
use crate::{protocol::PixelNeed, reading::PagePicture};

mod failures;
mod flate;
mod font_objects;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod glyphless;
mod image_pdf;
mod jpeg_file;
mod mapped;
mod objects;
mod orientation;
mod pdf;
mod raster;
mod script;
#[cfg(test)]
mod tests;
mod text_blocks;
mod text_frame;
mod text_layer;

/// Longest edge of a thumbnail, in pixels.
const THUMBNAIL_PIXELS: u32 = 256;

/// Asked before pixels exist: gives how many the picture may have, perhaps after a while.
pub(crate) type Admit<'a> = dyn FnMut(PixelNeed) -> Result<u64, Failure> + 'a;

/// Never waits.
pub(crate) fn at_once(need: PixelNeed) -> Result<u64, Failure> {
    Ok(need.picture)
}

/// What opening a document shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// The pages, from the first.
    pub pages: Vec<PageInfo>,
    /// Whether the document carries a digital signature, which any change breaks.
    pub is_signed: bool,
    /// What a person should know about it.
    pub warnings: Vec<Warning>,
}

/// A page's size as displayed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageInfo {
    /// Width in points (1/72 inch), as displayed.
    pub width_points: f32,
    /// Height in points, as displayed.
    pub height_points: f32,
    /// Clockwise rotation with which it is displayed: 0, 90, 180 or 270 degrees.
    pub rotation: u16,
    /// Whether it names fonts and so probably carries text; only reading the page tells whether that text is usable.
    pub has_text: bool,
}

impl PageInfo {
    /// The layout of this page before anything was read on it.
    pub(crate) fn blank_layout(&self, page: PageNo) -> PageLayout {
        PageLayout {
            page,
            width: self.width_points,
            height: self.height_points,
            rotation: self.rotation,
            pixels: None,
            source: TextSource::None,
            words: Vec::new(),
            lines: Vec::new(),
        }
    }
}

/// A page as gray pixels, as displayed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RenderedPage {
    /// The pixels; where they do not cover the page, it is white.
    pub(crate) picture: PagePicture,
    /// Width of the page in points, as displayed.
    pub(crate) width_points: f32,
    /// Height of the page in points, as displayed.
    pub(crate) height_points: f32,
    /// Clockwise rotation with which the page is displayed: 0, 90, 180 or 270 degrees.
    pub(crate) rotation: u16,
    /// What a person should know, such as that the page was scaled down.
    pub(crate) warnings: Vec<Warning>,
}

impl RenderedPage {
    /// Refuses a page that lacks a picture and on which `layout` has no word: it is lost, not empty.
    ///
    /// # Errors
    /// `page_failed`.
    pub(crate) fn refuse_if_lost(&self, layout: &PageLayout) -> Result<(), Failure> {
        if !layout.words.is_empty() || !self.warnings.iter().any(|w| w.code.0 == WarningKind::PictureUnreadable) {
            return Ok(());
        }
        let message = format!("A picture on page {} cannot be decoded, and nothing else on it can be read", layout.page);
        Err(Failure::new(Code::PageFailed, message).with_remedy("Scan or export the document again.").never_retry())
    }
}

/// An opened document.
pub(crate) struct OpenDocument {
    content: Content,
}

enum Content {
    Pdf(PdfDocument),
    Image(ImageDocument),
}

impl OpenDocument {
    /// Maps the file into memory and reads its structure.
    ///
    /// # Errors
    /// `empty_file`, `damaged_file`, `encrypted_pdf`, `no_pages`, `too_many_pages`, `page_too_large`.
    pub(crate) fn open(file: File, media: MediaType, limits: &Limits) -> Result<Self, Failure> {
        let file = MappedFile::map(&file)?;
        let content = match media {
            MediaType::Pdf => Content::Pdf(PdfDocument::open(file, limits)?),
            image => Content::Image(ImageDocument::open(file, image, limits)?),
        };
        Ok(Self { content })
    }

    /// Sizes, rotations and signatures.
    ///
    /// # Errors
    /// `damaged_file`.
    pub(crate) fn inspect(&self) -> Result<Inspection, Failure> {
        match &self.content {
            Content::Pdf(pdf) => guarded(Code::DamagedFile, "The file's structure", || pdf.inspect()),
            Content::Image(image) => Ok(image.inspect()),
        }
    }

    /// The text that the page carries, or `None` if it carries none that is usable.
    ///
    /// # Errors
    /// `damaged_file`, `page_failed`.
    pub(crate) fn existing_text(&self, page: PageNo) -> Result<Option<PageLayout>, Failure> {
        match &self.content {
            Content::Pdf(pdf) => guarded(Code::PageFailed, "The page's text", || pdf.existing_text(page)),
            Content::Image(_) => Ok(None),
        }
    }

    /// The page in gray: a picture as it is stored where the page is one, else drawn.
    ///
    /// # Errors
    /// `page_too_large`, `page_failed`, `damaged_file`.
    pub(crate) fn render_gray(&self, page: PageNo) -> Result<RenderedPage, Failure> {
        self.render_gray_when(page, &mut at_once)
    }

    /// As [`Self::render_gray`], when `admit` allows it and no larger than that.
    ///
    /// # Errors
    /// As [`Self::render_gray`], and those of `admit`.
    pub(crate) fn render_gray_when(&self, page: PageNo, admit: &mut Admit<'_>) -> Result<RenderedPage, Failure> {
        match &self.content {
            Content::Pdf(pdf) => pdf.render_gray(page, admit),
            Content::Image(image) => guarded(Code::PageFailed, "The picture", || image.render_gray(page, admit)),
        }
    }

    /// A JPEG of the page whose longest edge has 256 pixels.
    ///
    /// # Errors
    /// As [`Self::render_gray_when`].
    pub(crate) fn thumbnail(&self, page: PageNo, admit: &mut Admit<'_>) -> Result<Vec<u8>, Failure> {
        match &self.content {
            Content::Pdf(pdf) => {
                let (width, height, rgb) = pdf.small_rgb(page, THUMBNAIL_PIXELS, admit)?;
                jpeg_file::encode_rgb(width, height, &rgb, 75)
            }
            Content::Image(image) => guarded(Code::PageFailed, "The picture", || {
                let (width, height, gray) = image.small_gray(page, THUMBNAIL_PIXELS, admit)?;
                jpeg_file::encode_gray(width, height, &gray, 75)
            }),
        }
    }

    /// Writes the document as a PDF with a text layer: `pages` brings the layout of every page, in order;
    /// those with the source `Ocr` gain invisible text, unless that would break a signature that has to be kept.
    ///
    /// # Errors
    /// What `pages` yields, `encrypted_pdf`, `damaged_file`, `page_failed`, `disk_full`, `file_access`.
    pub(crate) fn write_searchable(
        &self,
        pages: &mut dyn Iterator<Item = Result<PageLayout, Failure>>,
        signed: SignedDocuments,
        output: &mut dyn Write,
    ) -> Result<Vec<Warning>, Failure> {
        match &self.content {
            Content::Pdf(pdf) => pdf.write_searchable(pages, signed, output),
            Content::Image(image) => guarded(Code::PageFailed, "The picture", || image.write_searchable(pages, output)),
        }
    }
}
