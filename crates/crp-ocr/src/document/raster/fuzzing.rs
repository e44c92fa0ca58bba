//! Any bytes as a picture, and as the parts of pictures that we read ourselves: what opens has all its pixels and becomes a PDF.

use crp_model::{Code, Failure, MediaType, PageNo};
use hayro_ccitt::{DecodeSettings, EncodingMode};

use super::{ImageDocument, Row, exif, fax, jpeg, png_file, tags::Directory};
use crate::{
    PageInfo,
    document::{at_once, failures::guarded, mapped::MappedFile, pdf},
    fuzzing::{any_layout, limits, told},
};

/// Larger pictures are opened, but not decoded: that is only more of the same.
const MAX_PIXELS: u64 = 200_000;
/// Longest edge of a small picture.
const SMALL_EDGE: u32 = 64;

/// Reads the bytes in every way that they allow.
pub(crate) fn run(data: &[u8]) {
    parts(data);
    let media = match MediaType::sniff(data) {
        Ok(media) if media != MediaType::Pdf => media,
        _ => return,
    };
    let opened = guarded(Code::DamagedFile, "Opening", || ImageDocument::open(MappedFile::of_bytes(data)?, media, &limits()));
    let Some(document) = told(opened) else { return };
    let inspection = document.inspect();
    let is_size = |points: f32| points.is_finite() && points > 0.0;
    assert!(inspection.pages.iter().all(|page| is_size(page.width_points) && is_size(page.height_points)));
    if document.pictures.iter().all(|picture| picture.pixels() <= MAX_PIXELS) {
        for index in 0..inspection.pages.len() {
            pixels(&document, PageNo::from_index(index));
        }
        searchable(&document, &inspection.pages);
    }
}

fn pixels(document: &ImageDocument, page: PageNo) {
    if let Some(rendered) = told(guarded(Code::PageFailed, "Decoding", || document.render_gray(page, &mut at_once))) {
        let picture = rendered.picture;
        assert_eq!(picture.gray.len() as u64, u64::from(picture.width) * u64::from(picture.height));
    }
    if let Some((width, height, gray)) =
        told(guarded(Code::PageFailed, "Shrinking", || document.small_gray(page, SMALL_EDGE, &mut at_once)))
    {
        assert!(width.max(height) <= SMALL_EDGE && gray.len() as u64 == u64::from(width) * u64::from(height), "{width} × {height}");
    }
}

fn searchable(document: &ImageDocument, pages: &[PageInfo]) {
    let mut layouts = pages.iter().enumerate().map(|(index, info)| Ok(any_layout::two_words(PageNo::from_index(index), info)));
    let mut out = Vec::new();
    if told(guarded(Code::PageFailed, "Writing", || document.write_searchable(&mut layouts, &mut out))).is_some() {
        pdf::fuzzing::has_pages(&out, pages.len());
    }
}

/// What is read without a decoder.
fn parts(data: &[u8]) {
    let at = data.first().map(|byte| usize::from(*byte));
    for directory in [Directory::at(data, None), Directory::at(data, at)].into_iter().flatten() {
        for tag in [254, 256, 258, 259, 273, 274, 278, 279, 282, 320] {
            let _ = (directory.first(tag), directory.fraction(tag));
            if let Some(entry) = directory.entry(tag) {
                let _ = (directory.whole(entry, 1), directory.whole(entry, usize::MAX));
            }
        }
        let _ = (directory.resolution(), fax::is_fax(&directory));
    }
    exif::read(data);
    let _ = jpeg::Header::read(data);
    let _ = png_file::embedded(data);
    if let Some((&[kind, columns, rows], bytes)) = data.split_first_chunk::<3>() {
        painted(bytes, kind, u32::from(columns) * 4, u32::from(rows));
    }
}

/// Fax data become as many whole rows as are told.
fn painted(bytes: &[u8], kind: u8, columns: u32, rows: u32) {
    let flag = |bit: u8| kind & (1 << bit) != 0;
    let settings = DecodeSettings {
        columns,
        rows,
        end_of_block: flag(0),
        end_of_line: flag(1),
        rows_are_byte_aligned: flag(2),
        encoding: match kind >> 6 {
            0 => EncodingMode::Group3_1D,
            1 => EncodingMode::Group3_2D,
            _ => EncodingMode::Group4,
        },
        strict: flag(3),
    };
    let mut count = 0;
    let mut sink = |row: Row<'_>| -> Result<(), Failure> {
        count += 1;
        assert!(matches!(row, Row::Gray(gray) if gray.len() == columns as usize));
        Ok(())
    };
    if let Some(painted) = told(guarded(Code::PageFailed, "Painting", || fax::paint(bytes, settings, flag(4), &mut sink))) {
        assert_eq!(painted, count);
    }
}

/// A small picture of every kind, and faxes without a file around them.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = encoded_seeds();
    seeds.push(turned_jpeg());
    seeds.extend([4u16, 3, 2].map(fax_tiff));
    seeds.push([&[0xC0, 8, 12][..], FAX_ROWS].concat());
    seeds.push([&[0x03, 8, 12][..], FAX_ROWS].concat());
    seeds
}

/// Rows of group 4, with a code that none begins with among them.
const FAX_ROWS: &[u8] = &[0x26, 0xA1, 0xB2, 0x9C, 0x7F, 0x40, 0xD5, 0x11, 0xFF, 0x00, 0x10, 0x01];

fn encoded_seeds() -> Vec<Vec<u8>> {
    use image::{DynamicImage, ImageFormat};
    let gray = DynamicImage::ImageLuma8(image::GrayImage::from_fn(24, 17, |x, y| image::Luma([(x * 10 + y * 3) as u8])));
    let kinds = [
        gray.clone(),
        DynamicImage::ImageRgb8(gray.to_rgb8()),
        DynamicImage::ImageRgba8(gray.to_rgba8()),
        DynamicImage::ImageLuma16(gray.to_luma16()),
    ];
    let mut seeds = Vec::new();
    for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Jpeg] {
        for picture in &kinds {
            let mut out = std::io::Cursor::new(Vec::new());
            if picture.write_to(&mut out, format).is_ok() {
                seeds.push(out.into_inner());
            }
        }
    }
    seeds
}

/// A JPEG with an Exif directory that turns it.
fn turned_jpeg() -> Vec<u8> {
    let mut directory = b"Exif\0\0MM\0*\0\0\0\x08\0\x02".to_vec();
    directory.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]);
    directory.extend([0x01, 0x1A, 0, 5, 0, 0, 0, 1, 0, 0, 0, 38, 0, 0, 0, 0, 0, 0, 1, 44, 0, 0, 0, 1]);
    let length = (directory.len() as u16 + 2).to_be_bytes();
    let jpeg = crate::document::jpeg_file::encode_gray(16, 8, &[200; 128], 75).expect("a picture of 16 × 8 pixels is a JPEG");
    [&jpeg[..2], &[0xFF, 0xE1], &length, &directory, &jpeg[2..]].concat()
}

/// A TIFF with one strip of fax data.
fn fax_tiff(compression: u16) -> Vec<u8> {
    let entries: [(u16, u16, u32); 9] = [
        (256, 4, 32),
        (257, 4, 12),
        (258, 3, 1),
        (259, 3, compression.into()),
        (262, 3, 0),
        (273, 4, 8 + 2 + 9 * 12 + 4),
        (277, 3, 1),
        (278, 4, 12),
        (279, 4, FAX_ROWS.len() as u32),
    ];
    let mut tiff = b"II*\0\x08\0\0\0\x09\0".to_vec();
    for (tag, kind, value) in entries {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(kind.to_le_bytes());
        tiff.extend(1u32.to_le_bytes());
        tiff.extend(value.to_le_bytes());
    }
    tiff.extend([0; 4]);
    tiff.extend(FAX_ROWS);
    tiff
}
