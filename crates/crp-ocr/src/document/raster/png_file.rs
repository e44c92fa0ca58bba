//! PNG files, row by row; and their compressed bytes as they are, since PDF knows the same compression.

use std::io::Cursor;

use crp_model::{Code, Failure, Limits, PageNo};
use lopdf::{Dictionary, Object, dictionary};
use png::{ColorType, Decoder, DecodingError, Reader, Transformations, Unit};

use super::{Row, RowSink, check_memory, exif, picture::Picture, samples::flatten};
use crate::document::{
    failures::{broken_off, damaged, page_failed},
    orientation::Orientation,
};

/// The picture, from its header.
///
/// # Errors
/// `damaged_file`.
pub(crate) fn read(file: &[u8], limits: &Limits) -> Result<Picture, Failure> {
    let reader = open(file, limits, Transformations::IDENTITY)?;
    let info = reader.info();
    let (orientation, from_exif) = info.exif_metadata.as_deref().map_or((Orientation::Upright, None), exif::read);
    let resolution =
        info.pixel_dims.filter(|d| d.unit == Unit::Meter).map(|d| (f64::from(d.xppu) * 0.0254, f64::from(d.yppu) * 0.0254)).or(from_exif);
    Ok(Picture::new(info.width, info.height, resolution, orientation, 0))
}

/// Decodes the picture into rows, transparency on white.
///
/// # Errors
/// `page_too_large`, `damaged_file`, `page_failed`.
pub(crate) fn rows(file: &[u8], number: PageNo, limits: &Limits, sink: &mut RowSink<'_>) -> Result<(), Failure> {
    let mut reader = open(file, limits, Transformations::EXPAND | Transformations::STRIP_16)?;
    let (color, _) = reader.output_color_type();
    let (width, height) = (reader.info().width as usize, u64::from(reader.info().height));
    let samples = color.samples();
    let line = (width as u64) * samples as u64;
    let mut emit = |row: &[u8]| emit_row(row, color, sink);
    if reader.info().interlaced {
        // The rows of an interlaced file come in seven passes and must all be kept.
        check_memory(line.saturating_mul(height), number, limits)?;
        let mut pixels = vec![0; (line * height) as usize];
        reader.next_frame(&mut pixels).map_err(|error| undecodable(number, &error))?;
        return pixels.chunks_exact(line as usize).try_for_each(&mut emit);
    }
    check_memory(line.saturating_mul(4), number, limits)?;
    while let Some(row) = reader.next_row().map_err(|error| undecodable(number, &error))? {
        emit(row.data())?;
    }
    Ok(())
}

fn emit_row(row: &[u8], color: ColorType, sink: &mut RowSink<'_>) -> Result<(), Failure> {
    match color {
        ColorType::Grayscale | ColorType::Indexed => sink(Row::Gray(row)),
        ColorType::Rgb => sink(Row::Rgb(row)),
        ColorType::GrayscaleAlpha => sink(Row::Gray(&flatten(row, 1))),
        ColorType::Rgba => sink(Row::Rgb(&flatten(row, 3))),
    }
}

fn open<'a>(file: &'a [u8], limits: &Limits, transformations: Transformations) -> Result<Reader<Cursor<&'a [u8]>>, Failure> {
    let bytes = usize::try_from(limits.max_child_memory_mebibytes * 1024 * 1024 / 2).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), png::Limits { bytes });
    decoder.set_transformations(transformations);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.read_info().map_err(|error| match error {
        DecodingError::LimitsExceeded => Failure::new(Code::PageTooLarge, "The PNG's rows do not fit into the memory limit"),
        other => damaged(other),
    })
}

/// A file that ends too early is refused: half a page would look like a whole one.
fn undecodable(number: PageNo, error: &DecodingError) -> Failure {
    match error {
        DecodingError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => broken_off("the PNG ends before its last row"),
        other => page_failed(number, other),
    }
}

/// The picture as a PDF stream without touching its compressed bytes; `None` if PDF has no such picture (interlaced or with transparency).
pub(crate) fn embedded(file: &[u8]) -> Option<(Dictionary, Vec<&[u8]>)> {
    let header = chunk(file, 8).filter(|c| c.kind == *b"IHDR" && c.body.len() == 13)?.body;
    let [depth, color, _, _, interlace] = *<&[u8; 5]>::try_from(&header[8..13]).ok()?;
    let number = |at: usize| i64::from(u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
    let (width, height) = (number(0), number(4));
    let (mut palette, mut data, mut at) = (None, Vec::new(), 8);
    while let Some(chunk) = chunk(file, at) {
        at = chunk.next;
        match &chunk.kind {
            b"PLTE" => palette = Some(chunk.body),
            b"tRNS" | b"acTL" => return None,
            b"IDAT" => data.push(chunk.body),
            b"IEND" => break,
            _ => {}
        }
    }
    let (space, colors): (Object, i64) = match (color, palette) {
        (0, _) => ("DeviceGray".into(), 1),
        (2, _) => ("DeviceRGB".into(), 3),
        (3, Some(palette)) if !palette.is_empty() && palette.len().is_multiple_of(3) => {
            let table = Object::String(palette.to_vec(), lopdf::StringFormat::Hexadecimal);
            (Object::Array(vec!["Indexed".into(), "DeviceRGB".into(), (palette.len() as i64 / 3 - 1).into(), table]), 1)
        }
        _ => return None,
    };
    if interlace != 0 || data.is_empty() {
        return None;
    }
    let dictionary = dictionary! {
        "Width" => width,
        "Height" => height,
        "ColorSpace" => space,
        "BitsPerComponent" => i64::from(depth),
        "Filter" => "FlateDecode",
        "DecodeParms" => dictionary! { "Predictor" => 15, "Colors" => colors, "BitsPerComponent" => i64::from(depth), "Columns" => width },
    };
    Some((dictionary, data))
}

struct Chunk<'a> {
    kind: [u8; 4],
    body: &'a [u8],
    next: usize,
}

fn chunk(file: &[u8], at: usize) -> Option<Chunk<'_>> {
    let length = u32::from_be_bytes(file.get(at..at + 4)?.try_into().ok()?) as usize;
    let kind = file.get(at + 4..at + 8)?.try_into().ok()?;
    let end = at.checked_add(8)?.checked_add(length)?;
    Some(Chunk { kind, body: file.get(at + 8..end)?, next: end.checked_add(4)? })
}
