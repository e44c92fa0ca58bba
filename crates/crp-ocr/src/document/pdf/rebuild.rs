//! The last resort for a PDF that cannot be changed safely: its pages as pictures in a new PDF, with their text.

use std::io::Write;

use crp_model::{Failure, PageLayout, PageNo, Warning, labels::WarningKind};
use lopdf::dictionary;

use super::PdfDocument;
use crate::document::{
    at_once,
    image_pdf::{ImagePdf, PagePlace},
    jpeg_file,
    orientation::Orientation,
};

/// Fine enough to read small print, small enough to send by mail.
const PICTURE_DOTS_PER_INCH: f64 = 200.0;

/// Writes the pages as pictures.
///
/// # Errors
/// What `pages` yields, what drawing fails with, what writing fails with.
pub(crate) fn write(
    document: &PdfDocument,
    why: &str,
    pages: &mut dyn Iterator<Item = Result<PageLayout, Failure>>,
    output: &mut dyn Write,
) -> Result<Vec<Warning>, Failure> {
    let mut pdf = ImagePdf::begin(output)?;
    for index in 0..document.page_count() {
        let number = PageNo::from_index(index);
        let layout = super::next_layout(pages, number)?;
        let (canvas, geometry) = document.draw(number, PICTURE_DOTS_PER_INCH, &mut at_once)?;
        let jpeg = jpeg_file::encode_rgb(canvas.width, canvas.height, &canvas.rgb(), 80)?;
        let dictionary = dictionary! {
            "Width" => i64::from(canvas.width),
            "Height" => i64::from(canvas.height),
            "ColorSpace" => "DeviceRGB",
            "BitsPerComponent" => 8,
            "Filter" => "DCTDecode",
        };
        let picture = pdf.add_picture(dictionary, &[&jpeg])?;
        let place =
            PagePlace { width_points: geometry.width_points, height_points: geometry.height_points, orientation: Orientation::Upright };
        pdf.add_page(picture, place, &layout)?;
    }
    pdf.finish()?;
    let mut warnings = vec![Warning::new(
        WarningKind::RebuiltFromImages,
        None,
        format!("The PDF could not be changed safely ({why}); the searchable PDF has its pages as pictures"),
    )];
    warnings.extend(document.signature_warning());
    Ok(warnings)
}
