//! Fax-compressed TIFF strips (CCITT groups 3 and 4), also those that the TIFF decoder does not read.

use crp_model::{Failure, PageNo};
use hayro::hayro_syntax::object::Dict;
use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};

use super::{Row, RowSink, picture::Picture, tags::Directory};
use crate::document::failures::page_failed;

/// Whether the directory's picture is compressed as a fax.
pub(crate) fn is_fax(directory: &Directory<'_>) -> bool {
    matches!(directory.first(259), Some(2..=4)) && directory.first(258).unwrap_or(1) == 1 && directory.first(277).unwrap_or(1) == 1
}

/// Decodes the strips.
///
/// # Errors
/// `page_failed` if no row can be read.
pub(crate) fn rows(
    file: &[u8],
    directory: &Directory<'_>,
    number: PageNo,
    picture: &Picture,
    sink: &mut RowSink<'_>,
) -> Result<(), Failure> {
    let (Some(offsets), Some(lengths)) = (directory.entry(273), directory.entry(279)) else {
        return Err(page_failed(number, "it is not stored in strips"));
    };
    let rows_per_strip = directory.first(278).and_then(|r| u32::try_from(r).ok()).filter(|r| *r > 0).unwrap_or(picture.height);
    // White is 0 unless the directory says otherwise; a fax that says otherwise means the reverse of its codes.
    let is_inverted = directory.first(262) == Some(1);
    let is_bit_reversed = directory.first(266) == Some(2);
    let mut painted = 0;
    for strip in 0..picture.height.div_ceil(rows_per_strip) {
        let place = directory.whole(offsets, strip as usize).zip(directory.whole(lengths, strip as usize));
        let bytes = place.and_then(|(at, length)| {
            let at = usize::try_from(at).ok()?;
            file.get(at..at.saturating_add(usize::try_from(length).ok()?).min(file.len()))
        });
        let Some(bytes) = bytes else { break };
        let turned: Vec<u8>;
        let bytes = if is_bit_reversed {
            turned = bytes.iter().map(|b| b.reverse_bits()).collect();
            &turned
        } else {
            bytes
        };
        let rows = rows_per_strip.min(picture.height - strip * rows_per_strip);
        painted += paint(bytes, settings(directory, picture.width, rows), is_inverted, sink)?;
    }
    if painted == 0 { Err(page_failed(number, "its fax data are damaged")) } else { Ok(()) }
}

/// Decodes fax data into gray rows and gives their number; damage keeps the rows before it.
///
/// # Errors
/// What `sink` fails with.
pub(crate) fn paint(bytes: &[u8], settings: DecodeSettings, is_inverted: bool, sink: &mut RowSink<'_>) -> Result<u32, Failure> {
    let row = vec![0; settings.columns as usize];
    let mut painter = Painter { sink, row, is_inverted, painted: 0, failure: None };
    let _ = hayro_ccitt::decode(bytes, &mut painter, &mut DecoderContext::new(settings));
    painter.failure.map_or(Ok(painter.painted), Err)
}

/// How a PDF's fax data are encoded (ISO 32000-2, table 11); the height is the picture's, which counts more than the parameters'.
pub(crate) fn pdf_settings(parameters: &Dict<'_>, rows: u32) -> DecodeSettings {
    let flag = |key: &[u8], default| parameters.get::<bool>(key).unwrap_or(default);
    DecodeSettings {
        columns: parameters.get::<u32>(b"Columns").unwrap_or(1728),
        rows,
        end_of_block: flag(b"EndOfBlock", true),
        end_of_line: flag(b"EndOfLine", false),
        rows_are_byte_aligned: flag(b"EncodedByteAlign", false),
        encoding: match parameters.get::<i32>(b"K").unwrap_or(0) {
            ..0 => EncodingMode::Group4,
            0 => EncodingMode::Group3_1D,
            1.. => EncodingMode::Group3_2D,
        },
        strict: false,
    }
}

fn settings(directory: &Directory<'_>, columns: u32, rows: u32) -> DecodeSettings {
    let options = directory.first(292).unwrap_or(0);
    let compression = directory.first(259);
    DecodeSettings {
        columns,
        rows,
        end_of_block: compression != Some(2),
        end_of_line: compression == Some(3),
        rows_are_byte_aligned: compression == Some(2),
        encoding: match compression {
            Some(4) => EncodingMode::Group4,
            Some(3) if options & 1 == 1 => EncodingMode::Group3_2D,
            _ => EncodingMode::Group3_1D,
        },
        strict: false,
    }
}

struct Painter<'r, 's> {
    sink: &'r mut RowSink<'s>,
    row: Vec<u8>,
    is_inverted: bool,
    painted: u32,
    failure: Option<Failure>,
}

impl Decoder for Painter<'_, '_> {
    fn push_row(&mut self, changes: &[u32]) {
        if self.failure.is_some() {
            return;
        }
        let (paper, ink) = if self.is_inverted { (0, u8::MAX) } else { (u8::MAX, 0) };
        self.row.fill(paper);
        for run in changes.chunks(2) {
            let end = run.get(1).map_or(self.row.len(), |e| *e as usize).min(self.row.len());
            let start = (run[0] as usize).min(end);
            self.row[start..end].fill(ink);
        }
        self.painted += 1;
        self.failure = (self.sink)(Row::Gray(&self.row)).err();
    }
}
