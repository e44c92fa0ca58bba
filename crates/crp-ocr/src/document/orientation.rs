//! How a picture must be turned to stand upright (the Orientation tag of TIFF and EXIF).

use hayro::kurbo::Affine;

/// One of the eight ways in which a camera or scanner can have held the paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Orientation {
    /// 1: as it is.
    #[default]
    Upright,
    /// 2: mirrored left to right.
    Mirrored,
    /// 3: turned by 180 degrees.
    UpsideDown,
    /// 4: mirrored top to bottom.
    Flipped,
    /// 5: mirrored along the falling diagonal.
    Transposed,
    /// 6: to be turned by 90 degrees clockwise.
    TurnRight,
    /// 7: mirrored along the rising diagonal.
    Transversed,
    /// 8: to be turned by 90 degrees anticlockwise.
    TurnLeft,
}

impl Orientation {
    /// The orientation with this number; upright for any other.
    pub(crate) fn from_tag(tag: u64) -> Self {
        match tag {
            2 => Self::Mirrored,
            3 => Self::UpsideDown,
            4 => Self::Flipped,
            5 => Self::Transposed,
            6 => Self::TurnRight,
            7 => Self::Transversed,
            8 => Self::TurnLeft,
            _ => Self::Upright,
        }
    }

    /// Whether width and height change places.
    pub(crate) fn swaps_sides(self) -> bool {
        matches!(self, Self::Transposed | Self::TurnRight | Self::Transversed | Self::TurnLeft)
    }

    /// The PDF matrix that puts a picture upright onto a page of this size.
    pub(crate) fn picture_matrix(self, width: f64, height: f64) -> Affine {
        Affine::new(match self {
            Self::Upright => [width, 0.0, 0.0, height, 0.0, 0.0],
            Self::Mirrored => [-width, 0.0, 0.0, height, width, 0.0],
            Self::UpsideDown => [-width, 0.0, 0.0, -height, width, height],
            Self::Flipped => [width, 0.0, 0.0, -height, 0.0, height],
            Self::Transposed => [0.0, -height, -width, 0.0, width, height],
            Self::TurnRight => [0.0, -height, width, 0.0, 0.0, height],
            Self::Transversed => [0.0, height, width, 0.0, 0.0, 0.0],
            Self::TurnLeft => [0.0, height, -width, 0.0, width, 0.0],
        })
    }

    /// The pixels upright: width, height and `samples` bytes per pixel.
    pub(crate) fn upright(self, width: u32, height: u32, pixels: Vec<u8>, samples: usize) -> (u32, u32, Vec<u8>) {
        if self == Self::Upright {
            return (width, height, pixels);
        }
        let (w, h) = (width as usize, height as usize);
        let (out_w, out_h) = if self.swaps_sides() { (h, w) } else { (w, h) };
        let mut out = Vec::with_capacity(pixels.len());
        for y in 0..out_h {
            for x in 0..out_w {
                let (from_x, from_y) = match self {
                    Self::Upright => (x, y),
                    Self::Mirrored => (w - 1 - x, y),
                    Self::UpsideDown => (w - 1 - x, h - 1 - y),
                    Self::Flipped => (x, h - 1 - y),
                    Self::Transposed => (y, x),
                    Self::TurnRight => (y, h - 1 - x),
                    Self::Transversed => (w - 1 - y, h - 1 - x),
                    Self::TurnLeft => (w - 1 - y, x),
                };
                let at = (from_y * w + from_x) * samples;
                out.extend_from_slice(&pixels[at..at + samples]);
            }
        }
        (out_w as u32, out_h as u32, out)
    }
}

#[cfg(test)]
mod tests {
    use hayro::kurbo::Point;

    use super::*;

    /// Pixels and matrix must agree: the picture's first pixel (its upper left corner) lands in the same corner of the page.
    #[test]
    fn pixels_and_page_are_turned_alike() {
        for tag in 1..=8 {
            let orientation = Orientation::from_tag(tag);
            let (w, h, pixels) = orientation.upright(3, 2, vec![1, 2, 3, 4, 5, 6], 1);
            let at = pixels.iter().position(|p| *p == 1).unwrap() as u32;
            let corner = (at.is_multiple_of(w), at / w == 0);
            let first = orientation.picture_matrix(f64::from(w), f64::from(h)) * Point::new(1.0 / 6.0, 0.75);
            assert_eq!(corner, (first.x < 1.0, f64::from(h) - first.y < 1.0), "orientation {tag}");
            let second = pixels.iter().position(|p| *p == 2).unwrap() as u32;
            let place = orientation.picture_matrix(f64::from(w), f64::from(h)) * Point::new(0.5, 0.75);
            assert_eq!((second % w, second / w), (place.x as u32, (f64::from(h) - place.y) as u32), "orientation {tag}");
        }
    }
}
