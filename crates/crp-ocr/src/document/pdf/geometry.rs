//! How a PDF page lies: its size as displayed, and the way from its own coordinates to displayed points and back.

use crp_model::{Code, Failure, PageNo};
use hayro::{
    hayro_interpret::TransformExt,
    hayro_syntax::page::{Page, Rotation},
    kurbo::Affine,
};

/// A side longer than this, 350 km, is no page but damage.
const MAX_SIDE_POINTS: f64 = 1e9;

/// Numbers that differ by no more than this, or than this share of them, are the same number: PDF libraries store them in single
/// precision.
const SAME_POINTS: f64 = 0.01;
const SAME_SHARE: f64 = 1e-6;

/// A page's place in the world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageGeometry {
    /// Width in points as displayed, with the page's user unit applied.
    pub(crate) width_points: f64,
    /// Height in points as displayed.
    pub(crate) height_points: f64,
    /// Clockwise rotation for display, in degrees.
    pub(crate) rotation: u16,
    /// From the page's own coordinates to displayed points, origin top left, y downwards.
    pub(crate) to_display: Affine,
}

impl PageGeometry {
    /// Reads size, rotation and unit of `page`.
    ///
    /// # Errors
    /// `damaged_file` if the page has no finite size.
    pub(crate) fn of(page: &Page<'_>, number: PageNo) -> Result<Self, Failure> {
        let unit = user_unit(page);
        let (width, height) = page.render_dimensions();
        let to_display = Affine::scale(unit) * page.initial_transform(true).to_kurbo();
        let geometry = Self {
            width_points: f64::from(width) * unit,
            height_points: f64::from(height) * unit,
            rotation: degrees(page.rotation()),
            to_display,
        };
        // Sizes are told in single precision, where a tiny page is nothing. Numbers as large as that are written in different ways
        // by different programs, so that a page would change its size.
        let is_size = |points: f64| points as f32 > 0.0 && points <= MAX_SIDE_POINTS;
        let finite = geometry.to_display.as_coeffs().iter().all(|c| c.is_finite())
            && is_size(geometry.width_points)
            && is_size(geometry.height_points)
            && geometry.to_display.determinant() != 0.0;
        if finite { Ok(geometry) } else { Err(Failure::new(Code::DamagedFile, format!("Page {number} has no finite size"))) }
    }

    /// Whether the other lies the same way, but for the last digits of numbers that were written anew.
    pub(crate) fn is_near(&self, other: &Self) -> bool {
        let numbers = |of: &Self| [[of.width_points, of.height_points, 0.0, 0.0, 0.0, 0.0], of.to_display.as_coeffs()].concat();
        let near = |(one, two): (f64, f64)| (one - two).abs() <= SAME_POINTS.max(one.abs() * SAME_SHARE);
        self.rotation == other.rotation && numbers(self).into_iter().zip(numbers(other)).all(near)
    }
}

/// Points per unit of the page's coordinates; other than 1 only on very large pages.
fn user_unit(page: &Page<'_>) -> f64 {
    let unit = page.raw().get::<f32>(b"UserUnit").map_or(1.0, f64::from);
    if unit.is_finite() && (1e-3..=1e6).contains(&unit) { unit } else { 1.0 }
}

fn degrees(rotation: Rotation) -> u16 {
    match rotation {
        Rotation::None => 0,
        Rotation::Horizontal => 90,
        Rotation::Flipped => 180,
        Rotation::FlippedHorizontal => 270,
    }
}
