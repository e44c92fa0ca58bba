//! What a page draws, without drawing it: its glyphs with their characters and places, and how much of it images cover.

use hayro::{
    hayro_interpret::{
        BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache, InterpreterSettings, SoftMask,
        font::{Glyph, GlyphRun},
        hayro_cmap::{BfString, WritingMode},
        interpret_page,
    },
    hayro_syntax::page::Page,
    kurbo::{Affine, BezPath, Point, Rect, Vec2},
};

use super::geometry::PageGeometry;

/// More glyphs than any printed page has; the rest of a page is left out.
const MAX_GLYPHS: usize = 500_000;

/// One glyph, in displayed points.
#[derive(Clone, Debug)]
pub(crate) struct PlacedGlyph {
    /// Its characters; `None` if the font does not tell.
    pub(crate) text: Option<String>,
    /// Where its baseline begins.
    pub(crate) origin: Point,
    /// From its origin to the origin of what follows.
    pub(crate) advance: Vec2,
    /// From its baseline to the top of a capital letter's line: as long as the font size.
    pub(crate) up: Vec2,
    /// Whether it is drawn so that nobody sees it, as text layers are.
    pub(crate) is_invisible: bool,
}

/// What a page draws.
#[derive(Debug, Default)]
pub(crate) struct PageScan {
    /// The glyphs, in the order in which they are drawn.
    pub(crate) glyphs: Vec<PlacedGlyph>,
    /// Share of the page that its largest image covers, 0 … 1.
    pub(crate) largest_image_cover: f64,
    /// Pixels of the largest image, as it declares them.
    pub(crate) largest_image_pixels: u64,
}

impl PageScan {
    /// Interprets the page.
    pub(crate) fn of(page: &Page<'_>, geometry: &PageGeometry) -> Self {
        let display = Rect::new(0.0, 0.0, geometry.width_points, geometry.height_points);
        let settings = InterpreterSettings::default();
        let cache = InterpreterCache::new();
        let mut context = Context::new(geometry.to_display, display, &cache, page.xref(), settings);
        let mut device = ScanDevice { scan: Self::default(), display };
        interpret_page(page, &mut context, &mut device);
        device.scan
    }
}

struct ScanDevice {
    scan: PageScan,
    display: Rect,
}

impl<'a> Device<'a> for ScanDevice {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_clip_rect(&mut self, _: &Rect) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'a>, _: &DrawMode) {}

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        if self.scan.glyphs.len() + run.glyphs().len() > MAX_GLYPHS || self.repeats_last_run(run, &props) {
            return;
        }
        let is_invisible = matches!(mode, DrawMode::Invisible);
        let is_vertical = matches!(run.writing_mode(), WritingMode::Vertical);
        for glyph in run.glyphs() {
            let transform = props.transform * glyph.transform();
            if let Some(placed) = place(glyph, transform, is_vertical, is_invisible) {
                self.scan.glyphs.push(placed);
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        let cover = props.transform.transform_rect_bbox(Rect::new(0.0, 0.0, width, height)).intersect(self.display);
        let share = (cover.width().max(0.0) * cover.height().max(0.0)) / self.display.area().max(1.0);
        if share.is_finite() {
            self.scan.largest_image_cover = self.scan.largest_image_cover.max(share.min(1.0));
        }
        let pixels = u64::from(image.width()).saturating_mul(u64::from(image.height()));
        self.scan.largest_image_pixels = self.scan.largest_image_pixels.max(pixels);
    }
}

impl ScanDevice {
    /// Text that is filled and stroked arrives twice.
    fn repeats_last_run(&self, run: &GlyphRun<'_, '_>, props: &DrawProps<'_>) -> bool {
        let count = run.glyphs().len();
        let (Some(first), Some(start)) = (run.glyphs().first(), self.scan.glyphs.len().checked_sub(count)) else { return false };
        let origin = (props.transform * first.transform()) * Point::ORIGIN;
        let known = &self.scan.glyphs[start];
        (known.origin - origin).hypot() < 1e-6 && known.text == characters(first)
    }
}

/// Glyph space has 1000 units per em here, whatever the font.
fn place(glyph: &Glyph<'_>, transform: Affine, is_vertical: bool, is_invisible: bool) -> Option<PlacedGlyph> {
    let advance = match glyph {
        Glyph::Outline(outline) => outline.advance_width(),
        Glyph::Type3(type3) => type3.advance_width(),
    };
    let advance = f64::from(advance.unwrap_or(500.0));
    let [a, b, c, d, e, f] = transform.as_coeffs();
    let along = if is_vertical { Vec2::new(-c, -d) * 1000.0 } else { Vec2::new(a, b) * advance };
    let up = Vec2::new(c, d) * 1000.0;
    let finite = [along.x, along.y, up.x, up.y, e, f].iter().all(|v| v.is_finite() && v.abs() < 1e7);
    finite.then(|| PlacedGlyph { text: characters(glyph), origin: Point::new(e, f), advance: along, up, is_invisible })
}

fn characters(glyph: &Glyph<'_>) -> Option<String> {
    match glyph.as_unicode()? {
        BfString::Char(c) => Some(c.to_string()),
        BfString::String(s) => Some(s),
    }
}
