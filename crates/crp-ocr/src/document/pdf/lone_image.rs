//! A page that is one picture, as scanners write them: its pixels are taken as they are stored, without drawing the page.
//!
//! Drawing resamples the picture onto a canvas of four bytes per pixel; the stored pixels are sharper and cost a tenth.

use crp_model::{Failure, Limits, PageNo};
use hayro::{
    hayro_interpret::{
        BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageData, ImageDrawProps, InterpreterCache, InterpreterSettings,
        Paint, RasterImage, SoftMask, StencilImage, font::GlyphRun, interpret_page,
    },
    hayro_syntax::{
        object::{Array, Dict, Name, Stream},
        page::Page,
    },
    kurbo::{Affine, BezPath, Rect, Shape},
};

use super::{geometry::PageGeometry, render::luma};
use crate::document::{
    Admit,
    orientation::Orientation,
    raster::{Row, RowSink, fax, jpeg, shrink::Shrinker},
};
use crate::protocol::PixelNeed;

/// A picture that reaches beyond the page, or is cut by a clip, by more than this share of its size is not shown whole.
const TOLERANCE: f64 = 0.005;
/// Terms of a transform that are smaller than this share of the others are rounding, not slope.
const STRAIGHT: f64 = 1e-3;

/// Filters whose rows are decoded here, one by one, by their names and the abbreviations of inline pictures.
const DIRECT: [&[u8]; 4] = [b"DCTDecode", b"DCT", b"CCITTFaxDecode", b"CCF"];

/// The picture of a page, upright as displayed.
pub(crate) struct LonePicture {
    /// Pixels per row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// One byte per pixel, row by row from the top; 0 is black.
    pub(crate) gray: Vec<u8>,
    /// Where it lies, in displayed points.
    pub(crate) place: Rect,
    /// Stored pixels for one of these, in each direction; more than 1 where the stored ones pass the limit.
    pub(crate) factor: u32,
}

/// The only thing that the page shows, if that is a picture lying straight; `None` for any other page, and for a picture
/// in a form that only drawing the page deals with.
///
/// # Errors
/// `page_failed`, `damaged_file`, `page_too_large` if the stored pixels cannot be decoded; drawing the page may still show something.
pub(crate) fn decode(
    page: &Page<'_>,
    geometry: &PageGeometry,
    number: PageNo,
    limits: &Limits,
    admit: &mut Admit<'_>,
) -> Option<Result<LonePicture, Failure>> {
    let display = Rect::new(0.0, 0.0, geometry.width_points, geometry.height_points);
    let mut looking = Looking::on(display);
    interpret(page, geometry, display, &mut looking);
    let found = looking.found.filter(|_| !looking.shows_more)?;
    let need = PixelNeed { stored: found.pixels, picture: found.pixels.min(limits.max_page_pixels()), is_drawn: false };
    let most_pixels = match admit(need) {
        Ok(most) => most,
        Err(failure) => return Some(Err(failure)),
    };
    let mut decoding = Decoding { wanted: found.at, next: 0, found, number, limits, most_pixels, decoded: None };
    interpret(page, geometry, display, &mut decoding);
    decoding.decoded
}

fn interpret<'a>(page: &'a Page<'a>, geometry: &PageGeometry, display: Rect, device: &mut impl Device<'a>) {
    let cache = InterpreterCache::new();
    let mut context = Context::new(geometry.to_display, display, &cache, page.xref(), InterpreterSettings::default());
    interpret_page(page, &mut context, device);
}

/// A picture on the page.
#[derive(Clone, Copy)]
struct Found {
    /// How many pictures are drawn before it.
    at: usize,
    /// How its stored pixels must be turned.
    orientation: Orientation,
    /// Where it lies.
    place: Rect,
    /// How many pixels it declares.
    pixels: u64,
}

/// Looks whether a page shows one picture and nothing else.
struct Looking {
    display: Rect,
    found: Option<Found>,
    shows_more: bool,
    pictures: usize,
    clips: Vec<Rect>,
    /// For each open group, whether it or one around it changes what is drawn in it.
    groups: Vec<bool>,
}

impl Looking {
    fn on(display: Rect) -> Self {
        Self { display, found: None, shows_more: false, pictures: 0, clips: Vec::new(), groups: Vec::new() }
    }

    /// What lies under an opaque picture that covers the page is not seen.
    fn see(&mut self, picture: Option<Found>, is_opaque: bool) {
        let covers = picture.is_some_and(|p| {
            let (p, d) = (p.place, self.display);
            let (dx, dy) = (d.width() * TOLERANCE, d.height() * TOLERANCE);
            p.x0 <= d.x0 + dx && p.y0 <= d.y0 + dy && p.x1 >= d.x1 - dx && p.y1 >= d.y1 - dy
        });
        if is_opaque && covers {
            self.shows_more = false;
        } else {
            self.shows_more |= self.found.is_some() || picture.is_none();
        }
        self.found = picture;
    }
}

impl<'a> Device<'a> for Looking {
    fn draw_path(&mut self, _: &BezPath, props: DrawProps<'a>, _: &DrawMode) {
        self.shows_more |= self.found.is_some() || !is_white(&props.paint);
    }

    fn draw_rect(&mut self, _: &Rect, props: DrawProps<'a>, _: &DrawMode) {
        self.shows_more |= self.found.is_some() || !is_white(&props.paint);
    }

    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, mode: &DrawMode) {
        self.shows_more |= !matches!(mode, DrawMode::Invisible);
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let at = self.pictures;
        self.pictures += 1;
        let is_opaque = matches!(&image, Image::Raster(raster) if !has_mask(raster.stream().dict()));
        let is_plain = !self.groups.last().copied().unwrap_or(false) && props.soft_mask.is_none();
        let straight = straight(props.transform, image.width(), image.height());
        let picture = straight.filter(|(_, place)| is_plain && self.is_whole(*place));
        let picture = picture.filter(|_| is_opaque || matches!(image, Image::Stencil(_)));
        let pixels = u64::from(image.width()).saturating_mul(image.height().into());
        self.see(picture.map(|(orientation, place)| Found { at, orientation, place, pixels }), is_opaque);
    }

    fn push_clip_path(&mut self, clip: &ClipPath) {
        let bounds = clip.path.bounding_box();
        // Only a rectangle shows all that lies in its bounds.
        let is_rectangle = (clip.path.area().abs() - bounds.area()).abs() <= bounds.area() * TOLERANCE;
        self.clips.push(if is_rectangle { bounds } else { Rect::ZERO });
    }

    fn push_clip_rect(&mut self, rect: &Rect) {
        self.clips.push(*rect);
    }

    fn pop_clip(&mut self) {
        self.clips.pop();
    }

    fn push_transparency_group(&mut self, opacity: f32, mask: Option<SoftMask<'a>>, blend: BlendMode) {
        let outer = self.groups.last().copied().unwrap_or(false);
        self.groups.push(outer || opacity < 1.0 || mask.is_some() || blend != BlendMode::default());
    }

    fn pop_transparency_group(&mut self) {
        self.groups.pop();
    }
}

impl Looking {
    /// Whether a picture at `place` is shown whole.
    fn is_whole(&self, place: Rect) -> bool {
        let (dx, dy) = (place.width() * TOLERANCE, place.height() * TOLERANCE);
        std::iter::once(&self.display)
            .chain(&self.clips)
            .all(|shown| shown.x0 <= place.x0 + dx && shown.y0 <= place.y0 + dy && shown.x1 >= place.x1 - dx && shown.y1 >= place.y1 - dy)
    }
}

fn is_white(paint: &Paint<'_>) -> bool {
    matches!(paint, Paint::Color(color) if color.to_rgba().to_rgba8()[..3].iter().all(|c| *c >= 250))
}

fn has_mask(dictionary: &Dict<'_>) -> bool {
    [b"SMask".as_slice(), b"Mask", b"SMaskInData"].iter().any(|key| dictionary.contains_key(key))
}

/// How a transform of pixels turns them, and the rectangle it puts them into; `None` unless that is upright.
fn straight(transform: Affine, width: u32, height: u32) -> Option<(Orientation, Rect)> {
    let [a, b, c, d, _, _] = transform.as_coeffs();
    let (level, turned) = (a.abs() + d.abs(), b.abs() + c.abs());
    let orientation = if turned <= level * STRAIGHT {
        match (a > 0.0, d > 0.0) {
            (true, true) => Orientation::Upright,
            (false, true) => Orientation::Mirrored,
            (false, false) => Orientation::UpsideDown,
            (true, false) => Orientation::Flipped,
        }
    } else if level <= turned * STRAIGHT {
        match (b > 0.0, c > 0.0) {
            (true, true) => Orientation::Transposed,
            (true, false) => Orientation::TurnRight,
            (false, false) => Orientation::Transversed,
            (false, true) => Orientation::TurnLeft,
        }
    } else {
        return None;
    };
    let place = transform.transform_rect_bbox(Rect::new(0.0, 0.0, f64::from(width), f64::from(height)));
    (place.is_finite() && place.width() > 0.0 && place.height() > 0.0).then_some((orientation, place))
}

/// Decodes one picture of a page and passes everything else by.
struct Decoding<'l> {
    wanted: usize,
    next: usize,
    found: Found,
    number: PageNo,
    limits: &'l Limits,
    /// Most pixels that are kept of it.
    most_pixels: u64,
    decoded: Option<Result<LonePicture, Failure>>,
}

impl<'a> Device<'a> for Decoding<'_> {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_clip_rect(&mut self, _: &Rect) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'a>, _: &DrawMode) {}
    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, _: &DrawMode) {}

    fn draw_image(&mut self, image: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.next += 1;
        if self.next != self.wanted + 1 {
            return;
        }
        let rows = match &image {
            Image::Raster(raster) => self.raster(raster),
            Image::Stencil(stencil) => self.stencil(stencil),
        };
        self.decoded = rows.map(|rows| {
            let Rows { shrinker, factor } = rows?;
            let (width, height, gray) = shrinker.finish();
            let (width, height, gray) = self.found.orientation.upright(width, height, gray, 1);
            Ok(LonePicture { width, height, gray, place: self.found.place, factor })
        });
    }
}

/// The picture as it comes in.
struct Rows {
    shrinker: Shrinker,
    factor: u32,
}

impl Decoding<'_> {
    fn rows(&self, width: u32, height: u32) -> Rows {
        let pixels = u64::from(width) * u64::from(height);
        let mut factor = 1u32;
        while pixels / (u64::from(factor) * u64::from(factor)) > self.most_pixels {
            factor += 1;
        }
        Rows { shrinker: Shrinker::new(width, height, factor, 1), factor }
    }

    fn raster(&self, raster: &RasterImage<'_>) -> Option<Result<Rows, Failure>> {
        let stream = raster.stream();
        match only_filter(stream.dict()) {
            Some(b"DCTDecode" | b"DCT") if has_plain_colours(stream.dict()) => self.jpeg(stream),
            Some(b"CCITTFaxDecode" | b"CCF") if has_plain_colours(stream.dict()) => self.fax(stream),
            _ if self.is_too_large(raster.width(), raster.height()) => None,
            _ => self.decoded_pixels(raster),
        }
    }

    fn stencil(&self, stencil: &StencilImage<'_, '_>) -> Option<Result<Rows, Failure>> {
        let mut rows = None;
        if self.is_too_large(stencil.width(), stencil.height()) {
            return None;
        }
        stencil.with_stencil(
            |mask, paint| {
                let Paint::Color(color) = paint else { return };
                let [red, green, blue, _] = color.to_rgba().to_rgba8();
                let ink = u32::from(luma(red, green, blue));
                let mut shown = self.rows(mask.width, mask.height);
                for row in mask.data.chunks_exact(mask.width.max(1) as usize) {
                    let gray: Vec<u8> = row.iter().map(|a| ((u32::from(*a) * ink + (255 - u32::from(*a)) * 255) / 255) as u8).collect();
                    shown.shrinker.push(&Row::Gray(&gray));
                }
                rows = Some(Ok(shown));
            },
            None,
        );
        rows
    }

    /// The bound that holds for drawing, too: decoding takes several bytes per pixel.
    fn is_too_large(&self, width: u32, height: u32) -> bool {
        u64::from(width) * u64::from(height) > super::most_image_pixels(self.limits)
    }

    fn jpeg(&self, stream: &Stream<'_>) -> Option<Result<Rows, Failure>> {
        let bytes = stream.raw_data();
        let header = jpeg::Header::read(&bytes).ok().filter(|h| matches!(h.components, 1 | 3) && h.precision == 8)?;
        let mut rows = self.rows(header.width, header.height);
        let read = jpeg::rows(&bytes, self.number, self.limits, &mut |row| {
            rows.shrinker.push(&row);
            Ok(())
        });
        Some(read.map(|()| rows))
    }

    fn fax(&self, stream: &Stream<'_>) -> Option<Result<Rows, Failure>> {
        let dictionary = stream.dict();
        let (width, height) = (dictionary.get::<u32>(b"Width")?, dictionary.get::<u32>(b"Height")?);
        let parameters = match dictionary.get::<Array<'_>>(b"DecodeParms") {
            Some(list) => list.iter::<Dict<'_>>().next(),
            None => dictionary.get::<Dict<'_>>(b"DecodeParms"),
        };
        let parameters = parameters.unwrap_or_default();
        let settings = fax::pdf_settings(&parameters, height);
        if settings.columns != width {
            return None;
        }
        let is_inverted = parameters.get::<bool>(b"BlackIs1").unwrap_or(false);
        let mut rows = self.rows(width, height);
        let sink: &mut RowSink<'_> = &mut |row| {
            rows.shrinker.push(&row);
            Ok(())
        };
        let painted = fax::paint(&stream.raw_data(), settings, is_inverted, sink);
        Some(painted.and_then(|painted| {
            if painted == 0 {
                return Err(crate::document::failures::page_failed(self.number, "its fax data are damaged"));
            }
            Ok(rows)
        }))
    }

    fn decoded_pixels(&self, raster: &RasterImage<'_>) -> Option<Result<Rows, Failure>> {
        let mut rows = None;
        raster.with_rgba(
            |pixels, alpha| {
                if alpha.is_some() {
                    return;
                }
                let mut shown = self.rows(pixels.width(), pixels.height());
                let width = pixels.width().max(1) as usize;
                match &pixels {
                    ImageData::Luma(gray) => gray.data.chunks_exact(width).for_each(|row| shown.shrinker.push(&Row::Gray(row))),
                    ImageData::Rgb(rgb) => rgb.data.chunks_exact(width * 3).for_each(|row| shown.shrinker.push(&Row::Rgb(row))),
                }
                rows = Some(Ok(shown));
            },
            None,
        );
        rows
    }
}

/// Whether stored samples are the colours themselves: gray, or red, green and blue, none of them reversed.
fn has_plain_colours(dictionary: &Dict<'_>) -> bool {
    let named = |name: &[u8]| matches!(name, b"DeviceGray" | b"DeviceRGB" | b"CalGray" | b"CalRGB" | b"ICCBased" | b"G" | b"RGB");
    let space = match dictionary.get::<Array<'_>>(b"ColorSpace") {
        Some(list) => list.iter::<Name<'_>>().next(),
        None => dictionary.get::<Name<'_>>(b"ColorSpace"),
    };
    space.is_some_and(|name| named(name.as_ref())) && !dictionary.contains_key(b"Decode")
}

/// The name of the one filter of a stream; `None` if there are several or none.
fn only_filter(dictionary: &Dict<'_>) -> Option<&'static [u8]> {
    let name = match dictionary.get::<Array<'_>>(b"Filter") {
        Some(list) if list.raw_iter().count() == 1 => list.iter::<Name<'_>>().next()?,
        Some(_) => return None,
        None => dictionary.get::<Name<'_>>(b"Filter")?,
    };
    DIRECT.into_iter().find(|filter| *filter == name.as_ref())
}
