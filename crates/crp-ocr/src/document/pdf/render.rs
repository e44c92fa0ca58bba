//! A PDF page as pixels.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crp_model::{Code, Failure, PageNo};
use hayro::{
    RenderCache, RenderSettings,
    hayro_interpret::{InterpreterSettings, InterpreterWarning},
    hayro_syntax::page::Page,
    kurbo::Affine,
    render_into,
    vello_cpu::{
        Pixmap, RasterizerSettings, RenderContext, RenderSettings as CanvasSettings, Resources, TargetInit, color::palette::css::WHITE,
    },
};

use super::geometry::PageGeometry;

/// Longest side of a page's picture: engines keep coordinates in 16 bits with a sign.
const MAX_SIDE_PIXELS: u16 = 32_767;

/// Pixels of a page, red, green, blue and an alpha that is always full.
pub(crate) struct Canvas {
    /// Pixels per row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// Pixels per inch of the page as displayed.
    pub(crate) dots_per_inch: f64,
    /// Whether a picture is missing on it, since it could not be decoded.
    pub(crate) lacks_picture: bool,
    pixmap: Pixmap,
}

/// How large a page becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PixelSize {
    /// Pixels per row.
    pub(crate) width: u16,
    /// Rows.
    pub(crate) height: u16,
    /// Pixels per inch of the page as displayed.
    pub(crate) dots_per_inch: f64,
}

impl PixelSize {
    /// Pixels in all.
    pub(crate) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The size of a page at `dots_per_inch`, smaller where that passes `max_pixels` or the longest side.
    pub(crate) fn fit(geometry: &PageGeometry, dots_per_inch: f64, max_pixels: u64) -> Self {
        let area = geometry.width_points * geometry.height_points;
        let by_pixels = 72.0 * (max_pixels.max(1) as f64 / area).sqrt();
        let by_canvas = 72.0 * f64::from(MAX_SIDE_PIXELS) / geometry.width_points.max(geometry.height_points);
        let dots_per_inch = dots_per_inch.min(by_pixels).min(by_canvas);
        let pixels = |points: f64| ((points * dots_per_inch / 72.0).floor() as u16).max(1);
        Self { width: pixels(geometry.width_points), height: pixels(geometry.height_points), dots_per_inch }
    }
}

impl Canvas {
    /// Draws the page on white.
    ///
    /// # Errors
    /// `page_too_large` if the canvas does not fit into memory.
    pub(crate) fn draw(page: &Page<'_>, geometry: &PageGeometry, size: PixelSize, number: PageNo) -> Result<Self, Failure> {
        reserve(usize::from(size.width) * usize::from(size.height) * 4, number)?;
        let settings = CanvasSettings { num_threads: 0, ..CanvasSettings::default() };
        let mut context = RenderContext::new_with(size.width, size.height, settings);
        let scale =
            Affine::scale_non_uniform(f64::from(size.width) / geometry.width_points, f64::from(size.height) / geometry.height_points);
        let cache = RenderCache::new();
        let lacks_picture = Arc::new(AtomicBool::new(false));
        let settings = noting_lost_pictures(lacks_picture.clone());
        render_into(page, &cache, &settings, &RenderSettings::default(), &mut context, scale * geometry.to_display);
        context.flush();
        let mut pixmap = Pixmap::new(size.width, size.height);
        context.render_with(
            &mut pixmap,
            &mut Resources::default(),
            RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..RasterizerSettings::default() },
        );
        Ok(Self {
            width: u32::from(size.width),
            height: u32::from(size.height),
            dots_per_inch: size.dots_per_inch,
            lacks_picture: lacks_picture.load(Ordering::Relaxed),
            pixmap,
        })
    }

    /// One byte per pixel.
    pub(crate) fn gray(&self) -> Vec<u8> {
        self.pixmap.data_as_u8_slice().chunks_exact(4).map(|p| luma(p[0], p[1], p[2])).collect()
    }

    /// Three bytes per pixel.
    pub(crate) fn rgb(&self) -> Vec<u8> {
        self.pixmap.data_as_u8_slice().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect()
    }
}

/// Luma after ITU-R BT.601, in integers.
pub(crate) fn luma(red: u8, green: u8, blue: u8) -> u8 {
    ((u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29 + 128) >> 8) as u8
}

/// Settings that set `lost` where a picture is left out since it cannot be decoded.
fn noting_lost_pictures(lost: Arc<AtomicBool>) -> InterpreterSettings {
    InterpreterSettings {
        warning_sink: Arc::new(move |warning| {
            if matches!(warning, InterpreterWarning::ImageDecodeFailure) {
                lost.store(true, Ordering::Relaxed);
            }
        }),
        ..InterpreterSettings::default()
    }
}

/// Asks for the memory first, so that a lack of it is a failure and not the end of the process.
fn reserve(bytes: usize, number: PageNo) -> Result<(), Failure> {
    let mut probe: Vec<u8> = Vec::new();
    probe.try_reserve_exact(bytes).map_err(|_| {
        Failure::new(Code::PageTooLarge, format!("Page {number} needs {} MiB for its pixels, more than there are", bytes >> 20))
    })
}
