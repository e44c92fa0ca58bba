//! The pictures of an image file as the pages of a PDF, with their bytes unchanged where PDF has the same encoding.

use std::io::Write;

use crp_model::{Failure, MediaType, PageLayout, PageNo, Warning};
use flate2::{Compression, write::ZlibEncoder};
use lopdf::{Dictionary, Object, ObjectId, dictionary};

use super::{ImageDocument, Row, jpeg::Header, picture::Picture, png_file};
use crate::document::{
    failures::unwritable,
    image_pdf::{ImagePdf, PagePlace},
    pdf::next_layout,
};

/// Writes the whole PDF.
///
/// # Errors
/// What `pages` yields, what decoding fails with, what writing fails with.
pub(crate) fn write(
    document: &ImageDocument,
    pages: &mut dyn Iterator<Item = Result<PageLayout, Failure>>,
    output: &mut dyn Write,
) -> Result<Vec<Warning>, Failure> {
    let mut pdf = ImagePdf::begin(output)?;
    for (index, picture) in document.pictures.iter().enumerate() {
        let number = PageNo::from_index(index);
        let layout = next_layout(pages, number)?;
        let image = embed(document, picture, number, &mut pdf)?;
        let (width_points, height_points) = picture.points();
        pdf.add_page(image, PagePlace { width_points, height_points, orientation: picture.orientation }, &layout)?;
    }
    pdf.finish()?;
    Ok(Vec::new())
}

fn embed(document: &ImageDocument, picture: &Picture, number: PageNo, pdf: &mut ImagePdf<'_>) -> Result<ObjectId, Failure> {
    match document.media {
        MediaType::Jpeg => {
            let header = Header::read(&document.file)?;
            pdf.add_picture(jpeg_dictionary(&header), &[&document.file])
        }
        MediaType::Png => match png_file::embedded(&document.file) {
            Some((dictionary, parts)) => pdf.add_picture(dictionary, &parts),
            None => encode(document, picture, number, pdf),
        },
        _ => encode(document, picture, number, pdf),
    }
}

fn jpeg_dictionary(header: &Header) -> Dictionary {
    let space = match header.components {
        1 => "DeviceGray",
        3 => "DeviceRGB",
        _ => "DeviceCMYK",
    };
    let mut dictionary = dictionary! {
        "Width" => i64::from(header.width),
        "Height" => i64::from(header.height),
        "ColorSpace" => space,
        "BitsPerComponent" => i64::from(header.precision),
        "Filter" => "DCTDecode",
    };
    if header.components == 4 && header.is_adobe {
        let inverted = [1, 0, 1, 0, 1, 0, 1, 0].map(|v: i64| Object::Integer(v));
        dictionary.set("Decode", Object::Array(inverted.to_vec()));
    }
    dictionary
}

/// Decodes the picture and compresses it without loss, in one bit per pixel where it has no more.
fn encode(document: &ImageDocument, picture: &Picture, number: PageNo, pdf: &mut ImagePdf<'_>) -> Result<ObjectId, Failure> {
    let mut kind = Kind::Bilevel;
    document.rows(picture, number, &mut |row| {
        kind = kind.widened_by(&row);
        Ok(())
    })?;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    let mut missing = picture.height;
    document.rows(picture, number, &mut |row| {
        missing = missing.saturating_sub(1);
        encoder.write_all(&kind.pack(&row)).map_err(|e| unwritable(&e))
    })?;
    let white = kind.pack(&Row::Gray(&vec![u8::MAX; picture.width as usize]));
    (0..missing).try_for_each(|_| encoder.write_all(&white)).map_err(|e| unwritable(&e))?;
    let bytes = encoder.finish().map_err(|e| unwritable(&e))?;
    let (space, bits) = match kind {
        Kind::Bilevel => ("DeviceGray", 1),
        Kind::Gray => ("DeviceGray", 8),
        Kind::Color => ("DeviceRGB", 8),
    };
    let dictionary = dictionary! {
        "Width" => i64::from(picture.width),
        "Height" => i64::from(picture.height),
        "ColorSpace" => space,
        "BitsPerComponent" => bits,
        "Filter" => "FlateDecode",
    };
    pdf.add_picture(dictionary, &[&bytes])
}

/// What a picture's pixels need.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Bilevel,
    Gray,
    Color,
}

impl Kind {
    fn widened_by(self, row: &Row<'_>) -> Self {
        match row {
            Row::Rgb(_) => Self::Color,
            Row::Gray(gray) if self == Self::Bilevel && gray.iter().any(|p| *p != 0 && *p != u8::MAX) => Self::Gray,
            Row::Gray(_) => self,
        }
    }

    fn pack(self, row: &Row<'_>) -> Vec<u8> {
        match (self, row) {
            (Self::Bilevel, Row::Gray(gray)) => gray
                .chunks(8)
                .map(|eight| eight.iter().enumerate().fold(0u8, |byte, (i, p)| byte | (u8::from(*p > 127) << (7 - i))))
                .collect(),
            (Self::Color, Row::Gray(gray)) => gray.iter().flat_map(|p| [*p; 3]).collect(),
            (_, Row::Gray(pixels) | Row::Rgb(pixels)) => pixels.to_vec(),
        }
    }
}
