//! Images as documents: decoded, turned upright, scaled to the limit, and carried over into the PDF.

use std::{fs::File, io::Cursor, path::Path};

use crp_model::{Code, Limits, MediaType, labels::WarningKind};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use tiff::{
    encoder::{Compression, Rational, TiffEncoder, colortype},
    tags::{ResolutionUnit, Tag},
};

use super::bench::{assert_found, assert_sound, corpus, has, layout, open, open_bytes, output, page, searchable};
use crate::document::{OpenDocument, jpeg_file};

/// A gray picture whose left half is black.
fn half_black(width: u32, height: u32) -> Vec<u8> {
    (0..width * height).map(|i| if i % width < width / 2 { 0 } else { 255 }).collect()
}

fn png(width: u32, height: u32, pixels: &[u8], color: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(pixels, width, height, color).unwrap();
    bytes
}

/// Whether a place of a drawn page is dark.
fn is_dark(document: &OpenDocument, number: u32, x: f32, y: f32) -> bool {
    let drawn = document.render_gray(page(number)).unwrap();
    let (column, row) = ((x * drawn.picture.width as f32) as usize, (y * drawn.picture.height as f32) as usize);
    drawn.picture.gray[row * drawn.picture.width as usize + column] < 128
}

/// Fails unless poppler draws the result as we drew the original.
fn assert_looks_alike(document: &OpenDocument, result: &Path, number: u32) {
    if !has("pdftoppm") {
        return;
    }
    let ours = document.render_gray(page(number)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stem = folder.path().join("p");
    let (first, width, height) = (number.to_string(), ours.picture.width.to_string(), ours.picture.height.to_string());
    output(
        "pdftoppm",
        &[
            "-f",
            &first,
            "-l",
            &first,
            "-singlefile",
            "-gray",
            "-scale-to-x",
            &width,
            "-scale-to-y",
            &height,
            result.to_str().unwrap(),
            stem.to_str().unwrap(),
        ],
    );
    let theirs = std::fs::read(stem.with_extension("pgm")).unwrap();
    let theirs = &theirs[theirs.len() - ours.picture.gray.len()..];
    let difference: u64 = ours.picture.gray.iter().zip(theirs).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let mean = difference as f64 / ours.picture.gray.len() as f64;
    assert!(mean < 12.0, "mean difference {mean}");
}

fn assert_carried_over(document: &OpenDocument) {
    let pages = document.inspect().unwrap().pages;
    let layouts: Vec<_> = pages
        .iter()
        .enumerate()
        .map(|(i, p)| {
            let (w, h) = (p.width_points, p.height_points);
            let words = [("Scanned", w * 0.1, h * 0.3), ("wörds", w * 0.6, h * 0.3)];
            layout(crp_model::PageNo::from_index(i), (w, h), w / 15.0, &words)
        })
        .collect();
    let (file, warnings) = searchable(document, layouts.clone()).unwrap();
    assert!(warnings.is_empty());
    assert_sound(file.path());
    if has("pdftotext") {
        assert_found(file.path(), &layouts, 1.0);
    }
    for number in 1..=pages.len() as u32 {
        assert_looks_alike(document, file.path(), number);
    }
}

#[test]
fn pngs_of_every_kind_are_drawn_and_carried_over() {
    let gray = half_black(400, 300);
    let rgb: Vec<u8> = gray.iter().flat_map(|p| [*p; 3]).collect();
    let rgba: Vec<u8> = gray.iter().flat_map(|p| [0, 0, 0, 255 - *p]).collect();
    let gray_alpha: Vec<u8> = gray.iter().flat_map(|p| [0, 255 - *p]).collect();
    for (pixels, color) in [
        (&gray, ExtendedColorType::L8),
        (&rgb, ExtendedColorType::Rgb8),
        (&rgba, ExtendedColorType::Rgba8),
        (&gray_alpha, ExtendedColorType::La8),
    ] {
        let document = open_bytes(&png(400, 300, pixels, color), MediaType::Png).unwrap();
        assert!(is_dark(&document, 1, 0.25, 0.5) && !is_dark(&document, 1, 0.75, 0.5), "{color:?}");
        assert_carried_over(&document);
    }
}

#[test]
fn jpegs_keep_their_bytes() {
    let gray = half_black(400, 300);
    let bytes = jpeg_file::encode_gray(400, 300, &gray, 90).unwrap();
    let document = open_bytes(&bytes, MediaType::Jpeg).unwrap();
    assert_carried_over(&document);
    if has("pdfimages") {
        let (file, _) = searchable(&document, vec![layout(page(1), (192.0, 144.0), 10.0, &[("x", 1.0, 20.0)])]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        output("pdfimages", &["-all", file.path().to_str().unwrap(), folder.path().join("i").to_str().unwrap()]);
        assert_eq!(std::fs::read(folder.path().join("i-000.jpg")).unwrap(), bytes);
    }
}

#[test]
fn a_jpeg_that_was_held_sideways_is_turned() {
    let jpeg = jpeg_file::encode_gray(400, 300, &half_black(400, 300), 90).unwrap();
    for (tag, dark, light) in [(6, (0.5, 0.25), (0.5, 0.75)), (8, (0.5, 0.75), (0.5, 0.25)), (3, (0.75, 0.5), (0.25, 0.5))] {
        let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01".to_vec();
        exif.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, tag, 0, 0, 0, 0, 0, 0]);
        let mut turned = vec![0xFF, 0xD8, 0xFF, 0xE1];
        turned.extend((exif.len() as u16 + 2).to_be_bytes());
        turned.extend(&exif);
        turned.extend(&jpeg[2..]);
        let document = open_bytes(&turned, MediaType::Jpeg).unwrap();
        assert!(is_dark(&document, 1, dark.0, dark.1) && !is_dark(&document, 1, light.0, light.1), "orientation {tag}");
        assert_carried_over(&document);
    }
}

#[test]
fn tiffs_of_every_compression_are_drawn_and_carried_over() {
    let gray = half_black(400, 300);
    let rgb: Vec<u8> = gray.iter().flat_map(|p| [*p; 3]).collect();
    for compression in [Compression::Uncompressed, Compression::Lzw, Compression::Packbits, Compression::Deflate(Default::default())] {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap().with_compression(compression);
        let mut first = encoder.new_image::<colortype::Gray8>(400, 300).unwrap();
        first.resolution(ResolutionUnit::Inch, Rational { n: 200, d: 1 });
        first.write_data(&gray).unwrap();
        encoder.new_image::<colortype::RGB8>(400, 300).unwrap().write_data(&rgb).unwrap();
        let sixteen: Vec<u16> = gray.iter().map(|p| u16::from(*p) * 257).collect();
        encoder.new_image::<colortype::Gray16>(400, 300).unwrap().write_data(&sixteen).unwrap();
        let document = open_bytes(&bytes.into_inner(), MediaType::Tiff).unwrap();
        let pages = document.inspect().unwrap().pages;
        assert_eq!(pages.len(), 3);
        assert!((pages[0].width_points - 144.0).abs() < 0.1);
        for number in 1..=3 {
            assert!(is_dark(&document, number, 0.25, 0.5) && !is_dark(&document, number, 0.75, 0.5), "page {number}");
        }
        assert_carried_over(&document);
    }
}

#[test]
fn a_palette_tiff_shows_its_colours_and_a_turned_one_is_turned() {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    let mut image = encoder.new_image::<colortype::Gray8>(400, 300).unwrap();
    image.encoder().write_tag(Tag::Orientation, 6u16).unwrap();
    let map: Vec<u16> = (0..768).map(|i| if i % 256 == 255 { 0 } else { 0xFFFF }).collect();
    image.encoder().write_tag(Tag::ColorMap, &map[..]).unwrap();
    image.write_data(&half_black(400, 300)).unwrap();
    let mut bytes = bytes.into_inner();
    // The encoder writes "black is zero"; the entry of tag 262 becomes "palette".
    let at = bytes.windows(4).position(|w| w == [0x06, 0x01, 0x03, 0x00]).unwrap();
    bytes[at + 8] = 3;
    let document = open_bytes(&bytes, MediaType::Tiff).unwrap();
    let info = document.inspect().unwrap().pages[0];
    assert!(info.height_points > info.width_points);
    // Index 0 (left half) is white in this palette, index 255 black; the left side is shown at the top.
    assert!(!is_dark(&document, 1, 0.5, 0.25) && is_dark(&document, 1, 0.5, 0.75));
    assert_carried_over(&document);
}

#[test]
fn real_pictures_are_drawn_and_carried_over() {
    let Some(corpus) = corpus() else { return };
    let names = [
        "pages/8071_093.3B.tif",
        "pages/eurotext.tif",
        "pages/phototestrot.tif",
        "pages/deslant.tif",
        "ocrmypdf/baiona_cmyk.jpg",
        "ocrmypdf/baiona_color.jpg",
        "ocrmypdf/baiona_alpha.png",
        "ocrmypdf/baiona_colormapped.png",
        "ocrmypdf/baiona_gray.png",
        "ocrmypdf/crom.png",
    ];
    for name in names {
        println!("{name}");
        let document = open(&corpus.join(name)).unwrap();
        let drawn = document.render_gray(page(1)).unwrap();
        let mean = drawn.picture.gray.iter().map(|p| u64::from(*p)).sum::<u64>() / drawn.picture.gray.len() as u64;
        assert!((20..254).contains(&mean), "{name} is {mean} on average");
        assert_carried_over(&document);
        assert!(document.thumbnail(page(1), &mut crate::document::at_once).unwrap().starts_with(&[0xFF, 0xD8]));
    }
}

#[test]
fn a_picture_over_the_limit_is_scaled_down_with_a_warning() {
    let bytes = png(2000, 1500, &half_black(2000, 1500), ExtendedColorType::L8);
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    let limits = Limits { max_page_megapixels: 1, ..Limits::default() };
    let document = OpenDocument::open(file, MediaType::Png, &limits).unwrap();
    let drawn = document.render_gray(page(1)).unwrap();
    assert_eq!((drawn.picture.width, drawn.picture.height), (1000, 750));
    assert!(drawn.warnings.iter().any(|w| w.code.0 == WarningKind::PageScaled && w.page == Some(page(1))));
    assert!((drawn.picture.dots_per_inch() - 150.0).abs() < 0.5);
    assert!(is_dark(&document, 1, 0.25, 0.5) && !is_dark(&document, 1, 0.75, 0.5));
}

#[test]
fn pictures_that_claim_to_be_gigantic_are_refused() {
    let mut bytes = png(10, 10, &[0; 100], ExtendedColorType::L8);
    bytes[16..24].copy_from_slice(&[0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0]);
    let crc = bytes[12..29]
        .iter()
        .fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |c, _| (c >> 1) ^ (0xEDB8_8320 & (0u32.wrapping_sub(c & 1)))));
    bytes[29..33].copy_from_slice(&(!crc).to_be_bytes());
    let document = open_bytes(&bytes, MediaType::Png).unwrap();
    assert_eq!(document.render_gray(page(1)).unwrap_err().code, Code::PageTooLarge);
    let mut jpeg = jpeg_file::encode_rgb(16, 16, &[0; 768], 80).unwrap();
    let at = jpeg.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    jpeg[at + 5..at + 9].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    let document = open_bytes(&jpeg, MediaType::Jpeg).unwrap();
    assert_eq!(document.render_gray(page(1)).unwrap_err().code, Code::PageTooLarge);
}

#[test]
fn every_cut_of_a_good_picture_ends_in_a_result_or_a_code() {
    let gray = half_black(200, 100);
    let mut tiff = Cursor::new(Vec::new());
    TiffEncoder::new(&mut tiff).unwrap().new_image::<colortype::Gray8>(200, 100).unwrap().write_data(&gray).unwrap();
    let files = [
        (png(200, 100, &gray, ExtendedColorType::L8), MediaType::Png),
        (jpeg_file::encode_gray(200, 100, &gray, 80).unwrap(), MediaType::Jpeg),
        (tiff.into_inner(), MediaType::Tiff),
    ];
    for (whole, media) in files {
        for part in 0..20 {
            let mut file = tempfile::tempfile().unwrap();
            std::io::Write::write_all(&mut file, &whole[..whole.len() * part / 20]).unwrap();
            if let Err(failure) = through(file, media) {
                let good = matches!(failure.code, Code::DamagedFile | Code::EmptyFile | Code::PageFailed | Code::NoPages);
                assert!(good && !failure.message.contains("stopped the reader"), "{media:?} {part}: {failure}");
            }
        }
    }
}

fn through(file: File, media: MediaType) -> Result<(), crp_model::Failure> {
    let document = OpenDocument::open(file, media, &Limits::default())?;
    let info = document.inspect()?.pages[0];
    document.render_gray(page(1))?;
    searchable(&document, vec![layout(page(1), (info.width_points, info.height_points), 10.0, &[("cut", 10.0, 10.0)])]).map(|_| ())
}
