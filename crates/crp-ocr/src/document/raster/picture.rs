//! What is known about a picture before a pixel is decoded.

use crate::document::orientation::Orientation;

/// Resolutions outside of this range are mistakes.
const CREDIBLE_DOTS_PER_INCH: std::ops::RangeInclusive<f64> = 50.0..=2400.0;
/// Programs write these when they know nothing.
const PLACEHOLDERS: [f64; 2] = [72.0, 96.0];
/// A picture wider than this many inches at a placeholder resolution was not scanned with it.
const WIDEST_CREDIBLE_INCHES: f64 = 20.0;
/// Wider pictures without a resolution are taken for scans.
const SCAN_PIXELS: u32 = 1000;

/// A picture in a file.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// Pixels per row, as stored.
    pub(crate) width: u32,
    /// Rows, as stored.
    pub(crate) height: u32,
    /// Dots per inch along and across the rows, as stored or assumed.
    pub(crate) resolution: (f64, f64),
    /// How it must be turned.
    pub(crate) orientation: Orientation,
    /// Place among the file's directories.
    pub(crate) index: usize,
}

impl Picture {
    /// A picture with the resolution that its file declares, or a likely one.
    pub(crate) fn new(width: u32, height: u32, declared: Option<(f64, f64)>, orientation: Orientation, index: usize) -> Self {
        let resolution = declared.filter(|d| is_credible(*d, width, height)).unwrap_or_else(|| {
            let likely = if width.min(height) > SCAN_PIXELS { 300.0 } else { 150.0 };
            (likely, likely)
        });
        Self { width, height, resolution, orientation, index }
    }

    /// Pixels in all.
    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Size in points, upright.
    pub(crate) fn points(&self) -> (f64, f64) {
        let width = f64::from(self.width) * 72.0 / self.resolution.0;
        let height = f64::from(self.height) * 72.0 / self.resolution.1;
        if self.orientation.swaps_sides() { (height, width) } else { (width, height) }
    }

    /// How often each row is repeated so that letters are not flat: faxes have fewer rows than columns per inch.
    pub(crate) fn row_repeat(&self) -> u32 {
        ((self.resolution.0 / self.resolution.1).round() as u32).clamp(1, 4)
    }

    /// By how much it must shrink so that its longest edge has at most `edge` pixels.
    pub(crate) fn factor_to(&self, edge: u32) -> u32 {
        // A column of a billion rows has more of them than 32 bits can count once they are repeated.
        let rows = u64::from(self.height) * u64::from(self.row_repeat());
        let factor = u64::from(self.width).max(rows).div_ceil(u64::from(edge.max(1)));
        u32::try_from(factor).unwrap_or(u32::MAX).max(1)
    }
}

fn is_credible((x, y): (f64, f64), width: u32, height: u32) -> bool {
    let ratio = x / y;
    if !CREDIBLE_DOTS_PER_INCH.contains(&x) || !CREDIBLE_DOTS_PER_INCH.contains(&y) || !(0.2..=5.0).contains(&ratio) {
        return false;
    }
    let placeholder = PLACEHOLDERS.iter().any(|p| (p - x).abs() < 0.6);
    !(placeholder && f64::from(width.max(height)) / x > WIDEST_CREDIBLE_INCHES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolution(width: u32, declared: Option<(f64, f64)>) -> (f64, f64) {
        Picture::new(width, width, declared, Orientation::Upright, 0).resolution
    }

    #[test]
    fn a_resolution_is_believed_only_if_it_is_credible() {
        assert_eq!(resolution(2480, Some((300.0, 300.0))), (300.0, 300.0));
        assert_eq!(resolution(1728, Some((204.0, 98.0))), (204.0, 98.0));
        assert_eq!(resolution(4000, Some((72.0, 72.0))), (300.0, 300.0));
        assert_eq!(resolution(600, Some((72.0, 72.0))), (72.0, 72.0));
        assert_eq!(resolution(600, Some((1.0, 1.0))), (150.0, 150.0));
        assert_eq!(resolution(600, None), (150.0, 150.0));
    }

    #[test]
    fn a_column_whose_repeated_rows_pass_32_bits_shrinks_all_the_same() {
        let column = Picture::new(1, 1 << 30, Some((600.0, 150.0)), Orientation::Upright, 0);
        assert_eq!((column.row_repeat(), column.factor_to(256)), (4, 1 << 24));
        assert_eq!(Picture::new(100, 20, None, Orientation::Upright, 0).factor_to(256), 1);
    }

    #[test]
    fn the_rows_of_a_fax_are_doubled() {
        assert_eq!(Picture::new(1728, 1100, Some((204.0, 98.0)), Orientation::Upright, 0).row_repeat(), 2);
        assert_eq!(Picture::new(1728, 1100, Some((204.0, 196.0)), Orientation::Upright, 0).row_repeat(), 1);
    }
}
