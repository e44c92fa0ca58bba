//! Scanned pages that lie in every way in which scanners and their drivers lay them: turned, skewed, cropped, with an origin elsewhere.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use image::{GrayImage, Luma, imageops};

use crate::{pdf_file::PdfFile, samples};

/// The letter's first page at 150 dpi is this wide and high in points.
const PAPER_POINTS: (f64, f64) = (595.2, 841.92);

/// One page: how its picture and its dictionary are turned.
#[derive(Clone, Copy, Debug)]
pub struct Turned {
    /// What is special about it, for a message.
    pub name: &'static str,
    /// The page's `/Rotate`.
    rotate: u16,
    /// How far the picture is turned clockwise before it is stored, in steps of 90 degrees.
    quarters: u16,
    /// How far the paper lay askew in the scanner, in degrees.
    skew_degrees: f64,
    /// Where the page's own coordinates begin.
    origin: (f64, f64),
    /// How much of the paper the crop box takes away on each side, in points.
    cropped_points: f64,
    /// Points per unit of the page's coordinates.
    user_unit: f64,
}

impl Turned {
    /// Whether the paper lay askew.
    pub fn is_skewed(&self) -> bool {
        self.skew_degrees != 0.0
    }

    /// Whether it is displayed with its head at the foot.
    pub fn is_upside_down(&self) -> bool {
        (self.quarters * 90 + self.rotate) % 360 == 180
    }
}

const UPRIGHT: Turned =
    Turned { name: "upright", rotate: 0, quarters: 0, skew_degrees: 0.0, origin: (0.0, 0.0), cropped_points: 0.0, user_unit: 1.0 };

/// The pages of [`pdf`], in order. All show the first page of the letter.
pub const PAGES: [Turned; 10] = [
    UPRIGHT,
    Turned { name: "displayed a quarter turned", rotate: 90, quarters: 3, ..UPRIGHT },
    Turned { name: "displayed half turned", rotate: 180, quarters: 2, ..UPRIGHT },
    Turned { name: "displayed three quarters turned", rotate: 270, quarters: 1, ..UPRIGHT },
    Turned { name: "lying on its side", quarters: 1, ..UPRIGHT },
    Turned { name: "upside down", quarters: 2, ..UPRIGHT },
    Turned { name: "skewed", skew_degrees: 2.5, ..UPRIGHT },
    Turned { name: "skewed and displayed a quarter turned", rotate: 90, quarters: 3, skew_degrees: -1.5, ..UPRIGHT },
    Turned { name: "cropped, with its origin elsewhere", origin: (-70.0, 130.0), cropped_points: 18.0, ..UPRIGHT },
    Turned { name: "in units of two points", user_unit: 2.0, ..UPRIGHT },
];

/// A scan whose pages lie as [`PAGES`] says.
pub fn pdf() -> Vec<u8> {
    let upright = image::load_from_memory(samples::letter_png()).expect("the sample is a PNG").to_luma8();
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let pages: Vec<usize> = PAGES.iter().map(|turned| page(&mut pdf, parent, turned, &upright)).collect();
    pdf.finish_with_pages(parent, &pages)
}

fn page(pdf: &mut PdfFile, parent: usize, turned: &Turned, upright: &GrayImage) -> usize {
    let skewed = if turned.skew_degrees == 0.0 { upright.clone() } else { skewed(upright, turned.skew_degrees) };
    let picture = match turned.quarters {
        1 => imageops::rotate90(&skewed),
        2 => imageops::rotate180(&skewed),
        3 => imageops::rotate270(&skewed),
        _ => skewed,
    };
    let (width, height) = if turned.quarters.is_multiple_of(2) { PAPER_POINTS } else { (PAPER_POINTS.1, PAPER_POINTS.0) };
    let (width, height) = (width / turned.user_unit, height / turned.user_unit);
    let entries = format!(
        "/Type /XObject /Subtype /Image /Width {} /Height {} /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode",
        picture.width(),
        picture.height()
    );
    let image = pdf.add_stream(&entries, &deflated(&picture));
    let ((x, y), cropped) = (turned.origin, turned.cropped_points);
    let content = pdf.add_stream("", format!("q {width} 0 0 {height} {x} {y} cm /Im0 Do Q").as_bytes());
    pdf.add(format!(
        "<< /Type /Page /Parent {parent} 0 R /MediaBox [{x} {y} {} {}] /CropBox [{} {} {} {}] /Rotate {} /UserUnit {} \
         /Contents {content} 0 R /Resources << /XObject << /Im0 {image} 0 R >> >> >>",
        x + width,
        y + height,
        x + cropped,
        y + cropped,
        x + width - cropped,
        y + height - cropped,
        turned.rotate,
        turned.user_unit
    ))
}

fn deflated(picture: &GrayImage) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(picture.as_raw()).and_then(|()| encoder.finish()).expect("memory can be written")
}

/// The picture turned clockwise by a few degrees about its middle, on white paper.
fn skewed(picture: &GrayImage, degrees: f64) -> GrayImage {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (middle_x, middle_y) = (f64::from(picture.width()) / 2.0, f64::from(picture.height()) / 2.0);
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let (dx, dy) = (f64::from(x) - middle_x, f64::from(y) - middle_y);
        let (from_x, from_y) = (middle_x + cosine * dx + sine * dy, middle_y - sine * dx + cosine * dy);
        imageops::interpolate_bilinear(picture, from_x as f32, from_y as f32).unwrap_or(Luma([255]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_there_and_says_how_it_lies() {
        let document = lopdf::Document::load_mem(&pdf()).unwrap();
        let pages = document.get_pages();
        assert_eq!(pages.len(), PAGES.len());
        for (turned, id) in PAGES.iter().zip(pages.values()) {
            let page = document.get_dictionary(*id).unwrap();
            assert_eq!(page.get(b"Rotate").and_then(lopdf::Object::as_i64).unwrap(), i64::from(turned.rotate), "{}", turned.name);
        }
    }

    #[test]
    fn a_skewed_picture_keeps_its_middle_and_moves_its_rim() {
        let mut picture = GrayImage::from_pixel(101, 101, Luma([255]));
        picture.put_pixel(50, 50, Luma([0]));
        picture.put_pixel(90, 50, Luma([0]));
        let skewed = skewed(&picture, 10.0);
        assert!(skewed.get_pixel(50, 50).0[0] < 128);
        assert_eq!(skewed.get_pixel(90, 50).0[0], 255);
        // Clockwise: what was to the right of the middle goes down.
        assert!((85..=92).any(|x| (55..=59).any(|y| skewed.get_pixel(x, y).0[0] < 200)));
    }
}
