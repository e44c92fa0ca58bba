//! TIFF files with one or many pages, decoded strip by strip.

use std::io::{Cursor, Read, Result as IoResult, Seek, SeekFrom};

use crp_model::{Code, Failure, Limits, PageNo};
use tiff::{
    ColorType, TiffError,
    decoder::{ChunkType, Decoder, Limits as TiffLimits},
};

use super::{
    Row, RowSink, check_memory, fax,
    picture::Picture,
    samples::{EightBit, eight_bit, unpack},
    tags::Directory,
};
use crate::document::{
    failures::{damaged, page_failed},
    orientation::Orientation,
    pdf::too_many_pages,
};

const PHOTOMETRIC: u64 = 262;
const COLOR_MAP: u64 = 320;
const BLACK_IS_ZERO: u16 = 1;

/// The pages, without thumbnails and masks.
///
/// # Errors
/// `damaged_file`, `too_many_pages`.
pub(crate) fn read(file: &[u8], limits: &Limits) -> Result<Vec<Picture>, Failure> {
    let mut decoder = open(file, None, limits)?;
    let mut pictures = Vec::new();
    let mut index = 0;
    loop {
        let (width, height) = decoder.dimensions().map_err(damaged)?;
        let directory = decoder.ifd_pointer().and_then(|p| Directory::at(file, usize::try_from(p.0).ok()));
        let kind = directory.as_ref().and_then(|d| d.first(254)).unwrap_or(0);
        // Bit 0: a smaller copy of another page; bit 2: a transparency mask.
        if kind & 0b101 == 0 && width > 0 && height > 0 {
            let resolution = directory.as_ref().and_then(Directory::resolution);
            let orientation = Orientation::from_tag(directory.as_ref().and_then(|d| d.first(274)).unwrap_or(1));
            pictures.push(Picture::new(width, height, resolution, orientation, index));
        }
        if pictures.len() > limits.max_pages as usize || index > 4 * limits.max_pages as usize {
            return Err(too_many_pages(pictures.len().max(index), limits));
        }
        if !decoder.more_images() {
            return Ok(pictures);
        }
        // Pages before a damaged directory are still pages.
        if decoder.next_image().is_err() {
            return if pictures.is_empty() { Err(damaged("its directory is damaged")) } else { Ok(pictures) };
        }
        index += 1;
    }
}

/// Decodes a page into rows.
///
/// # Errors
/// `page_too_large`, `page_failed`.
pub(crate) fn rows(file: &[u8], number: PageNo, picture: &Picture, limits: &Limits, sink: &mut RowSink<'_>) -> Result<(), Failure> {
    let mut decoder = open(file, None, limits)?;
    decoder.seek_to_image(picture.index).map_err(|e| page_failed(number, e))?;
    let at = decoder.ifd_pointer().and_then(|p| usize::try_from(p.0).ok());
    let directory = Directory::at(file, at).ok_or_else(|| damaged("its directory is damaged"))?;
    if fax::is_fax(&directory) {
        return fax::rows(file, &directory, number, picture, sink);
    }
    let palette = Palette::of(&directory);
    if palette.is_some() || directory.first(PHOTOMETRIC) == Some(4) {
        // The decoder refuses both kinds; their samples are decoded as gray and looked up here.
        let entry = directory.entry(PHOTOMETRIC).ok_or_else(|| damaged("its directory is damaged"))?;
        decoder = open(file, Some((entry.value_at, directory.short(BLACK_IS_ZERO))), limits)?;
        decoder.seek_to_image(picture.index).map_err(|e| page_failed(number, e))?;
    }
    let color = decoder.colortype().map_err(|e| page_failed(number, e))?;
    let bands = Bands { picture, number, color, palette, is_planar: directory.first(284) == Some(2), limits };
    match decoder.get_chunk_type() {
        ChunkType::Strip => bands.strips(&mut decoder, sink),
        ChunkType::Tile => bands.tiles(&mut decoder, sink),
    }
}

struct Bands<'a> {
    picture: &'a Picture,
    number: PageNo,
    color: ColorType,
    palette: Option<Palette>,
    is_planar: bool,
    limits: &'a Limits,
}

impl Bands<'_> {
    fn strips(&self, decoder: &mut Decoder<Patched<'_>>, sink: &mut RowSink<'_>) -> Result<(), Failure> {
        let (_, rows_per_strip) = decoder.chunk_dimensions();
        self.check(self.picture.width, rows_per_strip.min(self.picture.height))?;
        for index in 0..self.picture.height.div_ceil(rows_per_strip.max(1)) {
            let Some(band) = self.chunk(decoder, index)? else { return Ok(()) };
            let (width, _) = decoder.chunk_data_dimensions(index);
            self.emit(&band, width as usize, sink)?;
        }
        Ok(())
    }

    fn tiles(&self, decoder: &mut Decoder<Patched<'_>>, sink: &mut RowSink<'_>) -> Result<(), Failure> {
        let (tile_width, tile_height) = decoder.chunk_dimensions();
        self.check(self.picture.width.saturating_add(tile_width), tile_height)?;
        let across = self.picture.width.div_ceil(tile_width.max(1));
        for down in 0..self.picture.height.div_ceil(tile_height.max(1)) {
            let rows = tile_height.min(self.picture.height - down * tile_height) as usize;
            let mut lines: Vec<Vec<u8>> = vec![Vec::new(); rows];
            let mut samples = 1;
            for column in 0..across {
                let index = down * across + column;
                let Some(tile) = self.chunk(decoder, index)? else { return Ok(()) };
                let (width, _) = decoder.chunk_data_dimensions(index);
                samples = tile.samples;
                for (line, row) in lines.iter_mut().zip(tile.pixels.chunks_exact(width as usize * samples)) {
                    line.extend_from_slice(row);
                }
            }
            self.emit(&EightBit { pixels: lines.concat(), samples }, self.picture.width as usize, sink)?;
        }
        Ok(())
    }

    fn emit(&self, band: &EightBit, width: usize, sink: &mut RowSink<'_>) -> Result<(), Failure> {
        band.pixels.chunks_exact(width * band.samples).try_for_each(|row| match &self.palette {
            Some(palette) => sink(Row::Rgb(&palette.colors(row))),
            None if band.samples == 3 => sink(Row::Rgb(row)),
            None => sink(Row::Gray(row)),
        })
    }

    /// A strip or tile; `None` where the file ends early, so that what was there can be read.
    fn chunk(&self, decoder: &mut Decoder<Patched<'_>>, index: u32) -> Result<Option<EightBit>, Failure> {
        let (width, height) = decoder.chunk_data_dimensions(index);
        let decoded = match decoder.read_chunk(index) {
            Ok(decoded) => decoded,
            Err(TiffError::IoError(e)) if e.kind() == std::io::ErrorKind::UnexpectedEof && index > 0 => return Ok(None),
            Err(TiffError::LimitsExceeded) => {
                return Err(Failure::new(Code::PageTooLarge, format!("A part of page {} does not fit into the memory limit", self.number)));
            }
            Err(error) => return Err(page_failed(self.number, error)),
        };
        let (width, height) = (width as usize, height as usize);
        if let (Some(_), ColorType::Gray(bits @ (1 | 2 | 4)), tiff::decoder::DecodingResult::U8(bytes)) =
            (&self.palette, self.color, &decoded)
        {
            return Ok(Some(EightBit { pixels: unpack(bytes, u32::from(bits), width, height, false), samples: 1 }));
        }
        // The planes of a planar picture come one after the other; the first is red, green or black enough to read.
        let color = if self.is_planar { ColorType::Gray(self.color.bit_depth()) } else { self.color };
        eight_bit(decoded, color, width, height)
            .map(Some)
            .ok_or_else(|| page_failed(self.number, format!("its colours ({:?}) are not read", self.color)))
    }

    fn check(&self, width: u32, height: u32) -> Result<(), Failure> {
        let samples = u64::from(self.color.num_samples()) * u64::from(self.color.bit_depth()).div_ceil(8);
        check_memory(u64::from(width) * u64::from(height) * (samples + 4), self.number, self.limits)
    }
}

/// The colours of a palette picture: red, then green, then blue values of 16 bits.
struct Palette(Vec<[u8; 3]>);

impl Palette {
    fn of(directory: &Directory<'_>) -> Option<Self> {
        if directory.first(PHOTOMETRIC) != Some(3) {
            return None;
        }
        let map = directory.entry(COLOR_MAP)?;
        let count = usize::try_from(map.count / 3).ok()?.min(0x10000);
        let value = |index: usize| directory.whole(map, index).map(|v| (v >> 8) as u8);
        (0..count).map(|i| Some([value(i)?, value(count + i)?, value(2 * count + i)?])).collect::<Option<Vec<_>>>().map(Self)
    }

    fn colors(&self, row: &[u8]) -> Vec<u8> {
        row.iter().flat_map(|index| self.0.get(usize::from(*index)).copied().unwrap_or([0; 3])).collect()
    }
}

fn open<'a>(file: &'a [u8], patch: Option<(usize, [u8; 2])>, limits: &Limits) -> Result<Decoder<Patched<'a>>, Failure> {
    let most = usize::try_from(limits.max_child_memory_mebibytes * 1024 * 1024 / 3).unwrap_or(usize::MAX);
    let mut tiff_limits = TiffLimits::default();
    tiff_limits.decoding_buffer_size = most;
    tiff_limits.intermediate_buffer_size = most;
    tiff_limits.ifd_value_size = 16 * 1024 * 1024;
    Decoder::new(Patched { cursor: Cursor::new(file), patch }).map(|d| d.with_limits(tiff_limits)).map_err(damaged)
}

/// The file with two bytes changed, without a copy of it.
struct Patched<'a> {
    cursor: Cursor<&'a [u8]>,
    patch: Option<(usize, [u8; 2])>,
}

impl Read for Patched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let start = usize::try_from(self.cursor.position()).unwrap_or(usize::MAX);
        let count = self.cursor.read(buffer)?;
        if let Some((at, bytes)) = self.patch {
            for (offset, byte) in bytes.iter().enumerate() {
                if let Some(inside) = (at + offset).checked_sub(start).filter(|i| *i < count) {
                    buffer[inside] = *byte;
                }
            }
        }
        Ok(count)
    }
}

impl Seek for Patched<'_> {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        self.cursor.seek(to)
    }
}
