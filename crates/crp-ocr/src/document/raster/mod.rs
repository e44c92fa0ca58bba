//! An image file as a document: one page per picture, read row by row and never larger in memory than it must be.

use std::io::Write;

use crp_model::{Code, Failure, Limits, MediaType, PageLayout, PageNo, Warning};
use hayro::kurbo::Affine;

use self::{picture::Picture, shrink::Shrinker};
use super::{
    Admit, Inspection, PageInfo, RenderedPage,
    failures::no_such_page,
    mapped::MappedFile,
    pdf::{scaled, too_many_pages},
};
use crate::{protocol::PixelNeed, reading::PagePicture};

mod embed;
mod exif;
pub(crate) mod fax;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
pub(crate) mod jpeg;
pub(crate) mod picture;
mod png_file;
mod samples;
pub(crate) mod shrink;
mod tags;
mod tiff_pages;

/// Pictures of more pixels than this are not decoded, however small their file: it would take minutes.
const MAX_DECODED_PIXELS: u64 = 2_000_000_000;

/// An opened image file.
pub(crate) struct ImageDocument {
    file: MappedFile,
    media: MediaType,
    limits: Limits,
    pictures: Vec<Picture>,
}

/// A row of pixels, from left to right.
pub(crate) enum Row<'a> {
    /// One byte per pixel.
    Gray(&'a [u8]),
    /// Three bytes per pixel.
    Rgb(&'a [u8]),
}

/// Takes rows from top to bottom.
pub(crate) type RowSink<'s> = dyn FnMut(Row<'_>) -> Result<(), Failure> + 's;

impl ImageDocument {
    /// Reads sizes and resolutions; no pixel is decoded.
    ///
    /// # Errors
    /// `damaged_file`, `no_pages`, `too_many_pages`, `page_too_large`.
    pub(crate) fn open(file: MappedFile, media: MediaType, limits: &Limits) -> Result<Self, Failure> {
        let pictures = match media {
            MediaType::Png => vec![png_file::read(&file, limits)?],
            MediaType::Jpeg => vec![jpeg::read(&file)?],
            MediaType::Tiff => tiff_pages::read(&file, limits)?,
            MediaType::Pdf => return Err(Failure::new(Code::Internal, "A PDF came where an image was expected")),
        };
        if pictures.is_empty() {
            return Err(Failure::new(Code::NoPages, "The file has no pictures"));
        }
        if pictures.len() > limits.max_pages as usize {
            return Err(too_many_pages(pictures.len(), limits));
        }
        Ok(Self { file, media, limits: limits.clone(), pictures })
    }

    /// Sizes as displayed.
    pub(crate) fn inspect(&self) -> Inspection {
        let page = |picture: &Picture| {
            let (width, height) = picture.points();
            PageInfo { width_points: width as f32, height_points: height as f32, rotation: 0, has_text: false }
        };
        Inspection { pages: self.pictures.iter().map(page).collect(), is_signed: false, warnings: Vec::new() }
    }

    /// The page in gray, upright.
    ///
    /// # Errors
    /// `page_too_large`, `page_failed`.
    pub(crate) fn render_gray(&self, number: PageNo, admit: &mut Admit<'_>) -> Result<RenderedPage, Failure> {
        let picture = self.picture(number)?;
        let rows = picture.row_repeat();
        let most = admit(self.need(picture, self.limits.max_page_pixels()))?;
        let (factor, warning) = factor(picture, number, most);
        let (width, height, gray) = self.gray(picture, number, factor, rows)?;
        let (width_points, height_points) = picture.points();
        let to_points = Affine::scale_non_uniform(width_points / f64::from(width.max(1)), height_points / f64::from(height.max(1)));
        Ok(RenderedPage {
            picture: PagePicture { width, height, gray, to_points },
            width_points: width_points as f32,
            height_points: height_points as f32,
            rotation: 0,
            warnings: warning.into_iter().collect(),
        })
    }

    /// The page in gray, its longest edge at most `edge` pixels.
    ///
    /// # Errors
    /// As [`Self::render_gray`].
    pub(crate) fn small_gray(&self, number: PageNo, edge: u32, admit: &mut Admit<'_>) -> Result<(u32, u32, Vec<u8>), Failure> {
        let picture = self.picture(number)?;
        admit(self.need(picture, u64::from(edge).pow(2)))?;
        self.gray(picture, number, picture.factor_to(edge), picture.row_repeat())
    }

    /// Writes a PDF whose pages show the pictures and carry the words.
    ///
    /// # Errors
    /// What `pages` yields, what decoding fails with, what writing fails with.
    pub(crate) fn write_searchable(
        &self,
        pages: &mut dyn Iterator<Item = Result<PageLayout, Failure>>,
        output: &mut dyn Write,
    ) -> Result<Vec<Warning>, Failure> {
        embed::write(self, pages, output)
    }

    fn picture(&self, number: PageNo) -> Result<&Picture, Failure> {
        self.pictures.get(number.index()).ok_or_else(|| no_such_page(number, self.pictures.len()))
    }

    /// What reading the picture takes if at most so many pixels are wanted of it. A JPEG is decoded whole, others row by row or
    /// nearly so.
    fn need(&self, picture: &Picture, most: u64) -> PixelNeed {
        let pixels = picture.pixels().saturating_mul(u64::from(picture.row_repeat()));
        PixelNeed { stored: if self.media == MediaType::Jpeg { picture.pixels() } else { 0 }, picture: pixels.min(most), is_drawn: false }
    }

    fn gray(&self, picture: &Picture, number: PageNo, factor: u32, repeat: u32) -> Result<(u32, u32, Vec<u8>), Failure> {
        let mut shrinker = Shrinker::new(picture.width, picture.height, factor, repeat);
        self.rows(picture, number, &mut |row| {
            shrinker.push(&row);
            Ok(())
        })?;
        let (width, height, gray) = shrinker.finish();
        Ok(picture.orientation.upright(width, height, gray, 1))
    }

    /// Decodes the picture into `sink`.
    fn rows(&self, picture: &Picture, number: PageNo, sink: &mut RowSink<'_>) -> Result<(), Failure> {
        if picture.pixels() > MAX_DECODED_PIXELS {
            let message = format!(
                "Page {number} declares {} × {} pixels; at most {} megapixels are decoded",
                picture.width,
                picture.height,
                MAX_DECODED_PIXELS / 1_000_000
            );
            return Err(Failure::new(Code::PageTooLarge, message));
        }
        match self.media {
            MediaType::Png => png_file::rows(&self.file, number, &self.limits, sink),
            MediaType::Jpeg => jpeg::rows(&self.file, number, &self.limits, sink),
            _ => tiff_pages::rows(&self.file, number, picture, &self.limits, sink),
        }
    }
}

/// By how much the picture must be scaled down to have at most so many pixels, and the warning that says so.
fn factor(picture: &Picture, number: PageNo, most: u64) -> (u32, Option<Warning>) {
    let pixels = picture.pixels().saturating_mul(u64::from(picture.row_repeat()));
    let mut factor = 1u32;
    while pixels.div_ceil(u64::from(factor) * u64::from(factor)) > most {
        factor += 1;
    }
    let resolution = picture.resolution.0 / f64::from(factor);
    (factor, (factor > 1).then(|| scaled(number, resolution)))
}

/// Fails if decoding needs more memory than a process of ours has.
///
/// # Errors
/// `page_too_large`.
pub(crate) fn check_memory(needed_bytes: u64, number: PageNo, limits: &Limits) -> Result<(), Failure> {
    let most = limits.max_child_memory_mebibytes * 1024 * 1024 / 2;
    if needed_bytes <= most {
        return Ok(());
    }
    let message = format!("Decoding page {number} takes {} MiB; {} MiB are free for it", needed_bytes / 1024 / 1024, most / 1024 / 1024);
    Err(Failure::new(Code::PageTooLarge, message))
}
