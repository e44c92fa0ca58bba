//! A PDF: opened once, read page by page.

use std::{
    cell::{Cell, RefCell},
    io::Write,
    rc::Rc,
};

use crp_model::{BoundingBox, Code, Failure, Limits, PageLayout, PageNo, Warning, labels::WarningKind, pipeline::SignedDocuments};
use hayro::{
    hayro_syntax::{
        DecryptionError, LoadPdfError, Pdf,
        object::{Dict, Stream},
        page::Page,
    },
    kurbo::Affine,
};

use self::{
    geometry::PageGeometry,
    lone_image::LonePicture,
    render::{Canvas, PixelSize},
    scan::{PageScan, PlacedGlyph},
};
use super::{
    Admit, Inspection, PageInfo, RenderedPage,
    failures::{damaged, guarded, no_such_page, page_failed, reason},
    mapped::MappedFile,
};
use crate::{protocol::PixelNeed, reading::PagePicture};

mod broken_off;
mod content_tokens;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
mod geometry;
mod lines;
mod lone_image;
mod old_layer;
mod overlay;
mod printed;
mod rebuild;
pub(crate) mod render;
mod scan;
mod signature;
pub(crate) mod update;
mod usable;
mod words;

/// A picture that covers less of its page is a part of it, not the page.
const MIN_LONE_COVER: f64 = 0.25;
/// Resolution at which a page is drawn to be read.
const WORKING_DOTS_PER_INCH: f64 = 300.0;
/// The reader keeps what it has decoded of every page; it is opened anew after so many.
const PAGES_BEFORE_REOPENING: u32 = 256;
/// Bytes that decoding one pixel of an image takes at most, intermediate buffers included.
const BYTES_PER_IMAGE_PIXEL: u64 = 6;

/// An opened PDF.
pub(crate) struct PdfDocument {
    pub(super) file: MappedFile,
    pdf: RefCell<Rc<Pdf>>,
    visits: Cell<u32>,
    last_scan: RefCell<Option<(PageNo, Rc<PageScan>)>>,
    limits: Limits,
    page_count: usize,
}

impl PdfDocument {
    /// Reads the structure.
    ///
    /// # Errors
    /// `damaged_file`, `encrypted_pdf`, `no_pages`, `too_many_pages`.
    pub(crate) fn open(file: MappedFile, limits: &Limits) -> Result<Self, Failure> {
        let pdf = parse(&file)?;
        let page_count = pdf.pages().len();
        broken_off::refuse_what_is_lost(&file, &pdf)?;
        if page_count == 0 {
            return Err(Failure::new(Code::NoPages, "The PDF has no pages"));
        }
        if page_count > limits.max_pages as usize {
            return Err(too_many_pages(page_count, limits));
        }
        Ok(Self {
            file,
            pdf: RefCell::new(Rc::new(pdf)),
            visits: Cell::new(0),
            last_scan: RefCell::new(None),
            limits: limits.clone(),
            page_count,
        })
    }

    /// Sizes, rotations, signatures.
    ///
    /// # Errors
    /// `damaged_file`.
    pub(crate) fn inspect(&self) -> Result<Inspection, Failure> {
        let pdf = self.pdf();
        let mut pages = Vec::with_capacity(self.page_count);
        for (index, page) in pdf.pages().iter().enumerate() {
            let geometry = PageGeometry::of(page, PageNo::from_index(index))?;
            pages.push(PageInfo {
                width_points: geometry.width_points as f32,
                height_points: geometry.height_points as f32,
                rotation: geometry.rotation,
                has_text: names_fonts(page),
            });
        }
        Ok(Inspection { pages, is_signed: signature::is_signed(&pdf), warnings: Vec::new() })
    }

    /// The page's own text, if it is usable.
    ///
    /// # Errors
    /// `page_failed`.
    pub(crate) fn existing_text(&self, number: PageNo) -> Result<Option<PageLayout>, Failure> {
        let scan = self.scan(number)?;
        if !usable::is_usable(&scan) {
            return Ok(None);
        }
        self.with_page(number, |_, geometry| {
            let layout = lines::layout(words::words(&scan.glyphs), number, geometry);
            layout.check().map_err(|why| page_failed(number, why))?;
            Ok((!layout.words.is_empty()).then_some(layout))
        })
    }

    /// The page in gray.
    ///
    /// # Errors
    /// `page_too_large`, `page_failed`.
    pub(crate) fn render_gray(&self, number: PageNo, admit: &mut Admit<'_>) -> Result<RenderedPage, Failure> {
        let mut warnings = Vec::new();
        match self.lone_picture(number, admit)? {
            Some(Ok(picture)) => return self.stored(number, picture),
            Some(Err(failure)) => warnings.push(damaged_picture(number, &failure)),
            None => {}
        }
        let (canvas, geometry) = self.draw(number, WORKING_DOTS_PER_INCH, admit)?;
        if canvas.dots_per_inch < WORKING_DOTS_PER_INCH * 0.999 {
            warnings.push(scaled(number, canvas.dots_per_inch));
        }
        if canvas.lacks_picture && warnings.is_empty() {
            let message = format!("A picture on page {number} cannot be decoded; what it shows is missing");
            warnings.push(Warning::new(WarningKind::PictureUnreadable, Some(number), message));
        }
        let to_points = Affine::scale_non_uniform(
            geometry.width_points / f64::from(canvas.width.max(1)),
            geometry.height_points / f64::from(canvas.height.max(1)),
        );
        Ok(RenderedPage {
            picture: PagePicture { width: canvas.width, height: canvas.height, gray: canvas.gray(), to_points },
            width_points: geometry.width_points as f32,
            height_points: geometry.height_points as f32,
            rotation: geometry.rotation,
            warnings,
        })
    }

    /// The stored picture of a page that shows nothing else.
    fn lone_picture(&self, number: PageNo, admit: &mut Admit<'_>) -> Result<Option<Result<LonePicture, Failure>>, Failure> {
        if self.scan(number)?.largest_image_cover < MIN_LONE_COVER {
            return Ok(None);
        }
        self.with_page(number, |page, geometry| {
            guarded(Code::PageFailed, &format!("Decoding the picture of page {number}"), || {
                Ok(lone_image::decode(page, geometry, number, &self.limits, admit))
            })
            .or(Ok(None))
        })
    }

    fn stored(&self, number: PageNo, picture: LonePicture) -> Result<RenderedPage, Failure> {
        let LonePicture { width, height, gray, place, factor } = picture;
        let per_pixel = (place.width() / f64::from(width.max(1)), place.height() / f64::from(height.max(1)));
        let to_points = Affine::translate(place.origin().to_vec2()) * Affine::scale_non_uniform(per_pixel.0, per_pixel.1);
        let picture = PagePicture { width, height, gray, to_points };
        let resolution = picture.dots_per_inch();
        let is_coarse = factor > 1 && resolution < WORKING_DOTS_PER_INCH * 0.999;
        let geometry = self.with_page(number, |_, geometry| Ok(*geometry))?;
        Ok(RenderedPage {
            picture,
            width_points: geometry.width_points as f32,
            height_points: geometry.height_points as f32,
            rotation: geometry.rotation,
            warnings: is_coarse.then(|| scaled(number, resolution)).into_iter().collect(),
        })
    }

    /// The page in colour, its longest edge at most `edge` pixels: width, height, three bytes per pixel.
    ///
    /// # Errors
    /// `page_too_large`, `page_failed`.
    pub(crate) fn small_rgb(&self, number: PageNo, edge: u32, admit: &mut Admit<'_>) -> Result<(u32, u32, Vec<u8>), Failure> {
        let longest = self.with_page(number, |_, g| Ok(g.width_points.max(g.height_points)))?;
        let (canvas, _) = self.draw(number, f64::from(edge) * 72.0 / longest, admit)?;
        Ok((canvas.width, canvas.height, canvas.rgb()))
    }

    /// Writes the document with the text layers of `pages`.
    ///
    /// # Errors
    /// What `pages` yields, and what writing fails with.
    pub(crate) fn write_searchable(
        &self,
        pages: &mut dyn Iterator<Item = Result<PageLayout, Failure>>,
        signed: SignedDocuments,
        output: &mut dyn Write,
    ) -> Result<Vec<Warning>, Failure> {
        if signed == SignedDocuments::Keep && signature::is_signed(&self.pdf()) {
            return overlay::write_original(self, pages, output);
        }
        match guarded(Code::DamagedFile, "Preparing the text layer", || overlay::Overlay::prepare(self)) {
            Ok(overlay) => overlay::write(overlay, self, pages, output),
            Err(failure) if failure.code == Code::EncryptedPdf => Err(failure),
            Err(failure) => rebuild::write(self, reason(&failure), pages, output),
        }
    }

    /// Where the page shows words as text that readers can read.
    fn printed_words(&self, number: PageNo) -> Result<Vec<BoundingBox>, Failure> {
        if !self.with_page(number, |page, _| Ok(names_fonts(page)))? {
            return Ok(Vec::new());
        }
        let scan = self.scan(number)?;
        let visible: Vec<PlacedGlyph> = scan.glyphs.iter().filter(|g| !g.is_invisible && usable::is_readable(g)).cloned().collect();
        Ok(words::words(&visible).iter().map(|word| lines::boxed(word.bounds)).collect())
    }

    /// Number of pages.
    pub(crate) fn page_count(&self) -> usize {
        self.page_count
    }

    fn draw(&self, number: PageNo, dots_per_inch: f64, admit: &mut Admit<'_>) -> Result<(Canvas, PageGeometry), Failure> {
        let scan = self.scan(number)?;
        let most = most_image_pixels(&self.limits);
        if scan.largest_image_pixels > most {
            let message = format!(
                "Page {number} has an image of {} megapixels; {} can be decoded within max_child_memory_mebibytes",
                scan.largest_image_pixels / 1_000_000,
                most / 1_000_000
            );
            return Err(Failure::new(Code::PageTooLarge, message));
        }
        let stored = scan.largest_image_pixels;
        drop(scan);
        self.with_page(number, |page, geometry| {
            let wanted = PixelSize::fit(geometry, dots_per_inch, self.limits.max_page_pixels());
            let need = PixelNeed { stored, picture: wanted.pixels(), is_drawn: true };
            let size = PixelSize::fit(geometry, dots_per_inch, admit(need)?.min(wanted.pixels()));
            guarded(Code::PageFailed, &format!("Drawing page {number}"), || Canvas::draw(page, geometry, size, number))
                .map(|canvas| (canvas, *geometry))
        })
    }

    /// What the page draws; the last page's is kept, since its text and its pixels are asked for one after the other.
    fn scan(&self, number: PageNo) -> Result<Rc<PageScan>, Failure> {
        if let Some((page, scan)) = &*self.last_scan.borrow()
            && *page == number
        {
            return Ok(scan.clone());
        }
        let scan = self.with_page(number, |page, geometry| {
            guarded(Code::PageFailed, &format!("Reading page {number}"), || Ok(PageScan::of(page, geometry)))
        })?;
        let scan = Rc::new(scan);
        *self.last_scan.borrow_mut() = Some((number, scan.clone()));
        Ok(scan)
    }

    fn with_page<T>(&self, number: PageNo, work: impl FnOnce(&Page<'_>, &PageGeometry) -> Result<T, Failure>) -> Result<T, Failure> {
        self.reopen_now_and_then()?;
        let pdf = self.pdf();
        let page = pdf.pages().get(number.index()).ok_or_else(|| no_such_page(number, self.page_count))?;
        let geometry = PageGeometry::of(page, number)?;
        work(page, &geometry)
    }

    fn reopen_now_and_then(&self) -> Result<(), Failure> {
        self.visits.set(self.visits.get() + 1);
        if self.visits.get() > PAGES_BEFORE_REOPENING {
            self.visits.set(0);
            *self.pdf.borrow_mut() = Rc::new(parse(&self.file)?);
        }
        Ok(())
    }

    fn pdf(&self) -> Rc<Pdf> {
        self.pdf.borrow().clone()
    }

    /// Whether `copies` of the file fit into the memory limit beside what else is needed.
    fn fits_in_memory(&self, copies: u64) -> bool {
        (self.file.len() as u64).saturating_mul(copies) < self.limits.max_child_memory_mebibytes * 1024 * 1024 / 2
    }

    fn signature_warning(&self) -> Option<Warning> {
        signature::is_signed(&self.pdf()).then(|| {
            Warning::new(
                WarningKind::SignatureInvalidated,
                None,
                "The document was signed; the text layer is a change that breaks the signature",
            )
        })
    }
}

/// Pixels of the largest picture that can be decoded whole.
fn most_image_pixels(limits: &Limits) -> u64 {
    limits.max_child_memory_mebibytes * 1024 * 1024 / BYTES_PER_IMAGE_PIXEL
}

fn parse(file: &MappedFile) -> Result<Pdf, Failure> {
    guarded(Code::DamagedFile, "The file's structure", || {
        Pdf::new(file.shared()).map_err(|error| match error {
            LoadPdfError::Decryption(DecryptionError::PasswordProtected) => Failure::new(Code::EncryptedPdf, "The PDF asks for a password"),
            LoadPdfError::Decryption(_) => Failure::new(Code::EncryptedPdf, "The PDF is encrypted in a way that cannot be read"),
            LoadPdfError::Invalid => damaged("it has no readable PDF structure"),
        })
    })
}

/// The next layout, which must be that of `page`.
pub(crate) fn next_layout(pages: &mut dyn Iterator<Item = Result<PageLayout, Failure>>, page: PageNo) -> Result<PageLayout, Failure> {
    let layout = pages.next().ok_or_else(|| Failure::new(Code::Internal, format!("The layout of page {page} is missing")))??;
    if layout.page != page {
        return Err(Failure::new(Code::Internal, format!("The layout of page {} came in place of page {page}", layout.page)));
    }
    layout.check().map_err(|why| Failure::new(Code::Internal, format!("A layout is not valid: {why}")))?;
    Ok(layout)
}

/// The failure of a document with too many pages.
pub(crate) fn too_many_pages(pages: usize, limits: &Limits) -> Failure {
    Failure::new(Code::TooManyPages, format!("The document has {pages} pages; the limit is {}", limits.max_pages))
}

/// The warning of a page whose picture cannot be decoded as it should; drawing shows what can be shown.
fn damaged_picture(number: PageNo, failure: &Failure) -> Warning {
    let message = format!("The picture of page {number} is damaged; a part of it may be missing ({})", failure.message);
    Warning::new(WarningKind::PictureUnreadable, Some(number), message)
}

/// The warning of a page that was scaled down.
pub(crate) fn scaled(page: PageNo, dots_per_inch: f64) -> Warning {
    let message = format!("The page is so large that it was read at {dots_per_inch:.0} dots per inch");
    Warning::new(WarningKind::PageScaled, Some(page), message)
}

fn names_fonts(page: &Page<'_>) -> bool {
    let resources = page.resources();
    !resources.fonts.is_empty()
        || resources.x_objects.keys().take(64).any(|name| {
            let form = resources.x_objects.get::<Stream<'_>>(name);
            form.and_then(|f| f.dict().get::<Dict<'_>>(b"Resources")).is_some_and(|r| r.contains_key(b"Font"))
        })
}
