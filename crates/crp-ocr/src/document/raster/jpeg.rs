//! JPEG files: their header read by hand, their pixels as luma where the colour model has it.

use crp_model::{Code, Failure, Limits, PageNo};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::{Row, RowSink, check_memory, exif, picture::Picture};
use crate::document::{
    failures::{broken_off, damaged, page_failed},
    orientation::Orientation,
};

/// What the header tells.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// Pixels per row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// Samples per pixel.
    pub(crate) components: u8,
    /// Bits per sample.
    pub(crate) precision: u8,
    /// Whether it was written by an Adobe program, which store CMYK inverted.
    pub(crate) is_adobe: bool,
    is_sequential: bool,
    resolution: Option<(f64, f64)>,
    orientation: Orientation,
}

impl Header {
    /// Walks the segments up to the first scan.
    ///
    /// # Errors
    /// `damaged_file`.
    pub(crate) fn read(file: &[u8]) -> Result<Self, Failure> {
        let mut header = Self {
            width: 0,
            height: 0,
            components: 0,
            precision: 8,
            is_adobe: false,
            is_sequential: true,
            resolution: None,
            orientation: Orientation::Upright,
        };
        let mut at = 2;
        while let Some((marker, body, next)) = segment(file, at) {
            at = next;
            match marker {
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF if body.len() >= 6 => {
                    header.precision = body[0];
                    header.height = u32::from(u16::from_be_bytes([body[1], body[2]]));
                    header.width = u32::from(u16::from_be_bytes([body[3], body[4]]));
                    header.components = body[5];
                    header.is_sequential = matches!(marker, 0xC0 | 0xC1);
                }
                0xE0 if body.starts_with(b"JFIF\0") && body.len() >= 12 => header.read_jfif(body),
                0xE1 if body.starts_with(b"Exif\0\0") => {
                    let (orientation, resolution) = exif::read(body);
                    header.orientation = orientation;
                    header.resolution = header.resolution.or(resolution);
                }
                0xEE if body.starts_with(b"Adobe") => header.is_adobe = true,
                0xDA => {
                    // A scan of some components only means that all coefficients are kept until the end.
                    header.is_sequential &= body.first() == Some(&header.components);
                    break;
                }
                _ => {}
            }
        }
        if header.width == 0 || header.height == 0 || !matches!(header.components, 1 | 3 | 4) {
            return Err(damaged("the JPEG has no readable header"));
        }
        Ok(header)
    }

    fn read_jfif(&mut self, body: &[u8]) {
        let factor = match body[7] {
            1 => 1.0,
            2 => 2.54,
            _ => return,
        };
        let density = |at: usize| f64::from(u16::from_be_bytes([body[at], body[at + 1]])) * factor;
        self.resolution = Some((density(8), density(10)));
    }
}

/// Marker, body and the place of the next segment.
fn segment(file: &[u8], mut at: usize) -> Option<(u8, &[u8], usize)> {
    while *file.get(at)? != 0xFF {
        at += 1;
    }
    while *file.get(at)? == 0xFF {
        at += 1;
    }
    let marker = *file.get(at)?;
    if marker == 0 || matches!(marker, 0x01 | 0xD0..=0xD8) {
        return Some((0, &[], at + 1));
    }
    let length = usize::from(u16::from_be_bytes([*file.get(at + 1)?, *file.get(at + 2)?]));
    let body = file.get(at + 3..(at + 1 + length).min(file.len()))?;
    Some((marker, body, at + 1 + length.max(2)))
}

/// The picture, from its header.
///
/// # Errors
/// `damaged_file`.
pub(crate) fn read(file: &[u8]) -> Result<Picture, Failure> {
    let header = Header::read(file)?;
    Ok(Picture::new(header.width, header.height, header.resolution, header.orientation, 0))
}

/// Whether the picture's end mark stands in the file. Without it the decoder must be strict: a lenient one paints what is missing gray.
fn has_end(file: &[u8]) -> bool {
    file.windows(2).rev().any(|pair| pair == [0xFF, 0xD9])
}

/// Decodes the picture into gray rows.
///
/// # Errors
/// `page_too_large`, `damaged_file`, `page_failed`.
pub(crate) fn rows(file: &[u8], number: PageNo, limits: &Limits, sink: &mut RowSink<'_>) -> Result<(), Failure> {
    let header = Header::read(file)?;
    if header.precision != 8 {
        return Err(Failure::new(Code::DamagedFile, format!("The JPEG has {} bits per sample; only 8 are read", header.precision)));
    }
    let pixels = u64::from(header.width) * u64::from(header.height);
    let samples = if header.components == 4 { 3 } else { u64::from(header.components) };
    // A sequential file is turned into luma as it comes; any other is kept as coefficients of two bytes.
    check_memory(if header.is_sequential { pixels * samples } else { pixels * (3 * u64::from(header.components)) }, number, limits)?;
    let is_whole = has_end(file);
    let options = DecoderOptions::default().set_max_width(65_535).set_max_height(65_535).set_strict_mode(!is_whole);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(|e| damaged(format!("{e:?}")))?;
    let has_luma = matches!(decoder.input_colorspace(), Some(ColorSpace::YCbCr | ColorSpace::Luma));
    let space = if has_luma { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let pixels = decoder
        .decode()
        .map_err(|e| if is_whole { page_failed(number, format!("{e:?}")) } else { broken_off("the JPEG ends before its last row") })?;
    let width = header.width as usize;
    if has_luma {
        pixels.chunks_exact(width).try_for_each(|row| sink(Row::Gray(row)))
    } else {
        pixels.chunks_exact(width * 3).try_for_each(|row| sink(Row::Rgb(row)))
    }
}
