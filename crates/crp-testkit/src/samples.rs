//! Honest documents: scans, photographs, faxes and born-digital pages whose words are known.

use std::{io::Cursor, sync::LazyLock};

use image::{DynamicImage, GrayImage, ImageFormat};

use crate::pdf_file::PdfFile;

static LETTER_PDF: &[u8] = include_bytes!("../../../examples/documents/letter.pdf");
static LETTER_TEXT: &str = include_str!("../../../examples/documents/letter.txt");
static SLIPS_PNG: &[u8] = include_bytes!("../samples/slips.png");
static SLIPS_TEXT: &str = include_str!("../samples/slips.txt");

/// What the letter's invoice number, date and total are.
pub const LETTER_FIELDS: [(&str, &str); 3] = [("invoice_number", "HB-2026-0417"), ("date", "2026-03-19"), ("total", "427.50")];

/// The committed sample: a scanned invoice of two A4 pages at 300 dpi.
pub fn letter_pdf() -> &'static [u8] {
    LETTER_PDF
}

/// The words of the letter's pages.
pub fn letter_texts() -> Vec<&'static str> {
    LETTER_TEXT.split('\u{c}').collect()
}

/// The two JPEG images of the letter, byte for byte as they stand in the PDF.
pub fn letter_jpegs() -> &'static [Vec<u8>] {
    static JPEGS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let document = lopdf::Document::load_mem(LETTER_PDF).expect("the sample is a PDF");
        let streams = document.objects.values().filter_map(|object| object.as_stream().ok());
        streams.filter(|stream| stream.dict.has_type(b"XObject")).map(|stream| stream.content.clone()).collect()
    });
    &JPEGS
}

/// The letter's first page as a PNG.
pub fn letter_png() -> &'static [u8] {
    static PNG: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut bytes = Vec::new();
        // Half the size: a quarter of the time to read it, and 150 dpi are enough for type of this size.
        let page = letter_page(0).thumbnail(1240, 1754);
        page.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).expect("an image in memory can be written");
        bytes
    });
    &PNG
}

fn letter_page(at: usize) -> DynamicImage {
    image::load_from_memory(&letter_jpegs()[at]).expect("the sample's pages are JPEG images")
}

/// A scan of `pages` pages, each the letter's first or second page in turn: slow to read, as real scans are.
pub fn scan(pages: usize) -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let images: Vec<usize> = letter_jpegs()
        .iter()
        .map(|jpeg| {
            let entries =
                "/Type /XObject /Subtype /Image /Width 2480 /Height 3508 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode";
            pdf.add_stream(entries, jpeg)
        })
        .collect();
    let pages: Vec<usize> = (0..pages).map(|at| image_page(&mut pdf, parent, images[at % images.len()], 595.2, 841.92)).collect();
    pdf.finish_with_pages(parent, &pages)
}

/// Most pages of [`slips`].
pub const MAX_SLIPS: usize = 24;

/// A scan of up to [`MAX_SLIPS`] small pages, quick to read; each carries one line that no other page has.
pub fn slips(pages: usize) -> Vec<u8> {
    static SHEET: LazyLock<GrayImage> =
        LazyLock::new(|| image::load_from_memory(SLIPS_PNG).expect("the sheet of slips is a PNG").to_luma8());
    let (width, height) = (SHEET.width(), SHEET.height() / MAX_SLIPS as u32);
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let pages: Vec<usize> = (0..pages as u32)
        .map(|at| {
            let rows = (at * height..(at + 1) * height).flat_map(|y| (0..width).map(move |x| SHEET.get_pixel(x, y).0[0]));
            let bits: Vec<u8> =
                rows.collect::<Vec<u8>>().chunks(8).map(|eight| eight.iter().fold(0, |byte, p| byte << 1 | u8::from(*p > 127))).collect();
            let entries =
                format!("/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray /BitsPerComponent 1");
            let image = pdf.add_stream(&entries, &bits);
            image_page(&mut pdf, parent, image, f64::from(width) * 0.24, f64::from(height) * 0.24)
        })
        .collect();
    pdf.finish_with_pages(parent, &pages)
}

/// [`slips`] of which the second stands at the head of a page that is higher than broad.
pub fn slips_around_a_tall_page(pages: usize) -> Vec<u8> {
    let mut document = lopdf::Document::load_mem(&slips(pages)).expect("our own PDF can be read");
    let second = document.get_pages()[&2];
    let page = document.get_dictionary_mut(second).expect("a page is a dictionary");
    page.set("MediaBox", vec![0.into(), lopdf::Object::Integer(-571), 288.into(), lopdf::Object::Real(28.8)]);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).expect("a buffer in memory can be written");
    bytes
}

/// The line on each slip, in order.
pub fn slip_texts() -> Vec<&'static str> {
    SLIPS_TEXT.lines().collect()
}

fn image_page(pdf: &mut PdfFile, parent: usize, image: usize, width: f64, height: f64) -> usize {
    let content = pdf.add_stream("", format!("q {width} 0 0 {height} 0 0 cm /Im0 Do Q").as_bytes());
    pdf.add(format!(
        "<< /Type /Page /Parent {parent} 0 R /MediaBox [0 0 {width} {height}] /Contents {content} 0 R \
         /Resources << /XObject << /Im0 {image} 0 R >> >> >>"
    ))
}

/// A PDF as an office program writes it: each text is a page, line by line, in a standard font.
pub fn born_digital(pages: &[&str]) -> Vec<u8> {
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let pages: Vec<usize> = pages.iter().map(|text| text_page(&mut pdf, parent, text)).collect();
    pdf.finish_with_pages(parent, &pages)
}

/// A PDF whose first page is born digital with `text`, and whose second is a scanned slip ([`slip_texts`], the first).
pub fn mixed(text: &str) -> Vec<u8> {
    let scanned = lopdf::Document::load_mem(&slips(1)).expect("our own PDF can be read");
    let image =
        scanned.objects.values().filter_map(|o| o.as_stream().ok()).find(|s| s.dict.has_type(b"XObject")).expect("a slip is an image");
    let mut pdf = PdfFile::new();
    let parent = pdf.reserve();
    let first = text_page(&mut pdf, parent, text);
    let entries = "/Type /XObject /Subtype /Image /Width 1200 /Height 120 /ColorSpace /DeviceGray /BitsPerComponent 1";
    let image = pdf.add_stream(entries, &image.content);
    let second = image_page(&mut pdf, parent, image, 288.0, 28.8);
    pdf.finish_with_pages(parent, &[first, second])
}

fn text_page(pdf: &mut PdfFile, parent: usize, text: &str) -> usize {
    let escaped = |line: &str| line.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
    let lines: String = text.lines().map(|line| format!("({}) Tj T* ", escaped(line))).collect();
    let content = pdf.add_stream("", format!("BT /F1 12 Tf 16 TL 72 760 Td {lines}ET").as_bytes());
    pdf.add(format!(
        "<< /Type /Page /Parent {parent} 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R /Resources << /Font << /F1 \
         << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> >> >> >>"
    ))
}

/// A TIFF of both pages of the letter, as a fax machine or a scanner driver writes it.
pub fn letter_tiff() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = tiff::encoder::TiffEncoder::new(Cursor::new(&mut bytes)).expect("a buffer in memory can be written");
    for at in 0..2 {
        let page = letter_page(at).to_luma8();
        let mut image =
            encoder.new_image::<tiff::encoder::colortype::Gray8>(page.width(), page.height()).expect("an image in memory can be written");
        image.resolution(tiff::tags::ResolutionUnit::Inch, tiff::encoder::Rational { n: 300, d: 1 });
        image.write_data(&page).expect("an image in memory can be written");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_are_what_they_say() {
        assert_eq!(letter_texts().len(), 2);
        assert_eq!(letter_jpegs().len(), 2);
        assert!(LETTER_FIELDS.iter().all(|(_, value)| letter_texts()[0].contains(value)));
        assert_eq!(slip_texts().len(), MAX_SLIPS);
        for (pdf, pages) in
            [(scan(5), 5), (slips(20), 20), (born_digital(&["one", "two"]), 2), (mixed("one"), 2), (slips_around_a_tall_page(3), 3)]
        {
            assert_eq!(lopdf::Document::load_mem(&pdf).unwrap().get_pages().len(), pages);
        }
        assert_eq!(image::guess_format(&letter_tiff()).unwrap(), ImageFormat::Tiff);
        assert_eq!(image::guess_format(letter_png()).unwrap(), ImageFormat::Png);
    }
}
