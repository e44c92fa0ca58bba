//! Gray pixels on their way to the engine, and where each of them lies on the page: scaled, turned, levelled, stretched.

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};
use hayro::kurbo::{Affine, Vec2};
use image::{ImageBuffer, Luma, imageops};

/// Fixed-point numbers have so many bits behind their point: errors of a step do not add up to a pixel on any page.
const FRACTION_BITS: u32 = 32;

/// How many quarter turns clockwise a picture is turned by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuarterTurns {
    /// 90 degrees clockwise.
    One,
    /// 180 degrees.
    Two,
    /// 90 degrees anticlockwise.
    Three,
}

/// Gray pixels and their place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PagePicture {
    /// Pixels per row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// `width * height` bytes, row by row from the top; 0 is black.
    pub(crate) gray: Vec<u8>,
    /// From pixels (the upper left corner of the first is the origin) to points of the page as displayed.
    pub(crate) to_points: Affine,
}

impl PagePicture {
    /// A picture of nothing.
    pub(crate) fn empty() -> Self {
        Self { width: 0, height: 0, gray: Vec::new(), to_points: Affine::IDENTITY }
    }

    /// Pixels per inch, along the rows.
    pub(crate) fn dots_per_inch(&self) -> f64 {
        self.dots_per_inch_both_ways().0
    }

    /// Pixels per inch along the rows and along the columns; a fax has fewer rows than columns.
    pub(crate) fn dots_per_inch_both_ways(&self) -> (f64, f64) {
        let [a, b, c, d, ..] = self.to_points.as_coeffs();
        (72.0 / a.hypot(b), 72.0 / c.hypot(d))
    }

    /// The picture with other numbers of pixels; each is the mean of those that it stands for.
    pub(crate) fn scaled(self, width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        if (width, height) == (self.width, self.height) || self.width == 0 || self.height == 0 {
            return self;
        }
        // A mean of squares keeps thin strokes; a picture that grows is interpolated.
        let filter = if width <= self.width { FilterType::Box } else { FilterType::Bilinear };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
        let mut scaled = Image::new(width, height, PixelType::U8);
        let resized = ImageRef::new(self.width, self.height, &self.gray, PixelType::U8)
            .is_ok_and(|source| Resizer::new().resize(&source, &mut scaled, &options).is_ok());
        if !resized {
            return self;
        }
        let back = Affine::scale_non_uniform(f64::from(self.width) / f64::from(width), f64::from(self.height) / f64::from(height));
        Self { width, height, gray: scaled.into_vec(), to_points: self.to_points * back }
    }

    /// The picture turned clockwise.
    pub(crate) fn turned(&self, turns: QuarterTurns) -> Self {
        let (width, height) = (self.width as usize, self.height as usize);
        let (w, h) = (f64::from(self.width), f64::from(self.height));
        let mut gray = Vec::with_capacity(self.gray.len());
        let back = match turns {
            QuarterTurns::One => {
                for x in 0..width {
                    gray.extend((0..height).rev().map(|y| self.gray[y * width + x]));
                }
                Affine::new([0.0, -1.0, 1.0, 0.0, 0.0, h])
            }
            QuarterTurns::Two => {
                gray.extend(self.gray.iter().rev());
                Affine::new([-1.0, 0.0, 0.0, -1.0, w, h])
            }
            QuarterTurns::Three => {
                for x in (0..width).rev() {
                    gray.extend((0..height).map(|y| self.gray[y * width + x]));
                }
                Affine::new([0.0, 1.0, -1.0, 0.0, w, 0.0])
            }
        };
        let sides = if turns == QuarterTurns::Two { (self.width, self.height) } else { (self.height, self.width) };
        Self { width: sides.0, height: sides.1, gray, to_points: self.to_points * back }
    }

    /// The picture turned about its middle so that lines with a clockwise slope of `degrees` are level; corners that were not
    /// on it are as light as `paper`.
    pub(crate) fn levelled(&self, degrees: f64, paper: u8) -> Self {
        let (w, h) = (f64::from(self.width), f64::from(self.height));
        let middle = Vec2::new(w / 2.0, h / 2.0);
        let back = Affine::translate(middle) * Affine::rotate(degrees.to_radians()) * Affine::translate(-middle);
        let [a, b, c, d, e, f] = back.as_coeffs();
        let (step_x, step_y) = (fixed(a), fixed(b));
        let mut gray = Vec::with_capacity(self.gray.len());
        for y in 0..self.height {
            let row = f64::from(y) + 0.5;
            // Pixels have their colour in their middle.
            let (mut from_x, mut from_y) = (fixed(a * 0.5 + c * row + e - 0.5), fixed(b * 0.5 + d * row + f - 0.5));
            for _ in 0..self.width {
                gray.push(self.between(from_x, from_y).unwrap_or(paper));
                from_x += step_x;
                from_y += step_y;
            }
        }
        Self { width: self.width, height: self.height, gray, to_points: self.to_points * back }
    }

    /// The picture blurred by a Gauss curve of so many pixels.
    pub(crate) fn blurred(self, pixels: f32) -> Self {
        if self.width == 0 || self.height == 0 {
            return self;
        }
        let Some(sharp) = ImageBuffer::<Luma<u8>, _>::from_raw(self.width, self.height, self.gray.as_slice()) else { return self };
        let gray = imageops::blur(&sharp, pixels).into_raw();
        Self { gray, ..self }
    }

    /// The gray between four pixels, `None` beside the picture; the place is in fixed-point numbers.
    #[inline]
    fn between(&self, x: i64, y: i64) -> Option<u8> {
        let (left, top) = (usize::try_from(x >> FRACTION_BITS).ok()?, usize::try_from(y >> FRACTION_BITS).ok()?);
        let width = self.width as usize;
        if left + 1 >= width {
            return None;
        }
        let at = top * width + left;
        let (&[a, b], &[c, d]) = (self.gray.get(at..)?.first_chunk()?, self.gray.get(at + width..)?.first_chunk()?);
        let (right, down) = (share(x), share(y));
        let upper = u32::from(a) * (256 - right) + u32::from(b) * right;
        let lower = u32::from(c) * (256 - right) + u32::from(d) * right;
        Some(((upper * (256 - down) + lower * down) >> 16) as u8)
    }

    /// How often each gray occurs, in one of a few thousand pixels each.
    pub(crate) fn grays(&self) -> Grays {
        let step = (self.gray.len() / 100_000).max(1);
        let mut counts = [0u32; 256];
        for pixel in self.gray.iter().step_by(step) {
            counts[usize::from(*pixel)] += 1;
        }
        Grays(counts)
    }

    /// Light text on dark paper becomes dark text on light paper.
    pub(crate) fn invert(&mut self) {
        self.gray.iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
    }

    /// Spreads the grays so that `dark` becomes black and `light` white.
    pub(crate) fn stretch(&mut self, dark: u8, light: u8) {
        let range = i32::from(light.max(dark.saturating_add(1))) - i32::from(dark);
        let spread: Vec<u8> = (0..256).map(|gray| ((gray - i32::from(dark)) * 255 / range).clamp(0, 255) as u8).collect();
        self.gray.iter_mut().for_each(|pixel| *pixel = spread[usize::from(*pixel)]);
    }
}

/// As a fixed-point number: stepping from pixel to pixel takes a third of the time that it takes with floating-point ones.
fn fixed(value: f64) -> i64 {
    (value * (1i64 << FRACTION_BITS) as f64) as i64
}

/// How far a place lies beyond its pixel, in 256ths.
fn share(place: i64) -> u32 {
    (place >> (FRACTION_BITS - 8)) as u32 & 0xff
}

/// How often each gray occurs.
pub(crate) struct Grays([u32; 256]);

impl Grays {
    /// The gray below which this share of the pixels lies.
    pub(crate) fn quantile(&self, share: f64) -> u8 {
        let total: u64 = self.0.iter().map(|c| u64::from(*c)).sum();
        let wanted = (total as f64 * share) as u64;
        let mut below = 0;
        for (gray, count) in self.0.iter().enumerate() {
            below += u64::from(*count);
            if below > wanted {
                return gray as u8;
            }
        }
        255
    }
}

#[cfg(test)]
mod tests {
    use hayro::kurbo::Point;

    use super::*;

    fn picture() -> PagePicture {
        // Half a point per pixel, 10 points from the left.
        PagePicture { width: 3, height: 2, gray: vec![1, 2, 3, 4, 5, 6], to_points: Affine::new([0.5, 0.0, 0.0, 0.5, 10.0, 0.0]) }
    }

    fn same_place(one: Point, other: Point) {
        assert!((one - other).hypot() < 1e-9, "{one:?} {other:?}");
    }

    #[test]
    fn turned_pixels_stay_where_they_lie_on_the_page() {
        let upright = picture();
        let corner = upright.to_points * Point::new(0.5, 0.5);
        let right = upright.turned(QuarterTurns::One);
        assert_eq!((right.width, right.height, right.gray.as_slice()), (2, 3, [4, 1, 5, 2, 6, 3].as_slice()));
        same_place(right.to_points * Point::new(1.5, 0.5), corner);
        let over = upright.turned(QuarterTurns::Two);
        assert_eq!(over.gray, [6, 5, 4, 3, 2, 1]);
        same_place(over.to_points * Point::new(2.5, 1.5), corner);
        let left = upright.turned(QuarterTurns::Three);
        assert_eq!((left.width, left.height, left.gray.as_slice()), (2, 3, [3, 6, 2, 5, 1, 4].as_slice()));
        same_place(left.to_points * Point::new(0.5, 2.5), corner);
    }

    #[test]
    fn a_scaled_picture_has_means_and_the_same_place() {
        let upright = PagePicture { width: 4, height: 2, gray: vec![0, 100, 200, 200, 100, 200, 0, 0], to_points: Affine::IDENTITY };
        let small = upright.clone().scaled(2, 1);
        assert_eq!((small.width, small.height, small.gray.as_slice()), (2, 1, [100, 100].as_slice()));
        same_place(small.to_points * Point::new(2.0, 1.0), Point::new(4.0, 2.0));
        assert!((small.dots_per_inch() - 36.0).abs() < 1e-9);
    }

    #[test]
    fn a_slope_is_levelled_and_its_pixels_know_their_place() {
        let (width, height) = (400u32, 200u32);
        let mut gray = vec![255u8; 80_000];
        let slope = 3f64.to_radians().tan();
        for x in 50..350usize {
            let y = (100.0 + (x as f64 - 200.0) * slope) as usize;
            gray[y * 400 + x] = 0;
            gray[(y + 1) * 400 + x] = 0;
        }
        let level = PagePicture { width, height, gray, to_points: Affine::IDENTITY }.levelled(3.0, 255);
        let dark = |y: usize| (60..340).filter(|x| level.gray[y * 400 + x] < 128).count();
        assert!((98..103).map(dark).max().unwrap() > 250, "the line is level");
        let (x, y) = (350.0, 100.0 + 150.0 * slope);
        let on_page = level.to_points * Point::new(200.0 + 150.0 / 3f64.to_radians().cos(), 100.0);
        assert!((on_page - Point::new(x, y)).hypot() < 1.0, "{on_page:?}");
        assert_eq!(level.gray[0], 255);
    }

    #[test]
    fn dark_paper_becomes_light_and_faint_ink_dark() {
        let mut faint = PagePicture { width: 4, height: 1, gray: vec![100, 140, 120, 140], to_points: Affine::IDENTITY };
        assert_eq!((faint.grays().quantile(0.0), faint.grays().quantile(0.5)), (100, 140));
        faint.stretch(100, 140);
        assert_eq!(faint.gray, [0, 255, 127, 255]);
        faint.invert();
        assert_eq!(faint.gray, [255, 0, 128, 0]);
        faint.stretch(200, 200);
    }
}
